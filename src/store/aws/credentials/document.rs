//! The JSON in which metadata services and credential processes answer.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_smithy_types::date_time::{DateTime, Format};

use crate::value::Text;
use crate::value::json::{Object, Value, parse};

/// Parses the body of an answer. `None` says that it is no JSON object; why is not told, since it may be a secret.
pub(super) fn object(body: &[u8]) -> Option<Object> {
    let text = Text::from_utf8_surrogatepass(body.to_vec()).ok()?;
    parse(&text).ok()?.into_object()
}

/// A member that is a text and not empty.
pub(super) fn text<'object>(object: &'object Object, key: &str) -> Option<&'object str> {
    object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// `AccessKeyId`, `SecretAccessKey`, the token under `token_key`, `Expiration`. The error names what is missing.
pub(super) fn credentials(
    object: &Object,
    token_key: &str,
    provider: &'static str,
) -> Result<Credentials, &'static str> {
    let access_key_id = text(object, "AccessKeyId").ok_or("AccessKeyId is missing")?;
    let secret_access_key = text(object, "SecretAccessKey").ok_or("SecretAccessKey is missing")?;
    let expiration = match text(object, "Expiration") {
        Some(text) => Some(moment(text).ok_or("Expiration is not a date")?),
        None => None,
    };
    let token = text(object, token_key).map(str::to_owned);
    Ok(Credentials::new(access_key_id, secret_access_key, token, expiration, provider))
}

/// A date as `2026-02-25T06:03:31Z`, also with an offset or, as old SSO caches have it, with `UTC` at the end.
pub(super) fn moment(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix("UTC").map_or_else(|| text.to_owned(), |text| format!("{text}Z"));
    SystemTime::try_from(DateTime::from_str(&text, Format::DateTimeWithOffset).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_nothing_is_shown() {
        let whole = object(br#"{"AccessKeyId": "a", "SecretAccessKey": "s", "Token": "t", "Expiration": "2095-02-25T06:03:31Z"}"#);
        let whole = credentials(&whole.unwrap(), "Token", "test").unwrap();
        assert_eq!((whole.session_token(), whole.expiry().is_some()), (Some("t"), true));
        let partial = object(br#"{"AccessKeyId": "a", "Secret": "canary"}"#).unwrap();
        assert_eq!(credentials(&partial, "Token", "test").unwrap_err(), "SecretAccessKey is missing");
        assert!(object(b"[1]").is_none() && object(b"canary").is_none() && object(b"\xff").is_none());
    }

    #[test]
    fn dates_come_in_three_spellings() {
        let expected = moment("2026-02-25T06:03:31Z").unwrap();
        assert_eq!(moment("2026-02-25T06:03:31UTC"), Some(expected));
        assert_eq!(moment("2026-02-25T07:03:31+01:00"), Some(expected));
        assert_eq!(moment("tomorrow"), None);
    }
}
