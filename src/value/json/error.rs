//! Why a text is not JSON.

use std::fmt;

/// What is wrong with a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// The text starts with a byte order mark.
    ByteOrderMark,
    /// No value where one must be.
    ExpectedValue,
    /// No key in double quotes where one must be.
    ExpectedKey,
    /// No colon after a key.
    ExpectedColon,
    /// Neither a comma nor the end of the array or object after a value.
    ExpectedComma,
    /// A string without closing quote; the position is its start.
    UnterminatedString,
    /// A raw control character in a string.
    ControlCharacter,
    /// A backslash before a character that cannot be escaped.
    InvalidEscape,
    /// `\u` without four hexadecimal digits.
    InvalidUnicodeEscape,
    /// Text after the document.
    ExtraData,
    /// More than [`MAX_DEPTH`](super::MAX_DEPTH) nested arrays and objects (`RecursionError` in Python).
    TooDeep,
    /// An integer of more than [`MAX_INT_DIGITS`](super::MAX_INT_DIGITS) digits (in Python a `ValueError`
    /// that is not a `JSONDecodeError`).
    IntegerTooLong,
}

impl JsonErrorKind {
    /// Whether Python raises `JSONDecodeError` for it, which Airflow handles separately.
    pub fn is_syntax(self) -> bool {
        !matches!(self, Self::TooDeep | Self::IntegerTooLong)
    }

    fn message(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "unexpected byte order mark",
            Self::ExpectedValue => "expected a value",
            Self::ExpectedKey => "expected a key in double quotes",
            Self::ExpectedColon => "expected ':' after the key",
            Self::ExpectedComma => "expected ',' or the closing bracket",
            Self::UnterminatedString => "the string that starts here has no end",
            Self::ControlCharacter => "control character in a string; escape it",
            Self::InvalidEscape => "invalid escape after a backslash",
            Self::InvalidUnicodeEscape => "\\u needs four hexadecimal digits",
            Self::ExtraData => "unexpected text after the JSON document",
            Self::TooDeep => "arrays and objects are nested too deeply",
            Self::IntegerTooLong => "the integer has more than 4300 digits",
        }
    }
}

/// Why and where a JSON text cannot be read. Shows positions only, never any of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    /// The cause.
    pub kind: JsonErrorKind,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Offset in characters, from 0.
    pub offset: usize,
}

impl JsonError {
    /// Whether Python raises `JSONDecodeError` for it.
    pub fn is_syntax(&self) -> bool {
        self.kind.is_syntax()
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, line, column, offset } = self;
        write!(formatter, "{}: line {line} column {column} (char {offset})", kind.message())
    }
}

impl std::error::Error for JsonError {}

/// What went wrong at which byte; positions in characters are computed only on demand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    pub(crate) kind: JsonErrorKind,
    pub(super) at: usize,
}

impl Failure {
    /// The error with its position in `text`, which is the text that was read.
    pub(crate) fn locate(self, text: &[u8]) -> JsonError {
        let before = text.get(..self.at).unwrap_or(text);
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        let characters = |bytes: &[u8]| bytes.iter().filter(|&byte| byte & 0xC0 != 0x80).count();
        JsonError {
            kind: self.kind,
            line: before.split(|&byte| byte == b'\n').count(),
            column: characters(before.get(line_start..).unwrap_or_default()) + 1,
            offset: characters(before),
        }
    }
}
