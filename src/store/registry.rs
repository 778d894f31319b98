//! The stores of this build: one line each.

use crate::store::StoreEntry;

/// Every store of this build.
pub const STORES: &[StoreEntry] = &[
    #[cfg(feature = "memory")]
    super::memory::ENTRY,
    #[cfg(feature = "local")]
    super::local::ENTRY,
    #[cfg(feature = "aws-secrets-manager")]
    super::aws::secrets_manager::ENTRY,
    #[cfg(feature = "aws-ssm")]
    super::aws::systems_manager::ENTRY,
    #[cfg(feature = "vault")]
    super::vault::ENTRY,
    #[cfg(feature = "google")]
    super::google::ENTRY,
    #[cfg(feature = "azure")]
    super::azure::ENTRY,
];

/// The store with this registry name.
pub fn find(name: &str) -> Option<&'static StoreEntry> {
    STORES.iter().find(|entry| entry.info.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_keys_of_each_store_are_declared_once_and_said_in_one_sentence() {
        for entry in STORES {
            let keys: BTreeSet<_> = entry.options.iter().map(|spec| spec.key).collect();
            assert_eq!(keys.len(), entry.options.len(), "{}", entry.info.name);
            for spec in entry.options {
                assert!(spec.doc.ends_with('.'), "{}: {}", entry.info.name, spec.key);
            }
        }
    }
}
