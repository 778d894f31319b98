//! The options that every AWS store takes, and what they mean.
//!
//! Sources: apache-airflow-providers-amazon 9.39.0, `aws/utils/connection_wrapper.py` and
//! `aws/hooks/base_aws.py`.

use std::fmt;

use secrecy::SecretString;

use crate::error::Result;
use crate::store::aws::aliases::EXTRA_CONN_WORDS;
use crate::store::aws::client_words::{CONFIG_KWARGS, ClientWords};
use crate::store::aws::role::{RoleSettings, assume_role_settings};
use crate::store::aws::words::Words;
use crate::store::environment::Environment;
use crate::store::kit::trust::Verify;
use crate::store::options::{OptionKind, OptionSpec, Options};

/// Why options have no effect that the official class itself does not read.
const CONNECTION_ONLY: &str = "the official class reads it from Airflow connections of other hooks only";

/// The options that every AWS store takes.
pub(super) const AWS_OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "aws_access_key_id",
        OptionKind::Secret,
        "Access key id; takes precedence over every other source of credentials.",
    ),
    OptionSpec::new("aws_secret_access_key", OptionKind::Secret, "The secret of `aws_access_key_id`."),
    OptionSpec::new(
        "aws_session_token",
        OptionKind::Secret,
        "The session token of temporary keys; they are not renewed.",
    ),
    OptionSpec::new(
        "session_kwargs",
        OptionKind::SecretObject,
        "Deprecated place of the three credential keys.",
    ),
    OptionSpec::new(
        "region_name",
        OptionKind::Text,
        "The region; else AWS_DEFAULT_REGION, the profile's, then AWS_REGION.",
    ),
    OptionSpec::new(
        "profile_name",
        OptionKind::Text,
        "A profile of the AWS files; credentials in the environment are then not looked at.",
    ),
    OptionSpec::new("role_arn", OptionKind::Text, "The role to assume before reading."),
    OptionSpec::new(
        "assume_role_method",
        OptionKind::Text,
        "`assume_role` or `assume_role_with_web_identity`; SAML is not supported.",
    )
    .with_default("assume_role"),
    OptionSpec::new(
        "assume_role_kwargs",
        OptionKind::SecretObject,
        "Further parameters of the assumption, such as ExternalId, spelled as boto3 does.",
    ),
    OptionSpec::new(
        "assume_role_with_saml",
        OptionKind::SecretObject,
        "Settings of SAML, which is not supported: a lookup says so.",
    ),
    OptionSpec::new(
        "assume_role_with_web_identity_federation",
        OptionKind::Text,
        "Where the identity token comes from: `file`.",
    ),
    OptionSpec::new(
        "assume_role_with_web_identity_token_file",
        OptionKind::Text,
        "The file of the identity token; else AWS_WEB_IDENTITY_TOKEN_FILE.",
    ),
    OptionSpec::new(
        "assume_role_with_web_identity_federation_audience",
        OptionKind::Ignored("only the google federation reads it, which is not supported"),
        "The audience of a google identity token.",
    ),
    OptionSpec::new(
        "endpoint_url",
        OptionKind::Text,
        "The address of the service itself, such as that of a VPC endpoint; never used for STS.",
    ),
    OptionSpec::new(
        "verify",
        OptionKind::BooleanOrPath,
        "Whether the service's certificate is verified, or the CA bundle to verify it with; STS is always \
        verified.",
    ),
    OptionSpec::new(
        "ca_bundle",
        OptionKind::Text,
        "A PEM file of trusted CAs for the service and STS, or `system`; takes precedence over `verify` and \
        AWS_CA_BUNDLE.",
    ),
    OptionSpec::new(
        "use_ssl",
        OptionKind::Boolean,
        "False reads over plain http where no endpoint is configured.",
    )
    .with_default("true"),
    OptionSpec::new(
        "api_version",
        OptionKind::Text,
        "The version of the service's interface; only the present one exists.",
    ),
    OptionSpec::new(
        "service_config",
        OptionKind::Object,
        "Per service; `sts.endpoint_url` is where roles are assumed.",
    ),
    OptionSpec::new("config_kwargs", OptionKind::SecretObject, CONFIG_KWARGS),
    OptionSpec::new(
        "profile",
        OptionKind::Ignored(CONNECTION_ONLY),
        "Not the name of a profile: that is `profile_name`.",
    ),
    OptionSpec::new(
        "s3_config_file",
        OptionKind::Ignored(CONNECTION_ONLY),
        "A file of credentials in an old format.",
    ),
    OptionSpec::new(
        "s3_config_format",
        OptionKind::Ignored(CONNECTION_ONLY),
        "The format of `s3_config_file`.",
    ),
    OptionSpec::new(
        "aws_account_id",
        OptionKind::Ignored(CONNECTION_ONLY),
        "The account of `role_arn`; write the whole ARN there.",
    ),
    OptionSpec::new(
        "aws_iam_role",
        OptionKind::Ignored(CONNECTION_ONLY),
        "The role's name; write the whole ARN into `role_arn`.",
    ),
    OptionSpec::new(
        "external_id",
        OptionKind::Ignored(CONNECTION_ONLY),
        "Write it as `ExternalId` into `assume_role_kwargs`.",
    ),
];

