//! From the errors of Secret Manager to [`Error`]: by status and reason, never by message text.
//!
//! Sources: `google.rpc.Code` and `google.rpc.ErrorInfo` (AIP-193), "Error model" of Google's API design
//! guide, and the measurements of the official class, which turns `NOT_FOUND`, `PERMISSION_DENIED` and
//! `INVALID_ARGUMENT` into `None`.

use std::error::Error as StdError;
use std::time::Duration;

use google_cloud_gax::error::rpc::{Code, Status, StatusDetails};
use google_cloud_gax::error::{CredentialsError, Error as SdkError};

use crate::error::{Error, ErrorKind};
use crate::http::{NoAnswerHints, TransportError};
use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::kit::refusal;

pub(super) const READ: &str = "AccessSecretVersion";
const LIST: &str = "ListSecrets";
pub(super) const DESCRIBE: &str = "GetSecret";
pub(super) const DESCRIBE_VERSION: &str = "GetSecretVersion";

/// What a version of a secret can be besides enabled (`SecretVersion.State`).
const STATES: [&str; 2] = ["DISABLED", "DESTROYED"];

/// The domain of the reasons below.
const GOOGLE_DOMAIN: &str = "googleapis.com";

/// An answer that reports an error.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Refusal {
    http: u16,
    /// The status, if Google itself answered.
    code: Option<Code>,
    reason: Option<String>,
    message: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads status and details of an answer.
    pub(super) fn new(http: u16, headers: Option<&http::HeaderMap>, content: Option<&bytes::Bytes>) -> Self {
        let status = content.and_then(|content| Status::try_from(content).ok());
        // `Unknown` is also the default for a body that names no code; then the HTTP status says more.
        let code = status.as_ref().map(|status| status.code).filter(|code| *code != Code::Unknown);
        let details = status.as_ref().map(|status| status.details.as_slice()).unwrap_or_default();
        Self {
            http,
            code,
            reason: details.iter().find_map(reason),
            retry_after: details
                .iter()
                .find_map(retry_delay)
                .or_else(|| headers.and_then(refusal::retry_after)),
            message: status.map(|status| status.message).unwrap_or_default(),
        }
    }

    /// Whether the reason is `reason`.
    pub(super) fn is(&self, reason: &str) -> bool {
        self.reason.as_deref() == Some(reason)
    }

    /// Its kind of error. A 404 that does not come from Google itself is not an absence.
    pub(super) fn kind(&self) -> ErrorKind {
        match self.code {
            Some(Code::PermissionDenied) => ErrorKind::Denied,
            Some(Code::Unauthenticated) => ErrorKind::Unauthenticated,
            Some(Code::ResourceExhausted) => ErrorKind::Throttled,
            Some(Code::InvalidArgument) => ErrorKind::InvalidName,
            Some(Code::DeadlineExceeded) => ErrorKind::Timeout,
            // gRPC's codes for failures of the server, which may pass.
            Some(Code::Unavailable | Code::Internal | Code::Aborted | Code::Cancelled | Code::DataLoss) => {
                ErrorKind::Unreachable
            }
            Some(_) => ErrorKind::Malformed,
            None => ErrorKind::of_status(self.http),
        }
    }

    /// The error of a call about `subject`.
    pub(super) fn to_error(&self, subject: &str) -> Error {
        let kind = self.kind();
        let mut text = format!("{subject} {}", self.what_happened(kind));
        if let Some(message) = self.shown_message() {
            text = format!("{text}: {message}");
        }
        Error::new(kind, text).with_code(self.label()).temporary_in_outage(self.retry_after)
    }

    /// The service's own message, if it names a permission. Others may echo what was sent; of a message about
    /// a state, only the state is shown.
    fn shown_message(&self) -> Option<String> {
        match self.code? {
            Code::PermissionDenied => {
                let message = Some(self.message.trim_end_matches('.')).filter(|message| !message.is_empty());
                message.map(|message| Shown(message).to_string())
            }
            Code::FailedPrecondition => {
                let state = STATES.into_iter().find(|state| self.message.contains(&format!("{state} state")));
                state.map(|state| format!("the version is {state}"))
            }
            _ => None,
        }
    }

    fn what_happened(&self, kind: ErrorKind) -> &'static str {
        match kind {
            ErrorKind::Denied => "was denied",
            ErrorKind::Unauthenticated => "was refused, since Google does not accept the credentials",
            ErrorKind::Throttled => "was throttled",
            ErrorKind::Unreachable => "failed inside Google Cloud",
            ErrorKind::Timeout => "took Google Cloud too long",
            ErrorKind::InvalidName => "was refused as invalid",
            _ if self.code.is_some() => "was refused",
            _ => "failed with an answer that is not understood",
        }
    }

    /// The reason, if it is more precise than the status.
    fn label(&self) -> String {
        match (&self.reason, self.code) {
            (Some(reason), Some(_)) => reason.clone(),
            (None, Some(code)) => code.name().to_owned(),
            _ => format!("HTTP {}", self.http),
        }
    }
}

