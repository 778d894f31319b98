//! What refusals of the web access mean. Its words are not shown, since they may hold what was sent.
//!
//! Source: "Return codes" of the documentation of the Privileged Access Manager, and `cyberark.py` of
//! `aiobastion` 0.1.9.

use crate::error::{Error, ErrorKind};
use crate::http::NoAnswerHints;
use crate::store::kit::answer::Answer;
use crate::store::kit::place::Place;
use crate::store::kit::refusal::{Refusal, is_oauth_code};
use crate::store::kit::vendor::Vendor;
use crate::value::json::Value;

use super::account::Account;
use super::config::ADDRESS;

/// The service as its errors call it.
pub(super) const CYBERARK: Vendor = Vendor {
    name: "CyberArk",
    inside: "CyberArk",
    server: "CyberArk",
    rejects: "CyberArk does not accept the session",
    address: ADDRESS.key,
};

/// What helps where no answer came.
pub(super) const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to CyberArk, and `timeout`",
    certificate: "Name the CA that signed it in `ca_bundle`, and check the host of `address`",
    dns: "Check the host of `address`, and DNS",
    connect: "Check the network, HTTPS_PROXY and `address`",
    request: "Check `address`",
};

/// The session is missing, invalid or has ended.
const SESSION_OVER: &str = "PASWS006E";
/// The platform of an account requires a reason.
const NO_REASON: &str = "PASWS204E";
/// RADIUS asks for another factor.
const CHALLENGE: &str = "ITATS542I";
const LONGEST_CODE: usize = 16;

/// Whether the web access itself wrote the error, and not a proxy.
fn is_own(answer: &Answer) -> bool {
    answer.object().is_some_and(|body| body.contains_key("ErrorCode"))
}

