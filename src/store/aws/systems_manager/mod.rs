//! AWS Systems Manager Parameter Store.

mod batch;
mod config;
mod convention;
mod describe;
mod error;
mod list;
mod tools;
mod write;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::get_parameter::builders::GetParameterFluentBuilder;
use aws_types::SdkConfig;

use crate::error::Result;
use crate::store::aws::endpoint::ServiceNames;
use crate::store::aws::store::{SecretService, open};
use crate::store::aws::{Service, attempts, plays_no_part};
use crate::store::options::Rate;
use crate::store::{OptionRules, SecretName, StoreEntry, StoreInfo};
use crate::value::SecretValue;

use self::convention::SystemsManagerConvention;

const INFO: StoreInfo =
    StoreInfo { name: "aws_systems_manager", title: "AWS Systems Manager Parameter Store" };

/// What the registry needs to know about this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.aws.SystemsManagerParameterStoreBackend",
    options: config::OPTIONS,
    variables: crate::store::aws::VARIABLES,
    convention: |options| Ok(Arc::new(SystemsManagerConvention::new(options))),
    rules: OptionRules {
        plays_no_part,
        attempts,
        rate_after_throttle: Some(DEFAULT_THROUGHPUT),
        ..OptionRules::NONE
    },
    tools: tools::TOOLS,
    open: open::<SystemsManager>,
};

/// The default quota of an account in a region, for all its processes and for `GetParameter` and
/// `GetParameters` together ("AWS Systems Manager endpoints and quotas" in the AWS General Reference). With
/// higher throughput switched on each of the two has its own quota, which the user can configure as
/// `rate_limit`.
const DEFAULT_THROUGHPUT: Rate = Rate { calls: NonZeroU32::new(40).unwrap(), per: Duration::from_secs(1) };

/// The service; the session has the name that `SystemsManagerParameterStoreBackend` derives from its
/// connection id.
const SERVICE: Service = Service {
    names: ServiceNames { variable: "AWS_ENDPOINT_URL_SSM", key: "ssm" },
    api_version: "2014-11-06",
    session_name: "airflow_systemsmanagerparameterstorebackend__connection",
};

/// Reads parameters with `GetParameter`, several of them with `GetParameters`: decrypted, and in the current
/// version unless the name includes another.
pub(super) struct SystemsManager {
    client: Client,
}

impl SecretService for SystemsManager {
    const INFO: &'static StoreInfo = &INFO;
    const SERVICE: Service = SERVICE;
    const READ: &'static str = "GetParameter";

    fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    async fn read(&self, name: &SecretName, region: &str) -> Result<Option<SecretValue>> {
        match request(&self.client, name.as_str()).send().await {
            Ok(answer) => match answer.parameter.and_then(|parameter| parameter.value) {
                Some(value) => Ok(Some(SecretValue::text(value))),
                None => Err(error::without_value(name)),
            },
            Err(error) => error::read_error(&error, name, region).map_or(Ok(None), Err),
        }
    }
}

/// The request for one parameter. The flag has no effect on unencrypted ones.
fn request(client: &Client, name: &str) -> GetParameterFluentBuilder {
    client.get_parameter().name(name).with_decryption(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;
    use crate::store::Store;
    use crate::store::aws::store::AwsStore;
    use crate::store::aws::testing::{Memory, refusal, store};
    use crate::store::environment::Environment;
    use crate::store::options::OptionValue;

    #[tokio::test]
    async fn a_parameter_is_read_decrypted_and_unchanged() {
        let memory = Memory::new(|_, _| (200, json!({"Parameter": {"Value": "a,b", "Type": "StringList"}})));
        let value = store::<SystemsManager>(&memory).get(&"/a:1".into()).await.unwrap().unwrap();
        assert_eq!(value.expose(), "a,b");
        let asked = json!({"Name": "/a:1", "WithDecryption": true});
        assert_eq!(memory.calls(), [("GetParameter".to_owned(), asked)]);
    }

    #[tokio::test]
    async fn only_one_code_means_absent() {
        let memory = Memory::new(|_, _| refusal(400, "ParameterNotFound"));
        assert!(store::<SystemsManager>(&memory).get(&"/a".into()).await.unwrap().is_none());
        for code in ["ParameterVersionNotFound", "InvalidKeyId", "ResourceNotFoundException"] {
            let memory = Memory::new(move |_, _| refusal(400, code));
            let error = store::<SystemsManager>(&memory).get(&"/a".into()).await.unwrap_err();
            assert!(!error.is_upstream_miss(), "{code}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_value_is_no_absence() {
        for answer in [json!({}), json!({"Parameter": {}}), json!({"Parameter": null})] {
            let memory = Memory::new(move |_, _| (200, answer.clone()));
            let error = store::<SystemsManager>(&memory).get(&"/a".into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn opening_needs_no_runtime_and_shows_nothing() {
        let mut options = Memory::options();
        options.set("aws_secret_access_key", OptionValue::Text("canary-secret".to_owned()));
        let store = AwsStore::<SystemsManager>::open(&options, &Environment::default()).unwrap();
        assert!(!format!("{store:?}").contains("canary"), "{store:?}");
        assert!(!store.is_outdated());
    }

    #[test]
    fn what_cannot_work_is_reported_when_the_store_is_opened() {
        for (key, text) in [("api_version", "2017-10-17"), ("endpoint_url", "nonsense")] {
            let mut options = Memory::options();
            options.set(key, OptionValue::Text(text.to_owned()));
            let error = (ENTRY.open)(&options, &Environment::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{key}");
        }
    }
}