/// The options of a store: its own, then those of every AWS store. `COUNT` is the total.
pub(super) const fn with_aws_options<const OWN: usize, const COUNT: usize>(
    own: [OptionSpec; OWN],
) -> [OptionSpec; COUNT] {
    let mut all = [AWS_OPTIONS[0]; COUNT];
    let mut index = 0;
    while index < COUNT {
        all[index] = if index < OWN { own[index] } else { AWS_OPTIONS[index - OWN] };
        index += 1;
    }
    all
}

/// The options of a role have no effect if none is assumed, and the names of fields only concern JSON
/// connections.
pub(super) fn plays_no_part(options: &Options, key: &str) -> bool {
    let of_role = key.starts_with("assume_role_") || key == "service_config";
    key == EXTRA_CONN_WORDS || of_role && options.non_empty("role_arn").is_none()
}

/// Keys that the user wrote into the options.
#[derive(Clone, Default)]
pub(super) struct WrittenKeys {
    /// The access key id.
    pub(super) access_key_id: Option<String>,
    /// Its secret.
    pub(super) secret_access_key: Option<SecretString>,
    /// The session token of temporary keys.
    pub(super) session_token: Option<SecretString>,
}

/// The options of an AWS store, typed. Reading them touches neither files nor the network.
#[derive(Clone)]
pub(super) struct AwsSettings {
    /// Keys in the options.
    pub(super) keys: WrittenKeys,
    /// The region in the options.
    pub(super) region: Option<String>,
    /// The profile in the options.
    pub(super) profile: Option<String>,
    /// The role to assume.
    pub(super) role: Option<RoleSettings>,
    /// The address of the service.
    pub(super) endpoint_url: Option<String>,
    /// The address of STS.
    pub(super) sts_endpoint_url: Option<String>,
    /// Whether the service's certificate is verified.
    pub(super) verify: Verify,
    /// A CA bundle, or `system`.
    pub(super) ca_bundle: Option<String>,
    /// Whether the default endpoint is https.
    pub(super) use_ssl: bool,
    /// The version of the service's interface that was asked for.
    pub(super) api_version: Option<String>,
    /// The contents of `config_kwargs`.
    pub(super) client: ClientWords,
    /// How often one read is attempted in all, according to `config_kwargs` or `AWS_MAX_ATTEMPTS`.
    pub(super) max_attempts: Option<u32>,
}

impl AwsSettings {
    /// Types the options. `session_name` is the default name of an assumed role's session.
    ///
    /// An error is a `Config` error that names the option.
    pub(super) fn read(options: &Options, environment: &Environment, session_name: &str) -> Result<Self> {
        let client = ClientWords::read(options.object("config_kwargs"))?;
        let environment_attempts =
            environment.non_empty("AWS_MAX_ATTEMPTS").and_then(|text| text.trim().parse().ok());
        let text = |key| options.non_empty(key).map(str::to_owned);
        Ok(Self {
            keys: WrittenKeys::read(options)?,
            region: text("region_name"),
            profile: text("profile_name"),
            role: assume_role_settings(options, session_name)?,
            endpoint_url: text("endpoint_url"),
            sts_endpoint_url: sts_endpoint_url(options)?,
            verify: Verify::read(options, "verify"),
            ca_bundle: text("ca_bundle"),
            use_ssl: options.boolean("use_ssl").unwrap_or(true),
            api_version: text("api_version"),
            max_attempts: client.max_attempts.or(environment_attempts),
            client,
        })
    }
}

/// Only read if there is a role, as in the official class.
fn sts_endpoint_url(options: &Options) -> Result<Option<String>> {
    if options.non_empty("role_arn").is_none() {
        return Ok(None);
    }
    let service = Words::new("service_config", options.object("service_config"));
    Ok(service.object("sts")?.text("endpoint_url")?.map(str::to_owned))
}

