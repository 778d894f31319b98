//! What Secret Server's refusals mean. Its words are not shown, since they may hold what was sent.
//!
//! Source: `BadRequestResponse` and `AuthenticationFailedResponse` of the "Secret Server Rest API" 11.7.2:
//! 400 for what may not be read and for what is not there, 403 for a token that is not accepted.

use crate::error::{Error, ErrorKind};
use crate::http::NoAnswerHints;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::{Refusal, is_oauth_code};
use crate::store::kit::vendor::Vendor;
use crate::value::json::{Object, Value};

use super::config::ADDRESS;
use super::record::Record;

/// The service as its errors call it.
pub(super) const SECRET_SERVER: Vendor = Vendor {
    name: "Secret Server",
    inside: "Secret Server",
    server: "Secret Server",
    rejects: "Secret Server does not accept the token",
    address: ADDRESS.key,
};

/// What helps where no answer came.
pub(super) const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to Secret Server, and `timeout`",
    certificate: "Name the CA that signed it in `ca_bundle`, and check the host of `address`",
    dns: "Check the host of `address`, and DNS",
    connect: "Check the network, HTTPS_PROXY and `address`",
    request: "Check `address`",
};

const LONGEST_CODE: usize = 64;

/// Whether Secret Server itself wrote the error, and not a proxy.
pub(super) fn is_own(answer: &Answer) -> bool {
    answer.object().is_some_and(|body| body.contains_key("message") || body.contains_key("errorCode"))
}

/// Whether the answer is about the token, which may have ended, and not about what was asked for.
pub(super) fn is_token_refused(answer: &Answer) -> bool {
    answer.status == 401 || answer.status == 403 && is_own(answer) && !is_access_denied(answer)
}

/// Whether the answer says that this secret or folder is not to be had, for whatever reason.
pub(super) fn is_kept_back(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 404) && is_own(answer) || answer.status == 403 && is_access_denied(answer)
}

fn is_access_denied(answer: &Answer) -> bool {
    own_code(answer).is_some_and(|code| code == "API_AccessDenied")
}

/// An answer that is an error, whatever was asked for.
pub(super) fn refused(answer: &Answer, subject: &str) -> Error {
    let is_own = is_own(answer);
    let kind = match answer.status {
        400 | 404 if is_own => ErrorKind::Denied,
        status => ErrorKind::of_status(status),
    };
    let what = SECRET_SERVER.what_happened(kind, is_own);
    let hint = match kind {
        ErrorKind::Denied => {
            "Give the user a role and a permission of the folder that let it view secrets".into()
        }
        ErrorKind::Unauthenticated => "Check that the user may use web services".into(),
        ErrorKind::Malformed => SECRET_SERVER.check_address(),
        ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
        _ => "Try again later".to_owned(),
    };
    let refusal = Refusal::of(answer).with_code(own_code(answer));
    refusal.to_error(kind, format!("{subject} {what}")).with_hint(hint)
}

/// Secret Server's own code, such as `API_AccessDenied`.
fn own_code(answer: &Answer) -> Option<String> {
    let body = answer.object()?;
    let code = body.get("errorCode")?.as_str()?;
    let is_word = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_code = code.starts_with("API_") && code.len() <= LONGEST_CODE && code.bytes().all(is_word);
    is_code.then(|| code.to_owned())
}

/// A login that was refused. `names` are the options that hold its name and its secret.
pub(super) fn login_refused(answer: &Answer, subject: &str, names: &str) -> Error {
    let code = answer.object().and_then(|body| oauth_code(&body));
    let is_refused = matches!(answer.status, 400 | 401 | 403) && (code.is_some() || is_own(answer));
    if !is_refused {
        return refused(answer, subject);
    }
    let text = format!("{subject} was refused, since Secret Server does not accept {names}");
    Refusal::of(answer)
        .with_code(code)
        .to_error(ErrorKind::Unauthenticated, text)
        .with_hint(format!("Check {names}, that the user is not locked, and that it may use web services"))
}

fn oauth_code(body: &Object) -> Option<String> {
    let code = body.get("error").and_then(Value::as_str);
    code.filter(|code| is_oauth_code(code)).map(str::to_owned)
}

/// A secret that was asked for by its id, of which Secret Server does not say whether it is there.
pub(super) fn unknown_id(answer: &Answer, subject: &str) -> Error {
    let text = format!("{subject} was denied: the user may not view it, or there is no secret with this id");
    let refusal = Refusal::of(answer).with_code(own_code(answer));
    refusal.to_error(ErrorKind::Denied, text).with_hint("Check the id, and give the user the permission View")
}

