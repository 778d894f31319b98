//! `HashiCorp` Vault, and OpenBao, which has the same API: secrets in a KV engine of version 1 or 2.
//!
//! | file | contents |
//! |---|---|
//! | `config.rs`, `convention.rs`, `error.rs` | as in every store |
//! | `options.rs` | the declarations of what `config.rs` reads |
//! | `place.rs`, `path.rs` | from a name to a mount and a path |
//! | `read.rs`, `list.rs`, `describe.rs` | requests to the engine |
//! | `write.rs` | changes of secrets |
//! | `access.rs`, `tokens.rs`, `login/` | the identity |
//! | `server.rs`, `call.rs`, `trust.rs` | how requests reach the server |
//! | `diagnosis.rs` | the reason for a refusal |
//! | `health.rs`, `probe.rs`, `token_state.rs`, `capabilities.rs` | what `strongroom doctor` asks the server |
//! | `tools.rs`, `checks.rs`, `policy.rs`, `approle.rs` | what the command line reports without a request |
//!
//! Requests are vaultrs's where it has them. Its client is not used: it builds its own HTTP client with other
//! timeouts, proxies, redirects and TLS settings, and its errors contain the bodies of replies.

mod access;
mod approle;
mod call;
mod capabilities;
mod checks;
mod config;
mod convention;
mod describe;
mod diagnosis;
mod error;
mod health;
mod list;
mod login;
mod options;
mod path;
mod place;
mod policy;
mod probe;
mod read;
mod server;
mod slips;
mod token_state;
mod tokens;
mod tools;
mod trust;
mod write;

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::convention::{Convention, Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo, Write,
};
use crate::value::SecretValue;

use self::access::Access;
use self::config::VaultSettings;
use self::convention::VaultConvention;
use self::place::{Sightings, Versions};

const INFO: StoreInfo = StoreInfo { name: "hashicorp_vault", title: "HashiCorp Vault" };

/// What the registry needs to know about this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.hashicorp.VaultBackend",
    options: options::OPTIONS,
    variables: options::VARIABLES,
    convention: |options| Ok(Arc::new(VaultConvention::new(options)?)),
    rules: OptionRules { check: login::check, plays_no_part: checks::plays_no_part, ..OptionRules::NONE },
    tools: tools::TOOLS,
    open,
};

/// Secrets in the KV engines of one server.
#[derive(Debug)]
struct Vault {
    settings: VaultSettings,
    access: Access,
    versions: Versions,
    sightings: Sightings,
    /// The folders with the secrets of each kind that is switched on, including the mount.
    folders: Vec<(Kind, String)>,
}

impl Vault {
    /// Builds the store. See [`Access::open`].
    fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let settings = VaultSettings::read(options, environment)?;
        let access = Access::open(&settings, options, environment)?;
        Ok(Self {
            settings,
            access,
            versions: Versions::default(),
            sightings: Sightings::default(),
            folders: folders(&VaultConvention::new(options)?),
        })
    }
}

#[async_trait]
impl Store for Vault {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let outcome = self.read(name).await;
        outcome.map_err(|error| in_operation(error, error::READ))
    }

    fn is_outdated(&self) -> bool {
        self.access.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }

    fn write(&self) -> Option<&dyn Write> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Vault {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        let outcome = self.list_names(prefix, page).await;
        outcome.map_err(|error| in_operation(error, error::LIST))
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let outcome = self.describe_secret(name).await;
        outcome.map_err(|error| in_operation(error, error::DESCRIBE))
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        Ok(slips::why_absent(&self.settings, name))
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.findings().await
    }

    fn identity(&self) -> Option<String> {
        Some(format!("{}, on {}", self.access.tokens.identity(), self.access.server.words()))
    }
}

/// Empty without a mount, since each id then names its own.
fn folders(convention: &VaultConvention) -> Vec<(Kind, String)> {
    let of_kind = |kind| {
        let names = convention.names(Lookup { kind, id: "", team: None }).into_names();
        names.into_iter().map(move |name| (kind, name.as_str().to_owned()))
    };
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

/// A failed login keeps its own operation.
fn in_operation(error: crate::error::Error, operation: &'static str) -> crate::error::Error {
    if error.operation().is_some() { error } else { error.with_operation(operation) }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let store = Vault::open(options, environment)?;
    Ok(Arc::new(store))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::options::OptionValue;

    fn opened(words: &[(&'static str, &str)]) -> Result<Vault> {
        let mut options = Options::default();
        for (key, text) in [("token", "canary-token")].iter().chain(words) {
            options.set(key, OptionValue::Text((*text).to_owned()));
        }
        Vault::open(&options, &Environment::default())
    }

    #[test]
    fn opening_needs_no_runtime_and_shows_nothing() {
        let store = opened(&[]).unwrap();
        assert!(!format!("{store:?}").contains("canary"), "{store:?}");
        assert!(!store.is_outdated());
    }

    #[test]
    fn an_identity_names_server_and_namespace() {
        let store = opened(&[("url", "https://h:1/x/?canary"), ("namespace", "/a/b/")]).unwrap();
        assert_eq!(
            store.identity().unwrap(),
            "the token in backend_kwargs, on https://h:1/x, namespace `a/b`"
        );
        assert_eq!(store.folders.len(), 3);
        assert!(opened(&[("mount_point", "")]).unwrap().folders.is_empty());
    }

    #[test]
    fn what_cannot_work_is_reported_when_the_store_is_opened() {
        for (key, text) in [("url", "nonsense"), ("ca_bundle", "/nonexistent.pem")] {
            let error = opened(&[("url", "https://h"), (key, text)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{key}");
        }
        // Certificates are not verified there.
        assert!(opened(&[("url", "http://h"), ("ca_bundle", "/nonexistent.pem")]).is_ok());
    }

    #[test]
    fn a_name_is_a_mount_and_a_path() {
        let place = |store: &Vault, name: &str| {
            let place = store.place(&SecretName::from(name), "reading").unwrap();
            (place.mount, place.path)
        };
        let pair = |mount: &str, path: &str| (mount.to_owned(), path.to_owned());
        let deep = opened(&[("mount_point", "/a/b/")]).unwrap();
        assert_eq!(place(&deep, "a/b/c//d/"), pair("a/b", "c/d"));
        assert_eq!(place(&deep, "a/c"), pair("a", "c"));
        let free = opened(&[("mount_point", "")]).unwrap();
        assert_eq!(place(&free, "m/connections/x"), pair("m", "connections/x"));
        assert!(free.place(&SecretName::from("m/../x"), "reading").is_err());
    }

    #[test]
    fn a_listing_begins_within_the_mount() {
        let store = opened(&[]).unwrap();
        for (prefix, folder) in
            [("", "secret/"), ("sec", "secret/"), ("secret/a", "secret/"), ("secret/a/b", "secret/a/")]
        {
            assert_eq!(store.first_folder(prefix).unwrap(), folder, "{prefix}");
        }
        assert!(opened(&[("mount_point", "")]).unwrap().first_folder("m").is_err());
    }
}