/// CyberArk's own code, such as `PASWS006E`.
fn own_code(answer: &Answer) -> Option<String> {
    let body = answer.object()?;
    let code = body.get("ErrorCode").and_then(Value::as_str)?;
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let is_code = (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(is_letter);
    is_code.then(|| code.to_owned())
}

fn has_code(answer: &Answer, code: &str) -> bool {
    own_code(answer).is_some_and(|own| own == code)
}

/// Whether the answer is about the session, which may have ended, and not about what was asked for.
pub(super) fn is_session_over(answer: &Answer) -> bool {
    answer.status == 401 || has_code(answer, SESSION_OVER)
}

/// Whether CyberArk says that there is no such account.
pub(super) fn is_gone(answer: &Answer) -> bool {
    answer.status == 404 && is_own(answer)
}

/// An answer that is an error, for what is in `place`.
pub(super) fn refused(answer: &Answer, subject: &str, place: &Place) -> Error {
    let (is_own, needs_reason) = (is_own(answer), has_code(answer, NO_REASON));
    let kind = match answer.status {
        404 if is_own => ErrorKind::Config,
        _ if needs_reason => ErrorKind::Denied,
        _ if is_session_over(answer) => ErrorKind::Unauthenticated,
        status => ErrorKind::of_status(status),
    };
    let what = match kind {
        ErrorKind::Denied if needs_reason => "was denied: its platform requires a reason".into(),
        ErrorKind::Denied if is_own => format!("was denied: the user may not do that in {place}").into(),
        ErrorKind::Config => format!("failed, since {place} does not exist, or not for this user").into(),
        kind => CYBERARK.what_happened(kind, is_own),
    };
    let hint = match kind {
        ErrorKind::Denied if needs_reason => {
            "Write `reason`, or take the requirement off the platform".into()
        }
        ErrorKind::Denied => {
            "Give the user the permissions List accounts and Retrieve accounts of the safe, \
            without dual control"
                .to_owned()
        }
        ErrorKind::Config => "Correct `safe`, or make the user a member of it".into(),
        ErrorKind::Unauthenticated => "Check that nothing else ends the sessions of this user".into(),
        ErrorKind::Malformed => CYBERARK.check_address(),
        ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
        _ => "Try again later".to_owned(),
    };
    let refusal = Refusal::of(answer).with_code(own_code(answer));
    refusal.to_error(kind, format!("{subject} {what}")).with_hint(hint)
}

/// A login that was refused.
pub(super) fn login_refused(answer: &Answer, subject: &str, place: &Place) -> Error {
    let oauth = answer.object().and_then(|body| {
        let code = body.get("error").and_then(Value::as_str);
        code.filter(|code| is_oauth_code(code)).map(str::to_owned)
    });
    let (what, hint) = match answer.status {
        409 if is_own(answer) => {
            ("the password of `username` has expired", "Change it, and write the new one")
        }
        500 if has_code(answer, CHALLENGE) => (
            "RADIUS asks for another factor, which no program has",
            "Exempt the user from it, or choose another `auth`",
        ),
        400 | 401 | 403 if is_own(answer) || oauth.is_some() => (
            "CyberArk does not accept `username` and `password`",
            "Check both and `auth`, and that the user is neither suspended nor disabled",
        ),
        _ => return refused(answer, subject, place),
    };
    Refusal::of(answer)
        .with_code(own_code(answer).or(oauth))
        .to_error(ErrorKind::Unauthenticated, format!("{subject} was refused, since {what}"))
        .with_hint(hint)
}

/// Several accounts of one name, of which none is the right one.
pub(super) fn ambiguous(found: &[Account], subject: &str) -> Error {
    let (count, places): (_, Vec<_>) = (found.len(), found.iter().map(Account::place).collect());
    let what = format!("{subject}: {count} accounts have the name ({})", places.join(", "));
    Error::new(ErrorKind::Malformed, what)
        .with_hint("Name their safe in `safe`, or rename or delete all of them but one")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVER: &str = r#"{"ErrorCode": "PASWS006E", "ErrorMessage": "canary"}"#;
    const DENIED: &str = r#"{"ErrorCode": "PASWS041E", "ErrorMessage": "canary"}"#;
    const REASON: &str = r#"{"ErrorCode": "PASWS204E", "ErrorMessage": "canary"}"#;

    #[test]
    fn a_refusal_has_the_meaning_of_its_status_and_code() {
        for (status, body, kind, label) in [
            (401, OVER, ErrorKind::Unauthenticated, "PASWS006E"),
            (403, OVER, ErrorKind::Unauthenticated, "PASWS006E"),
            (403, DENIED, ErrorKind::Denied, "PASWS041E"),
            (400, REASON, ErrorKind::Denied, "PASWS204E"),
            (400, DENIED, ErrorKind::Malformed, "PASWS041E"),
            (404, DENIED, ErrorKind::Config, "PASWS041E"),
            (403, r#"{"ErrorCode": "canary words"}"#, ErrorKind::Denied, "HTTP 403"),
            (404, "<html>", ErrorKind::Malformed, "HTTP 404"),
            (429, "", ErrorKind::Throttled, "HTTP 429"),
            (500, DENIED, ErrorKind::Unreachable, "PASWS041E"),
        ] {
            let error = refused(&Answer::of(status, &[], body), "reading `a`", &Place::of("safe", Some("S")));
            assert_eq!((error.kind(), error.code()), (kind, Some(label)), "{status} {body}");
            assert!(error.hint().is_some() && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_login_that_is_refused_is_not_an_outage() {
        let challenge = r#"{"ErrorCode": "ITATS542I", "ErrorMessage": "canary"}"#;
        for (status, body, kind, text) in [
            (403, r#"{"ErrorCode": "ITATS004E"}"#, ErrorKind::Unauthenticated, "does not accept `username`"),
            (401, r#"{"error": "access_denied"}"#, ErrorKind::Unauthenticated, "does not accept `username`"),
            (409, r#"{"ErrorCode": "ITATS532E"}"#, ErrorKind::Unauthenticated, "has expired"),
            (500, challenge, ErrorKind::Unauthenticated, "another factor"),
            (500, DENIED, ErrorKind::Unreachable, "failed inside CyberArk"),
            (503, "<html>", ErrorKind::Unreachable, "failed inside CyberArk"),
            (404, "<html>", ErrorKind::Malformed, "not understood"),
        ] {
            let error = login_refused(&Answer::of(status, &[], body), "logging in", &Place::of("safe", None));
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert!(error.to_string().contains(text) && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn only_the_web_access_says_that_an_account_is_gone() {
        assert!(is_gone(&Answer::of(404, &[], DENIED)) && !is_gone(&Answer::of(404, &[], "<html>")));
        assert!(
            is_session_over(&Answer::of(401, &[], "")) && !is_session_over(&Answer::of(403, &[], DENIED))
        );
    }
}
