//! Google Cloud Secret Manager.
//!
//! | file | contents |
//! |---|---|
//! | `config.rs`, `convention.rs`, `name.rs` | the options, the names of secrets |
//! | `place.rs`, `network.rs`, `transport.rs` | where the service is, which certificates are trusted, how it is asked |
//! | `identity/` | the identity |
//! | `payload.rs`, `list.rs`, `describe.rs`, `error.rs` | the answers |
//! | `tools.rs`, `policy.rs` | what the command line reports about a configuration, and the roles it prints |
//!
//! Requests, answers and errors are those of the vendor's google-cloud-secretmanager-v1; they travel over the
//! client that every store shares.

mod config;
mod convention;
mod describe;
mod error;
mod identity;
mod list;
mod name;
mod network;
mod payload;
mod place;
mod policy;
mod tools;
mod transport;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use google_cloud_secretmanager_v1::client::SecretManagerService;

use crate::error::{Error, Result};
use crate::store::convention::Convention;
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::rest::Rest;
use crate::store::options::Options;
use crate::store::prefix::{CONFIG_PREFIX, VARIABLES_PREFIX};
use crate::store::tags::TagRule;
use crate::store::tools::Finding;
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;

use self::config::GoogleSettings;
use self::convention::GoogleConvention;
use self::error::{READ, read_error};
#[cfg(feature = "vault")]
pub(in crate::store) use self::identity::GoogleIdentity;
use self::identity::{Credentials, Identity};
use self::name::check_name;
use self::network::Network;
use self::place::ServiceAddress;
use self::tools::Diagnosis;
use self::transport::Transport;

const INFO: StoreInfo = StoreInfo { name: "google_secret_manager", title: "Google Cloud Secret Manager" };

/// What the registry needs to know about this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.google.CloudSecretManagerBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention,
    rules: OptionRules {
        plays_no_part: |_options, key| key == VARIABLES_PREFIX.key || key == CONFIG_PREFIX.key,
        ..OptionRules::NONE
    },
    tools: tools::TOOLS,
    open,
};

/// Reads the latest version of secrets with `AccessSecretVersion`.
struct CloudSecretManager {
    client: SecretManagerService,
    identity: Identity,
    place: ServiceAddress,
    files: WatchedFiles,
    diagnosis: Diagnosis,
}

impl CloudSecretManager {
    /// Reads options, environment and files. No network, no child process; call it under
    /// [`crate::process::no_fork`].
    fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let settings = GoogleSettings::read(options)?;
        let mut files = WatchedFiles::default();
        let mut network = Network::new(options, environment);
        let credentials = Credentials::find(&settings, environment, &mut files)?;
        let universe = name::checked_domain(credentials.universe(environment))?;
        let place = ServiceAddress::new(&settings, &universe)?;
        let client = network.client(&place.endpoint, &mut files)?;
        let identity = credentials.identity(&settings, environment, &place, &mut network, &mut files)?;
        let diagnosis = Diagnosis {
            who: credentials.who(&settings),
            probe: network.probe(&place.endpoint, client.clone()),
            project: settings.project.clone(),
        };
        let transport = Transport {
            service: Rest::new(client, place.endpoint.clone()),
            tokens: Arc::clone(&identity.tokens),
            quota_project: identity.quota_project.clone(),
        };
        Ok(Self { client: SecretManagerService::from_stub(transport), identity, place, files, diagnosis })
    }

    /// Makes sure that there is a token, and returns the project with the secrets.
    async fn log_in(&self) -> Result<String> {
        let project = self.identity.project.get().await.map_err(Error::as_login_failure)?;
        self.identity.tokens.ensure().await.map_err(Error::as_login_failure)?;
        Ok(project)
    }

    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        check_name(name)?;
        let project = self.log_in().await.map_err(|error| error.with_operation(READ))?;
        let version = format!("{}/secrets/{}/versions/latest", self.place.parent(&project), name.as_str());
        match self.client.access_secret_version().set_name(version).send().await {
            Ok(answer) => payload::value(answer, name).map(Some),
            Err(error) => read_error(&error, name, &project).map_or(Ok(None), Err),
        }
    }
}

impl fmt::Debug for CloudSecretManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CloudSecretManager")
            .field("identity", &self.identity)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for CloudSecretManager {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.read(name).await
    }

    fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for CloudSecretManager {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        self.list_page(prefix, &[], page).await
    }

    async fn list_tagged(&self, prefix: &str, tags: &[TagRule], page: Option<&Page>) -> Result<Listing> {
        self.list_page(prefix, tags, page).await
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        self.describe_secret(name).await
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        self.reason_of_absence(name).await
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.diagnosis.findings().await
    }

    fn identity(&self) -> Option<String> {
        Some(self.diagnosis.identity(&self.identity.project, &self.place))
    }
}

/// Runs in the constructor of the Python class, so options that can never work are reported there.
fn convention(options: &Options) -> Result<Arc<dyn Convention>> {
    GoogleSettings::read(options)?;
    Ok(Arc::new(GoogleConvention::new(options)?))
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let store = CloudSecretManager::open(options, environment)?;
    Ok(Arc::new(store))
}
