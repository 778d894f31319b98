//! `HashiCorp` Vault, and OpenBao, which speaks the same language: secrets in a KV engine of version 1 or 2.
//!
//! | file | what stands there |
//! |---|---|
//! | `config.rs`, `convention.rs`, `error.rs` | as in every store |
//! | `place.rs`, `path.rs` | from a name to a mount and a path |
//! | `read.rs`, `list.rs` | what is asked of the engine |
//! | `access.rs`, `tokens.rs`, `login/` | who we are |
//! | `server.rs`, `call.rs`, `trust.rs` | how requests reach the server |
//! | `diagnosis.rs` | what is behind a refusal |
//!
//! Requests are vaultrs's where it has them. Its client is not used: it makes an HTTP client of its own, whose timeouts, proxies,
//! redirects and TLS settings are not ours, and its errors hold the bodies of replies.

mod access;
mod call;
mod config;
mod convention;
mod diagnosis;
mod error;
mod list;
mod login;
mod path;
mod place;
mod read;
mod server;
mod tokens;
mod trust;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::store::registry::StoreEntry;
use crate::store::{Capabilities, Names, Page, SecretName, Store, StoreInfo};
use crate::value::SecretValue;

use self::access::Access;
use self::config::VaultSettings;
use self::convention::VaultConvention;
use self::place::{Sightings, Versions};

const INFO: StoreInfo = StoreInfo {
    name: "hashicorp_vault",
    title: "HashiCorp Vault",
    capabilities: Capabilities { list: true, batch: NonZeroUsize::MIN },
};

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.hashicorp.VaultBackend",
    options: config::OPTIONS,
    convention: |options| Ok(Arc::new(VaultConvention::new(options)?)),
    check: login::check,
    attempts: |_options, _environment| None,
    rate_after_throttle: None,
    open,
};

/// Secrets in the KV engines of one server.
#[derive(Debug)]
struct Vault {
    settings: VaultSettings,
    access: Access,
    versions: Versions,
    sightings: Sightings,
}

impl Vault {
    /// Builds the store. See [`Access::open`].
    fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let settings = VaultSettings::read(options, environment)?;
        let access = Access::open(&settings, options, environment)?;
        Ok(Self { settings, access, versions: Versions::default(), sightings: Sightings::default() })
    }
}

#[async_trait]
impl Store for Vault {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let outcome = self.read(name).await;
        outcome.map_err(|error| in_operation(error, error::READ).with_store(INFO.name))
    }

    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        let outcome = self.list_names(prefix, page).await;
        outcome.map_err(|error| in_operation(error, error::LIST).with_store(INFO.name))
    }

    fn is_outdated(&self) -> bool {
        self.access.is_outdated()
    }
}

/// A login that failed within `operation` keeps its own name.
fn in_operation(error: crate::error::Error, operation: &'static str) -> crate::error::Error {
    if error.operation().is_some() { error } else { error.with_operation(operation) }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let store = Vault::open(options, environment).map_err(|error| error.with_store(INFO.name))?;
    Ok(Arc::new(store))
}
