//! Azure Key Vault: its secrets.
//!
//! | file | contents |
//! |---|---|
//! | `config.rs`, `vault.rs` | the options, and the vault that they name |
//! | `convention.rs` | names according to the official class |
//! | `trust.rs` | which certificates of the vault and the login service are trusted |
//! | `credentials/`, `tokens.rs` | the identity, and its tokens |
//! | `workshop.rs`, `reader.rs`, `transport.rs` | the SDK on our network stack |
//! | `list.rs`, `describe.rs` | names, and what is known besides the value |
//! | `identity.rs` | the identity, for other stores |
//! | `error.rs`, `entra.rs` | errors of the vault and of the login |
//! | `tools.rs`, `who.rs`, `policy.rs` | what the command line reports about a configuration, and the roles it prints |
//!
//! Everything follows the Azure provider and azure-identity for Python, so that an operator who changes the
//! class path keeps the same identity. The vendor's crates make the requests; the order and lifetime of
//! credentials are our own.

mod answer;
mod caller;
mod config;
mod convention;
mod credentials;
mod describe;
mod entra;
mod error;
#[cfg(feature = "vault")]
mod identity;
mod list;
mod policy;
mod reader;
#[cfg(test)]
mod testing;
mod tokens;
mod tools;
mod transport;
mod trust;
mod vault;
mod who;
mod workshop;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_security_keyvault_secrets::SecretClient;

use crate::error::{Error, ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::store::{
    Description, Descriptions, Inspect, Names, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;

use self::config::AzureSettings;
use self::convention::{KeyVaultConvention, NAME_RULE, is_valid_name};
use self::error::{Asked, read_error};
#[cfg(feature = "vault")]
pub(in crate::store) use self::identity::AzureIdentity;
use self::tokens::TokenCache;
use self::tools::Diagnosis;
use self::transport::VaultTransport;
use self::vault::Vault;
use self::workshop::Workshop;

const INFO: StoreInfo = StoreInfo { name: "azure_key_vault", title: "Azure Key Vault" };

/// What the registry needs to know about this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.azure.AzureKeyVaultBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(KeyVaultConvention::new(options))),
    check: |_options, _environment| Ok(()),
    plays_no_part: config::plays_no_part,
    attempts: |options, _environment| config::attempts(options),
    // A vault has a quota of thousands of reads in ten seconds, so throttling is rare.
    rate_after_throttle: None,
    tools: tools::TOOLS,
    open,
};

/// The names of the operations in Key Vault's reference.
const READ: &str = "GetSecret";
const LIST: &str = "GetSecrets";
const DESCRIBE: &str = "GetSecretVersions";

/// Reads the current version of secrets.
struct KeyVault {
    client: SecretClient,
    vault: Vault,
    tokens: Arc<TokenCache>,
    files: WatchedFiles,
    diagnosis: Diagnosis,
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
        let network = workshop.vault_client()?;
        let convention = KeyVaultConvention::new(options);
        let diagnosis = Diagnosis::new(&settings, environment, &vault, network.clone(), &convention);
        let transport = VaultTransport::new(network, vault.clone(), Arc::clone(&tokens));
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
        Ok(Self { client, vault, tokens, files: workshop.files, diagnosis })
    }

    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        // The SDK would build a path of any text, so `../keys/k` would be another request, with the token in
        // it.
        if !is_valid_name(name.as_str()) {
            return Err(invalid_name(name));
        }
        let asked = self.asked(format!("reading `{name}`"), "get");
        match self.client.get_secret(name.as_str(), None).await {
            Ok(answer) => answer::value(answer.body().as_ref(), name).map(Some),
            Err(error) => read_error(&error, &asked).map_or(Ok(None), Err),
        }
    }

    fn asked(&self, subject: String, permission: &'static str) -> Asked<'_> {
        Asked { subject, vault: &self.vault.host, permission }
    }
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

/// Leaves out the client, whose own Debug fills pages.
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
        answer.map_err(|error| error.with_operation(READ))
    }

    fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for KeyVault {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        let answer = self.page(prefix, page).await;
        answer.map_err(|error| error.with_operation(LIST))
    }

    async fn list_described(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        let answer = self.described_page(prefix, page).await;
        answer.map_err(|error| error.with_operation(LIST))
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        self.describe_secret(name).await
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        self.reason_of_absence(name).await
    }

    async fn diagnose(&self) -> Vec<Finding> {
        let found = self.deleted_below().await.into_iter().chain(self.diagnosis.findings().await);
        self.tokens.caller().into_iter().chain(found).collect()
    }

    fn identity(&self) -> Option<String> {
        Some(self.diagnosis.identity())
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let store = KeyVault::open(options, environment)?;
    Ok(Arc::new(store))
}
