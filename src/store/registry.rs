//! The stores of this build: one line each.

use std::sync::Arc;

use crate::error::Result;
use crate::store::convention::Convention;
use crate::store::environment::Environment;
use crate::store::options::{OptionSpec, Options, Rate};
use crate::store::tools::Tools;
use crate::store::{Store, StoreInfo};

/// What the rest of the house needs to know of a store.
#[derive(Clone, Copy, Debug)]
pub struct StoreEntry {
    /// What it is.
    pub info: StoreInfo,
    /// The Python class that operators name, such as `strongroom.aws.SecretsManagerBackend`.
    pub python_class: &'static str,
    /// What can be configured beyond the options of every backend.
    pub options: &'static [OptionSpec],
    /// Reads the naming rules out of the options. Runs in the constructor of the Python class: no I/O. An
    /// error means that the options can never work.
    pub convention: fn(&Options) -> Result<Arc<dyn Convention>>,
    /// What can never work although each option is right by itself, such as a login without a name. Runs in the
    /// constructor of the Python class: no I/O.
    pub check: fn(&Options, &Environment) -> Result<()>,
    /// Whether nothing depends on an option under these, such as on the password of a login that is not used. What cannot
    /// be used there is then no fault.
    pub plays_no_part: fn(&Options, &str) -> bool,
    /// How many attempts the store's own configuration asks for, such as `AWS_MAX_ATTEMPTS`; no I/O.
    pub attempts: fn(&Options, &Environment) -> Option<u64>,
    /// The rate to keep once the store has throttled a call, where its quota is known and low; the user's `rate_limit`
    /// goes before it.
    pub rate_after_throttle: Option<Rate>,
    /// What the command line needs to know of it.
    pub tools: Tools,
    /// Builds the store. Runs on first use in each process under [`crate::process::no_fork`]: CPU and short
    /// file reads only, no network.
    pub open: fn(&Options, &Environment) -> Result<Arc<dyn Store>>,
}

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
