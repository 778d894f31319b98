//! How the official classes treat a value that is not of the declared kind.

use std::time::Duration;

use crate::config::raw::RawValue;
use crate::config::read;
use crate::store::options::{OptionKind, OptionSpec, OptionValue};
use crate::value::json::Value;

/// The value that the official class would have used, if there is one.
pub(super) fn forgive(spec: &OptionSpec, raw: &RawValue) -> Option<OptionValue> {
    match (spec.kind, raw) {
        // Every non-empty text is true in Python.
        (OptionKind::Boolean, RawValue::Text(_)) => Some(OptionValue::Boolean(true)),
        (OptionKind::Count, RawValue::Json(value)) => count(value).map(OptionValue::Count),
        (OptionKind::Duration, RawValue::Json(Value::Array(parts))) => sum(parts).map(OptionValue::Duration),
        _ => None,
    }
}

/// A negative count means zero, and fractions are dropped.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates, as intended
fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Int(whole) => Some(whole.as_i64()?.max(0).unsigned_abs()),
        Value::Float(float) if !float.is_nan() => Some(float.max(0.0) as u64),
        _ => None,
    }
}

/// A pair of the connect and the read timeout, as in Python's requests: together they are the total.
fn sum(parts: &[Value]) -> Option<Duration> {
    let spec = OptionSpec::new("", OptionKind::Duration, "");
    let part = |value: &Value| match read::read(&spec, &RawValue::Json(value.clone())) {
        Ok(Some(OptionValue::Duration(part))) => Some(part),
        _ => None,
    };
    let parts: Option<Vec<Duration>> = parts.iter().map(part).collect();
    parts.filter(|parts| parts.len() == 2).and_then(|parts| parts[0].checked_add(parts[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json;

    fn forgiven(kind: OptionKind, written: &str) -> Option<OptionValue> {
        let value = json::parse(&Text::from(written)).unwrap();
        forgive(&OptionSpec::new("option", kind, "An option."), &RawValue::Json(value))
    }

    #[test]
    fn numbers_are_rounded_and_pairs_of_times_added() {
        for (written, expected) in
            [("-1", Some(0)), ("2.5", Some(2)), ("1e400", Some(u64::MAX)), ("[]", None)]
        {
            assert_eq!(forgiven(OptionKind::Count, written), expected.map(OptionValue::Count), "{written}");
        }
        let seconds = |count| Some(OptionValue::Duration(Duration::from_millis(count)));
        assert_eq!(forgiven(OptionKind::Duration, "[3.5, 10]"), seconds(13_500));
        assert_eq!(forgiven(OptionKind::Duration, "[3]"), None);
        assert_eq!(forgiven(OptionKind::Duration, "[3, -1]"), None);
    }

    #[test]
    fn words_that_are_no_boolean_are_true() {
        let spec = OptionSpec::new("option", OptionKind::Boolean, "An option.");
        let raw = RawValue::Text("maybe".to_owned());
        assert_eq!(forgive(&spec, &raw), Some(OptionValue::Boolean(true)));
    }
}
