//! The providers of `aws-config` as sources of credentials.
//!
//! A provider reports what went wrong as [`CredentialsError`], often with the HTTP status in a text only. So
//! [`LastExchange`] remembers the outcome of the last request, and errors are distinguished by that, by the
//! variant and by typed causes; never by texts. The provider's message is not shown: it may quote answers.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;

use crate::error::{Error, ErrorKind, Result};
use crate::http::TransportError;
use crate::store::aws::credentials::{CredentialSource, no_credentials};
use crate::store::aws::error::{Refusal, transport_error};
use crate::store::aws::http_client::{Exchange, LastExchange};

/// What a provider asks, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Issuer {
    /// The agent that serves a container of ECS or a pod of EKS.
    Container,
    /// The metadata service of an EC2 instance. `expected` means that the configuration names it explicitly;
    /// otherwise silence means that this is not an instance, and that there are no credentials at all.
    Instance { expected: bool },
    /// IAM Identity Center.
    SingleSignOn,
}

/// One of the vendor's providers.
pub(super) struct SdkSource {
    provider: Arc<dyn ProvideCredentials>,
    place: Issuer,
    last: LastExchange,
}

impl SdkSource {
    /// `last` is where the provider's HTTP client reports to.
    pub(super) fn new(
        provider: impl ProvideCredentials + 'static,
        place: Issuer,
        last: LastExchange,
    ) -> Self {
        Self { provider: Arc::new(provider), place, last }
    }
}

#[async_trait]
impl CredentialSource for SdkSource {
    fn origin(&self) -> String {
        match &self.place {
            Issuer::Container => "the role of the container or pod".to_owned(),
            Issuer::Instance { .. } => "the role of the EC2 instance".to_owned(),
            Issuer::SingleSignOn => "the login to IAM Identity Center".to_owned(),
        }
    }

    async fn load(&self) -> Result<Credentials> {
        // What an earlier load left behind must not explain this one.
        self.last.take();
        let loaded = self.provider.provide_credentials().await;
        loaded.map_err(|error| self.place.explain(&error, self.last.take()))
    }
}

/// Leaves out the provider, whose own Debug shows the environment and pages of tables.
impl fmt::Debug for SdkSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SdkSource").field(&self.place).finish()
    }
}

/// No source has credentials.
pub(super) fn none_found() -> Error {
    no_credentials("no AWS credentials were found").with_hint(
        "Set aws_access_key_id and aws_secret_access_key, a profile, AWS_ACCESS_KEY_ID and \
        AWS_SECRET_ACCESS_KEY, or give the container or instance a role",
    )
}

impl Issuer {
    fn explain(&self, error: &CredentialsError, last: Option<Exchange>) -> Error {
        if matches!(error, CredentialsError::ProviderTimedOut(_)) {
            return Error::new(ErrorKind::Timeout, format!("{}: no answer in time", self.subject()))
                .temporary(None);
        }
        match last {
            Some(Exchange::Silent(transport)) => self.silent(&transport),
            Some(Exchange::Answered(head)) if !(200..300).contains(&head.status) => {
                self.refused(&Refusal::new(head))
            }
            last => self.failed_here(error, last.is_some()),
        }
    }

    fn subject(&self) -> Cow<'static, str> {
        match self {
            Self::Container => "asking the container's metadata service for credentials".into(),
            Self::Instance { .. } => "asking the instance's metadata service for credentials".into(),
            Self::SingleSignOn => "asking IAM Identity Center for credentials".into(),
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Container => {
                "Check the task role or the pod identity association, and AWS_CONTAINER_AUTHORIZATION_TOKEN"
            }
            Self::Instance { .. } => "Check the instance's metadata options and its role",
            Self::SingleSignOn => {
                "Check sso_account_id and sso_role_name of the AWS profile, then run `aws sso login` again"
            }
        }
    }

    /// No answer: an outage where the service is expected, else simply not an EC2 instance.
    pub(super) fn silent(&self, error: &TransportError) -> Error {
        match self {
            Self::Instance { expected: false } => none_found(),
            _ => transport_error(error, &self.subject()),
        }
    }

    pub(super) fn refused(&self, refusal: &Refusal) -> Error {
        let kind = match (self, refusal.kind()) {
            // The metadata service answers 404 for an instance without a role.
            (Self::Instance { .. }, _) if refusal.head.status == 404 => return no_instance_role(),
            (Self::SingleSignOn, ErrorKind::Unauthenticated) => return login_expired(),
            (_, kind @ (ErrorKind::Unreachable | ErrorKind::Throttled | ErrorKind::Timeout)) => kind,
            (Self::SingleSignOn, ErrorKind::Denied) => ErrorKind::Denied,
            _ => ErrorKind::Unauthenticated,
        };
        let error = refusal.to_error(kind, &self.subject()).with_hint(self.hint());
        if *self == Self::SingleSignOn { error.with_operation("GetRoleCredentials") } else { error }
    }

    /// Nothing was refused: either the answer (if `answered`) was not understood, or there was nothing to ask
    /// with.
    fn failed_here(&self, error: &CredentialsError, answered: bool) -> Error {
        match (self, error) {
            (Self::Instance { .. }, CredentialsError::CredentialsNotLoaded(_)) => none_found(),
            (Self::Instance { .. }, CredentialsError::InvalidConfiguration(_)) => {
                Error::config(format!("{}: EC2 may not assume the instance's role", self.subject()))
                    .with_hint("Check that the trust policy of the instance's role names ec2.amazonaws.com")
            }
            (_, CredentialsError::InvalidConfiguration(_)) => {
                Error::config(format!("{}: the configuration cannot be used", self.subject()))
                    .with_hint(self.hint())
            }
            _ => self.failed_to_load(io_cause(error), answered),
        }
    }

    fn failed_to_load(&self, file: Option<&io::Error>, answered: bool) -> Error {
        match (self, file) {
            (Self::SingleSignOn, Some(error)) if answered => {
                no_credentials(format!("the renewed token of IAM Identity Center cannot be saved: {error}"))
                    .with_hint("This user must be able to write below ~/.aws/sso/cache")
            }
            (Self::SingleSignOn, _) if !answered => logged_out(),
            _ => self.not_understood(),
        }
    }

    /// The answer holds no credentials.
    pub(super) fn not_understood(&self) -> Error {
        no_credentials(format!("{}: the answer is not understood", self.subject())).with_hint(self.hint())
    }
}

