//! What the rest of the product needs to know about a store.

use std::sync::Arc;

use crate::error::Result;
use crate::store::contract::{Store, StoreInfo};
use crate::store::convention::Convention;
use crate::store::environment::Environment;
use crate::store::options::{OptionSpec, Options, Rate};
use crate::store::tools::Tools;

/// A store as it is registered: what it is, what it reads, and how it is built.
#[derive(Clone, Copy, Debug)]
pub struct StoreEntry {
    /// What it is.
    pub info: StoreInfo,
    /// The Python class that operators name, such as `strongroom.aws.SecretsManagerBackend`.
    pub python_class: &'static str,
    /// What can be configured beyond the options of every backend.
    pub options: &'static [OptionSpec],
    /// The environment variables that it reads besides those that all stores share.
    pub variables: &'static [&'static str],
    /// Reads the naming rules out of the options. Runs in the constructor of the Python class: no I/O. An
    /// error means that the options can never work.
    pub convention: fn(&Options) -> Result<Arc<dyn Convention>>,
    /// What its options mean together.
    pub rules: OptionRules,
    /// What the command line needs to know about it.
    pub tools: Tools,
    /// Builds the store. Runs on first use in each process under [`crate::process::no_fork`]: CPU and short
    /// file reads only, no network.
    pub open: fn(&Options, &Environment) -> Result<Arc<dyn Store>>,
}

/// What the options of a store mean together, where that is more than each means by itself. No I/O.
#[derive(Clone, Copy, Debug)]
pub struct OptionRules {
    /// Combinations that can never work although each option is valid on its own, such as a login without a
    /// name. Runs in the constructor of the Python class: no I/O.
    pub check: fn(&Options, &Environment) -> Result<()>,
    /// Whether an option has no effect together with these, such as the password of a login that is not used.
    /// An unusable value is not an error there.
    pub plays_no_part: fn(&Options, &str) -> bool,
    /// How many attempts the store's own configuration asks for, such as `AWS_MAX_ATTEMPTS`; no I/O.
    pub attempts: fn(&Options, &Environment) -> Option<u64>,
    /// The rate to keep once the store has throttled a call, where its quota is known and low; the user's
    /// `rate_limit` takes precedence over it.
    pub rate_after_throttle: Option<Rate>,
    /// Whether values are kept where `cache_ttl` is not written. A store on this very machine is asked each
    /// time, so that a change shows at once.
    pub keeps_values: bool,
}

impl OptionRules {
    /// No option depends on another one.
    pub const NONE: Self = Self {
        check: |_options, _environment| Ok(()),
        plays_no_part: |_options, _key| false,
        attempts: |_options, _environment| None,
        rate_after_throttle: None,
        keeps_values: true,
    };
}
