//! What the command line needs to know about Vault.

use super::approle::GUIDES;
use super::checks::check;
use super::policy::policy;
use crate::store::tools::{PolicyTool, Tools};

/// The part of the entry that lookups do not need.
pub(super) const TOOLS: Tools = Tools {
    official_class: Some("airflow.providers.hashicorp.secrets.vault.VaultBackend"),
    words: &["vault", "hashicorp_vault", "hashicorp", "openbao"],
    about: "Vault or OpenBao: HCL",
    check,
    policy: Some(PolicyTool::new(policy)),
    guides: Some(GUIDES),
    ..Tools::NONE
};
