//! What can be written into `backend_kwargs`: declarations, and the typed values they become.
//!
//! Each module declares its own options next to the code that uses them; `config/` reads the user's text
//! according to these declarations, and tests check that the stubs and the documentation name every option.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::value::json::Value;

/// The shape of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// Text that must not be shown: a key, a password, a token.
    Secret,
    /// Text, or null to switch a kind of lookup off.
    Prefix,
    /// Text, a list of texts that are tried in order, or null to switch a kind of lookup off.
    Prefixes,
    /// true/false/1/0/yes/no.
    Boolean,
    /// A boolean, or the path of a CA bundle.
    BooleanOrPath,
    /// A whole number of at least zero.
    Count,
    /// Seconds, or a text such as `500ms`, `3s`, `10m`, `1h`, `PT60S`.
    Duration,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A JSON object, also as JSON text.
    Object,
    /// Like [`Self::Object`], with credentials inside.
    SecretObject,
    /// A JSON object whose values are durations.
    Durations,
    /// Calls per time, such as `40/s`, `100/m`, `5/10s`.
    Rate,
    /// Any JSON; the code that reads it checks the shape, which the text describes.
    Json(&'static str),
    /// Like [`Self::Json`], with credentials inside.
    SecretJson(&'static str),
    /// Accepted because the official class accepts it; the text says why it has no effect.
    Ignored(&'static str),
}

impl OptionKind {
    /// The word for this shape in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Secret => "secret",
            Self::Prefix => "text or null",
            Self::Prefixes => "text, list or null",
            Self::Boolean => "boolean",
            Self::BooleanOrPath => "boolean or path",
            Self::Count => "count",
            Self::Duration => "duration",
            Self::Choice(_) => "choice",
            Self::Object => "object",
            Self::SecretObject => "secret object",
            Self::Durations => "object of durations",
            Self::Rate => "rate",
            Self::Json(_) => "JSON",
            Self::SecretJson(_) => "secret JSON",
            Self::Ignored(_) => "ignored",
        }
    }

    /// Whether the value must never be shown.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::SecretObject | Self::SecretJson(_))
    }
}

/// The declaration of one option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// The key in `backend_kwargs`.
    pub key: &'static str,
    /// The shape of the value.
    pub kind: OptionKind,
    /// The default as it would be written, empty for none.
    pub default: &'static str,
    /// One sentence for the reference.
    pub doc: &'static str,
    /// Whether null and the empty text mean no, as they do where the official class tests the truth of a
    /// value.
    pub null_is_no: bool,
}

impl OptionSpec {
    /// Declares an option without a default.
    pub const fn new(key: &'static str, kind: OptionKind, doc: &'static str) -> Self {
        Self { key, kind, default: "", doc, null_is_no: false }
    }

    /// Makes null and the empty text mean no.
    #[must_use]
    pub const fn with_null_as_no(mut self) -> Self {
        self.null_is_no = true;
        self
    }

    /// Gives the option a default.
    #[must_use]
    pub const fn with_default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

/// A value from the user, checked against its declaration.
#[derive(Clone, PartialEq)]
pub enum OptionValue {
    /// Null, which means "off" for a prefix.
    Null,
    /// Of [`OptionKind::Text`], [`OptionKind::Secret`], [`OptionKind::Prefix`], [`OptionKind::Prefixes`],
    /// [`OptionKind::Choice`].
    Text(String),
    /// Of the same kinds but the last, where something other than text was written.
    Scalar(Scalar),
    /// Of [`OptionKind::Boolean`] and [`OptionKind::BooleanOrPath`].
    Boolean(bool),
    /// Of [`OptionKind::Count`].
    Count(u64),
    /// Of [`OptionKind::Duration`].
    Duration(Duration),
    /// Of [`OptionKind::Object`] and [`OptionKind::SecretObject`]; always a [`Value::Object`].
    Object(Value),
    /// Of [`OptionKind::Durations`], in the order written.
    Durations(Vec<(String, Duration)>),
    /// Of [`OptionKind::Rate`].
    Rate(Rate),
    /// Of [`OptionKind::Json`] and [`OptionKind::SecretJson`], and lists of [`OptionKind::Prefixes`].
    Json(Value),
}

/// A number, a boolean or an empty list where a text is expected. The official classes test the truth of some
/// such values and put others into a name as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Scalar {
    /// What Python's `str` makes of it.
    pub text: String,
    /// Whether Python considers it true.
    pub is_true: bool,
}

/// A number of calls in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// The most calls that begin within `per`.
    pub calls: NonZeroU32,
    /// The time they are counted over.
    pub per: Duration,
}

/// The checked options of one backend. Debug lists the keys only, since values may be credentials.
#[derive(Clone, Default)]
pub struct Options {
    values: BTreeMap<&'static str, OptionValue>,
    faults: BTreeMap<&'static str, Error>,
}

impl Options {
    /// Sets `key`, replacing any earlier value.
    pub fn set(&mut self, key: &'static str, value: OptionValue) {
        self.values.insert(key, value);
    }

    /// Notes that the value of `key` cannot be used: lookups that need it fail with this error.
    pub fn set_fault(&mut self, key: &'static str, fault: Error) {
        self.faults.insert(key, fault);
    }

