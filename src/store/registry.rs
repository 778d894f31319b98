//! The stores of this build: one line each.

use std::sync::LazyLock;

use crate::store::StoreEntry;
use crate::store::environment::{Environment, SHARED_VARIABLES};

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
    #[cfg(feature = "doppler")]
    super::doppler::ENTRY,
    #[cfg(feature = "mounted-files")]
    super::mounted::ENTRY,
    #[cfg(feature = "kubernetes")]
    super::kubernetes::ENTRY,
    #[cfg(feature = "onepassword")]
    super::onepassword::ENTRY,
    #[cfg(feature = "delinea")]
    super::delinea::ENTRY,
    #[cfg(feature = "beyondtrust")]
    super::beyondtrust::ENTRY,
];

/// Every environment variable that may change the identity, the endpoint or the TLS roots of a store of this
/// build, sorted and without duplicates, since two stores may read the same ones.
pub fn variables() -> &'static [&'static str] {
    static VARIABLES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let of_stores = STORES.iter().flat_map(|entry| entry.variables);
        let mut names: Vec<_> = SHARED_VARIABLES.iter().chain(of_stores).copied().collect();
        #[cfg(feature = "sealed")]
        names.extend(super::kit::sealing::VARIABLES);
        names.sort_unstable();
        names.dedup();
        names
    });
    &VARIABLES
}

impl Environment {
    /// The copy of this process's own environment, for programs without Python.
    pub fn of_process() -> Self {
        Self::copied(variables(), |name| std::env::var(name).ok())
    }

    /// An environment with the answers of `lookup`.
    #[cfg(test)]
    pub fn read(lookup: impl FnMut(&'static str) -> Option<String>) -> Self {
        Self::copied(variables(), lookup)
    }
}

/// The store with this registry name.
pub fn find(name: &str) -> Option<&'static StoreEntry> {
    STORES.iter().find(|entry| entry.info.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn a_word_on_the_command_line_means_one_store() {
        let mut known = BTreeMap::new();
        for entry in STORES {
            assert!(!entry.tools.words.is_empty() && !entry.tools.about.is_empty(), "{}", entry.info.name);
            for word in entry.tools.words.iter().chain([&entry.info.name]) {
                let other = known.insert(*word, entry.info.name);
                assert!(other.is_none_or(|other| other == entry.info.name), "{word}");
            }
        }
    }

    #[test]
    fn the_keys_of_each_store_are_declared_once_and_described_in_one_sentence() {
        for entry in STORES {
            let keys: BTreeSet<_> = entry.options.iter().map(|spec| spec.key).collect();
            assert_eq!(keys.len(), entry.options.len(), "{}", entry.info.name);
            for spec in entry.options {
                assert!(spec.doc.ends_with('.'), "{}: {}", entry.info.name, spec.key);
            }
        }
    }
}