impl fmt::Debug for AwsSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AwsSettings")
            .field("keys", &self.keys.access_key_id.is_some())
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("role", &self.role)
            .field("verify", &self.verify)
            .field("use_ssl", &self.use_ssl)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}

impl WrittenKeys {
    /// The pair of the options takes precedence over that of `session_kwargs`, each only if it is complete;
    /// the token is taken from either (`AwsConnectionWrapper._get_credentials`).
    fn read(options: &Options) -> Result<Self> {
        let session = Words::new("session_kwargs", options.object("session_kwargs"));
        let own = (options.non_empty("aws_access_key_id"), options.non_empty("aws_secret_access_key"));
        let whole =
            |pair: (Option<&str>, Option<&str>)| pair.0.is_some_and(|id| !id.is_empty()) && pair.1.is_some();
        let (mut id, mut secret) = own;
        if !whole(own) {
            let of_session = (session.text("aws_access_key_id")?, session.text("aws_secret_access_key")?);
            if whole(of_session) {
                (id, secret) = of_session;
            }
        }
        let token = match options.non_empty("aws_session_token") {
            None => session.text("aws_session_token")?.filter(|token| !token.is_empty()),
            token => token,
        };
        let secret_text = |text: &str| SecretString::from(text.to_owned());
        Ok(Self {
            access_key_id: id.map(str::to_owned),
            secret_access_key: secret.map(secret_text),
            session_token: token.map(secret_text),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::store::aws::words::tests::json;
    use crate::store::options::OptionValue;

    fn options(pairs: &[(&'static str, OptionValue)]) -> Options {
        let mut options = Options::default();
        for (key, value) in pairs {
            options.set(key, value.clone());
        }
        options
    }

    fn text(value: &str) -> OptionValue {
        OptionValue::Text(value.to_owned())
    }

    fn read(pairs: &[(&'static str, OptionValue)]) -> AwsSettings {
        AwsSettings::read(&options(pairs), &Environment::default(), "session").unwrap()
    }

    #[test]
    fn without_options_it_is_the_default_chain_over_https() {
        let settings = read(&[]);
        assert!(settings.use_ssl && settings.role.is_none() && settings.keys.access_key_id.is_none());
        assert_eq!((settings.verify, settings.max_attempts), (Verify::Unset, None));
    }

    #[test]
    fn keys_of_session_kwargs_count_when_the_options_hold_no_whole_pair() {
        let session = OptionValue::Object(json(
            r#"{"aws_access_key_id": "S", "aws_secret_access_key": "s", "aws_session_token": "t"}"#,
        ));
        let settings = read(&[("session_kwargs", session.clone()), ("aws_access_key_id", text("A"))]);
        assert_eq!(settings.keys.access_key_id.as_deref(), Some("S"));
        let whole = [
            ("aws_access_key_id", text("A")),
            ("aws_secret_access_key", text("a")),
            ("session_kwargs", session),
        ];
        let settings = read(&whole);
        assert_eq!(settings.keys.access_key_id.as_deref(), Some("A"));
        assert_eq!(settings.keys.session_token.unwrap().expose_secret(), "t");
    }

    #[test]
    fn attempts_come_from_config_kwargs_then_from_the_environment() {
        let environment = Environment::read(|name| (name == "AWS_MAX_ATTEMPTS").then(|| "7".to_owned()));
        let attempts = |pairs: &[(&'static str, OptionValue)]| {
            AwsSettings::read(&options(pairs), &environment, "session").unwrap().max_attempts
        };
        assert_eq!(attempts(&[]), Some(7));
        let written = OptionValue::Object(json(r#"{"retries": {"max_attempts": 1}}"#));
        assert_eq!(attempts(&[("config_kwargs", written)]), Some(2));
    }

    #[test]
    fn verify_is_a_flag_or_a_path() {
        assert_eq!(read(&[("verify", OptionValue::Boolean(false))]).verify, Verify::Flag(false));
        assert_eq!(read(&[("verify", text("/ca.pem"))]).verify, Verify::Bundle("/ca.pem".to_owned()));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let settings = read(&[
            ("aws_access_key_id", text("canary-id")),
            ("aws_secret_access_key", text("canary-secret")),
            ("aws_session_token", text("canary-token")),
            ("config_kwargs", OptionValue::Object(json(r#"{"proxies": {"http": "http://u:canary-pw@p"}}"#))),
            ("role_arn", text("arn:aws:iam::1:role/r")),
            ("assume_role_kwargs", OptionValue::Object(json(r#"{"ExternalId": "canary-external"}"#))),
        ]);
        assert!(!format!("{settings:?}").contains("canary"), "{settings:?}");
    }
}
