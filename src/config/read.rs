//! Checking a value of the user against its declaration.

use std::time::Duration;

use crate::config::duration::parse_duration;
use crate::config::rate::parse_rate;
use crate::config::raw::RawValue;
use crate::error::{Error, Result};
use crate::store::options::{OptionKind, OptionSpec, OptionValue, Scalar};
use crate::value::Text;
use crate::value::json::{self, Value};

/// Checks `raw` against `spec`. `Ok(None)` means that it counts as unset, like null for most options.
pub(crate) fn read(spec: &OptionSpec, raw: &RawValue) -> Result<Option<OptionValue>> {
    if matches!(spec.kind, OptionKind::Ignored(_)) {
        return Ok(None);
    }
    match raw {
        RawValue::Json(Value::Null) => Ok(null(spec)),
        RawValue::Json(value) => from_json(spec, value),
        RawValue::Text(text) => from_text(spec, text),
    }
}

fn null(spec: &OptionSpec) -> Option<OptionValue> {
    match spec.kind {
        OptionKind::Prefix | OptionKind::Prefixes => Some(OptionValue::Null),
        OptionKind::Boolean if spec.null_is_no => Some(OptionValue::Boolean(false)),
        _ => None,
    }
}

/// Text is accepted for every kind, since the environment cannot deliver anything else.
fn from_text(spec: &OptionSpec, text: &str) -> Result<Option<OptionValue>> {
    let word = text.trim().to_ascii_lowercase();
    match spec.kind {
        OptionKind::Prefix | OptionKind::Prefixes if word == "null" => return Ok(Some(OptionValue::Null)),
        OptionKind::Prefixes => return Ok(Some(list_or_text(text))),
        // A prefix or a secret may be the word `none`, so it is kept as written.
        OptionKind::Prefix | OptionKind::Secret => return Ok(Some(OptionValue::Text(text.to_owned()))),
        _ if word == "null" || word == "none" => return Ok(None),
        OptionKind::Text => return Ok(Some(OptionValue::Text(text.to_owned()))),
        // An empty text means the same as null.
        _ if word.is_empty() => return Ok(null(spec)),
        _ => {}
    }
    match spec.kind {
        OptionKind::Boolean => boolean(&word).map(OptionValue::Boolean),
        OptionKind::BooleanOrPath => Some(boolean_or_path(&word, text)),
        OptionKind::Count => word.parse().ok().map(OptionValue::Count),
        OptionKind::Duration => parse_duration(text).map(OptionValue::Duration),
        OptionKind::Choice(words) => words.contains(&word.as_str()).then_some(OptionValue::Text(word)),
        OptionKind::Object | OptionKind::SecretObject => object(text).map(OptionValue::Object),
        OptionKind::Durations => object(text).and_then(|object| durations(&object)),
        OptionKind::Rate => parse_rate(text).map(OptionValue::Rate),
        OptionKind::Json(_) | OptionKind::SecretJson(_) => Some(OptionValue::Json(json_or_text(text))),
        OptionKind::Text
        | OptionKind::Secret
        | OptionKind::Prefix
        | OptionKind::Prefixes
        | OptionKind::Ignored(_) => None,
    }
    .map(Some)
    .ok_or_else(|| wrong(spec))
}

fn from_json(spec: &OptionSpec, value: &Value) -> Result<Option<OptionValue>> {
    match (spec.kind, value) {
        (OptionKind::Text | OptionKind::Secret | OptionKind::Prefix, value) => {
            scalar(value).map(OptionValue::Scalar)
        }
        (OptionKind::Boolean | OptionKind::BooleanOrPath, value) => boolean_or_text(spec.kind, value),
        (OptionKind::Count, value) => count(value).map(OptionValue::Count),
        (OptionKind::Duration, Value::Int(_)) => parse_duration(&number(value)).map(OptionValue::Duration),
        (OptionKind::Duration, Value::Float(seconds)) => {
            Duration::try_from_secs_f64(*seconds).ok().map(OptionValue::Duration)
        }
        (OptionKind::Object | OptionKind::SecretObject, Value::Object(_)) => {
            Some(OptionValue::Object(value.clone()))
        }
        // Python considers it false, so the official class ignores it.
        (OptionKind::Object | OptionKind::SecretObject, value) if !value.is_truthy() => return Ok(None),
        (OptionKind::Durations, Value::Object(_)) => durations(value),
        (OptionKind::Rate, Value::Int(_)) => parse_rate(&number(value)).map(OptionValue::Rate),
        (OptionKind::Prefixes, value) => prefixes(value),
        (OptionKind::Json(_) | OptionKind::SecretJson(_), value) => Some(OptionValue::Json(value.clone())),
        _ => None,
    }
    .map(Some)
    .ok_or_else(|| wrong(spec))
}

