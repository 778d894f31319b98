//! What can be written into `backend_kwargs`: declarations, and the typed values they become.
//!
//! Each module declares its own options next to the code that uses them; `config/` reads the user's text
//! according to these declarations, and tests check that the stubs and the documentation name every option.

mod spec;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::store::environment::Environment;
use crate::value::json::Value;

pub use self::spec::{OptionDefault, OptionKind, OptionSpec};

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

    /// As [`Self::non_empty`], or what the environment has as `variable`.
    pub fn non_empty_or<'text>(
        &'text self,
        key: &str,
        environment: &'text Environment,
        variable: &'static str,
    ) -> Option<&'text str> {
        self.non_empty(key).or_else(|| environment.non_empty(variable))
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

    /// What is written for `spec`, or its default.
    pub fn boolean_of(&self, spec: &OptionSpec) -> bool {
        self.boolean(spec.key).unwrap_or(spec.default == OptionDefault::Boolean(true))
    }

    /// What is written for `spec`, or its default; an empty text is as good as nothing.
    pub fn text_of(&self, spec: &OptionSpec) -> &str {
        self.non_empty(spec.key).unwrap_or(spec.default_text())
    }

    /// What is written for `spec`, or its default.
    pub fn count_of(&self, spec: &OptionSpec) -> u64 {
        match spec.default {
            OptionDefault::Count(default) => self.count(spec.key).unwrap_or(default),
            _ => self.count(spec.key).unwrap_or_default(),
        }
    }

    /// What is written for `spec`, or its default.
    pub fn duration_of(&self, spec: &OptionSpec) -> Duration {
        match spec.default {
            OptionDefault::Duration(default) => self.duration(spec.key).unwrap_or(default),
            _ => self.duration(spec.key).unwrap_or_default(),
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
    fn what_is_written_takes_precedence_over_the_default_of_its_declaration() {
        let spec = |default| OptionSpec::new("a", OptionKind::Text, "").with(default);
        let (number, time) = (OptionDefault::Count(5), OptionDefault::Duration(Duration::from_secs(90)));
        let (yes, word) = (OptionDefault::Boolean(true), OptionDefault::Text("b"));
        let mut options = Options::default();
        assert_eq!((options.count_of(&spec(number)), options.text_of(&spec(word))), (5, "b"));
        assert_eq!(options.duration_of(&spec(time)).as_secs(), 90);
        assert!(options.boolean_of(&spec(yes)) && !options.boolean_of(&spec(OptionDefault::Nothing)));
        options.set("a", OptionValue::Count(0));
        assert_eq!(
            (options.count_of(&spec(number)), options.count_of(&spec(OptionDefault::Nothing))),
            (0, 0)
        );
        options.set("a", OptionValue::Boolean(false));
        assert!(!options.boolean_of(&spec(yes)));
        options.set("a", OptionValue::Text(String::new()));
        assert_eq!(options.text_of(&spec(word)), "b");
        options.set("a", OptionValue::Duration(Duration::ZERO));
        assert_eq!(options.duration_of(&spec(time)), Duration::ZERO);
    }

    #[test]
    fn debug_lists_keys_only() {
        let mut options = Options::default();
        options.set("aws_secret_access_key", OptionValue::Text("canary-77".to_owned()));
        assert_eq!(format!("{options:?}"), r#"{"aws_secret_access_key"}"#);
    }
}
