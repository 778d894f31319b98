//! What the statuses of the API server mean. Its words are not shown, since they may hold what was sent.

use crate::error::{Error, ErrorKind, Result};
use crate::redact::{Shown, quoted_path};
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::Refusal;
use crate::store::kit::vendor::Vendor;
use crate::value::json::{Object, Value};

use super::config::{ADDRESS, is_namespace};

/// The service in words.
pub(super) const KUBERNETES: Vendor = Vendor {
    name: "Kubernetes",
    inside: "the API server",
    server: "the API server",
    rejects: "Kubernetes does not accept the token",
    address: ADDRESS.key,
};

/// The longest reason that is shown.
const LONGEST_REASON: usize = 40;

/// What an answer that is an error means, for the secrets of a namespace.
pub(super) fn refused(answer: &Answer, subject: &str, namespace: &str) -> Error {
    let status = answer.object().filter(|body| body.get("kind").and_then(Value::as_str) == Some("Status"));
    let is_own = status.is_some();
    let kind = match answer.status {
        // No selector, no such API below the address, a listing that took too long.
        400 | 404 if is_own => ErrorKind::Config,
        410 if is_own => ErrorKind::Unreachable,
        other => ErrorKind::of_status(other),
    };
    let place = Shown(namespace);
    let what = match kind {
        ErrorKind::Denied if is_own => format!("was denied in namespace `{place}`").into(),
        ErrorKind::Config => "was refused as a request that cannot be answered".into(),
        kind => KUBERNETES.what_happened(kind, is_own),
    };
    let refusal = Refusal::of(answer).with_code(status.as_ref().and_then(reason));
    refusal.to_error(kind, format!("{subject} {what}")).with_hint(hint(kind))
}

fn hint(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::Denied => {
            "Let the service account list secrets in that namespace: `strongroom policy kubernetes` \
            prints the Role"
                .to_owned()
        }
        ErrorKind::Unauthenticated => "The token may be expired, or its service account deleted: check \
            `service_account_path`, or `token` where it is written"
            .to_owned(),
        ErrorKind::Config => "Correct the labels, and check `endpoint_url`".to_owned(),
        ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
        ErrorKind::Malformed => KUBERNETES.check_address(),
        _ => "Try again later".to_owned(),
    }
}

/// The reason of a `Status`, such as `Forbidden`: one word.
fn reason(status: &Object) -> Option<String> {
    let reason = status.get("reason")?.as_str()?;
    let is_word = !reason.is_empty() && reason.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_word && reason.len() <= LONGEST_REASON).then(|| reason.to_owned())
}

/// The namespace is unknown, and so is what to ask for.
pub(super) fn no_namespace(path: &std::path::Path) -> Error {
    let what = format!("the namespace of the service account is not in {}", quoted_path(path));
    Error::config(what).with_hint(
        "Write `namespace`; the file is missing outside of a pod and without `automountServiceAccountToken`",
    )
}

/// The same namespace, if it can be one.
pub(super) fn checked_namespace(text: &str) -> Result<String> {
    if is_namespace(text) {
        return Ok(text.to_owned());
    }
    Err(Error::config(format!("`{}` cannot be the name of a namespace", Shown(text)))
        .with_hint("Correct `namespace`: it has up to 63 small letters, digits and dashes"))
}

/// There is no token.
pub(super) fn no_token(path: &std::path::Path) -> Error {
    let what = format!("the token of the service account cannot be read from {}", quoted_path(path));
    Error::new(ErrorKind::Unauthenticated, what)
        .with_hint("Let the pod have one (`automountServiceAccountToken`), or write `token`")
}

/// What is no token.
pub(super) fn bad_token() -> Error {
    Error::new(ErrorKind::Unauthenticated, "the token for Kubernetes has characters that no token can have")
        .with_hint("Check `token`, or the file of the service account")
}

/// The value of a secret that is not text.
pub(super) fn binary(name: &str, key: &str) -> Error {
    let what = format!("the key `{}` of the secret `{}` is not text in UTF-8", Shown(key), Shown(name));
    Error::new(ErrorKind::Malformed, what)
        .with_hint("Store text, and binary content such as a keystore in base64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_apart() {
        let status = |code: u16, reason: &str| {
            format!(r#"{{"kind": "Status", "code": {code}, "reason": "{reason}", "message": "canary"}}"#)
        };
        for (code, reason, kind, text) in [
            (403, "Forbidden", ErrorKind::Denied, "was denied in namespace `airflow`"),
            (401, "Unauthorized", ErrorKind::Unauthenticated, "was refused, since Kubernetes does"),
            (400, "BadRequest", ErrorKind::Config, "was refused as a request that cannot be answered"),
            (410, "Expired", ErrorKind::Unreachable, "failed inside the API server"),
            (429, "TooManyRequests", ErrorKind::Throttled, "was throttled"),
            (500, "InternalError", ErrorKind::Unreachable, "failed inside the API server"),
        ] {
            let error = refused(&Answer::of(code, &[], &status(code, reason)), "reading `a`", "airflow");
            assert_eq!((error.kind(), error.code()), (kind, Some(reason)));
            assert!(error.message().starts_with(&format!("reading `a` {text}")), "{error}");
            assert!(error.hint().is_some() && !error.to_string().contains("canary"));
        }
        let page = refused(&Answer::of(404, &[], "<html>"), "reading `a`", "airflow");
        assert_eq!((page.kind(), page.code()), (ErrorKind::Malformed, Some("HTTP 404")));
        let odd = refused(&Answer::of(403, &[], &status(403, "canary 1")), "reading `a`", "airflow");
        assert_eq!(odd.code(), Some("HTTP 403"));
    }
}