/// The result of Python's `str` for a value that is not a text. Non-empty lists and objects are a mistake
/// everywhere.
fn scalar(value: &Value) -> Option<Scalar> {
    let (text, is_true) = match value {
        // As Python writes them into a name.
        Value::Bool(boolean) => (if *boolean { "True" } else { "False" }.to_owned(), *boolean),
        Value::Int(_) | Value::Float(_) => (number(value), value.is_truthy()),
        Value::Array(_) | Value::Object(_) if !value.is_truthy() => (number(value), false),
        _ => return None,
    };
    Some(Scalar { text, is_true })
}

/// The truth of a value in Python. A text that UTF-8 cannot hold cannot have been intended.
fn boolean_or_text(kind: OptionKind, value: &Value) -> Option<OptionValue> {
    let may_be_a_path = kind == OptionKind::BooleanOrPath;
    match value {
        Value::String(_) => None,
        // It is used as a path where a certificate is verified, and fails only there.
        Value::Array(_) | Value::Object(_) if may_be_a_path && value.is_truthy() => {
            Some(OptionValue::Text(NO_PATH.to_owned()))
        }
        _ => Some(OptionValue::Boolean(value.is_truthy())),
    }
}

/// A whole number of at least zero, whatever its type.
fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Int(_) => number(value).parse().ok(),
        Value::Float(float) => crate::value::json::Int::from_float(*float)
            .filter(|_| float.fract() == 0.0)
            .and_then(|whole| whole.to_decimal().parse().ok()),
        Value::Bool(boolean) => Some(u64::from(*boolean)),
        _ => None,
    }
}

/// A list is used as it is, an object as the list of its keys, over which Python would iterate; anything else
/// is one path.
fn prefixes(value: &Value) -> Option<OptionValue> {
    match value {
        Value::Array(_) => Some(OptionValue::Json(value.clone())),
        Value::Object(members) => {
            let keys = members.iter().map(|(key, _)| Value::String(key.clone())).collect();
            Some(OptionValue::Json(Value::Array(keys)))
        }
        _ => scalar(value).map(OptionValue::Scalar),
    }
}

/// Replaces a path that is not one; the error that shows it reveals nothing of the value.
const NO_PATH: &str = "(neither true, false nor a path)";

fn number(value: &Value) -> String {
    json::write(value).to_str().unwrap_or_default().to_owned()
}

