//! `str(value)` of Python, for values that a Python client passes on as text.

use std::slice::Iter;

use super::{Value, float_repr};
use crate::value::text::{Text, TextBuilder};

/// A list or dict whose members are being written, and whether one has been written.
struct Open<'a> {
    members: Members<'a>,
    has_begun: bool,
}

enum Members<'a> {
    List(Iter<'a, Value>),
    Dict(Iter<'a, (Text, Value)>),
}

/// The result of `str(value)`: a string as it is, anything else as its `repr`.
pub fn python_text(value: &Value) -> Text {
    if let Value::String(text) = value {
        return text.clone();
    }
    let mut output = TextBuilder::with_capacity(128);
    let mut open = Vec::new();
    start(&mut output, value, &mut open);
    while let Some(container) = open.last_mut() {
        if let Some(member) = next_member(&mut output, container) {
            start(&mut output, member, &mut open);
        } else {
            output.push_str(if matches!(container.members, Members::List(_)) { "]" } else { "}" });
            open.pop();
        }
    }
    output.finish()
}

/// Writes a scalar, or the opening bracket of a container.
fn start<'a>(output: &mut TextBuilder, value: &'a Value, open: &mut Vec<Open<'a>>) {
    let members = match value {
        Value::Null => return output.push_str("None"),
        Value::Bool(true) => return output.push_str("True"),
        Value::Bool(false) => return output.push_str("False"),
        Value::Int(integer) => return output.push_str(&integer.to_decimal()),
        Value::Float(float) => return write_float(output, *float),
        Value::String(text) => return write_string(output, text),
        Value::Array(items) => Members::List(items.iter()),
        Value::Object(members) => Members::Dict(members.iter()),
    };
    output.push_str(if matches!(members, Members::List(_)) { "[" } else { "{" });
    open.push(Open { members, has_begun: false });
}

/// The next member of a container, after its separator and key are written.
fn next_member<'a>(output: &mut TextBuilder, container: &mut Open<'a>) -> Option<&'a Value> {
    let (key, value) = match &mut container.members {
        Members::List(items) => (None, items.next()?),
        Members::Dict(members) => members.next().map(|(key, value)| (Some(key), value))?,
    };
    if std::mem::replace(&mut container.has_begun, true) {
        output.push_str(", ");
    }
    if let Some(key) = key {
        write_string(output, key);
        output.push_str(": ");
    }
    Some(value)
}

fn write_float(output: &mut TextBuilder, float: f64) {
    match float {
        _ if float.is_nan() => output.push_str("nan"),
        f64::INFINITY => output.push_str("inf"),
        f64::NEG_INFINITY => output.push_str("-inf"),
        _ => output.push_str(&float_repr(float)),
    }
}

/// `unicode_repr` in Objects/unicodeobject.c.
fn write_string(output: &mut TextBuilder, text: &Text) {
    let has = |wanted: u8| text.as_bytes().contains(&wanted);
    // Like Python: double quotes only where they avoid an escape.
    let quote = if has(b'\'') && !has(b'"') { '"' } else { '\'' };
    output.push_code_point(quote.into());
    for code_point in text.code_points() {
        match char::from_u32(code_point) {
            Some('\\') => output.push_str("\\\\"),
            Some('\n') => output.push_str("\\n"),
            Some('\r') => output.push_str("\\r"),
            Some('\t') => output.push_str("\\t"),
            Some(character) if character == quote => {
                output.push_byte(b'\\');
                output.push_code_point(code_point);
            }
            Some(_) if is_printable(code_point) => output.push_code_point(code_point),
            _ => output.push_str(&escape(code_point)),
        }
    }
    output.push_code_point(quote.into());
}

fn escape(code_point: u32) -> String {
    match code_point {
        0..=0xFF => format!("\\x{code_point:02x}"),
        0x100..=0xFFFF => format!("\\u{code_point:04x}"),
        _ => format!("\\U{code_point:08x}"),
    }
}

/// `str.isprintable`, for controls, formats, spaces, surrogates and private use; code points that Unicode has
/// not assigned count as printable, since that changes with the version of Python.
fn is_printable(code_point: u32) -> bool {
    !matches!(code_point,
        0..=0x1F | 0x7F..=0xA0 | 0xAD | 0x600..=0x605 | 0x61C | 0x6DD | 0x70F | 0x1680 | 0x180E
        | 0x2000..=0x200F | 0x2028..=0x202F | 0x205F..=0x206F | 0x3000
        | 0xD800..=0xF8FF | 0xFEFF | 0xFFF0..=0xFFFB
        | 0xFFFE | 0xFFFF | 0xE_0000..=0xE_00FF | 0xF_0000..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json::parse;

    fn python_str(json: &str) -> String {
        python_text(&parse(&Text::from(json)).unwrap()).to_str().unwrap().to_owned()
    }

    #[test]
    fn scalars_are_pythons() {
        for (json, expected) in [
            ("null", "None"),
            ("true", "True"),
            ("false", "False"),
            ("-5", "-5"),
            ("1e16", "1e+16"),
            ("1.50", "1.5"),
            ("NaN", "nan"),
            ("-Infinity", "-inf"),
            (r#""a'b""#, "a'b"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ] {
            assert_eq!(python_str(json), expected);
        }
    }

    #[test]
    fn members_are_told_by_their_repr() {
        for (json, expected) in [
            ("[]", "[]"),
            ("{}", "{}"),
            (r#"["a", 1, [null], {}]"#, "['a', 1, [None], {}]"),
            (r#"{"a": {"b": [true]}, "c": 1.0}"#, "{'a': {'b': [True]}, 'c': 1.0}"),
            (r#"["[", "{", ""]"#, "['[', '{', '']"),
            (r#"["it's", "\"", "'\""]"#, r#"["it's", '"', '\'"']"#),
            (r#"["\\ \n\r\t\u0000\u007f\u00a0\u00ad"]"#, r"['\\ \n\r\t\x00\x7f\xa0\xad']"),
            (r#"["é名\ud83d\ude00\u2028\ud83d\udb40\udc01"]"#, "['é名😀\\u2028\\ud83d\\U000e0001']"),
        ] {
            assert_eq!(python_str(json), expected);
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!("{}{}", "[".repeat(900), "]".repeat(900));
        assert_eq!(python_str(&deep), deep);
    }
}
