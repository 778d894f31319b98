//! AWS Secrets Manager.

mod batch;
mod config;
mod convention;
mod describe;
mod error;
mod list;
#[cfg(test)]
mod testing;
mod tools;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;

use crate::error::{Error, ErrorKind, Result};
use crate::store::aws::batches::BatchSwitch;
use crate::store::aws::endpoint::ServiceNames;
use crate::store::aws::{Access, Service, attempts, plays_no_part};
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::store::{
    Description, Descriptions, Inspect, Names, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;

use self::convention::{GRAMMAR, SecretsManagerConvention, can_be};

const INFO: StoreInfo = StoreInfo { name: "aws_secrets_manager", title: "AWS Secrets Manager" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.aws.SecretsManagerBackend",
    options: config::OPTIONS,
    variables: crate::store::aws::VARIABLES,
    convention: |options| Ok(Arc::new(SecretsManagerConvention::new(options))),
    check: |_options, _environment| Ok(()),
    plays_no_part,
    attempts,
    rate_after_throttle: None,
    tools: tools::TOOLS,
    open,
};

/// The service; the session's name is what `SecretsManagerBackend` makes of its connection id.
const SERVICE: Service = Service {
    names: ServiceNames { variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER", key: "secrets_manager" },
    api_version: "2017-10-17",
    session_name: "airflow_secretsmanagerbackend__connection",
};

/// Reads secrets with `GetSecretValue`, several of them with `BatchGetSecretValue`: the current version, and only what
/// is stored as text.
struct SecretsManager {
    client: Client,
    access: Access,
    /// Off once this identity or this endpoint was found to have no `BatchGetSecretValue`.
    batches: BatchSwitch,
}

/// Refuses a name that no secret can have.
fn usable(name: &SecretName) -> Result<()> {
    if name.as_str().is_empty() {
        return Err(Error::new(ErrorKind::InvalidName, "a secret without a name cannot be read")
            .with_hint("Use an id that is not empty, or a prefix"));
    }
    if !can_be(name) {
        return Err(Error::new(ErrorKind::InvalidName, format!("no secret can be called `{name}`"))
            .as_upstream_miss()
            .with_hint(format!("Change the id: {GRAMMAR}")));
    }
    Ok(())
}

impl SecretsManager {
    /// Builds the store. See [`Access::open`].
    fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let access = Access::open(&SERVICE, options, environment)?;
        Ok(Self { client: Client::new(&access.sdk_config), access, batches: BatchSwitch::default() })
    }

    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        usable(name).map_err(|error| error.with_operation("GetSecretValue"))?;
        self.access.signed(|| self.ask(name)).await
    }

    async fn ask(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let answer = self.client.get_secret_value().secret_id(name.as_str()).send().await;
        match answer {
            Ok(answer) if answer.secret_string.is_some() => Ok(answer.secret_string.map(SecretValue::text)),
            // A binary secret has no text, and that of a real one has its name.
            Ok(answer) if answer.name.is_some() || answer.arn.is_some() => Ok(None),
            Ok(_) => Err(error::no_secret(name)),
            Err(error) => error::read_error(&error, name, &self.access.region).map_or(Ok(None), Err),
        }
    }
}

/// Without the client, whose own Debug fills pages with the SDK's tables.
impl fmt::Debug for SecretsManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretsManager").field("access", &self.access).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SecretsManager {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.read(name).await
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        self.read_many(names).await
    }

    fn batch_size(&self) -> NonZeroUsize {
        if self.batches.is_off() { NonZeroUsize::MIN } else { batch::LARGEST }
    }

    fn is_outdated(&self) -> bool {
        self.access.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for SecretsManager {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        self.list_names(prefix, page).await
    }

    async fn list_described(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        self.list_descriptions(prefix, page).await
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        self.describe_secret(name).await
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.access.findings().await
    }

    fn identity(&self) -> Option<String> {
        Some(self.access.identity())
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let store = SecretsManager::open(options, environment)?;
    Ok(Arc::new(store))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::options::OptionValue;

    const KEYS: [(&str, &str); 3] = [
        ("region_name", "eu-west-1"),
        ("aws_access_key_id", "canary-id"),
        ("aws_secret_access_key", "canary-secret"),
    ];

    #[test]
    fn opening_needs_no_runtime_and_shows_nothing() {
        let store = SecretsManager::open(&Options::of_texts(&KEYS), &Environment::default()).unwrap();
        assert!(!format!("{store:?}").contains("canary"), "{store:?}");
        assert!(!store.is_outdated());
    }

    #[test]
    fn what_cannot_work_is_said_when_the_store_is_opened() {
        for (key, text) in [
            ("api_version", "2014-01-01"),
            ("endpoint_url", "nonsense"),
            ("ca_bundle", "/nonexistent/ca.pem"),
        ] {
            let mut options = Options::of_texts(&KEYS);
            options.set(key, OptionValue::Text(text.to_owned()));
            let error = (ENTRY.open)(&options, &Environment::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{key}");
        }
    }

    #[test]
    fn the_constructor_accepts_what_upstream_accepts() {
        for pairs in
            [&[][..], &[("endpoint_url", "nonsense")], &[("role_arn", "x"), ("assume_role_method", "y")]]
        {
            assert!((ENTRY.convention)(&Options::of_texts(pairs)).is_ok());
        }
    }
}
