//! From the errors of AWS to [`Error`]: by error code first, then by HTTP status, never by message text.
//!
//! Sources of codes: "Common Errors" and the operations' pages in the API references of Secrets Manager,
//! Systems Manager and STS, botocore/data/_retry.json (throttling), and `spec` measurements of the official
//! class.
//!
//! A message of the service may echo the request (signature errors show the session token), so it is shown
//! for missing permissions only, with control characters escaped.

use std::borrow::Cow;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorKind};
use crate::http::{NoAnswerHints, TransportError, TransportKind};
use crate::redact::Shown;
use crate::store::aws::codes::{is_code, kind_of_code};
use crate::store::kit::refusal::{self, wait};
use crate::store::kit::vendor::Vendor;

/// The services of AWS in their own words.
pub(super) const AWS: Vendor = Vendor {
    name: "AWS",
    inside: "AWS",
    server: "AWS",
    rejects: "AWS does not accept the credentials",
    address: "endpoint_url",
};

/// The contents of an error answer.
#[derive(Clone, Debug, Default)]
pub(super) struct AwsRefusal {
    /// What all services report; here the code has no namespace.
    pub(super) head: refusal::Refusal,
    /// The service's own message; see the module for when it may be shown.
    message: Option<String>,
}

/// How a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The service answered with an error.
    Refused(AwsRefusal),
    /// There is no answer, or it cannot be understood.
    Broken(Error),
}

impl Failure {
    /// Converts an SDK error. `subject` says what was asked, such as "reading `a/b`".
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, subject: &str) -> Self {
        match error {
            SdkError::ServiceError(service) => Self::Refused(AwsRefusal::of(service.err(), service.raw())),
            SdkError::ResponseError(response) => match response.raw().status().as_u16() {
                // A successful status whose body the SDK could not parse.
                200..=299 => Self::Broken(not_understood(subject)),
                _ => Self::Refused(AwsRefusal::without_code(response.raw())),
            },
            SdkError::TimeoutError(_) => Self::Broken(timed_out(subject, "the SDK's own timeout passed")),
            SdkError::DispatchFailure(dispatch) => {
                Self::Broken(match transport(dispatch.as_connector_error()) {
                    Some(transport) => transport_error(transport, subject),
                    None => not_built(subject),
                })
            }
            SdkError::ConstructionFailure(_) => Self::Broken(not_built(subject)),
            _ => Self::Broken(Error::internal(format!("{subject}: the SDK failed in an unknown way"))),
        }
    }
}

impl AwsRefusal {
    fn of(error: &impl ProvideErrorMetadata, response: &HttpResponse) -> Self {
        let head = head(response).with_code(error.code().map(str::to_owned));
        Self { message: error.message().map(str::to_owned), ..Self::new(head) }
    }

    fn without_code(response: &HttpResponse) -> Self {
        Self::new(head(response))
    }

    /// Keeps the code if it looks like one.
    pub(super) fn new(mut head: refusal::Refusal) -> Self {
        head.code = head.code.filter(|code| is_code(code));
        Self { head, message: None }
    }

    /// A refusal that did not come through the SDK.
    #[cfg(any(test, feature = "aws-secrets-manager"))]
    pub(super) fn plain(code: Option<&str>, status: u16) -> Self {
        Self::new(refusal::Refusal { status, code: code.map(str::to_owned), retry_after: None })
    }

    /// Adds the service's own message.
    #[cfg(feature = "aws-secrets-manager")]
    #[must_use]
    pub(super) fn with_message(mut self, message: Option<&str>) -> Self {
        self.message = message.map(str::to_owned);
        self
    }

    /// The code, if there is one.
    pub(super) fn code(&self) -> Option<&str> {
        self.head.code.as_deref()
    }

    /// Whether the endpoint does not implement the operation: then it is older or smaller than AWS.
    pub(super) fn is_unknown_operation(&self) -> bool {
        match self.code() {
            Some("UnknownOperationException" | "InvalidAction") => true,
            Some(_) => self.head.status == 501,
            None => matches!(self.head.status, 404 | 405 | 501),
        }
    }

