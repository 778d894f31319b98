//! The JSON writer: `json.dumps` with default arguments.

use std::slice::Iter;

use super::{Value, float_repr};
use crate::value::text::{Text, TextBuilder, decode_first};

/// An array or object whose members are being written.
enum Open<'a> {
    Array(Iter<'a, Value>),
    Object(Iter<'a, (Text, Value)>),
}

impl Open<'_> {
    fn closing_bracket(&self) -> u8 {
        match self {
            Self::Array(_) => b']',
            Self::Object(_) => b'}',
        }
    }
}

/// Writes a value with the bytes of `json.dumps(value)`: separators `", "` and `": "`, ASCII only, Python's
/// float repr.
pub fn write(value: &Value) -> Text {
    let mut output = TextBuilder::with_capacity(128);
    let mut open = Vec::new();
    start(&mut output, value, &mut open);
    while let Some(container) = open.last_mut() {
        if let Some(member) = next_member(&mut output, container) {
            start(&mut output, member, &mut open);
        } else {
            output.push_byte(container.closing_bracket());
            open.pop();
        }
    }
    output.finish()
}

/// Writes a scalar, or the opening bracket of a container.
fn start<'a>(output: &mut TextBuilder, value: &'a Value, open: &mut Vec<Open<'a>>) {
    match value {
        Value::Null => output.push_str("null"),
        Value::Bool(true) => output.push_str("true"),
        Value::Bool(false) => output.push_str("false"),
        Value::Int(integer) => output.push_str(&integer.to_decimal()),
        Value::Float(float) => write_float(output, *float),
        Value::String(text) => write_string(output, text.as_bytes()),
        Value::Array(items) => {
            output.push_byte(b'[');
            open.push(Open::Array(items.iter()));
        }
        Value::Object(members) => {
            output.push_byte(b'{');
            open.push(Open::Object(members.iter()));
        }
    }
}

/// The next member of a container, after its separator and key are written.
fn next_member<'a>(output: &mut TextBuilder, container: &mut Open<'a>) -> Option<&'a Value> {
    // Only the bracket was written before the first member, and no member ends in an opening bracket.
    let separator = if matches!(output.as_bytes().last(), Some(b'[' | b'{')) { "" } else { ", " };
    match container {
        Open::Array(items) => {
            let item = items.next()?;
            output.push_str(separator);
            Some(item)
        }
        Open::Object(members) => {
            let (key, value) = members.next()?;
            output.push_str(separator);
            write_string(output, key.as_bytes());
            output.push_str(": ");
            Some(value)
        }
    }
}

fn write_float(output: &mut TextBuilder, float: f64) {
    match float {
        _ if float.is_nan() => output.push_str("NaN"),
        f64::INFINITY => output.push_str("Infinity"),
        f64::NEG_INFINITY => output.push_str("-Infinity"),
        _ => output.push_str(&float_repr(float)),
    }
}

fn write_string(output: &mut TextBuilder, text: &[u8]) {
    output.push_byte(b'"');
    let mut rest = text;
    loop {
        let plain = rest
            .iter()
            .take_while(|byte| matches!(byte, b' '..=b'~' if !matches!(byte, b'"' | b'\\')))
            .count();
        let (run, tail) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        output.push_bytes(run);
        let Some((code_point, width)) = decode_first(tail) else { break };
        write_escape(output, code_point);
        rest = tail.get(width..).unwrap_or_default();
    }
    output.push_byte(b'"');
}

fn write_escape(output: &mut TextBuilder, code_point: u32) {
    match code_point {
        0x22 => output.push_str("\\\""),
        0x5C => output.push_str("\\\\"),
        0x08 => output.push_str("\\b"),
        0x0C => output.push_str("\\f"),
        0x0A => output.push_str("\\n"),
        0x0D => output.push_str("\\r"),
        0x09 => output.push_str("\\t"),
        0..=0xFFFF => write_unit(output, code_point),
        _ => {
            let above = code_point - 0x1_0000;
            write_unit(output, 0xD800 | above >> 10);
            write_unit(output, 0xDC00 | above & 0x3FF);
        }
    }
}

fn write_unit(output: &mut TextBuilder, unit: u32) {
    output.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        let digit = char::from_digit(unit >> shift & 0xF, 16).unwrap_or('0');
        output.push_code_point(u32::from(digit));
    }
}