/// A reason is an upper-case name; anything else did not come from Google.
fn reason(detail: &StatusDetails) -> Option<String> {
    let StatusDetails::ErrorInfo(info) = detail else { return None };
    let is_name =
        info.reason.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    (is_name && !info.reason.is_empty() && info.reason.len() <= 63 && info.domain.ends_with(GOOGLE_DOMAIN))
        .then(|| info.reason.clone())
}

fn retry_delay(detail: &StatusDetails) -> Option<Duration> {
    let StatusDetails::RetryInfo(info) = detail else { return None };
    Duration::try_from(info.retry_delay?).ok()
}

/// A login that failed within a call: an error of our own, passed through the SDK's.
impl From<Error> for SdkError {
    fn from(error: Error) -> Self {
        Self::authentication(CredentialsError::from_source(error.is_temporary(), error))
    }
}

fn login_error(error: &SdkError) -> Option<&Error> {
    let own = error.source().filter(|_| error.is_authentication());
    own.and_then(|cause| cause.source()?.downcast_ref())
}

/// How a call failed.
fn failure(error: &SdkError, subject: &str) -> Result<Refusal, Error> {
    if let Some(login) = login_error(error) {
        return Err(login.clone());
    }
    if let Some(status) = error.http_status_code() {
        return Ok(Refusal::new(status, error.http_headers(), error.http_payload()));
    }
    if let Some(transport) = error.source().and_then(|cause| cause.downcast_ref::<TransportError>()) {
        return Err(transport_error(transport, subject));
    }
    if error.is_deserialization() {
        return Err(Error::new(ErrorKind::Malformed, format!("{subject}: the answer is not understood"))
            .with_hint(NOT_GOOGLE));
    }
    Err(Error::config(format!("{subject}: the request cannot be built"))
        .with_hint("Check `project_id` and `endpoint_url`"))
}

const NOT_GOOGLE: &str = "Check `endpoint_url` and proxies: something else than Google may have answered";

/// The error of a failed read; `None` means that the secret does not exist, or has no version.
pub(super) fn read_error(error: &SdkError, name: &SecretName, project: &str) -> Option<Error> {
    let subject = format!("reading `{name}`");
    let error = match failure(error, &subject) {
        Ok(refusal) if refusal.code == Some(Code::NotFound) => return None,
        Ok(refusal) => refused_read(&refusal, &subject, name, project),
        Err(error) => error,
    };
    Some(error.with_operation(READ))
}

fn refused_read(refusal: &Refusal, subject: &str, name: &SecretName, project: &str) -> Error {
    let error =
        refusal.to_error(subject).with_hint(hint(refusal, project, || read_permission(name, project)));
    // Without the permission on a name Google does not say whether it exists, so a denied team name may be
    // absent.
    let may_be_absence = matches!(refusal.code, Some(Code::PermissionDenied | Code::InvalidArgument));
    if may_be_absence { error.as_upstream_absence() } else { error }
}

fn read_permission(name: &SecretName, project: &str) -> String {
    format!(
        "Give this identity roles/secretmanager.secretAccessor on `{name}` in project `{project}`, and check \
        that this is the right project; a role that was just given takes some minutes to act. If there is no \
        such secret: Google denies names that do not exist, too, to an identity with roles on single secrets \
        only; give it the role on the project, with a condition on the name"
    )
}

/// The error of a failed description; `None` means that the secret, or the version, does not exist. The
/// permissions are those of the operations' reference.
pub(super) fn describe_error(
    error: &SdkError,
    name: &SecretName,
    project: &str,
    operation: &'static str,
) -> Option<Error> {
    let subject = format!("describing `{name}`");
    let permission =
        if operation == DESCRIBE { "secretmanager.secrets.get" } else { "secretmanager.versions.get" };
    let error = match failure(error, &subject) {
        Ok(refusal) if refusal.code == Some(Code::NotFound) => return None,
        Ok(refusal) => refusal.to_error(&subject).with_hint(hint(&refusal, project, || {
            format!(
                "Give this identity {permission} on `{name}` in project `{project}`, as in \
            roles/secretmanager.viewer"
            )
        })),
        Err(error) => error,
    };
    Some(error.with_operation(operation))
}

