//! The schema of one option.

use serde_json::{Value, json};

use crate::store::options::{OptionDefault, OptionKind, OptionSpec};

/// A duration as text: seconds, a number with a unit, or ISO 8601.
const DURATION: &str = "^\\s*(\\d[\\d.]*\\s*([mM]?[sS]|[mMhHdD])?|[pP][\\d.dDtThHmMsS]+)\\s*$";
const RATE: &str = "^\\s*\\d+\\s*(/\\s*[\\d.]*\\s*([mM]?[sS]|[mMhHdD])\\s*)?$";

/// What may be written for an option, with its sentence and its default.
pub(super) fn option(spec: &OptionSpec) -> Value {
    let mut schema = of_kind(spec.kind);
    schema["description"] = match spec.kind {
        OptionKind::Ignored(why) => format!("No effect: {} {why}", spec.doc).into(),
        _ => spec.doc.into(),
    };
    if let Some(default) = default(spec.default) {
        schema["default"] = default;
    }
    if spec.kind.is_secret() {
        schema["writeOnly"] = true.into();
    }
    if matches!(spec.kind, OptionKind::Ignored(_)) {
        schema["deprecated"] = true.into();
    }
    schema
}

fn default(default: OptionDefault) -> Option<Value> {
    match default {
        OptionDefault::Nothing => None,
        OptionDefault::Text(text) => Some(text.into()),
        OptionDefault::Boolean(boolean) => Some(boolean.into()),
        OptionDefault::Count(count) => Some(count.into()),
        OptionDefault::Duration(_) => Some(default.to_string().into()),
    }
}

/// Every value may also be text, as the environment delivers it, and null counts as nothing.
fn of_kind(kind: OptionKind) -> Value {
    match kind {
        OptionKind::Text | OptionKind::Secret | OptionKind::Prefix => {
            json!({"type": ["string", "number", "null"]})
        }
        OptionKind::Prefixes => {
            json!({"type": ["string", "array", "null"], "items": {"type": ["string", "null"]}})
        }
        OptionKind::Boolean => any_of(&[
            json!({"type": ["boolean", "null"]}),
            json!({"enum": [0, 1]}),
            words(&["true", "false", "1", "0", "yes", "no", "on", "off", ""]),
        ]),
        OptionKind::BooleanOrPath => json!({"type": ["boolean", "string", "null"]}),
        OptionKind::Count => numbers(&json!({"type": "integer", "minimum": 0}), "^\\s*\\d*\\s*$"),
        OptionKind::Duration => numbers(&json!({"type": "number", "minimum": 0}), DURATION),
        OptionKind::Rate => numbers(&json!({"type": "integer", "minimum": 1}), RATE),
        OptionKind::Choice(known) => any_of(&[json!({"enum": known}), words(known), json!({"type": "null"})]),
        OptionKind::Object | OptionKind::SecretObject => json!({"type": ["object", "string", "null"]}),
        OptionKind::Durations => json!({
            "type": ["object", "string", "null"],
            "additionalProperties": numbers(&json!({"type": "number", "minimum": 0}), DURATION),
        }),
        OptionKind::Json(shape) | OptionKind::SecretJson(shape) => json!({"$comment": shape}),
        OptionKind::Ignored(_) => json!({}),
    }
}

fn any_of(schemas: &[Value]) -> Value {
    json!({"anyOf": schemas})
}

fn numbers(number: &Value, pattern: &str) -> Value {
    any_of(&[number.clone(), json!({"type": "string", "pattern": pattern}), json!({"type": "null"})])
}

/// Words in any case.
fn words(known: &[&str]) -> Value {
    let any_case = |letter: char| {
        if letter.is_ascii_lowercase() {
            format!("[{letter}{}]", letter.to_ascii_uppercase())
        } else {
            letter.to_string()
        }
    };
    let patterns: Vec<String> = known.iter().map(|word| word.chars().map(any_case).collect()).collect();
    json!({"type": "string", "pattern": format!("^\\s*({})\\s*$", patterns.join("|"))})
}
