//! From the refusals of the login service to [`Error`]: by its numbers first, then by the OAuth code and the
//! status.
//!
//! Source: "Microsoft Entra authentication and authorization error codes" (AADSTS). The service's own
//! messages are not shown: they name users and may echo what was sent.

use crate::error::{Error, ErrorKind};
use crate::store::azure::error::head;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::is_oauth_code;
use crate::store::kit::vendor::check_address;
use crate::value::json::Value;

/// The error of an answer that reports one.
pub(super) fn refused(answer: &Answer) -> Error {
    let body = Body::read(answer);
    let kind = body.kind(answer.status);
    let text = format!("asking Entra ID for a token {}", what_happened(kind));
    head(answer).with_code(body.label()).to_error(kind, text).with_hint_if(body.hint(kind))
}

fn what_happened(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthenticated => "was refused",
        ErrorKind::Throttled => "was throttled",
        ErrorKind::Unreachable | ErrorKind::Timeout => "failed inside Azure",
        _ => "failed with an answer that is not understood",
    }
}

/// The longest plausible life of a token, in seconds: ten years. Real ones live for a day at most.
const LONGEST_LIFE: i64 = 315_360_000;

/// Whether `expires_in` can be added to the present time. The SDK does so unchecked, and panics on an
/// overflow.
pub(super) fn has_possible_lifetime(answer: &Answer) -> bool {
    let parsed = answer.json();
    let seconds = parsed.as_ref().and_then(Value::as_object).and_then(|members| members.get("expires_in"));
    seconds.and_then(Value::as_i64).is_none_or(|seconds| (0..=LONGEST_LIFE).contains(&seconds))
}

/// The error for an implausible lifetime.
pub(super) fn impossible_lifetime() -> Error {
    Error::new(ErrorKind::Malformed, "asking Entra ID for a token: it has an impossible `expires_in`")
        .with_hint(check_address("authority", "Entra ID"))
}

#[derive(Default)]
struct Body {
    number: Option<i64>,
    code: Option<String>,
}

impl Body {
    fn read(answer: &Answer) -> Self {
        let parsed = answer.json();
        let Some(members) = parsed.as_ref().and_then(Value::as_object) else { return Self::default() };
        let numbers = members.get("error_codes").and_then(Value::as_array).unwrap_or_default();
        let code = members.get("error").and_then(Value::as_str).filter(|code| is_oauth_code(code));
        Self { number: numbers.first().and_then(Value::as_i64), code: code.map(str::to_owned) }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        match (self.number, self.code.as_deref()) {
            // Described as "The server is temporarily too busy" and "a transient error".
            (Some(90_033 | 90_036 | 90_006), _) | (_, Some("temporarily_unavailable" | "server_error")) => {
                ErrorKind::Unreachable
            }
            _ if matches!(status, 408 | 429) || status >= 500 => ErrorKind::of_status(status),
            (Some(_), _) | (_, Some(_)) => ErrorKind::Unauthenticated,
            _ if status == 401 => ErrorKind::Unauthenticated,
            _ => ErrorKind::Malformed,
        }
    }

    fn label(&self) -> Option<String> {
        self.number.map(|number| format!("AADSTS{number}")).or_else(|| self.code.clone())
    }

    fn hint(&self, kind: ErrorKind) -> Option<&'static str> {
        self.number.and_then(hint_of_number).or_else(|| hint_of_kind(kind))
    }
}

/// The remedy that a number of the service asks for.
fn hint_of_number(number: i64) -> Option<&'static str> {
    Some(match number {
        7_000_222 => {
            "The client secret has expired: make a new one (`az ad app credential reset`) and \
            replace the old one with it"
        }
        7_000_215 => {
            "The client secret is wrong: use the secret's value, not its id, and the one of this \
            `client_id`"
        }
        90_002 | 900_023 | 900_021 => {
            "There is no such tenant in this cloud: check `tenant_id` (AZURE_TENANT_ID) and `authority`"
        }
        700_016 => {
            "The tenant has no application with this `client_id`: check both, and that the application \
            was consented to there"
        }
        7_000_112 => "The application is disabled: enable it in Entra ID",
        700_027 => {
            "Entra ID does not know the certificate: upload it to the application, and check that it has \
            not expired"
        }
        700_024 => "The assertion is not valid at this time: check this machine's clock",
        70_021 | 700_211..=700_213 => {
            "No federated identity credential fits the token: check its issuer, subject and audience in \
            the application"
        }
        53_003 | 530_035 => "A conditional access policy forbids this login",
        _ => return None,
    })
}

fn hint_of_kind(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Unauthenticated => {
            "Look the code up at login.microsoftonline.com/error; check tenant, client id and the \
            credential"
        }
        ErrorKind::Throttled => "Entra ID asks for fewer logins: share one backend among more lookups",
        ErrorKind::Malformed => {
            "Check `authority` and proxies: something else than Entra ID may have answered"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Error {
        refused(&Answer::of(status, &[], body))
    }

    #[test]
    fn the_number_says_what_to_do() {
        for (status, number, part) in [
            (401, 7_000_222, "has expired"),
            (401, 7_000_215, "value, not its id"),
            (400, 90_002, "no such tenant"),
            (400, 700_016, "no application"),
            (401, 700_027, "upload it"),
            (400, 700_213, "federated"),
            (401, 1, "Look the code up"),
        ] {
            let body = format!(
                r#"{{"error": "invalid_client", "error_description": "canary", "error_codes": [{number}]}}"#
            );
            let error = of(status, &body);
            assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unauthenticated, false));
            assert_eq!(error.code(), Some(format!("AADSTS{number}").as_str()));
            assert!(error.hint().unwrap().contains(part), "{number}");
            assert!(!format!("{error:?}").contains("canary"));
        }
    }

    #[test]
    fn an_impossible_lifetime_does_not_reach_the_sdk() {
        for (lifetime, possible) in
            [("3599", true), ("0", true), ("-1", false), ("9223372036854775807", false), ("400000000", false)]
        {
            let body = format!(r#"{{"access_token": "canary", "expires_in": {lifetime}}}"#);
            assert_eq!(has_possible_lifetime(&Answer::of(200, &[], &body)), possible, "{lifetime}");
        }
        assert_eq!(impossible_lifetime().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn outages_and_foreign_answers_are_not_refusals() {
        for (status, body, kind) in [
            (503, "<html>canary", ErrorKind::Unreachable),
            (429, "{}", ErrorKind::Throttled),
            (400, r#"{"error": "temporarily_unavailable"}"#, ErrorKind::Unreachable),
            (400, r#"{"error": "x", "error_codes": [90033]}"#, ErrorKind::Unreachable),
            (404, "<html>canary", ErrorKind::Malformed),
            (302, "", ErrorKind::Malformed),
            (401, "", ErrorKind::Unauthenticated),
            (400, r#"{"error": "invalid_grant"}"#, ErrorKind::Unauthenticated),
        ] {
            let error = of(status, body);
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert!(!format!("{error:?}").contains("canary"));
        }
    }
}