    /// Whether the code means a missing permission; only then the service's message may be shown.
    fn refuses_permission(&self) -> bool {
        self.code().and_then(kind_of_code) == Some(ErrorKind::Denied)
    }

    /// Its kind of error.
    pub(super) fn kind(&self) -> ErrorKind {
        self.code().and_then(kind_of_code).unwrap_or_else(|| ErrorKind::of_status(self.head.status))
    }

    /// The error of `kind` for a call about `subject`.
    pub(super) fn to_error(&self, kind: ErrorKind, subject: &str) -> Error {
        let mut text = format!("{subject} {}", AWS.what_happened(kind, self.code().is_some()));
        if let Some(message) = self.message.as_deref().filter(|_| self.refuses_permission()) {
            text.push_str(": ");
            text.push_str(&Shown(message.trim_end_matches('.')).to_string());
        }
        self.head.to_error(kind, text)
    }
}

fn head(response: &HttpResponse) -> refusal::Refusal {
    let retry_after = response.headers().get("retry-after").and_then(wait);
    refusal::Refusal { status: response.status().as_u16(), code: None, retry_after }
}

/// The remedy for errors that are the same for every service.
pub(super) fn general_hint(refusal: &AwsRefusal, kind: ErrorKind) -> Option<Cow<'static, str>> {
    let hint = match (refusal.code().unwrap_or_default(), kind) {
        ("ExpiredToken" | "ExpiredTokenException" | "RequestExpired", _) => {
            "The session token has expired: renew it, or use a source that renews itself, such as a role or \
            a profile"
        }
        (
            "InvalidSignature"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "RequestTimeTooSkewed",
            _,
        ) => "Check the secret access key, that the session token belongs to it, and this machine's clock",
        (_, ErrorKind::Unauthenticated) => {
            "Check the access key, the session token and the region; keys of one AWS partition do not work \
            in another"
        }
        (_, ErrorKind::Throttled) => "Ask less often (a longer `cache_ttl`), or have the quota raised",
        (_, ErrorKind::Unreachable | ErrorKind::Timeout) => {
            "AWS usually recovers by itself; see health.aws.amazon.com"
        }
        (_, ErrorKind::Malformed) => return Some(AWS.check_address().into()),
        _ => return None,
    };
    Some(hint.into())
}

fn transport(
    error: Option<&aws_smithy_runtime_api::client::result::ConnectorError>,
) -> Option<&TransportError> {
    let mut cause = error.and_then(std::error::Error::source);
    while let Some(error) = cause {
        if let Some(transport) = error.downcast_ref() {
            return Some(transport);
        }
        cause = error.source();
    }
    None
}

/// The error of a call about `subject` that got no answer.
pub(super) fn transport_error(error: &TransportError, subject: &str) -> Error {
    if error.kind() == TransportKind::Timeout {
        return timed_out(subject, &error.to_string());
    }
    error.to_error(subject, &NO_ANSWER)
}

const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: TIMED_OUT,
    certificate: "Name the CA that signed it in `ca_bundle` or AWS_CA_BUNDLE, and check that `endpoint_url` \
    names the host in it",
    dns: "Check the region, `endpoint_url` and the DNS of this machine",
    connect: "Check `endpoint_url`, the proxy, and that this network may reach AWS (a VPC endpoint or NAT)",
    request: "Check the options of the backend",
};

const TIMED_OUT: &str = "Check the network path; `config_kwargs` has connect_timeout and read_timeout";

fn timed_out(subject: &str, cause: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("{subject}: no answer in time: {cause}"))
        .with_hint(TIMED_OUT)
        .temporary(None)
}

fn not_understood(subject: &str) -> Error {
    AWS.not_understood(subject)
}