/// The error of a failed listing.
pub(super) fn list_error(error: &SdkError, prefix: &str, project: &str) -> Error {
    let subject = format!("listing the secrets that begin with `{}`", Shown(prefix));
    let error = match failure(error, &subject) {
        Ok(refusal) => {
            refusal.to_error(&subject).with_hint(hint(&refusal, project, || list_permission(project)))
        }
        Err(error) => error,
    };
    error.with_operation(LIST)
}

fn list_permission(project: &str) -> String {
    format!(
        "Give this identity secretmanager.secrets.list in project `{project}`, as in \
        roles/secretmanager.viewer"
    )
}

fn hint(refusal: &Refusal, project: &str, permission: impl FnOnce() -> String) -> String {
    match (refusal.code, refusal.kind()) {
        (Some(Code::PermissionDenied), _) => denied_hint(refusal, project).unwrap_or_else(permission),
        (Some(Code::FailedPrecondition), _) => {
            "The latest version is disabled, destroyed or expired: enable it (`gcloud secrets versions \
            enable`) or add another one (`gcloud secrets versions add`)"
                .to_owned()
        }
        (Some(Code::NotFound), _) => format!("Check the project `{project}` and `location`"),
        (_, ErrorKind::Denied) => "Check proxies: it was not Google that denied".to_owned(),
        (_, ErrorKind::Unauthenticated) => {
            "Check that the key is still enabled, that the service account exists, and this machine's clock"
                .to_owned()
        }
        (_, ErrorKind::InvalidName) => "A name has 1 to 255 letters, digits, - and _".to_owned(),
        (_, ErrorKind::Throttled) => {
            format!("Ask less often (a longer `cache_ttl`), or have the quota of project `{project}` raised")
        }
        (_, ErrorKind::Unreachable | ErrorKind::Timeout) => {
            "Google Cloud usually recovers by itself; see status.cloud.google.com".to_owned()
        }
        _ => NOT_GOOGLE.to_owned(),
    }
}

/// Hints for reasons other than a missing permission (`google/api/error_reason.proto`).
fn denied_hint(refusal: &Refusal, project: &str) -> Option<String> {
    Some(match refusal.reason.as_deref()? {
        "SERVICE_DISABLED" => format!(
            "Enable the API: `gcloud services enable secretmanager.googleapis.com --project {project}`, or \
            correct `project_id`"
        ),
        "BILLING_DISABLED" => format!("Link project `{project}` to a billing account"),
        "CONSUMER_INVALID" | "RESOURCE_PROJECT_INVALID" => {
            format!("There is no project `{project}`: correct `project_id`")
        }
        "CONSUMER_SUSPENDED" => format!("Project `{project}` is suspended: see the Google Cloud console"),
        "USER_PROJECT_DENIED" => {
            "Give this identity roles/serviceusage.serviceUsageConsumer on the quota project, or unset it"
                .to_owned()
        }
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => {
            "The token lacks the scope https://www.googleapis.com/auth/cloud-platform: see `gcp_scopes`, or \
            the access scopes of the virtual machine"
                .to_owned()
        }
        "SECURITY_POLICY_VIOLATED" => {
            "A VPC Service Controls perimeter forbids it: read from inside, or add an access level".to_owned()
        }
        _ => return None,
    })
}

/// The error of a call about `subject` that got no answer.
pub(super) fn transport_error(error: &TransportError, subject: &str) -> Error {
    error.to_error(subject, &NO_ANSWER)
}