/// A secret that is there and was kept back, for the reason that its record has.
pub(super) fn kept_back(answer: &Answer, record: &Record, subject: &str) -> Error {
    let (what, hint) = if record.is("requiresApproval") {
        ("it requires an approval", "Approve an access request of the user, or exempt it under Security")
    } else if record.is("doubleLockEnabled") {
        ("it has a DoubleLock, which takes a password of its own", "Take the DoubleLock off the secret")
    } else if record.is("checkOutEnabled") {
        let what = "it has to be checked out, which a lookup never does: that keeps others out, and may \
            change the password afterwards";
        (what, "Take the checkout off the secret, or keep a copy without one for Airflow")
    } else if record.is("requiresComment") {
        ("it requires a comment", "Write `comment`, or take the requirement off the secret")
    } else {
        ("the user may not view it", "Give the user the permission View of this secret, or of its folder")
    };
    let refusal = Refusal::of(answer).with_code(own_code(answer));
    refusal.to_error(ErrorKind::Denied, format!("{subject} was denied: {what}")).with_hint(hint)
}

/// Several secrets of one name, of which none is the right one.
pub(super) fn ambiguous(ids: &[&str], subject: &str) -> Error {
    let (count, ids) = (ids.len(), ids.join(", "));
    let what = format!("{subject}: {count} secrets in this folder have the name (ids {ids})");
    Error::new(ErrorKind::Malformed, what).with_hint("Rename or delete all of them but one")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENIED: &str = r#"{"message": "canary", "errorCode": "API_AccessDenied"}"#;

    #[test]
    fn a_refusal_has_the_meaning_of_its_status_and_the_code_of_secret_server() {
        for (status, body, kind, label) in [
            (400, DENIED, ErrorKind::Denied, "API_AccessDenied"),
            (404, r#"{"message": "canary"}"#, ErrorKind::Denied, "HTTP 404"),
            (403, r#"{"message": "canary"}"#, ErrorKind::Denied, "HTTP 403"),
            (400, r#"{"message": "", "errorCode": "API_canary1"}"#, ErrorKind::Denied, "HTTP 400"),
            (400, "<html>", ErrorKind::Malformed, "HTTP 400"),
            (404, "<html>", ErrorKind::Malformed, "HTTP 404"),
            (302, "", ErrorKind::Malformed, "HTTP 302"),
            (429, "", ErrorKind::Throttled, "HTTP 429"),
            (500, r#"{"message": "canary"}"#, ErrorKind::Unreachable, "HTTP 500"),
        ] {
            let error = refused(&Answer::of(status, &[], body), "reading `a`");
            assert_eq!((error.kind(), error.code()), (kind, Some(label)), "{status} {body}");
            assert!(error.hint().is_some() && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn only_secret_servers_own_answers_are_about_the_token() {
        let own = r#"{"message": "canary"}"#;
        for (status, body, is_refused, is_kept) in [
            (401, "", true, false),
            (403, own, true, false),
            (403, DENIED, false, true),
            (403, "<html>", false, false),
            (400, DENIED, false, true),
            (400, own, false, true),
            (404, "<html>", false, false),
        ] {
            let answer = Answer::of(status, &[], body);
            let found = (is_token_refused(&answer), is_kept_back(&answer));
            assert_eq!(found, (is_refused, is_kept), "{status} {body}");
        }
    }

    #[test]
    fn a_login_that_is_refused_is_not_an_outage() {
        for (status, body, kind, label) in [
            (400, r#"{"error": "invalid_grant"}"#, ErrorKind::Unauthenticated, "invalid_grant"),
            (400, r#"{"error": "Canary words"}"#, ErrorKind::Malformed, "HTTP 400"),
            (403, r#"{"message": "canary"}"#, ErrorKind::Unauthenticated, "HTTP 403"),
            (503, "<html>", ErrorKind::Unreachable, "HTTP 503"),
            (404, "<html>", ErrorKind::Malformed, "HTTP 404"),
        ] {
            let error = login_refused(&Answer::of(status, &[], body), "logging in", "`username`");
            assert_eq!((error.kind(), error.code()), (kind, Some(label)), "{status} {body}");
            assert!(!error.to_string().to_lowercase().contains("canary"), "{error}");
        }
    }

    #[test]
    fn the_reason_of_a_refusal_is_named_with_its_remedy() {
        let answer = Answer::of(400, &[], DENIED);
        for (fields, text) in [
            (r#""requiresApproval": true"#, "it requires an approval"),
            (r#""doubleLockEnabled": true"#, "it has a DoubleLock"),
            (r#""checkOutEnabled": true, "requiresComment": true"#, "it has to be checked out"),
            (r#""requiresComment": true"#, "it requires a comment"),
            (r#""requiresComment": false"#, "the user may not view it"),
        ] {
            let record = Record::of_json(&format!("{{{fields}}}"));
            let error = kept_back(&answer, &record, "reading `a`");
            assert!(error.to_string().starts_with(&format!("reading `a` was denied: {text}")), "{error}");
            assert_eq!((error.kind(), error.hint().is_some()), (ErrorKind::Denied, true));
        }
    }
}
