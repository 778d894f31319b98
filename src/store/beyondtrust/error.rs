//! What Secrets Safe's refusals mean. Its words are not shown, since they may hold what was sent.
//!
//! Source: "Common response codes" and the endpoints' own in the BeyondInsight and Password Safe API Guide.

use crate::error::{Error, ErrorKind};
use crate::http::NoAnswerHints;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::{Refusal, is_oauth_code};
use crate::store::kit::vendor::Vendor;
use crate::value::json::Value;

use super::config::ADDRESS;

/// The service as its errors call it.
pub(super) const SECRETS_SAFE: Vendor = Vendor {
    name: "Secrets Safe",
    inside: "Password Safe",
    server: "Password Safe",
    rejects: "Secrets Safe does not accept the session",
    address: ADDRESS.key,
};

/// What helps where no answer came.
pub(super) const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to Password Safe, and `timeout`",
    certificate: "Name the CA that signed it in `ca_bundle`, and check the host of `address`",
    dns: "Check the host of `address`, and DNS",
    connect: "Check the network, HTTPS_PROXY and `address`",
    request: "Check `address`",
};

/// Whether Secrets Safe itself wrote the answer, and not a proxy: errors are a JSON text or object.
fn is_own(answer: &Answer) -> bool {
    answer.json().is_some()
}

/// Whether the answer says that what was asked for is not there. Some have no body; since the session was
/// opened below the same address, they are not about the path of the API.
pub(super) fn is_absent(answer: &Answer) -> bool {
    answer.status == 404 && (answer.body.is_empty() || is_own(answer))
}

/// An answer that is an error, whatever was asked for.
pub(super) fn refused(answer: &Answer, subject: &str) -> Error {
    let is_own = is_own(answer);
    if answer.status == 410 {
        return Refusal::of(answer)
            .to_error(
                ErrorKind::Config,
                format!("{subject} failed, since this version of the API is switched off"),
            )
            .with_hint("Correct `api_version`, or enable the version in BeyondInsight");
    }
    let kind = ErrorKind::of_status(answer.status);
    let hint = match kind {
        ErrorKind::Denied => {
            "Give the user's group the feature Secrets Safe, and read access to the safe of the folder"
                .to_owned()
        }
        ErrorKind::Unauthenticated => "Check that nothing between here and there drops cookies".to_owned(),
        ErrorKind::Malformed if is_own => "Check `api_version`, and the folders in the name".to_owned(),
        ErrorKind::Malformed => SECRETS_SAFE.check_address(),
        ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
        _ => "Try again later".to_owned(),
    };
    let what = SECRETS_SAFE.what_happened(kind, is_own);
    Refusal::of(answer).to_error(kind, format!("{subject} {what}")).with_hint(hint)
}

/// A login that was refused. `names` are the options that hold its name and its secret.
pub(super) fn login_refused(answer: &Answer, subject: &str, names: &str) -> Error {
    let code = answer.object().and_then(|body| {
        let code = body.get("error").and_then(Value::as_str);
        code.filter(|code| is_oauth_code(code)).map(str::to_owned)
    });
    let is_refused = answer.status == 401 || matches!(answer.status, 400 | 403) && is_own(answer);
    if !is_refused {
        return refused(answer, subject);
    }
    let text = format!("{subject} was refused, since Secrets Safe does not accept {names}");
    let hint = format!(
        "Check {names}, that the user's group may use the API registration, that the registration allows the \
        address of this machine and asks for no second factor, and the license of Password Safe"
    );
    Refusal::of(answer).with_code(code).to_error(ErrorKind::Unauthenticated, text).with_hint(hint)
}

/// Several secrets of one title, of which none is the right one.
pub(super) fn ambiguous(ids: &[&str], subject: &str) -> Error {
    let (count, ids) = (ids.len(), ids.join(", "));
    let what = format!("{subject}: {count} secrets have the title (ids {ids})");
    Error::new(ErrorKind::Malformed, what)
        .with_hint("Rename or delete all of them but one, or name the folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_meaning_of_its_status() {
        let own = r#""canary""#;
        for (status, body, kind, text) in [
            (400, own, ErrorKind::Malformed, "was refused. Check `api_version`"),
            (
                400,
                "<html>",
                ErrorKind::Malformed,
                "failed with an answer that is not understood. Check `address`",
            ),
            (
                401,
                own,
                ErrorKind::Unauthenticated,
                "was refused, since Secrets Safe does not accept the session",
            ),
            (403, own, ErrorKind::Denied, "was denied. Give"),
            (404, "<html>", ErrorKind::Malformed, "failed with an answer that is not understood"),
            (410, own, ErrorKind::Config, "failed, since this version of the API is switched off"),
            (429, "", ErrorKind::Throttled, "was throttled. Ask less often"),
            (500, own, ErrorKind::Unreachable, "failed inside Password Safe. Try again later"),
        ] {
            let error = refused(&Answer::of(status, &[], body), "reading `a`");
            let whole = error.to_string().replace(&format!(" (HTTP {status})"), "");
            assert!(whole.starts_with(&format!("reading `a` {text}")), "{whole}");
            assert_eq!((error.kind(), whole.contains("canary")), (kind, false), "{status} {body}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_from_a_page_of_a_proxy() {
        for (status, body, is) in [
            (404, r#""x""#, true),
            (404, "{}", true),
            (404, "", true),
            (404, "<html>", false),
            (400, "{}", false),
        ] {
            assert_eq!(is_absent(&Answer::of(status, &[], body)), is, "{status} {body}");
        }
    }

    #[test]
    fn a_login_that_is_refused_is_not_an_outage() {
        for (status, body, kind, label) in [
            (400, r#"{"error": "invalid_client"}"#, ErrorKind::Unauthenticated, "invalid_client"),
            (400, r#"{"error": "Canary words"}"#, ErrorKind::Unauthenticated, "HTTP 400"),
            (401, "", ErrorKind::Unauthenticated, "HTTP 401"),
            (403, r#""canary""#, ErrorKind::Unauthenticated, "HTTP 403"),
            (403, "<html>", ErrorKind::Denied, "HTTP 403"),
            (503, "<html>", ErrorKind::Unreachable, "HTTP 503"),
            (404, "<html>", ErrorKind::Malformed, "HTTP 404"),
        ] {
            let error = login_refused(&Answer::of(status, &[], body), "signing in", "`api_key`");
            assert_eq!((error.kind(), error.code()), (kind, Some(label)), "{status} {body}");
            assert!(!error.to_string().to_lowercase().contains("canary"), "{error}");
        }
    }
}
