//! AWS Secrets Manager.

mod batch;
mod config;
mod convention;
mod describe;
mod error;
mod list;
mod tools;
mod write;

use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_types::SdkConfig;

use crate::error::Result;
use crate::store::aws::endpoint::ServiceNames;
use crate::store::aws::store::{SecretService, open};
use crate::store::aws::{Service, attempts, plays_no_part};
use crate::store::{OptionRules, SecretName, StoreEntry, StoreInfo};
use crate::value::SecretValue;

use self::convention::SecretsManagerConvention;

const INFO: StoreInfo = StoreInfo { name: "aws_secrets_manager", title: "AWS Secrets Manager" };

/// What the registry needs to know about this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.aws.SecretsManagerBackend",
    options: config::OPTIONS,
    variables: crate::store::aws::VARIABLES,
    convention: |options| Ok(Arc::new(SecretsManagerConvention::new(options))),
    rules: OptionRules { plays_no_part, attempts, ..OptionRules::NONE },
    tools: tools::TOOLS,
    open: open::<SecretsManager>,
};

/// The service; the session has the name that `SecretsManagerBackend` derives from its connection id.
const SERVICE: Service = Service {
    names: ServiceNames { variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER", key: "secrets_manager" },
    api_version: "2017-10-17",
    session_name: "airflow_secretsmanagerbackend__connection",
};

/// Reads the current version of secrets that are stored as text: one with `GetSecretValue`, several with
/// `BatchGetSecretValue`.
pub(super) struct SecretsManager {
    client: Client,
}

impl SecretService for SecretsManager {
    const INFO: &'static StoreInfo = &INFO;
    const SERVICE: Service = SERVICE;
    const READ: &'static str = "GetSecretValue";

    fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    fn usable(name: &SecretName) -> Result<()> {
        error::impossible_name(name).map_or(Ok(()), Err)
    }

    async fn read(&self, name: &SecretName, region: &str) -> Result<Option<SecretValue>> {
        let answer = self.client.get_secret_value().secret_id(name.as_str()).send().await;
        match answer {
            Ok(answer) if answer.secret_string.is_some() => Ok(answer.secret_string.map(SecretValue::text)),
            // A binary secret has no text. A genuine answer has a name or an ARN.
            Ok(answer) if answer.name.is_some() || answer.arn.is_some() => Ok(None),
            Ok(_) => Err(error::no_secret(name)),
            Err(error) => error::read_error(&error, name, region).map_or(Ok(None), Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::Store;
    use crate::store::aws::store::AwsStore;
    use crate::store::environment::Environment;
    use crate::store::options::{OptionValue, Options};

    const KEYS: [(&str, &str); 3] = [
        ("region_name", "eu-west-1"),
        ("aws_access_key_id", "canary-id"),
        ("aws_secret_access_key", "canary-secret"),
    ];

    #[test]
    fn opening_needs_no_runtime_and_shows_nothing() {
        let store =
            AwsStore::<SecretsManager>::open(&Options::of_texts(&KEYS), &Environment::default()).unwrap();
        assert!(!format!("{store:?}").contains("canary"), "{store:?}");
        assert!(!store.is_outdated());
    }

    #[test]
    fn new_certificates_for_sts_alone_are_noticed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let environment = Environment::of(&[("SSL_CERT_FILE", file.path().to_str().unwrap())]);
        let mut options = Options::of_texts(&KEYS);
        options.set("role_arn", OptionValue::Text("arn:aws:iam::111122223333:role/r".to_owned()));
        options.set("verify", OptionValue::Boolean(false));
        let store = AwsStore::<SecretsManager>::open(&options, &environment).unwrap();
        assert!(!store.is_outdated());
        std::fs::write(file.path(), "x").unwrap();
        assert!(store.is_outdated());
    }

    #[test]
    fn what_cannot_work_is_reported_when_the_store_is_opened() {
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
