//! From Doppler's answers to [`Error`]: by status, and by whether Doppler itself gave them. Its words are not
//! shown, since they may hold what was sent.

use crate::error::{Error, ErrorKind};
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::Refusal;
use crate::store::kit::vendor::Vendor;
use crate::value::json::Value;

use super::config::Place;

/// The service in its own words.
pub(super) const DOPPLER: Vendor = Vendor {
    name: "Doppler",
    inside: "Doppler",
    server: "Doppler",
    rejects: "Doppler does not accept the token",
    address: "endpoint_url",
};

/// What an answer that is an error means. Doppler says 400 to a token of another config.
pub(super) fn refused(answer: &Answer, subject: &str, place: &Place) -> Error {
    let body = answer.object();
    let is_own = body.is_some_and(|body| body.get("success").and_then(Value::as_bool) == Some(false));
    let (kind, what) = match answer.status {
        400 | 403 if is_own => (ErrorKind::Denied, format!("was denied: the token may not read {place}")),
        404 if is_own => (ErrorKind::Config, format!("failed, since {place} does not exist")),
        status => {
            let kind = ErrorKind::of_status(status);
            (kind, DOPPLER.what_happened(kind, is_own).into_owned())
        }
    };
    let hint = match kind {
        ErrorKind::Denied | ErrorKind::Config => {
            "Correct `project` and `config`, or make a token that may read there".to_owned()
        }
        ErrorKind::Unauthenticated => {
            "Check `token` or DOPPLER_TOKEN: it may be revoked or expired".to_owned()
        }
        ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
        ErrorKind::Malformed => DOPPLER.check_address(),
        _ => "Try again later; https://www.dopplerstatus.com has Doppler's outages".to_owned(),
    };
    Refusal::of(answer).to_error(kind, format!("{subject} {what}")).with_hint(hint)
}

/// A secret that only people may see.
pub(super) fn restricted(subject: &str) -> Error {
    Error::new(ErrorKind::Denied, format!("{subject} was denied: the visibility of the secret is restricted"))
        .with_hint("Change its visibility to masked, or read with a token that may see restricted secrets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_refused_by_doppler_alone() {
        let kind = |status, body| {
            let place = Place { project: None, config: Some("dev".to_owned()) };
            let error = refused(&Answer::of(status, &[], body), "reading `N`", &place);
            assert!(error.hint().is_some() && !error.to_string().contains("canary"));
            error.kind()
        };
        let own = r#"{"messages": ["canary"], "success": false}"#;
        assert_eq!((kind(400, own), kind(404, own)), (ErrorKind::Denied, ErrorKind::Config));
        assert_eq!((kind(404, "<html>"), kind(401, own)), (ErrorKind::Malformed, ErrorKind::Unauthenticated));
    }
}
