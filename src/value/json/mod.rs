//! JSON as Python reads and writes it.
//!
//! `serde_json` refuses or changes what Python's `json` module accepts (`NaN`, big integers, lone surrogates,
//! repeated keys), so a secret would come out different. [`parse`] accepts exactly what `json.loads(str)`
//! accepts and [`write()`] gives the bytes of `json.dumps` with default arguments (`Lib/json` and
//! `Modules/_json.c` of Python 3.11).
//!
//! Nothing here recurses, whether reading, writing, cloning, comparing or dropping: deep nesting ends in an
//! error, never in a stack overflow.

mod error;
mod number;
mod object;
#[cfg(feature = "azure")]
mod python_text;
mod read;
mod tree;
mod write;

use std::fmt;

use crate::value::text::Text;

pub(crate) use error::Failure;
pub use error::{JsonError, JsonErrorKind};
pub use number::{Int, MAX_INT_DIGITS, float_repr};
pub use object::Object;
#[cfg(feature = "azure")]
pub use python_text::python_text;
pub(crate) use read::parse_nested;
pub use read::{MAX_DEPTH, parse};
pub use write::write;

/// A JSON document as `json.loads` gives it. Debug shows the type and nothing of the content.
#[derive(Default)]
pub enum Value {
    /// `None`
    #[default]
    Null,
    /// `bool`
    Bool(bool),
    /// `int` of any size
    Int(Int),
    /// `float`, NaN and the infinities included
    Float(f64),
    /// `str`, lone surrogates included
    String(Text),
    /// `list`
    Array(Vec<Value>),
    /// `dict` with `str` keys
    Object(Object),
}

impl Value {
    /// Whether this is Python's `None`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a `str`.
    pub fn as_text(&self) -> Option<&Text> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The text of a `str` without lone surrogates.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().and_then(Text::to_str)
    }

    /// The boolean.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(boolean) = self { Some(*boolean) } else { None }
    }

    /// The integer, when it fits 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Int(integer) = self { integer.as_i64() } else { None }
    }

    /// The items of a `list`.
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The members of a `dict`.
    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// Takes the text of a `str` out. (Values cannot be destructured by a pattern, because they implement
    /// `Drop`.)
    pub fn into_text(mut self) -> Option<Text> {
        if let Self::String(text) = &mut self { Some(std::mem::take(text)) } else { None }
    }

    /// Takes the items of a `list` out.
    pub fn into_array(mut self) -> Option<Vec<Value>> {
        if let Self::Array(items) = &mut self { Some(std::mem::take(items)) } else { None }
    }

    /// Takes the members of a `dict` out.
    pub fn into_object(mut self) -> Option<Object> {
        if let Self::Object(members) = &mut self { Some(std::mem::take(members)) } else { None }
    }

    /// The result of Python's `bool(value)`.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(boolean) => *boolean,
            Self::Int(integer) => !integer.is_zero(),
            Self::Float(float) => *float != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Array(items) => !items.is_empty(),
            Self::Object(members) => !members.is_empty(),
        }
    }

    /// Python's name of the type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "None",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::String(_) => "str",
            Self::Array(_) => "list",
            Self::Object(_) => "dict",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() {
            formatter.write_str("None")
        } else {
            write!(formatter, "{}([REDACTED])", self.type_name())
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(Text::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(Text::from(text))
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Bool(boolean)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Int(Int::from(integer))
    }
}

impl From<Int> for Value {
    fn from(integer: Int) -> Self {
        Self::Int(integer)
    }
}

impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

impl From<Object> for Value {
    fn from(members: Object) -> Self {
        Self::Object(members)
    }
}

#[cfg(test)]
mod tests;
