//! What Conjur's statuses mean. Its words are not shown, since they may hold what was sent.
//!
//! Sources: `conjur-openapi-spec` 5.3.2, and what the server of Conjur sends: 401 and most 403 have an empty
//! body, the rest `{"error": {"code": ..., "message": ...}}`.

use crate::error::{Error, ErrorKind};
use crate::http::NoAnswerHints;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::Refusal;
use crate::store::kit::vendor::Vendor;
use crate::value::json::Value;

use super::config::ADDRESS;

/// The service as its errors call it.
pub(super) const CONJUR: Vendor = Vendor {
    name: "Conjur",
    inside: "Conjur",
    server: "Conjur",
    rejects: "Conjur does not accept the token",
    address: ADDRESS.key,
};

/// What helps where no answer came.
pub(super) const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to Conjur, and `timeout`",
    certificate: "Name the CA that signed it in `ca_bundle`, and check the host of `address`",
    dns: "Check the host of `address`, and DNS",
    connect: "Check the network, HTTPS_PROXY and `address`",
    request: "Check `address`",
};

/// Whether Conjur itself wrote the error, and not a proxy.
pub(super) fn is_own(answer: &Answer) -> bool {
    let code = |body: &crate::value::json::Object| {
        body.get("error")?.as_object()?.get("code").and_then(Value::as_str).map(str::len)
    };
    answer.object().as_ref().and_then(code).is_some()
}

/// Whether the answer says that the variable is not there, has no value, or is not to be seen by this role.
pub(super) fn is_absent(answer: &Answer) -> bool {
    answer.status == 404 && is_own(answer)
}

/// Whether one of several variables is in the way: it is absent, may not be read, or is not text.
pub(super) fn is_about_one(answer: &Answer) -> bool {
    is_absent(answer) || matches!(answer.status, 403 | 406 | 414 | 422)
}

/// An answer that is an error.
pub(super) fn refused(answer: &Answer, subject: &str) -> Error {
    let is_own = is_own(answer);
    let kind = match answer.status {
        422 if is_own => ErrorKind::InvalidName,
        404 if is_own => ErrorKind::Config,
        status => ErrorKind::of_status(status),
    };
    let what = match kind {
        ErrorKind::Config => "failed, since Conjur knows no such account".into(),
        kind => CONJUR.what_happened(kind, is_own),
    };
    let hint = match kind {
        ErrorKind::Denied => {
            "Give the role the privileges `read` and `execute`, as `strongroom policy conjur` shows"
                .to_owned()
        }
        ErrorKind::Unauthenticated => {
            "Check `account`, and that the role still exists and may log in from this address".to_owned()
        }
        ErrorKind::Config => "Check `account`".to_owned(),
        ErrorKind::InvalidName => "Check prefix and id: Conjur does not take them for a variable".to_owned(),
        ErrorKind::Malformed => CONJUR.check_address(),
        ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
        _ => "Try again later".to_owned(),
    };
    Refusal::of(answer).to_error(kind, format!("{subject} {what}")).with_hint(hint)
}

/// A login that was refused. `names` are the options that hold it, `hint` is what to check.
pub(super) fn login_refused(answer: &Answer, subject: &str, names: &str, hint: &'static str) -> Error {
    let is_refused = matches!(answer.status, 401 | 403) || answer.status == 400 && is_own(answer);
    if !is_refused {
        return refused(answer, subject);
    }
    let text = format!("{subject} was refused, since Conjur does not accept {names}");
    Refusal::of(answer).to_error(ErrorKind::Unauthenticated, text).with_hint(hint)
}

/// A value that is not text.
pub(super) fn binary(subject: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("{subject}: the value is not text in UTF-8"))
        .with_hint("Store text, and binary content such as a keystore in base64")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = r#"{"error": {"code": "not_found", "message": "canary"}}"#;

    #[test]
    fn a_status_has_the_meaning_of_conjur_in_its_own_errors_alone() {
        for (status, body, kind) in [
            (401, "", ErrorKind::Unauthenticated),
            (403, "", ErrorKind::Denied),
            (404, OWN, ErrorKind::Config),
            (404, "<html>canary", ErrorKind::Malformed),
            (422, OWN, ErrorKind::InvalidName),
            (302, "", ErrorKind::Malformed),
            (429, "", ErrorKind::Throttled),
            (500, OWN, ErrorKind::Unreachable),
            (503, "<html>canary", ErrorKind::Unreachable),
        ] {
            let error = refused(&Answer::of(status, &[], body), "reading `a`");
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert!(error.hint().is_some() && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn absence_is_what_conjur_itself_says() {
        for (status, body, is) in
            [(404, OWN, true), (404, "<html>", false), (404, "{}", false), (403, OWN, false)]
        {
            assert_eq!(is_absent(&Answer::of(status, &[], body)), is, "{status} {body}");
        }
        for (status, body, is) in
            [(404, "<html>", false), (403, "", true), (406, "", true), (401, "", false), (500, "", false)]
        {
            assert_eq!(is_about_one(&Answer::of(status, &[], body)), is, "{status} {body}");
        }
    }

    #[test]
    fn a_login_that_is_refused_is_not_an_outage() {
        for (status, body, kind) in [
            (401, "", ErrorKind::Unauthenticated),
            (403, "", ErrorKind::Unauthenticated),
            (400, OWN, ErrorKind::Unauthenticated),
            (400, "<html>", ErrorKind::Malformed),
            (503, "", ErrorKind::Unreachable),
        ] {
            let error = login_refused(&Answer::of(status, &[], body), "logging in", "`login`", "Check it");
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
