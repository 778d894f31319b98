//! From the answer of a read to a value, as azure-keyvault-secrets for Python interprets it.
//!
//! Source: azure-core 1.41.0 (`pipeline/policies/_universal.py`: JSON in UTF-8, after an optional byte order
//! mark) and azure-keyvault-secrets 4.12.0 (`_generated/_utils/model_base.py`: a member of type text is
//! passed to `str`). The SDK for Rust refuses values that are not text, and duplicate members.

use azure_security_keyvault_secrets::models::Secret;

use crate::error::{Error, ErrorKind, Result};
use crate::store::SecretName;
use crate::value::json::{Object, Value, parse, python_text, write};
use crate::value::{SecretValue, Text};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const VALUE: &str = "value";
const HINT: &str = "Check `vault_url` and proxies: something else than Key Vault may have answered";

/// The member `value` of the answer `body`.
pub(super) fn value(body: &[u8], name: &SecretName) -> Result<SecretValue> {
    let members = members(body).filter(is_secret);
    let members = members.ok_or_else(|| malformed(name, "the answer is not understood"))?;
    let Some(value) = members.get(VALUE).filter(|value| !value.is_null()) else {
        // The official class returns it as None.
        return Err(malformed(name, "the answer holds no value").as_upstream_miss());
    };
    match python_text(value).to_str() {
        Some(text) => Ok(SecretValue::text(text)),
        None => Err(malformed(name, "the value holds half a character (a lone surrogate)")
            .with_hint("Set the secret anew: no encoding has such a text")),
    }
}

/// Whether the other members are those of a secret.
fn is_secret(members: &Object) -> bool {
    let mut others = Object::new();
    for (key, value) in members.iter().filter(|(key, _)| key.to_str() != Some(VALUE)) {
        others.insert(key.clone(), value.clone());
    }
    serde_json::from_slice::<Secret>(write(&Value::Object(others)).as_bytes()).is_ok()
}

fn members(body: &[u8]) -> Option<Object> {
    let text = std::str::from_utf8(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)).ok()?;
    parse(&Text::from(text)).ok()?.into_object()
}

fn malformed(name: &SecretName, what: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("reading `{name}`: {what}")).with_hint(HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<String> {
        value(body.as_bytes(), &"a".into()).map(|value| value.expose().to_owned())
    }

    #[test]
    fn a_value_is_text_as_python_has_it() {
        for (body, expected) in [
            (r#"{"value": "a\tb"}"#, "a\tb"),
            (r#"{"value": ""}"#, ""),
            (r#"{"value": 5}"#, "5"),
            (r#"{"value": true}"#, "True"),
            (r#"{"value": ["a", null]}"#, "['a', None]"),
            ("\u{feff}{\"value\": \"x\"}", "x"),
            (r#"{"value": "a", "value": "b"}"#, "b"),
            (r#"{"value": "a", "new": {"b": 1}, "attributes": {"enabled": true, "exp": 5}}"#, "a"),
        ] {
            assert_eq!(read(body).unwrap(), expected);
        }
    }

    #[test]
    fn a_foreign_answer_is_an_error_that_shows_nothing() {
        for body in [
            "",
            "null",
            "[]",
            "canary",
            r#"{"value": "canary"} x"#,
            r#"{"value": "canary\ud83d"}"#,
            r#"{"value": "canary", "attributes": {"exp": "soon"}}"#,
            r#"{"value": "canary", "tags": NaN}"#,
        ] {
            let error = read(body).unwrap_err();
            assert_eq!((error.kind(), error.is_upstream_miss()), (ErrorKind::Malformed, false), "{body}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        assert!(value(b"{\"value\": \"\xFF\"}", &"a".into()).is_err());
    }

    #[test]
    fn an_answer_without_a_value_is_none_to_the_official_class() {
        for body in ["{}", r#"{"value": null}"#, r#"{"id": "https://a.vault.azure.net/secrets/a"}"#] {
            let error = read(body).unwrap_err();
            assert_eq!((error.kind(), error.is_upstream_miss()), (ErrorKind::Malformed, true), "{body}");
        }
    }
}