fn boolean(word: &str) -> Option<bool> {
    match word {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn boolean_or_path(word: &str, text: &str) -> OptionValue {
    boolean(word).map_or_else(|| OptionValue::Text(text.to_owned()), OptionValue::Boolean)
}

fn object(text: &str) -> Option<Value> {
    json::parse(&Text::from(text)).ok().filter(|value| matches!(value, Value::Object(_)))
}

/// Text is used unchanged unless it is a JSON list.
fn list_or_text(text: &str) -> OptionValue {
    let list = json::parse(&Text::from(text)).ok().filter(|value| matches!(value, Value::Array(_)));
    list.map_or_else(|| OptionValue::Text(text.to_owned()), OptionValue::Json)
}

/// Text that is not JSON is used unchanged, since the environment does not deliver quotes.
fn json_or_text(text: &str) -> Value {
    json::parse(&Text::from(text)).unwrap_or_else(|_| Value::String(Text::from(text)))
}

fn durations(object: &Value) -> Option<OptionValue> {
    let spec = OptionSpec::new("", OptionKind::Duration, "");
    let members = object.as_object()?.iter().map(|(key, value)| {
        let raw = value
            .as_str()
            .map_or_else(|| RawValue::Json(value.clone()), |text| RawValue::Text(text.to_owned()));
        match read(&spec, &raw) {
            Ok(Some(OptionValue::Duration(duration))) => Some((key.to_str()?.to_owned(), duration)),
            _ => None,
        }
    });
    members.collect::<Option<_>>().map(OptionValue::Durations)
}

fn wrong(spec: &OptionSpec) -> Error {
    Error::config(format!("`{}` in backend_kwargs is not {}", spec.key, expectation(spec.kind)))
        .with_hint(format!("{} See the configuration reference", spec.doc))
}

fn expectation(kind: OptionKind) -> String {
    match kind {
        OptionKind::Text | OptionKind::Secret | OptionKind::Ignored(_) => "a text".to_owned(),
        OptionKind::Prefix => "a text or null".to_owned(),
        OptionKind::Prefixes => "a text, a list of texts or null".to_owned(),
        OptionKind::Boolean => "true or false".to_owned(),
        OptionKind::BooleanOrPath => "true, false or the path of a CA bundle".to_owned(),
        OptionKind::Count => "a whole number".to_owned(),
        OptionKind::Duration => "a duration such as 60, 500ms, 3s, 10m, 1h or PT60S".to_owned(),
        OptionKind::Choice(words) => format!("one of {}", words.join(", ")),
        OptionKind::Object | OptionKind::SecretObject => "a JSON object".to_owned(),
        OptionKind::Durations => {
            "an object of durations, such as {\"airflow/variables/\": \"5m\"}".to_owned()
        }
        OptionKind::Rate => "a rate such as 40/s, 100/m or 5/10s".to_owned(),
        OptionKind::Json(shape) | OptionKind::SecretJson(shape) => shape.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: OptionKind, text: &str) -> Result<Option<String>> {
        let spec = OptionSpec::new("option", kind, "An option.");
        read(&spec, &RawValue::Text(text.to_owned())).map(|value| value.map(show))
    }

    fn json(kind: OptionKind, text: &str) -> Result<Option<String>> {
        let spec = OptionSpec::new("option", kind, "An option.");
        let value = json::parse(&Text::from(text)).unwrap();
        read(&spec, &RawValue::Json(value)).map(|value| value.map(show))
    }

    fn show(value: OptionValue) -> String {
        match value {
            OptionValue::Null => "null".to_owned(),
            OptionValue::Text(text) => format!("{text:?}"),
            OptionValue::Scalar(scalar) => format!("{:?} is {}", scalar.text, scalar.is_true),
            OptionValue::Boolean(boolean) => boolean.to_string(),
            OptionValue::Count(count) => count.to_string(),
            OptionValue::Duration(duration) => format!("{duration:?}"),
            OptionValue::Durations(durations) => format!("{durations:?}"),
            OptionValue::Rate(rate) => format!("{}/{:?}", rate.calls, rate.per),
            OptionValue::Object(object) | OptionValue::Json(object) => {
                json::write(&object).to_str().unwrap().to_owned()
            }
        }
    }

    #[allow(clippy::unnecessary_wraps)] // it is compared with what `read` returns
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn text_is_accepted_for_every_kind() {
        assert_eq!(text(OptionKind::Boolean, "Yes").unwrap(), some("true"));
        assert_eq!(text(OptionKind::Boolean, "0").unwrap(), some("false"));
        assert_eq!(text(OptionKind::BooleanOrPath, "False").unwrap(), some("false"));
        assert_eq!(text(OptionKind::BooleanOrPath, "/ca.pem").unwrap(), some("\"/ca.pem\""));
        assert_eq!(text(OptionKind::Count, "12").unwrap(), some("12"));
        assert_eq!(text(OptionKind::Duration, "10m").unwrap(), some("600s"));
        assert_eq!(text(OptionKind::Object, r#"{"a": [1]}"#).unwrap(), some(r#"{"a": [1]}"#));
        assert_eq!(text(OptionKind::Choice(&["raise", "miss"]), "Raise").unwrap(), some("\"raise\""));
    }

    #[test]
    fn null_switches_a_prefix_off_and_counts_as_unset_elsewhere() {
        assert_eq!(text(OptionKind::Prefix, "null").unwrap(), some("null"));
        assert_eq!(json(OptionKind::Prefix, "null").unwrap(), some("null"));
        assert_eq!(text(OptionKind::Prefix, "").unwrap(), some("\"\""));
        assert_eq!(json(OptionKind::Text, "null").unwrap(), None);
        assert_eq!(text(OptionKind::Count, "").unwrap(), None);
        assert_eq!(text(OptionKind::Secret, "none").unwrap(), some("\"none\""));
    }

    #[test]
    fn prefixes_are_one_or_several_or_none() {
        assert_eq!(text(OptionKind::Prefixes, "a/b").unwrap(), some("\"a/b\""));
        assert_eq!(text(OptionKind::Prefixes, r#"["a", "b"]"#).unwrap(), some(r#"["a", "b"]"#));
        assert_eq!(text(OptionKind::Prefixes, "null").unwrap(), some("null"));
        assert_eq!(json(OptionKind::Prefixes, "null").unwrap(), some("null"));
        assert_eq!(json(OptionKind::Prefixes, "[]").unwrap(), some("[]"));
        assert_eq!(json(OptionKind::Prefixes, r#"{"a": 1}"#).unwrap(), some(r#"["a"]"#));
        assert_eq!(json(OptionKind::Prefixes, "5").unwrap(), some(r#""5" is true"#));
    }

    #[test]
    fn json_types_are_used_unchanged() {
        assert_eq!(json(OptionKind::Boolean, "true").unwrap(), some("true"));
        assert_eq!(json(OptionKind::Boolean, "1").unwrap(), some("true"));
        assert_eq!(json(OptionKind::Duration, "0.5").unwrap(), some("500ms"));
        assert_eq!(json(OptionKind::Count, "7").unwrap(), some("7"));
        assert_eq!(json(OptionKind::Count, "7.0").unwrap(), some("7"));
    }

    #[test]
    fn other_types_are_what_python_makes_of_them() {
        for kind in [OptionKind::Text, OptionKind::Secret, OptionKind::Prefix] {
            for (written, shown) in [
                ("123456789012", r#""123456789012" is true"#),
                ("7.4", r#""7.4" is true"#),
                ("2.0", r#""2.0" is true"#),
                ("true", r#""True" is true"#),
                ("0", r#""0" is false"#),
                ("[]", r#""[]" is false"#),
            ] {
                assert_eq!(json(kind, written).unwrap(), some(shown), "{kind:?}");
            }
            assert!(json(kind, "[1]").is_err());
        }
    }

    #[test]
    fn everything_has_a_truth() {
        for (written, shown) in [("2", "true"), ("0.0", "false"), ("[]", "false"), ("null", "none")] {
            let read = json(OptionKind::Boolean, written).unwrap();
            assert_eq!(read.as_deref().unwrap_or("none"), shown);
        }
        let spec = OptionSpec::new("option", OptionKind::Boolean, "An option.").with_null_as_no();
        for raw in [RawValue::Json(Value::Null), RawValue::Text(String::new())] {
            assert_eq!(read(&spec, &raw).unwrap(), Some(OptionValue::Boolean(false)));
        }
        let path = json(OptionKind::BooleanOrPath, r#"["canary"]"#).unwrap().unwrap();
        assert!(!path.contains("canary"), "{path}");
        assert_eq!(json(OptionKind::Object, "[]").unwrap(), None);
    }

    #[test]
    fn rates_and_durations_by_name_come_as_text_and_as_json() {
        assert_eq!(text(OptionKind::Rate, "40/s").unwrap(), some("40/1s"));
        assert_eq!(json(OptionKind::Rate, "40").unwrap(), some("40/1s"));
        let expected = some(r#"[("a", 300s), ("b", 0ns)]"#);
        assert_eq!(text(OptionKind::Durations, r#"{"a": "5m", "b": 0}"#).unwrap(), expected);
        assert!(json(OptionKind::Durations, r#"{"a": "soon"}"#).is_err());
        let list = OptionKind::Json("a list");
        assert_eq!(text(list, r#"["a"]"#).unwrap(), some(r#"["a"]"#));
        assert_eq!(text(list, "a").unwrap(), some(r#""a""#));
    }

    #[test]
    fn errors_name_the_key_and_never_the_value() {
        let error = text(OptionKind::Duration, "canary-4410").unwrap_err();
        insta::assert_snapshot!(error, @"`option` in backend_kwargs is not a duration such as 60, 500ms, 3s, \
        10m, 1h or PT60S. An option. See the configuration reference");
        for (kind, value) in [
            (OptionKind::Text, "[5]"),
            (OptionKind::Prefix, r#"{"a": 1}"#),
            (OptionKind::Count, "-1"),
            (OptionKind::Count, "1.5"),
            (OptionKind::Duration, "-1"),
            (OptionKind::Object, "[1]"),
            (OptionKind::Object, "5"),
        ] {
            assert!(json(kind, value).is_err(), "{kind:?} {value}");
        }
    }
}
