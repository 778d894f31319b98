//! `auth/aws`: a request to STS that is signed here and sent by the server, so that AWS confirms our identity
//! to it.
//!
//! Source: "AWS auth method" in Vault's documentation (the iam kind), hvac 2.4.0 `aws_utils.py`, and
//! `_auth_aws_iam` of the official class.

use std::time::SystemTime;

use async_trait::async_trait;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use vaultrs::api::auth::aws::requests::IamLoginRequest;

use crate::error::{Error, Result};
use crate::store::aws::AwsIdentity;
use crate::store::environment::Environment;
use crate::store::options::{OptionValue, Options};
use crate::store::vault::call::Call;
use crate::store::vault::login::{LoginStep, Method, unsendable};
use crate::store::vault::server::Server;

const STS: &str = "https://sts.amazonaws.com/";
const STS_HOST: &str = "sts.amazonaws.com";
const QUESTION: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// Prevents one server from using our signature at another.
const SERVER_ID: &str = "X-Vault-AWS-IAM-Server-ID";

/// The signed request.
#[derive(Debug)]
pub(super) struct AwsIam {
    role: Option<String>,
    server_id: Option<String>,
    identity: AwsIdentity,
}

impl AwsIam {
    /// Reads AWS's own files, without any call.
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        Ok(Self {
            role: options.non_empty("role_id").map(str::to_owned),
            server_id: options.non_empty("iam_server_id").map(str::to_owned),
            identity: AwsIdentity::open(&aws_options(options), environment, "airflow-vault")?,
        })
    }

    /// The headers with the signature, and those that were signed.
    async fn headers(&self) -> Result<Map<String, Value>> {
        // Vault sends these headers on to STS, so they must be the ones that were signed.
        let mut headers = vec![("Content-Type", FORM), ("Host", STS_HOST)];
        headers.extend(self.server_id.as_deref().map(|id| (SERVER_ID, id)));
        let identity = self.identity.credentials().await?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.identity.region())
            .name("sts")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| unsigned())?
            .into();
        let body = SignableBody::Bytes(QUESTION.as_bytes());
        let request =
            SignableRequest::new("POST", STS, headers.iter().copied(), body).map_err(|_| unsigned())?;
        let (signature, _) = sign(request, &parameters).map_err(|_| unsigned())?.into_parts();
        let all = headers.into_iter().chain(signature.headers());
        Ok(all.map(|(name, value)| (name.to_owned(), json!([value]))).collect())
    }
}

fn unsigned() -> Error {
    Error::config("the AWS login cannot be signed")
        .with_hint("Check the keys, `region` and `iam_server_id` for characters that no header may have")
}

/// The options of an AWS store that correspond to these: keys, or a role to assume, or nothing, which means
/// AWS's own chain.
fn aws_options(options: &Options) -> Options {
    let mut own = Options::default();
    let mut set = |key, value: Option<&str>| {
        if let Some(value) = value {
            own.set(key, OptionValue::Text(value.to_owned()));
        }
    };
    set("region_name", options.non_empty("region"));
    let keys = options.non_empty("key_id").zip(options.non_empty("secret_id"));
    if let Some((id, secret)) = keys {
        set("aws_access_key_id", Some(id));
        set("aws_secret_access_key", Some(secret));
        return own;
    }
    if let Some(role) = options.object("assume_role_kwargs") {
        let arn = role.as_object().and_then(|members| members.get("RoleArn"));
        set("role_arn", arn.and_then(|arn| arn.as_str()));
        own.set("assume_role_kwargs", OptionValue::Object(role.clone()));
    }
    own
}

#[async_trait]
impl Method for AwsIam {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        let headers = Value::Object(self.headers().await?).to_string();
        let request = IamLoginRequest {
            mount: mount.to_owned(),
            role: self.role.clone(),
            iam_http_request_method: "POST".to_owned(),
            iam_request_url: STANDARD.encode(STS),
            iam_request_body: STANDARD.encode(QUESTION),
            iam_request_headers: STANDARD.encode(headers),
        };
        Call::of(&request).map(LoginStep::Call).map_err(|error| unsendable(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_server_id_is_signed_and_nothing_shows_the_key() {
        let words = [
            ("key_id", "AKIAIOSFODNN7EXAMPLE"),
            ("secret_id", "canary-key"),
            ("iam_server_id", "vault.example"),
        ];
        let login = AwsIam::open(&Options::of_texts(&words), &Environment::default()).unwrap();
        assert!(!format!("{login:?}").contains("canary"));
        let headers = login.headers().await.unwrap();
        let text = |name: &str| {
            let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.unwrap().1[0].as_str().unwrap().to_owned()
        };
        let authorization = text("authorization");
        assert!(authorization.contains("/us-east-1/sts/aws4_request"), "{authorization}");
        assert!(authorization.contains("host;x-amz-date;x-vault-aws-iam-server-id"), "{authorization}");
        assert_eq!(text(SERVER_ID), "vault.example");
    }

    #[test]
    fn a_role_is_assumed_unless_there_are_keys() {
        let mut words = Options::of_texts(&[("region", "eu-west-1")]);
        let role = crate::value::json::parse(
            &r#"{"RoleArn": "arn:aws:iam::1:role/r", "RoleSessionName": "s"}"#.into(),
        );
        words.set("assume_role_kwargs", OptionValue::Object(role.unwrap()));
        let own = aws_options(&words);
        assert_eq!(own.text("role_arn"), Some("arn:aws:iam::1:role/r"));
        assert_eq!(own.text("region_name"), Some("eu-west-1"));
    }
}
