//! From the payload of a version to a value: checked and decoded.

use google_cloud_secretmanager_v1::model::AccessSecretVersionResponse;

use crate::error::{Error, ErrorKind, Result};
use crate::store::SecretName;
use crate::value::SecretValue;

use super::error::READ;

/// The text of the version. Neither the crate nor Google's client for Python compares the checksum that comes
/// with it.
pub(super) fn value(answer: AccessSecretVersionResponse, name: &SecretName) -> Result<SecretValue> {
    let payload = answer.payload.ok_or_else(|| {
        malformed(name, "the answer holds no payload").with_hint(
            "Check `endpoint_url` and proxies: something else than Secret Manager may have answered",
        )
    })?;
    let sound =
        payload.data_crc32c.is_none_or(|expected| i64::from(crc32c::crc32c(&payload.data)) == expected);
    if !sound {
        return Err(malformed(name, "the value does not have the checksum that came with it")
            .with_hint("It was damaged on the way or in the store; if it stays so, add the version anew")
            .temporary(None));
    }
    let text = std::str::from_utf8(&payload.data).map_err(|_| {
        malformed(name, "the value is no text")
            .with_hint("Airflow reads text in UTF-8; store binary data in base64 and decode it in the DAG")
    })?;
    Ok(SecretValue::text(text))
}

fn malformed(name: &SecretName, what: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("reading `{name}`: {what}")).with_operation(READ)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(payload: &serde_json::Value) -> Result<SecretValue> {
        value(serde_json::from_value(json!({"name": "n", "payload": payload})).unwrap(), &"a".into())
    }

    /// The checksum of "123456789" is the check value of CRC-32C (Castagnoli).
    #[test]
    fn the_checksum_decides() {
        let value = read(&json!({"data": "MTIzNDU2Nzg5", "dataCrc32c": "3808858755"})).unwrap();
        assert_eq!(value.expose(), "123456789");
        let error = read(&json!({"data": "MTIzNDU2Nzg4", "dataCrc32c": "3808858755"})).unwrap_err();
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Malformed, true));
        assert!(!format!("{error:?}").contains("12345678"));
    }

    #[test]
    fn optional_members_may_be_missing() {
        assert_eq!(read(&json!({"data": "YQo="})).unwrap().expose(), "a\n");
        assert_eq!(read(&json!({})).unwrap().expose(), "");
        assert!(value(AccessSecretVersionResponse::new(), &"a".into()).is_err());
    }

    #[test]
    fn binary_data_is_an_error_that_shows_nothing() {
        let error = read(&json!({"data": "Y2FuYXJ5/w=="})).unwrap_err();
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Malformed, false));
        assert!(!format!("{error:?}").contains("canary"));
    }
}
