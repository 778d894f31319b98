//! What refusals of the Central Credential Provider mean. Its words are not shown, since they may hold what
//! was sent.
//!
//! Source: "Central Credential Provider error codes" of CyberArk's documentation, and `aimccp.py` of `pyaim`
//! 1.5.4.

use crate::error::{Error, ErrorKind};
use crate::http::NoAnswerHints;
use crate::store::kit::answer::Answer;
use crate::store::kit::place::Place;
use crate::store::kit::refusal::Refusal;
use crate::store::kit::vendor::Vendor;
use crate::value::json::Value;

use super::config::ADDRESS;

/// The service as its errors call it.
pub(super) const CCP: Vendor = Vendor {
    name: "the Central Credential Provider",
    inside: "the Central Credential Provider",
    server: "the Central Credential Provider",
    rejects: "the Central Credential Provider does not accept the application",
    address: ADDRESS.key,
};

/// What helps where no answer came.
pub(super) const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to the Central Credential Provider, and `timeout`",
    certificate: "Name the CA that signed it in `ca_bundle`, and check the host of `address`",
    dns: "Check the host of `address`, and DNS",
    connect: "Check the network, HTTPS_PROXY and `address`",
    request: "Check `address`, and `client_certificate` if the provider asks for one",
};

/// The application, its machine or its certificate is not accepted.
const NOT_ACCEPTED: &str = "APPAP306E";
/// More than one object matches the query.
const SEVERAL: [&str; 2] = ["APPAP227E", "APPAP229E"];
const LONGEST_CODE: usize = 16;

/// CyberArk's own code, such as `APPAP004E`; `None` if something else answered.
fn own_code(answer: &Answer) -> Option<String> {
    let body = answer.object()?;
    let code = body.get("ErrorCode").and_then(Value::as_str)?;
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let is_code = (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(is_letter);
    is_code.then(|| code.to_owned())
}

/// Whether the provider says that there is no such object.
pub(super) fn is_absent(answer: &Answer) -> bool {
    answer.status == 404 && own_code(answer).is_some()
}

/// An answer that is an error, for what is in `place`.
pub(super) fn refused(answer: &Answer, subject: &str, place: &Place) -> Error {
    let code = own_code(answer);
    let is_several = code.as_deref().is_some_and(|code| SEVERAL.contains(&code));
    let kind = match code.as_deref() {
        Some(NOT_ACCEPTED) => ErrorKind::Unauthenticated,
        _ if is_several => ErrorKind::Malformed,
        _ => ErrorKind::of_status(answer.status),
    };
    let what = match kind {
        ErrorKind::Denied if code.is_some() => {
            format!("was denied: the application may not read {place}").into()
        }
        _ if is_several => "failed: more than one object has the name".into(),
        kind => CCP.what_happened(kind, code.is_some()),
    };
    let hint = match kind {
        ErrorKind::Unauthenticated => "Check `app_id`, its allowed machines and OS users, and \
            `client_certificate` if the provider asks for one"
            .to_owned(),
        ErrorKind::Denied => {
            "Give the application and the provider the permission Retrieve accounts of the safe".into()
        }
        _ if is_several => "Rename or delete all of them but one, or correct `folder`".into(),
        ErrorKind::Malformed => CCP.check_address(),
        ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
        _ => "Try again later".to_owned(),
    };
    Refusal::of(answer).with_code(code).to_error(kind, format!("{subject} {what}")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_meaning_of_its_code_and_status() {
        let own = |code: &str| format!(r#"{{"ErrorCode": "{code}", "ErrorMsg": "canary"}}"#);
        for (status, body, kind, label) in [
            (403, own("APPAP306E"), ErrorKind::Unauthenticated, "APPAP306E"),
            (403, own("APPAP008E"), ErrorKind::Denied, "APPAP008E"),
            (400, own("APPAP227E"), ErrorKind::Malformed, "APPAP227E"),
            (400, own("APPAP005E"), ErrorKind::Malformed, "APPAP005E"),
            (500, own("APPAP282E"), ErrorKind::Unreachable, "APPAP282E"),
            (403, own("canary words"), ErrorKind::Denied, "HTTP 403"),
            (404, "<html>".to_owned(), ErrorKind::Malformed, "HTTP 404"),
            (429, String::new(), ErrorKind::Throttled, "HTTP 429"),
        ] {
            let place = Place::of("safe", Some("S"));
            let error = refused(&Answer::of(status, &[], &body), "reading `a`", &place);
            assert_eq!((error.kind(), error.code()), (kind, Some(label)), "{status} {body}");
            assert!(error.hint().is_some() && !error.to_string().contains("canary"), "{error}");
        }
        assert!(is_absent(&Answer::of(404, &[], &own("APPAP004E"))));
        assert!(!is_absent(&Answer::of(404, &[], "<html>")));
    }
}
