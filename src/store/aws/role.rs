//! Which role the options name, and the parameters of its assumption.
//!
//! Source: `AwsConnectionWrapper._get_assume_role_configs` and `BaseSessionFactory` of the Amazon provider
//! 9.39.0; the parameters are those of `AssumeRole` in the STS API reference.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::aws::words::Words;
use crate::store::options::Options;
use crate::value::json::Value;

/// Parameters of an assumption. Debug shows neither policies nor the external id.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct RoleParameters {
    /// The role.
    pub(super) role_arn: String,
    /// The name of the session in the audit log; by default it is made of the time.
    pub(super) session_name: Option<String>,
    /// The external id that the role's owner expects.
    pub(super) external_id: Option<String>,
    /// How long the credentials live, in seconds.
    pub(super) duration_seconds: Option<i32>,
    /// A policy that narrows the role's, as JSON text.
    pub(super) policy: Option<String>,
    /// ARNs of managed policies that narrow the role's.
    pub(super) policy_arns: Vec<String>,
    /// Session tags.
    pub(super) tags: Vec<(String, String)>,
    /// Tags that are passed on to the next role.
    pub(super) transitive_tag_keys: Vec<String>,
    /// The person or application behind the session.
    pub(super) source_identity: Option<String>,
}

/// How the role is assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RoleMethod {
    /// With our own credentials.
    Credentials,
    /// With an identity token from this file, or from the one that the environment names.
    WebIdentity(Option<String>),
}

/// The role that the options name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RoleSettings {
    /// How it is assumed.
    pub(super) method: RoleMethod,
    /// The parameters of the assumption.
    pub(super) parameters: RoleParameters,
}

/// The role that the options name, if any. `session_name` is the default name of its session.
pub(super) fn assume_role_settings(options: &Options, session_name: &str) -> Result<Option<RoleSettings>> {
    let Some(role_arn) = options.non_empty("role_arn") else { return Ok(None) };
    let method = match options.non_empty("assume_role_method").unwrap_or("assume_role") {
        "assume_role" => RoleMethod::Credentials,
        "assume_role_with_web_identity" => web_identity(options)?,
        "assume_role_with_saml" => return Err(unsupported("`assume_role_method: assume_role_with_saml`")),
        _ => {
            return Err(Error::config("`assume_role_method` is not a known method")
                .with_hint("Write assume_role or assume_role_with_web_identity, or leave it out"));
        }
    };
    let kwargs = Words::new("assume_role_kwargs", options.object("assume_role_kwargs"));
    let parameters = parameters(role_arn, kwargs, session_name)?;
    Ok(Some(RoleSettings { method, parameters }))
}

fn web_identity(options: &Options) -> Result<RoleMethod> {
    let file = options.non_empty("assume_role_with_web_identity_token_file").map(str::to_owned);
    match options.non_empty("assume_role_with_web_identity_federation") {
        Some("file") => Ok(RoleMethod::WebIdentity(file)),
        Some("google") => Err(unsupported("`assume_role_with_web_identity_federation: google`")),
        _ => Err(Error::config(
            "`assume_role_with_web_identity` needs `assume_role_with_web_identity_federation`",
        )
        .with_hint(
            "Write `file` there, and the token's path into `assume_role_with_web_identity_token_file`",
        )),
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} is not supported"))
        .with_hint("Use `assume_role` with keys or a profile, or web identity with a token file")
}

/// Parameters in boto3's spelling. `role_arn` overrides a `RoleArn` in here, as in the official class.
fn parameters(role_arn: &str, kwargs: Words<'_>, session_name: &str) -> Result<RoleParameters> {
    for key in kwargs.keys() {
        check_key(key)?;
    }
    let text = |key| Ok::<_, Error>(kwargs.text(key)?.map(str::to_owned));
    Ok(RoleParameters {
        role_arn: role_arn.to_owned(),
        session_name: Some(text("RoleSessionName")?.unwrap_or_else(|| session_name.to_owned())),
        external_id: text("ExternalId")?,
        duration_seconds: kwargs.count("DurationSeconds")?.and_then(|seconds| i32::try_from(seconds).ok()),
        policy: text("Policy")?,
        policy_arns: kwargs.list("PolicyArns", "a list of {\"arn\": ...}", |item| member(item, "arn"))?,
        tags: kwargs.list("Tags", "a list of {\"Key\": ..., \"Value\": ...}", |item| {
            Some((member(item, "Key")?, member(item, "Value")?))
        })?,
        transitive_tag_keys: kwargs
            .list("TransitiveTagKeys", "a list of texts", |item| item.as_str().map(str::to_owned))?,
        source_identity: text("SourceIdentity")?,
    })
}

