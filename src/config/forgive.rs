//! What the official classes make of a value that is not of the declared kind.

use std::time::Duration;

use crate::config::raw::RawValue;
use crate::config::read;
use crate::store::options::{OptionKind, OptionSpec, OptionValue};
use crate::value::json::Value;

/// The value that the official class would have gone on with, if there is one.
pub(super) fn forgive(spec: &OptionSpec, raw: &RawValue) -> Option<OptionValue> {
    match (spec.kind, raw) {
        // Every text with something in it is true in Python.
        (OptionKind::Boolean, RawValue::Text(_)) => Some(OptionValue::Boolean(true)),
        (OptionKind::Count, RawValue::Json(value)) => count(value).map(OptionValue::Count),
        (OptionKind::Duration, RawValue::Json(Value::Array(parts))) => sum(parts).map(OptionValue::Duration),
        _ => None,
    }
}

/// Fewer than none is none, and a part of one does not count.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates, which is what is meant
fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Int(whole) => Some(whole.as_i64()?.max(0).unsigned_abs()),
        Value::Float(float) if !float.is_nan() => Some(float.max(0.0) as u64),
        _ => None,
    }
}

/// The time to connect and the time to read, as Python's requests has them in a pair: together they are the
/// whole.
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
