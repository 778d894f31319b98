//! The JSON reader: `Modules/_json.c` of Python 3.11 without its recursion.

use super::error::{Failure, JsonError, JsonErrorKind};
use super::number::{Int, MAX_INT_DIGITS};
use super::{Object, Value};
use crate::value::text::{Text, TextBuilder};

/// The most objects and arrays that may be open at once. Python 3.11 stops at its recursion limit of 1000
/// frames, which leaves 993 at the top of a script and fewer the deeper the caller is; a fixed limit gives
/// one answer everywhere.
pub const MAX_DEPTH: usize = 990;

/// Reads a document exactly as `json.loads(str)` does.
pub fn parse(text: &Text) -> Result<Value, JsonError> {
    parse_nested(text.as_bytes(), MAX_DEPTH).map_err(|failure| failure.locate(text.as_bytes()))
}

/// Reads a document that will be nested in others: at most `depth` nested arrays and objects.
pub(crate) fn parse_nested(text: &[u8], depth: usize) -> Result<Value, Failure> {
    if text.starts_with("\u{FEFF}".as_bytes()) {
        return Err(Failure { kind: JsonErrorKind::ByteOrderMark, at: 0 });
    }
    let mut reader = Reader { text, position: 0, depth };
    reader.skip_white_space();
    let value = reader.value()?;
    reader.skip_white_space();
    if reader.position < text.len() { Err(reader.failure(JsonErrorKind::ExtraData)) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a [u8],
    position: usize,
    depth: usize,
}

/// An array or object whose end has not been read yet.
enum Open {
    Array(Vec<Value>),
    Object { members: Object, key: Text },
}

/// What follows a value in its array or object.
enum Next {
    Another(Open),
    Closed(Value),
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Value, Failure> {
        let mut open = Vec::new();
        loop {
            let Some(mut value) = self.start(&mut open)? else { continue };
            loop {
                let Some(container) = open.pop() else { return Ok(value) };
                match self.attach(container, value)? {
                    Next::Closed(container) => value = container,
                    Next::Another(container) => {
                        open.push(container);
                        break;
                    }
                }
            }
        }
    }

    /// Reads a whole scalar or empty container, or opens a container and returns None.
    fn start(&mut self, open: &mut Vec<Open>) -> Result<Option<Value>, Failure> {
        let Some(first) = self.peek() else { return Err(self.failure(JsonErrorKind::ExpectedValue)) };
        if matches!(first, b'{' | b'[') && open.len() >= self.depth {
            return Err(self.failure(JsonErrorKind::TooDeep));
        }
        match first {
            b'{' => self.start_object(open),
            b'[' => Ok(self.start_array(open)),
            b'"' => self.string().map(|text| Some(Value::String(text))),
            b'n' => self.constant(b"null", Value::Null),
            b't' => self.constant(b"true", Value::Bool(true)),
            b'f' => self.constant(b"false", Value::Bool(false)),
            b'N' => self.constant(b"NaN", Value::Float(f64::NAN)),
            b'I' => self.constant(b"Infinity", Value::Float(f64::INFINITY)),
            b'-' if self.rest().starts_with(b"-I") => {
                self.constant(b"-Infinity", Value::Float(f64::NEG_INFINITY))
            }
            _ => self.number().map(Some),
        }
    }

    fn start_array(&mut self, open: &mut Vec<Open>) -> Option<Value> {
        self.position += 1;
        self.skip_white_space();
        if self.take(b']') {
            return Some(Value::Array(Vec::new()));
        }
        open.push(Open::Array(Vec::new()));
        None
    }

    fn start_object(&mut self, open: &mut Vec<Open>) -> Result<Option<Value>, Failure> {
        self.position += 1;
        self.skip_white_space();
        if self.take(b'}') {
            return Ok(Some(Value::Object(Object::new())));
        }
        let key = self.key()?;
        open.push(Open::Object { members: Object::new(), key });
        Ok(None)
    }

    /// Puts a value into its container and reads on to the next value or past the end of the container.
    fn attach(&mut self, container: Open, value: Value) -> Result<Next, Failure> {
        self.skip_white_space();
        match container {
            Open::Array(mut items) => {
                items.push(value);
                let more = self.comma_or(b']')?;
                Ok(if more { Next::Another(Open::Array(items)) } else { Next::Closed(Value::Array(items)) })
            }
            Open::Object { mut members, key } => {
                members.insert(key, value);
                if self.comma_or(b'}')? {
                    let key = self.key()?;
                    return Ok(Next::Another(Open::Object { members, key }));
                }
                Ok(Next::Closed(Value::Object(members)))
            }
        }
    }

    /// Whether a comma (true) or the end of the container (false) comes next.
    fn comma_or(&mut self, end: u8) -> Result<bool, Failure> {
        if self.take(end) {
            return Ok(false);
        }
        if !self.take(b',') {
            return Err(self.failure(JsonErrorKind::ExpectedComma));
        }
        self.skip_white_space();
        Ok(true)
    }

    /// A key, its colon and the white space around it.
    fn key(&mut self) -> Result<Text, Failure> {
        if self.peek() != Some(b'"') {
            return Err(self.failure(JsonErrorKind::ExpectedKey));
        }
        let key = self.string()?;
        self.skip_white_space();
        if !self.take(b':') {
            return Err(self.failure(JsonErrorKind::ExpectedColon));
        }
        self.skip_white_space();
        Ok(key)
    }

    fn constant(&mut self, word: &[u8], value: Value) -> Result<Option<Value>, Failure> {
        if !self.rest().starts_with(word) {
            return Err(self.failure(JsonErrorKind::ExpectedValue));
        }
        self.position += word.len();
        Ok(Some(value))
    }

    /// A string; the position is at its opening quote.
    fn string(&mut self) -> Result<Text, Failure> {
        let start = self.position;
        self.position += 1;
        let plain = self.plain_run(start)?;
        if self.take(b'"') {
            return Ok(Text::copy_of(plain));
        }
        let mut text = TextBuilder::with_capacity(plain.len() * 2 + 32);
        text.push_bytes(plain);
        while !self.take(b'"') {
            let code_point = self.escape(start)?;
            text.push_code_point(code_point);
            text.push_bytes(self.plain_run(start)?);
        }
        Ok(text.finish())
    }

    /// Characters up to the next quote or backslash; `start` is where the string began.
    fn plain_run(&mut self, start: usize) -> Result<&'a [u8], Failure> {
        let rest = self.text.get(self.position..).unwrap_or_default();
        let length = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..=0x1F));
        let Some(length) = length else {
            return Err(Failure { kind: JsonErrorKind::UnterminatedString, at: start });
        };
        self.position += length;
        if matches!(rest.get(length), Some(0..=0x1F)) {
            return Err(self.failure(JsonErrorKind::ControlCharacter));
        }
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// An escape; the position is at its backslash. A pair of surrogate escapes becomes one code point.
    fn escape(&mut self, start: usize) -> Result<u32, Failure> {
        let backslash = self.position;
        let Some(&letter) = self.text.get(backslash + 1) else {
            return Err(Failure { kind: JsonErrorKind::UnterminatedString, at: start });
        };
        if letter == b'u' {
            return self.unicode_escape();
        }
        let character = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err(Failure { kind: JsonErrorKind::InvalidEscape, at: backslash }),
        };
        self.position += 2;
        Ok(u32::from(character))
    }

    fn unicode_escape(&mut self) -> Result<u32, Failure> {
        let first = self.four_digits()?;
        if !matches!(first, 0xD800..=0xDBFF) || !self.rest().starts_with(b"\\u") {
            return Ok(first);
        }
        let after_first = self.position;
        let second = self.four_digits()?;
        if matches!(second, 0xDC00..=0xDFFF) {
            return Ok(0x1_0000 + ((first - 0xD800) << 10 | (second - 0xDC00)));
        }
        // Not a pair: the second escape is read on its own.
        self.position = after_first;
        Ok(first)
    }

    /// The number in `\uXXXX`; the position is at the backslash. Python also requires a character after it.
    fn four_digits(&mut self) -> Result<u32, Failure> {
        let digits = self.text.get(self.position + 2..self.position + 7).and_then(|digits| digits.get(..4));
        let number = digits.and_then(|digits| {
            digits.iter().try_fold(0, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
        });
        match number {
            Some(number) => {
                self.position += 6;
                Ok(number)
            }
            None => Err(Failure { kind: JsonErrorKind::InvalidUnicodeEscape, at: self.position + 1 }),
        }
    }

    fn number(&mut self) -> Result<Value, Failure> {
        let start = self.position;
        self.take(b'-');
        // A zero ends the digits: Python reads `01` as 0 followed by extra data.
        let digits = if self.take(b'0') { 1 } else { self.skip_digits() };
        if digits == 0 {
            return Err(Failure { kind: JsonErrorKind::ExpectedValue, at: start });
        }
        let has_fraction = self.skip_fraction();
        let is_float = self.skip_exponent() || has_fraction;
        let number = self.text.get(start..self.position).and_then(|number| std::str::from_utf8(number).ok());
        let value = if is_float {
            number.and_then(|number| number.parse().ok()).map(Value::Float)
        } else if digits > MAX_INT_DIGITS {
            return Err(Failure { kind: JsonErrorKind::IntegerTooLong, at: start });
        } else {
            number.and_then(Int::from_decimal).map(Value::Int)
        };
        value.ok_or(Failure { kind: JsonErrorKind::ExpectedValue, at: start })
    }

    /// Reads `.` and digits, or nothing.
    fn skip_fraction(&mut self) -> bool {
        let is_fraction = matches!(self.rest(), [b'.', b'0'..=b'9', ..]);
        if is_fraction {
            self.position += 1;
            self.skip_digits();
        }
        is_fraction
    }

    /// Reads `e`, a sign and digits, or nothing.
    fn skip_exponent(&mut self) -> bool {
        let start = self.position;
        let mark = match self.rest() {
            [b'e' | b'E', b'+' | b'-', ..] => 2,
            [b'e' | b'E', ..] => 1,
            _ => return false,
        };
        self.position += mark;
        if self.skip_digits() == 0 {
            // Python reads the number without the incomplete exponent.
            self.position = start;
            return false;
        }
        true
    }

    /// Skips decimal digits and returns how many there were.
    fn skip_digits(&mut self) -> usize {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.position += digits;
        digits
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.position += usize::from(is_there);
        is_there
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn failure(&self, kind: JsonErrorKind) -> Failure {
        Failure { kind, at: self.position }
    }
}
