//! The port of a JSON connection: Python's `int(value)`.

use super::error::ConnectionError;
use super::fields::wrong_type;
use crate::value::json::{Int, MAX_INT_DIGITS, Value};
use crate::value::text::{Text, is_white_space};

/// First code point of each run of ten decimal digits beyond ASCII (Unicode 14, general category Nd), which
/// `int()` reads like 0 to 9.
const ZEROS: [u32; 65] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50,
    0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140,
    0x1E2F0, 0x1E950, 0x1FBF0,
];

/// A falsy port is dropped; any other goes through `int()`, which has no range.
pub(super) fn from_json(port: Value) -> Result<Value, ConnectionError> {
    if !port.is_truthy() {
        return Ok(Value::Null);
    }
    let integer = match &port {
        Value::Int(_) => return Ok(port),
        // True, since False was dropped above.
        Value::Bool(_) => Some(Int::from(1)),
        Value::Float(float) => Int::from_float(*float),
        Value::String(text) => int(text),
        _ => return Err(wrong_type("port", &port, "a number such as 5432")),
    };
    integer.map(Value::Int).ok_or(ConnectionError::Port)
}

/// `int(str)`: surrounding white space, a sign, and decimal digits of any script with single underscores
/// between them.
fn int(text: &Text) -> Option<Int> {
    // Python first turns white space beyond ASCII into spaces, and then strips what C calls white space.
    let is_blank = |code_point: u32| match code_point {
        0..=0x7F => matches!(code_point, 0x09..=0x0D | 0x20),
        _ => is_white_space(code_point),
    };
    let code_points: Vec<u32> = text.code_points().collect();
    let start = code_points.iter().position(|&code_point| !is_blank(code_point))?;
    let end = code_points.iter().rposition(|&code_point| !is_blank(code_point))?;
    let number: Option<String> =
        code_points.get(start..=end)?.iter().map(|&code_point| ascii(code_point)).collect();
    from_ascii(&number?)
}

/// A digit of any script as ASCII, a sign or underscore as it is.
fn ascii(code_point: u32) -> Option<char> {
    if code_point <= 0x7F {
        return char::from_u32(code_point);
    }
    let zero = ZEROS.into_iter().rfind(|&zero| zero <= code_point)?;
    char::from_digit(code_point - zero, 10)
}

fn from_ascii(number: &str) -> Option<Int> {
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    // Single underscores may separate digits (PEP 515).
    let is_misplaced = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    let digit_count = digits.bytes().filter(u8::is_ascii_digit).count();
    if is_misplaced || digit_count > MAX_INT_DIGITS {
        return None;
    }
    Int::from_decimal(&number.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(port: &str) -> Option<String> {
        int(&Text::from(port)).map(|integer| integer.to_decimal().into_owned())
    }

    #[test]
    fn reads_what_python_reads() {
        for (port, decimal) in [
            (" 3306\n", "3306"),
            ("+3_306", "3306"),
            ("-0001", "-1"),
            ("\u{a0}٣٣\u{3000}", "33"),
            ("𝟝５_0", "550"),
            ("99999999999999999999", "99999999999999999999"),
        ] {
            assert_eq!(read(port).as_deref(), Some(decimal), "{port:?}");
        }
        for port in [
            "", " ", "_1", "1_", "1__0", "+ 1", "--1", "+-1", "1.0", "0x10", "\u{1c}5", "5\0", "²", "+",
            "1 2",
        ] {
            assert_eq!(read(port), None, "{port:?}");
        }
        assert!(
            read(&"1".repeat(MAX_INT_DIGITS)).is_some() && read(&"0".repeat(MAX_INT_DIGITS + 1)).is_none()
        );
    }
}
