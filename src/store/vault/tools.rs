//! What the command line needs to know of Vault.

use super::checks::check;
use super::policy::policy;
use crate::store::tools::Tools;

/// The part of the entry that lookups do not need.
pub(super) const TOOLS: Tools = Tools {
    official_class: Some("airflow.providers.hashicorp.secrets.vault.VaultBackend"),
    check,
    policy: Some(policy),
};