    /// Why the value of `key` cannot be used, if it cannot.
    pub fn fault(&self, key: &str) -> Option<&Error> {
        self.faults.get(key)
    }

    /// The faults of all unusable values.
    pub fn faults(&self) -> impl Iterator<Item = &Error> {
        self.faults.values()
    }

    /// The first fault that matters; `plays_no_part` says which keys have no effect.
    pub fn check_faults(&self, plays_no_part: impl Fn(&str) -> bool) -> Result<()> {
        match self.faults.iter().find(|(key, _)| !plays_no_part(key)) {
            Some((_, fault)) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    /// What the user wrote for `key`, if anything.
    pub fn get(&self, key: &str) -> Option<&OptionValue> {
        self.values.get(key)
    }

    /// The text of `key`; null counts as unset, and a value that Python considers false counts as an empty
    /// text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(OptionValue::Text(text)) => Some(text),
            Some(OptionValue::Scalar(scalar)) => Some(if scalar.is_true { &scalar.text } else { "" }),
            _ => None,
        }
    }

    /// The text of `key` as Python would put it into a name: `0` is the text `0` and not empty.
    pub fn spelled(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(OptionValue::Scalar(scalar)) => Some(&scalar.text),
            _ => self.text(key),
        }
    }

    /// Whether the value is one that Python considers false, such as 0, and that is neither null nor a text.
    pub fn is_false(&self, key: &str) -> bool {
        matches!(self.values.get(key), Some(OptionValue::Scalar(scalar)) if !scalar.is_true)
    }

    /// Like [`Self::text`], but an empty text counts as unset.
    pub fn non_empty(&self, key: &str) -> Option<&str> {
        self.text(key).filter(|text| !text.is_empty())
    }

    /// A prefix: what the user wrote, `None` for null, or `default`.
    pub fn prefix<'text>(&'text self, key: &str, default: &'text str) -> Option<&'text str> {
        match self.values.get(key) {
            Some(OptionValue::Null) => None,
            _ => Some(self.spelled(key).unwrap_or(default)),
        }
    }

    /// The boolean of `key`.
    pub fn boolean(&self, key: &str) -> Option<bool> {
        match self.values.get(key) {
            Some(OptionValue::Boolean(boolean)) => Some(*boolean),
            _ => None,
        }
    }

    /// The count of `key`.
    pub fn count(&self, key: &str) -> Option<u64> {
        match self.values.get(key) {
            Some(OptionValue::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// The duration of `key`.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.values.get(key) {
            Some(OptionValue::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    /// The durations of `key`, none if nothing was written.
    pub fn durations(&self, key: &str) -> &[(String, Duration)] {
        match self.values.get(key) {
            Some(OptionValue::Durations(durations)) => durations,
            _ => &[],
        }
    }

    /// The rate of `key`.
    pub fn rate(&self, key: &str) -> Option<Rate> {
        match self.values.get(key) {
            Some(OptionValue::Rate(rate)) => Some(*rate),
            _ => None,
        }
    }

    /// The JSON of `key`.
    pub fn json(&self, key: &str) -> Option<&Value> {
        match self.values.get(key) {
            Some(OptionValue::Json(json)) => Some(json),
            _ => None,
        }
    }

    /// The object of `key`.
    pub fn object(&self, key: &str) -> Option<&Value> {
        match self.values.get(key) {
            Some(OptionValue::Object(object)) => Some(object),
            _ => None,
        }
    }
}

#[cfg(test)]
impl fmt::Debug for OptionValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "Null",
            Self::Text(_) => "Text",
            Self::Scalar(_) => "Scalar",
            Self::Boolean(true) => "Boolean(true)",
            Self::Boolean(false) => "Boolean(false)",
            Self::Count(_) => "Count",
            Self::Duration(_) => "Duration",
            Self::Object(_) => "Object",
            Self::Durations(_) => "Durations",
            Self::Rate(_) => "Rate",
            Self::Json(_) => "Json",
        })
    }
}

/// Faults are errors, which cannot be compared: the same keys have to be at fault in both.
impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values && self.faults.keys().eq(other.faults.keys())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
impl Options {
    /// Options that are texts.
    pub(crate) fn of_texts(pairs: &[(&'static str, &str)]) -> Self {
        let mut options = Self::default();
        for (key, text) in pairs {
            options.set(key, OptionValue::Text((*text).to_owned()));
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_switches_a_prefix_off_and_nothing_means_the_default() {
        let mut options = Options::default();
        options.set("connections_prefix", OptionValue::Null);
        options.set("config_prefix", OptionValue::Text(String::new()));
        assert_eq!(options.prefix("connections_prefix", "d"), None);
        assert_eq!(options.prefix("variables_prefix", "d"), Some("d"));
        assert_eq!(options.prefix("config_prefix", "d"), Some(""));
    }

    #[test]
    fn debug_lists_keys_only() {
        let mut options = Options::default();
        options.set("aws_secret_access_key", OptionValue::Text("canary-77".to_owned()));
        assert_eq!(format!("{options:?}"), r#"{"aws_secret_access_key"}"#);
    }
}
