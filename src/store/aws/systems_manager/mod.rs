//! AWS Systems Manager Parameter Store.

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
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::get_parameter::builders::GetParameterFluentBuilder;

use crate::error::Result;
use crate::store::aws::batches::BatchSwitch;
use crate::store::aws::endpoint::ServiceNames;
use crate::store::aws::{Access, Service, attempts, plays_no_part};
use crate::store::environment::Environment;
use crate::store::options::{Options, Rate};
use crate::store::tools::Finding;
use crate::store::{
    Description, Descriptions, Inspect, Names, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;

use self::convention::SystemsManagerConvention;

const INFO: StoreInfo =
    StoreInfo { name: "aws_systems_manager", title: "AWS Systems Manager Parameter Store" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.aws.SystemsManagerParameterStoreBackend",
    options: config::OPTIONS,
    variables: crate::store::aws::VARIABLES,
    convention: |options| Ok(Arc::new(SystemsManagerConvention::new(options))),
    check: |_options, _environment| Ok(()),
    plays_no_part,
    attempts,
    rate_after_throttle: Some(DEFAULT_THROUGHPUT),
    tools: tools::TOOLS,
    open,
};

/// What an account has in a region by default, for all its processes and for `GetParameter` and `GetParameters` together
/// ("AWS Systems Manager endpoints and quotas" in the AWS General Reference). With higher throughput switched on each of
/// the two has a quota of its own, and the user's `rate_limit` may say so.
const DEFAULT_THROUGHPUT: Rate = Rate { calls: NonZeroU32::new(40).unwrap(), per: Duration::from_secs(1) };

/// The service; the session's name is what `SystemsManagerParameterStoreBackend` makes of its connection id.
const SERVICE: Service = Service {
    names: ServiceNames { variable: "AWS_ENDPOINT_URL_SSM", key: "ssm" },
    api_version: "2014-11-06",
    session_name: "airflow_systemsmanagerparameterstorebackend__connection",
};

/// Reads parameters with `GetParameter`, several of them with `GetParameters`: decrypted, and the current version unless
/// the name says another.
struct SystemsManager {
    client: Client,
    access: Access,
    /// Off once this identity or this endpoint was found to have no `GetParameters`.
    batches: BatchSwitch,
}

impl SystemsManager {
    /// Builds the store. See [`Access::open`].
    fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let access = Access::open(&SERVICE, options, environment)?;
        Ok(Self { client: Client::new(&access.sdk_config), access, batches: BatchSwitch::default() })
    }

    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.access.signed(|| self.ask(name)).await
    }

    async fn ask(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        match request(&self.client, name.as_str()).send().await {
            Ok(answer) => match answer.parameter.and_then(|parameter| parameter.value) {
                Some(value) => Ok(Some(SecretValue::text(value))),
                None => Err(error::without_value(name)),
            },
            Err(error) => error::read_error(&error, name, &self.access.region).map_or(Ok(None), Err),
        }
    }
}

/// Asks for one parameter. The flag has no effect on those that are not encrypted.
fn request(client: &Client, name: &str) -> GetParameterFluentBuilder {
    client.get_parameter().name(name).with_decryption(true)
}

/// Without the client, whose own Debug fills pages with the SDK's tables.
impl fmt::Debug for SystemsManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SystemsManager").field("access", &self.access).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SystemsManager {
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
impl Inspect for SystemsManager {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        self.list_names(prefix, page).await
    }

    async fn list_described(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        self.list_descriptions(prefix, page).await
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        self.describe_parameter(name).await
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.access.findings().await
    }

    fn identity(&self) -> Option<String> {
        Some(self.access.identity())
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let store = SystemsManager::open(options, environment)?;
    Ok(Arc::new(store))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::store;
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::aws::testing::{Memory, refusal};
    use crate::store::options::OptionValue;

    #[tokio::test]
    async fn a_parameter_is_read_decrypted_and_as_it_stands() {
        let memory = Memory::new(|_, _| (200, json!({"Parameter": {"Value": "a,b", "Type": "StringList"}})));
        let value = store(&memory).get(&"/a:1".into()).await.unwrap().unwrap();
        assert_eq!(value.expose(), "a,b");
        let asked = json!({"Name": "/a:1", "WithDecryption": true});
        assert_eq!(memory.calls(), [("GetParameter".to_owned(), asked)]);
    }

    #[tokio::test]
    async fn only_the_code_for_it_means_absent() {
        let memory = Memory::new(|_, _| refusal(400, "ParameterNotFound"));
        assert!(store(&memory).get(&"/a".into()).await.unwrap().is_none());
        for code in ["ParameterVersionNotFound", "InvalidKeyId", "ResourceNotFoundException"] {
            let memory = Memory::new(move |_, _| refusal(400, code));
            let error = store(&memory).get(&"/a".into()).await.unwrap_err();
            assert!(!error.is_upstream_miss(), "{code}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_value_is_no_absence() {
        for answer in [json!({}), json!({"Parameter": {}}), json!({"Parameter": null})] {
            let memory = Memory::new(move |_, _| (200, answer.clone()));
            let error = store(&memory).get(&"/a".into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn opening_needs_no_runtime_and_shows_nothing() {
        let mut options = Memory::options();
        options.set("aws_secret_access_key", OptionValue::Text("canary-secret".to_owned()));
        let store = SystemsManager::open(&options, &Environment::default()).unwrap();
        assert!(!format!("{store:?}").contains("canary"), "{store:?}");
        assert!(!store.is_outdated());
    }

    #[test]
    fn what_cannot_work_is_said_when_the_store_is_opened() {
        for (key, text) in [("api_version", "2017-10-17"), ("endpoint_url", "nonsense")] {
            let mut options = Memory::options();
            options.set(key, OptionValue::Text(text.to_owned()));
            let error = (ENTRY.open)(&options, &Environment::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{key}");
        }
    }
}