/// Nothing was sent: some settings exclude each other, such as FIPS and a custom endpoint.
fn not_built(subject: &str) -> Error {
    Error::config(format!("{subject}: the SDK cannot build the request")).with_hint(
        "Check the region, `endpoint_url`, FIPS and dual-stack settings, which must fit each other",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str, status: u16) -> AwsRefusal {
        AwsRefusal {
            message: Some("canary\u{1b}[31m words.".to_owned()),
            ..AwsRefusal::plain(Some(code), status)
        }
    }

    #[test]
    fn the_code_takes_precedence_over_the_status() {
        for (code, status, kind, temporary) in [
            ("AccessDeniedException", 400, ErrorKind::Denied, false),
            ("AccessDenied", 403, ErrorKind::Denied, false),
            ("ThrottlingException", 400, ErrorKind::Throttled, true),
            ("LimitExceededException", 400, ErrorKind::Throttled, true),
            ("TooManyRequestsException", 400, ErrorKind::Throttled, true),
            ("RequestLimitExceeded", 503, ErrorKind::Throttled, true),
            ("UnrecognizedClientException", 400, ErrorKind::Unauthenticated, false),
            ("ExpiredTokenException", 400, ErrorKind::Unauthenticated, false),
            ("InvalidSignatureException", 403, ErrorKind::Unauthenticated, false),
            ("MissingAuthenticationToken", 403, ErrorKind::Unauthenticated, false),
            ("InvalidClientTokenId", 403, ErrorKind::Unauthenticated, false),
            ("InternalServiceError", 500, ErrorKind::Unreachable, true),
            ("ValidationException", 400, ErrorKind::InvalidName, false),
            ("Surprise", 400, ErrorKind::Malformed, false),
            ("Surprise", 429, ErrorKind::Throttled, true),
            ("Surprise", 502, ErrorKind::Unreachable, true),
            ("", 500, ErrorKind::Unreachable, true),
            ("", 403, ErrorKind::Denied, false),
            ("", 401, ErrorKind::Unauthenticated, false),
            ("", 302, ErrorKind::Malformed, false),
        ] {
            let refusal = refusal(code, status);
            assert_eq!(refusal.kind(), kind, "{code} {status}");
            assert_eq!(refusal.to_error(kind, "x").is_temporary(), temporary, "{code} {status}");
        }
    }

    #[test]
    fn the_services_words_are_shown_for_refused_permissions_only() {
        let denied = refusal("AccessDeniedException", 400).to_error(ErrorKind::Denied, "reading `a`");
        insta::assert_snapshot!(denied, @r"reading `a` was denied: canary\u{1b}[31m words (AccessDeniedException)");
        let signature =
            refusal("InvalidSignatureException", 403).to_error(ErrorKind::Unauthenticated, "reading `a`");
        assert!(!format!("{signature:?}").contains("canary"));
    }

    #[test]
    fn an_invalid_code_is_not_shown() {
        for text in [
            "<html>canary",
            "canary-4711",
            "Canary",
            "CANARY",
            "CanaryPassw0rd",
            "canaryException",
            "Canary Exception",
            "AKIAIOSFODNN7EXAMPLE",
            &format!("{}Exception", "Canary".repeat(20)),
        ] {
            let refusal = AwsRefusal::plain(Some(text), 502);
            let error = refusal.to_error(refusal.kind(), "reading `a`");
            insta::allow_duplicates! {
                insta::assert_snapshot!(error, @"reading `a` failed inside AWS (HTTP 502)");
            }
        }
        for code in
            ["ThrottlingException", "EC2ThrottledException", "KMSAccessDeniedException", "NoSuchEntity"]
        {
            assert_eq!(
                AwsRefusal::plain(Some(code), 400).to_error(ErrorKind::Malformed, "x").code(),
                Some(code)
            );
        }
    }

    #[test]
    fn an_endpoint_may_not_know_an_operation() {
        let unknown = |code, status| AwsRefusal::plain(code, status).is_unknown_operation();
        assert!(unknown(Some("UnknownOperationException"), 400) && unknown(Some("InvalidAction"), 400));
        assert!(unknown(Some("InternalFailure"), 501) && unknown(None, 404) && unknown(None, 501));
        assert!(!unknown(Some("ResourceNotFoundException"), 404) && !unknown(Some("InternalFailure"), 500));
        assert!(!unknown(None, 403));
    }
}