fn no_instance_role() -> Error {
    no_credentials("the EC2 instance has no role")
        .with_hint("Attach an instance profile with a role to the instance, or configure other credentials")
}

/// The vendor's error does not say whether the token is missing or too old.
fn logged_out() -> Error {
    no_credentials("there is no login to IAM Identity Center on this machine, or it has expired")
        .with_hint("Run `aws sso login`")
}

/// There is a token, but it is no longer accepted.
fn login_expired() -> Error {
    no_credentials("the login to IAM Identity Center has expired").with_hint("Run `aws sso login` again")
}

fn io_cause(error: &CredentialsError) -> Option<&io::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::kit::refusal;

    fn answered(status: u16, code: Option<&str>) -> Exchange {
        Exchange::Answered(refusal::Refusal { status, code: code.map(str::to_owned), retry_after: None })
    }

    fn silent() -> Exchange {
        Exchange::Silent(TransportError::request("unused"))
    }

    #[test]
    fn the_status_takes_precedence_over_the_providers_text() {
        let instance = Issuer::Instance { expected: true };
        for (place, last, kind, temporary) in [
            (Issuer::Container, Some(answered(500, None)), ErrorKind::Unreachable, true),
            (Issuer::Container, Some(answered(429, None)), ErrorKind::Throttled, true),
            (Issuer::Container, Some(answered(403, None)), ErrorKind::Unauthenticated, false),
            (Issuer::Container, Some(answered(200, None)), ErrorKind::Unauthenticated, false),
            (instance.clone(), Some(answered(404, None)), ErrorKind::Unauthenticated, false),
            (instance, Some(silent()), ErrorKind::Config, false),
            (Issuer::Instance { expected: false }, Some(silent()), ErrorKind::Unauthenticated, false),
            (
                Issuer::SingleSignOn,
                Some(answered(401, Some("UnauthorizedException"))),
                ErrorKind::Unauthenticated,
                false,
            ),
            (Issuer::SingleSignOn, Some(answered(403, None)), ErrorKind::Denied, false),
            (
                Issuer::SingleSignOn,
                Some(answered(404, Some("ResourceNotFoundException"))),
                ErrorKind::Unauthenticated,
                false,
            ),
            (Issuer::SingleSignOn, Some(answered(503, None)), ErrorKind::Unreachable, true),
            (Issuer::Container, None, ErrorKind::Unauthenticated, false),
        ] {
            for error in [CredentialsError::provider_error("canary"), CredentialsError::unhandled("canary")] {
                let explained = place.explain(&error, last.clone());
                assert_eq!((explained.kind(), explained.is_temporary()), (kind, temporary), "{explained}");
                assert!(!format!("{explained:?} {explained}").contains("canary"));
            }
        }
    }

    #[test]
    fn variants_have_their_kinds() {
        let late = CredentialsError::provider_timed_out(std::time::Duration::from_secs(1));
        let late = Issuer::Container.explain(&late, None);
        assert_eq!((late.kind(), late.is_temporary()), (ErrorKind::Timeout, true));
        let unusable = Issuer::SingleSignOn.explain(&CredentialsError::invalid_configuration("canary"), None);
        assert_eq!(unusable.kind(), ErrorKind::Config);
        let nothing = Issuer::Instance { expected: false };
        let nothing = nothing.explain(&CredentialsError::not_loaded("canary"), None);
        assert_eq!(nothing.to_string(), none_found().to_string());
    }

    #[test]
    fn an_unreadable_file_is_recognised_by_its_cause() {
        let missing = CredentialsError::provider_error(io::Error::from(io::ErrorKind::NotFound));
        insta::assert_snapshot!(Issuer::SingleSignOn.explain(&missing, None), @"there is no login to IAM \
        Identity Center on this machine, or it has expired. Run `aws sso login`");
        let saved = Issuer::SingleSignOn.explain(&missing, Some(answered(200, None))).to_string();
        assert!(saved.contains("cannot be saved"), "{saved}");
    }
}