const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to Google, and the proxy",
    certificate: "Name the CA that signed it in `ca_bundle`, and check that `endpoint_url` names the host in \
    it",
    dns: "Check `location`, `endpoint_url` and the DNS of this machine",
    connect: "Check `endpoint_url`, the proxy, and that this network may reach Google (Private Google Access \
    or NAT)",
    request: "Check the options of the backend",
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(http: u16, status: &str, reason: Option<&str>) -> Refusal {
        let details = reason.map(|reason| {
            json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                "domain": "googleapis.com"})
        });
        let details: Vec<_> = details.into_iter().collect();
        let body = json!({"error": {"code": http, "status": status, "message": "canary words.",
            "details": details}});
        Refusal::new(http, None, Some(&body.to_string().into()))
    }

    fn error_of(http: u16, status: &str, reason: Option<&str>) -> Error {
        refused_read(&refusal(http, status, reason), "reading `a`", &"a".into(), "p")
    }

    #[test]
    fn the_status_takes_precedence_over_http_and_each_has_a_hint() {
        for (http, status, kind, temporary, miss) in [
            (403, "PERMISSION_DENIED", ErrorKind::Denied, false, true),
            (400, "INVALID_ARGUMENT", ErrorKind::InvalidName, false, true),
            (400, "FAILED_PRECONDITION", ErrorKind::Malformed, false, false),
            (401, "UNAUTHENTICATED", ErrorKind::Unauthenticated, false, false),
            (429, "RESOURCE_EXHAUSTED", ErrorKind::Throttled, true, false),
            (503, "UNAVAILABLE", ErrorKind::Unreachable, true, false),
            (500, "INTERNAL", ErrorKind::Unreachable, true, false),
            (504, "DEADLINE_EXCEEDED", ErrorKind::Timeout, true, false),
            (501, "UNIMPLEMENTED", ErrorKind::Malformed, false, false),
            (403, "", ErrorKind::Denied, false, false),
            (404, "", ErrorKind::Malformed, false, false),
            (429, "", ErrorKind::Throttled, true, false),
            (502, "SURPRISE", ErrorKind::Unreachable, true, false),
            (302, "", ErrorKind::Malformed, false, false),
        ] {
            let error = error_of(http, status, None);
            assert_eq!(
                (error.kind(), error.is_temporary(), error.is_upstream_miss()),
                (kind, temporary, miss),
                "{http} {status}"
            );
            assert!(error.hint().is_some(), "{http} {status}");
        }
    }

    #[test]
    fn a_denied_read_says_why() {
        insta::assert_snapshot!(error_of(403, "PERMISSION_DENIED", None), @"reading `a` was denied: canary \
        words (PERMISSION_DENIED). Give this identity roles/secretmanager.secretAccessor on `a` in project \
        `p`, and check that this is the right project; a role that was just given takes some minutes to act. \
        If there is no such secret: Google denies names that do not exist, too, to an identity with roles on \
        single secrets only; give it the role on the project, with a condition on the name");
        insta::assert_snapshot!(error_of(403, "PERMISSION_DENIED", Some("SERVICE_DISABLED")), @"reading `a` \
        was denied: canary words (SERVICE_DISABLED). Enable the API: `gcloud services enable \
        secretmanager.googleapis.com --project p`, or correct `project_id`");
        insta::assert_snapshot!(error_of(400, "FAILED_PRECONDITION", None), @"reading `a` was refused \
        (FAILED_PRECONDITION). The latest version is disabled, destroyed or expired: enable it (`gcloud \
        secrets versions enable`) or add another one (`gcloud secrets versions add`)");
        for reason in
            ["BILLING_DISABLED", "CONSUMER_INVALID", "USER_PROJECT_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"]
        {
            let error = error_of(403, "PERMISSION_DENIED", Some(reason));
            assert_eq!(error.code(), Some(reason));
            assert!(!error.hint().unwrap_or_default().contains("secretAccessor"), "{reason}");
        }
        let unknown = error_of(403, "PERMISSION_DENIED", Some("IAM_PERMISSION_DENIED"));
        assert!(unknown.hint().unwrap_or_default().contains("secretAccessor"));
    }

    #[test]
    fn of_a_message_about_a_state_the_state_is_shown() {
        for state in STATES {
            let message = format!("Secret Version [projects/p/canary/versions/1] is in {state} state.");
            let body = json!({"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": message}});
            let refusal = Refusal::new(400, None, Some(&body.to_string().into()));
            let text = refused_read(&refusal, "reading `a`", &"a".into(), "p").to_string();
            assert!(
                text.starts_with(&format!("reading `a` was refused: the version is {state} (FAILED")),
                "{text}"
            );
            assert!(!text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn messages_that_may_echo_the_request_are_not_shown() {
        for (http, status) in [
            (401, "UNAUTHENTICATED"),
            (400, "INVALID_ARGUMENT"),
            (400, "FAILED_PRECONDITION"),
            (500, "INTERNAL"),
        ] {
            assert!(!format!("{:?}", error_of(http, status, None)).contains("canary"), "{status}");
        }
        let odd = error_of(403, "PERMISSION_DENIED", Some("canary reason"));
        assert_eq!(odd.code(), Some("PERMISSION_DENIED"));
    }

    #[test]
    fn the_wait_comes_from_the_details_or_the_header() {
        let body = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"}]}});
        let headers =
            http::HeaderMap::from_iter([(http::header::RETRY_AFTER, http::HeaderValue::from_static("3"))]);
        let wait = |content: Option<&bytes::Bytes>| {
            Refusal::new(429, Some(&headers), content).to_error("x").retry_after()
        };
        assert_eq!(wait(Some(&body.to_string().into())), Some(Duration::from_millis(7500)));
        assert_eq!(wait(None), Some(Duration::from_secs(3)));
    }
}