fn member(item: &Value, key: &str) -> Option<String> {
    item.as_object()?.get(key)?.as_str().map(str::to_owned)
}

fn check_key(key: &str) -> Result<()> {
    match key {
        "RoleArn" | "RoleSessionName" | "ExternalId" | "DurationSeconds" | "Policy" | "PolicyArns"
        | "Tags" | "TransitiveTagKeys" | "SourceIdentity" => Ok(()),
        "SerialNumber" | "TokenCode" => Err(mfa_error("`assume_role_kwargs`")),
        other => {
            Err(Error::config(format!("`assume_role_kwargs` holds an unknown parameter `{}`", Shown(other)))
                .with_hint("Parameters are spelled as boto3 does, such as ExternalId and DurationSeconds"))
        }
    }
}

/// A second factor would have to be typed, which a lookup cannot do.
pub(super) fn mfa_error(place: &str) -> Error {
    Error::config(format!("{place} asks for multi-factor authentication, which cannot work without a person"))
        .with_hint("Use a role whose trust policy does not require MFA")
}

impl fmt::Debug for RoleParameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RoleParameters")
            .field("role_arn", &self.role_arn)
            .field("session_name", &self.session_name)
            .field("external_id", &self.external_id.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aws::words::tests::json;
    use crate::store::options::OptionValue;

    fn settings(kwargs: &str, more: &[(&'static str, &str)]) -> Result<Option<RoleSettings>> {
        let mut options = Options::default();
        options.set("role_arn", OptionValue::Text("arn:aws:iam::1:role/r".to_owned()));
        options.set("assume_role_kwargs", OptionValue::Object(json(kwargs)));
        for (key, text) in more {
            options.set(key, OptionValue::Text((*text).to_owned()));
        }
        assume_role_settings(&options, "airflow_session")
    }

    #[test]
    fn parameters_are_spelled_as_boto3_does() {
        let role = settings(
            r#"{"RoleArn": "other", "ExternalId": "E", "DurationSeconds": 900, "Policy": "{}", "PolicyArns": [{"arn": "p"}],
                "Tags": [{"Key": "k", "Value": "v"}], "TransitiveTagKeys": ["k"], "SourceIdentity": "s"}"#,
            &[],
        );
        let expected = RoleParameters {
            role_arn: "arn:aws:iam::1:role/r".to_owned(),
            session_name: Some("airflow_session".to_owned()),
            external_id: Some("E".to_owned()),
            duration_seconds: Some(900),
            policy: Some("{}".to_owned()),
            policy_arns: vec!["p".to_owned()],
            tags: vec![("k".to_owned(), "v".to_owned())],
            transitive_tag_keys: vec!["k".to_owned()],
            source_identity: Some("s".to_owned()),
        };
        assert_eq!(
            role.unwrap().unwrap(),
            RoleSettings { method: RoleMethod::Credentials, parameters: expected }
        );
        let named = settings(r#"{"RoleSessionName": "mine"}"#, &[]).unwrap().unwrap();
        assert_eq!(named.parameters.session_name.as_deref(), Some("mine"));
    }

    #[test]
    fn what_cannot_work_is_reported() {
        for (kwargs, more, expected) in [
            (r#"{"SerialNumber": "arn:aws:iam::1:mfa/u"}"#, &[][..], "multi-factor"),
            (r#"{"TokenCode": "123456"}"#, &[], "multi-factor"),
            (r#"{"ExternalID": "E"}"#, &[], "unknown parameter `ExternalID`"),
            (r#"{"Tags": {"k": "v"}}"#, &[], "`Tags` in `assume_role_kwargs` must be a list"),
            ("{}", &[("assume_role_method", "assume_role_with_saml")], "is not supported"),
            ("{}", &[("assume_role_method", "other")], "is not a known method"),
            (
                "{}",
                &[("assume_role_method", "assume_role_with_web_identity")],
                "needs `assume_role_with_web_identity_federation`",
            ),
            (
                "{}",
                &[
                    ("assume_role_method", "assume_role_with_web_identity"),
                    ("assume_role_with_web_identity_federation", "google"),
                ],
                "google` is not supported",
            ),
        ] {
            let error = settings(kwargs, more).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn web_identity_takes_its_file_from_the_options() {
        let method = [
            ("assume_role_method", "assume_role_with_web_identity"),
            ("assume_role_with_web_identity_federation", "file"),
            ("assume_role_with_web_identity_token_file", "/t"),
        ];
        let role = settings("{}", &method).unwrap().unwrap();
        assert_eq!(role.method, RoleMethod::WebIdentity(Some("/t".to_owned())));
    }
}
