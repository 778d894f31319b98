//! Secrets from the values of a JSON or YAML document.

use crate::value::SecretValue;
use crate::value::json::{self, Value};

/// A string becomes text; every other type, and a string that UTF-8 cannot hold (a lone surrogate), becomes
/// JSON text that Python turns back into the same object. Null has no answer, like Python's `None`.
pub fn secret_from_json(value: &Value) -> Option<SecretValue> {
    match (value.is_null(), value.as_str()) {
        (true, _) => None,
        (false, Some(text)) => Some(SecretValue::text(text)),
        (false, None) => json_text(value).map(SecretValue::structured),
    }
}

/// The JSON text of a value. The writer escapes everything outside ASCII, so the text always exists.
pub fn json_text(value: &Value) -> Option<String> {
    json::write(value).to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;

    fn secret(json: &str) -> Option<(String, bool)> {
        let value = json::parse(&Text::from(json)).unwrap();
        secret_from_json(&value).map(|secret| (secret.expose().to_owned(), secret.is_structured()))
    }

    #[test]
    fn strings_are_text_and_other_types_keep_their_type() {
        assert_eq!(secret(r#""a é""#), Some(("a é".to_owned(), false)));
        assert_eq!(secret(r#""""#), Some((String::new(), false)));
        for json in [
            "1",
            "true",
            "1.5",
            "NaN",
            "-Infinity",
            r#"{"a": [null, "b"]}"#,
            "[]",
            "123456789012345678901234567890",
        ] {
            assert_eq!(secret(json), Some((json.to_owned(), true)));
        }
    }

    #[test]
    fn a_lone_surrogate_survives_as_json() {
        assert_eq!(secret(r#""a\ud83d""#), Some((r#""a\ud83d""#.to_owned(), true)));
    }

    #[test]
    fn null_answers_nothing() {
        assert_eq!(secret("null"), None);
    }
}
