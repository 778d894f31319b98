//! Azure Key Vault: its secrets.
//!
//! | file | what stands there |
//! |---|---|
//! | `config.rs`, `vault.rs` | the options, and the vault that they name |
//! | `convention.rs` | names as the official class has them |
//! | `trust.rs` | whom we trust to be the vault and the login service |
//! | `credentials/`, `tokens.rs` | who we are, and for how long |
//! | `workshop.rs`, `reader.rs`, `transport.rs` | the SDK on our network stack |
//! | `error.rs`, `entra.rs` | what went wrong, at the vault and at the login |
//!
//! Everything follows the Azure provider and azure-identity for Python, so that an operator who changes the class path
//! stays the same identity. The vendor's crates make the requests; order and life of credentials are ours.

mod config;
mod convention;
mod credentials;
mod entra;
mod error;
mod reader;
#[cfg(test)]
mod testing;
mod tokens;
mod transport;
mod trust;
mod vault;
mod workshop;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_security_keyvault_secrets::models::SecretProperties;
use azure_security_keyvault_secrets::{ResourceExt, SecretClient};

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::environment::Environment;
use crate::store::files::WatchedFiles;
use crate::store::options::Options;
use crate::store::registry::StoreEntry;
use crate::store::tools::Tools;
use crate::store::{Capabilities, Names, Page, SecretName, Store, StoreInfo};
use crate::value::SecretValue;

use self::config::AzureSettings;
use self::convention::{KeyVaultConvention, NAME_RULE, is_valid_name};
use self::error::{Asked, read_error};
use self::tokens::TokenCache;
use self::transport::VaultTransport;
use self::vault::Vault;
use self::workshop::Workshop;

const INFO: StoreInfo = StoreInfo {
    name: "azure_key_vault",
    title: "Azure Key Vault",
    capabilities: Capabilities { list: true, ..Capabilities::NONE },
};

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.azure.AzureKeyVaultBackend",
    options: config::OPTIONS,
    convention: |options| Ok(Arc::new(KeyVaultConvention::new(options))),
    check: |_options, _environment| Ok(()),
    attempts: |options, _environment| config::attempts(options),
    // The quota of a vault is thousands of reads in ten seconds.
    rate_after_throttle: None,
    tools: Tools {
        official_class: Some("airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend"),
        ..Tools::NONE
    },
    open,
};

/// What the operations are called in Key Vault's reference.
const READ: &str = "GetSecret";
const LIST: &str = "GetSecrets";

/// Reads the current version of secrets.
struct KeyVault {
    client: SecretClient,
    vault: Vault,
    tokens: Arc<TokenCache>,
    files: WatchedFiles,
}

impl KeyVault {
    /// Reads options, environment and files. No network, no child process; call it under
    /// [`crate::process::no_fork`].
    fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let settings = AzureSettings::read(options);
        let vault = Vault::read(settings.vault_url.as_deref())?;
        let authority = vault.authority(settings.authority.as_deref(), environment)?;
        let mut workshop = Workshop::new(&settings, environment, &authority);
        let tokens = TokenCache::new(credentials::token_source(&mut workshop)?);
        let transport = VaultTransport::new(workshop.vault_client()?, vault.clone(), Arc::clone(&tokens));
        let credential = Arc::clone(&tokens);
        let client = reader::client(
            &vault.url,
            Arc::new(transport),
            credential,
            settings.api_version.as_deref(),
            settings.verify_challenge_resource,
        )
        .map_err(|_| {
            Error::config("the client of the vault cannot be built").with_hint("Check `vault_url`")
        })?;
        Ok(Self { client, vault, tokens, files: workshop.files })
    }

    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        // The SDK would make a path of anything, and `../keys/k` another request, with the token in it.
        if !is_valid_name(name.as_str()) {
            return Err(invalid_name(name));
        }
        let answer = match self.client.get_secret(name.as_str(), None).await {
            Ok(answer) => answer.into_model(),
            Err(error) => Err(error),
        };
        let asked = self.asked(format!("reading `{name}`"), "get");
        match answer {
            Ok(secret) => match secret.value {
                Some(value) => Ok(Some(SecretValue::text(value))),
                None => Err(without_value(name)),
            },
            Err(error) => read_error(&error, &asked).map_or(Ok(None), Err),
        }
    }

    /// Key Vault has no filter: all names come, page by page, and those that begin otherwise are dropped here. It does
    /// not tell capitals from small letters.
    async fn page(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        let link = page.map(|page| self.vault.link(page.token()).ok_or_else(no_such_page)).transpose()?;
        let answer = reader::page(&self.client, link).await.map_err(|error| {
            let subject = format!("listing the secrets that begin with `{}`", Shown(prefix));
            read_error(&error, &self.asked(subject, "list")).unwrap_or_else(no_such_page)
        })?;
        let begins =
            |name: &String| name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
        let names =
            answer.value.iter().filter_map(listed_name).filter(begins).map(SecretName::from).collect();
        let next = answer.next_link.filter(|link| !link.is_empty()).map(Page::new);
        Ok(Names { names, next })
    }

    fn asked(&self, subject: String, permission: &'static str) -> Asked<'_> {
        Asked { subject, vault: &self.vault.host, permission }
    }
}

/// A secret that is disabled cannot be read.
fn listed_name(properties: &SecretProperties) -> Option<String> {
    let enabled = properties.attributes.as_ref().and_then(|attributes| attributes.enabled);
    let name = properties.resource_id().ok()?.name;
    (enabled != Some(false) && is_valid_name(&name)).then_some(name)
}

fn invalid_name(name: &SecretName) -> Error {
    Error::new(ErrorKind::InvalidName, format!("`{name}` cannot be the name of a secret"))
        .with_hint(NAME_RULE)
        .as_upstream_miss()
}

fn no_such_page() -> Error {
    Error::new(ErrorKind::Malformed, "listing the secrets: there is no such page")
        .with_hint("Check `vault_url` and proxies: something else than Key Vault may have answered")
}

/// The answer to a read that went well, without what was asked for.
fn without_value(name: &SecretName) -> Error {
    Error::new(ErrorKind::Malformed, format!("reading `{name}`: the answer holds no value"))
        .with_hint("Check `vault_url` and proxies: something else than Key Vault may have answered")
        .as_upstream_miss()
}

/// Without the client, whose own Debug fills pages.
impl fmt::Debug for KeyVault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyVault")
            .field("vault", &self.vault.url)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for KeyVault {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let answer = self.read(name).await;
        answer.map_err(|error| error.with_store(INFO.name).with_operation(READ))
    }

    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        let answer = self.page(prefix, page).await;
        answer.map_err(|error| error.with_store(INFO.name).with_operation(LIST))
    }

    fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let store = KeyVault::open(options, environment).map_err(|error| error.with_store(INFO.name))?;
    Ok(Arc::new(store))
}
