//! Roles that are assumed with credentials (STS `AssumeRole`).

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::aws::credentials::{CredentialCache, CredentialSource, no_credentials};
use crate::store::aws::error::{Failure, Refusal, general_hint};
use crate::store::aws::role::RoleParameters;

/// A role, and the credentials with which it is assumed.
pub(super) struct AssumedRole {
    base: Arc<CredentialCache>,
    client: Client,
    parameters: RoleParameters,
}

impl AssumedRole {
    /// `client` signs with `base`.
    pub(super) fn new(base: Arc<CredentialCache>, client: Client, parameters: RoleParameters) -> Self {
        Self { base, client, parameters }
    }

    fn request(&self) -> Result<AssumeRoleFluentBuilder> {
        let role = &self.parameters;
        let mut request = self
            .client
            .assume_role()
            .role_arn(&role.role_arn)
            .role_session_name(session_name(role.session_name.as_deref()))
            .set_external_id(role.external_id.clone())
            .set_duration_seconds(role.duration_seconds)
            .set_policy(role.policy.clone())
            .set_source_identity(role.source_identity.clone());
        for arn in &role.policy_arns {
            request = request.policy_arns(PolicyDescriptorType::builder().arn(arn).build());
        }
        for (key, value) in &role.tags {
            let tag = Tag::builder().key(key).value(value).build();
            request =
                request.tags(tag.map_err(|_| Error::config("a tag in `assume_role_kwargs` is incomplete"))?);
        }
        for key in &role.transitive_tag_keys {
            request = request.transitive_tag_keys(key);
        }
        Ok(request)
    }
}

impl AssumedRole {
    async fn ask(&self) -> Result<AssumeRoleOutput, Failure> {
        let subject = subject(&self.parameters.role_arn);
        let request = self.request().map_err(Failure::Broken)?;
        request.send().await.map_err(|error| Failure::of(&error, &subject))
    }
}

/// Leaves out the client, whose own Debug fills pages with the SDK's tables.
impl fmt::Debug for AssumedRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AssumedRole")
            .field("parameters", &self.parameters)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl CredentialSource for AssumedRole {
    fn origin(&self) -> String {
        format!("the role {}, assumed with {}", Shown(&self.parameters.role_arn), self.base.origin())
    }

    async fn load(&self) -> Result<Credentials> {
        self.base.ensure().await?;
        // Noted before the call: another task may have replaced them by the time the refusal arrives.
        let used = self.base.held();
        let arn = &self.parameters.role_arn;
        let failed = match self.ask().await {
            Ok(answer) => return credentials(answer.credentials, arn),
            Err(failure) => failure,
        };
        // The base credentials may have been revoked or have expired early, so others are tried once.
        if failure_is_unauthenticated(&failed) && self.base.replace(used).await {
            let answer = self.ask().await.map_err(|failure| role_error(failure, arn, "AssumeRole"))?;
            return credentials(answer.credentials, arn);
        }
        Err(role_error(failed, arn, "AssumeRole"))
    }
}

fn failure_is_unauthenticated(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(refusal) if refusal.kind() == ErrorKind::Unauthenticated)
}

fn subject(arn: &str) -> String {
    format!("assuming the role `{}`", Shown(arn))
}

/// The name of the session; by default it is made of the time, as in botocore.
pub(super) fn session_name(name: Option<&str>) -> String {
    let seconds = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    name.map_or_else(|| format!("strongroom-session-{}", seconds()), str::to_owned)
}

/// The credentials in an answer of STS.
pub(super) fn credentials(found: Option<aws_sdk_sts::types::Credentials>, arn: &str) -> Result<Credentials> {
    let found = found.ok_or_else(|| no_credentials(format!("{} gave no credentials", subject(arn))))?;
    let expiry = SystemTime::try_from(found.expiration).ok();
    Ok(Credentials::new(
        found.access_key_id,
        found.secret_access_key,
        Some(found.session_token),
        expiry,
        "sts",
    ))
}

/// What a failed assumption means to the caller that needed credentials.
pub(super) fn role_error(failure: Failure, arn: &str, operation: &'static str) -> Error {
    let error = match failure {
        Failure::Broken(error) => error,
        Failure::Refused(refusal) => refused(&refusal, arn, operation),
    };
    error.with_operation(operation)
}

fn refused(refusal: &Refusal, arn: &str, operation: &str) -> Error {
    let kind = match (refusal.code().unwrap_or_default(), refusal.kind()) {
        (
            "ValidationError"
            | "MalformedPolicyDocument"
            | "PackedPolicyTooLarge"
            | "RegionDisabledException",
            _,
        ) => ErrorKind::Config,
        // To a lookup these are problems of its login, not of the secret's name or answer.
        (_, ErrorKind::InvalidName | ErrorKind::Malformed) => ErrorKind::Unauthenticated,
        (_, kind) => kind,
    };
    let error = refusal.to_error(kind, &subject(arn));
    match kind {
        ErrorKind::Denied => error.with_hint(format!(
            "The role's trust policy must allow sts:{operation} for this identity (and its ExternalId, if it \
            asks for one), and so must the identity's own policy"
        )),
        ErrorKind::Config => error.with_hint(
            "Check role_arn, RoleSessionName, DurationSeconds and policies of the assumption, and that STS \
        is active in the region",
        ),
        _ => error.with_hint_if(general_hint(refusal, kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, status: u16) -> Error {
        role_error(
            Failure::Refused(Refusal::plain(Some(code), status)),
            "arn:aws:iam::1:role/r",
            "AssumeRole",
        )
    }

    #[test]
    fn a_role_that_may_not_be_assumed_is_denied_by_name() {
        let denied = error("AccessDenied", 403).with_store("aws_secrets_manager");
        insta::assert_snapshot!(denied, @"assuming the role `arn:aws:iam::1:role/r` was denied \
        (aws_secrets_manager AssumeRole: AccessDenied). The role's trust policy must allow sts:AssumeRole \
        for this identity (and its ExternalId, if it asks for one), and so must the identity's own policy");
    }

    #[test]
    fn other_refusals_are_distinguished() {
        for (code, status, kind, temporary) in [
            ("ValidationError", 400, ErrorKind::Config, false),
            ("ExpiredTokenException", 400, ErrorKind::Unauthenticated, false),
            ("InvalidClientTokenId", 403, ErrorKind::Unauthenticated, false),
            ("InvalidIdentityToken", 400, ErrorKind::Unauthenticated, false),
            ("IDPRejectedClaim", 403, ErrorKind::Denied, false),
            ("IDPCommunicationError", 400, ErrorKind::Unreachable, true),
            ("Throttling", 400, ErrorKind::Throttled, true),
            ("Whatever", 400, ErrorKind::Unauthenticated, false),
            ("ServiceUnavailable", 503, ErrorKind::Unreachable, true),
        ] {
            assert_eq!(
                (error(code, status).kind(), error(code, status).is_temporary()),
                (kind, temporary),
                "{code}"
            );
        }
    }

    #[test]
    fn a_session_without_a_name_gets_the_time() {
        assert_eq!(session_name(Some("mine")), "mine");
        assert!(session_name(None).starts_with("strongroom-session-1"));
    }
}
