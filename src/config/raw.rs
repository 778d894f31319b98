//! The user's values before they are interpreted.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::config::stores_file::{Origin, Place};
use crate::value::json::Value;

/// A value of `backend_kwargs` as it was passed.
#[derive(Clone)]
pub enum RawValue {
    /// Text: from the JSON, or from `AIRFLOW__SECRETS__BACKEND_KWARG__X`, which can only be text.
    Text(String),
    /// Any other JSON value.
    Json(Value),
}

/// The whole `backend_kwargs` as it was passed. Debug lists the keys only.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct RawOptions {
    values: BTreeMap<String, RawValue>,
    /// The file that a part of it was read from.
    origin: Place,
}

impl RawOptions {
    /// Adds a key; a later one replaces an earlier one.
    pub fn insert(&mut self, key: impl Into<String>, value: RawValue) {
        self.values.insert(key.into(), value);
    }

    /// The keys and their values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Notes the file that a part of it was read from.
    pub(super) fn read_from(&mut self, origin: Origin) {
        self.origin = Some(Arc::new(origin));
    }

    /// The file that a part of it was read from.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// Whether nothing was written at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl FromIterator<(String, RawValue)> for RawOptions {
    fn from_iter<I: IntoIterator<Item = (String, RawValue)>>(pairs: I) -> Self {
        Self { values: pairs.into_iter().collect(), origin: None }
    }
}

impl fmt::Debug for RawOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

impl RawValue {
    /// Text that differs for any two values, also for a text and another type with the same JSON.
    pub fn fingerprint(&self) -> crate::value::Text {
        let mut text = crate::value::text::TextBuilder::default();
        text.push_str(if matches!(self, Self::Text(_)) { "text " } else { "json " });
        text.push_bytes(self.canonical().as_bytes());
        text.finish()
    }

    /// The value if it is text.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The value as JSON text, which identifies both the value and its type.
    fn canonical(&self) -> crate::value::Text {
        match self {
            Self::Text(text) => crate::value::Text::from(text.as_str()),
            Self::Json(value) => crate::value::json::write(value),
        }
    }
}

impl PartialEq for RawValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => left == right,
            // As text, because NaN is not equal to itself.
            (Self::Json(_), Self::Json(_)) => self.canonical() == other.canonical(),
            _ => false,
        }
    }
}

impl Eq for RawValue {}

impl Hash for RawValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        self.canonical().as_bytes().hash(state);
    }
}

impl fmt::Debug for RawValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[REDACTED]")
    }
}
