//! A secret on its way from a store to Airflow.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// The value of a secret. Debug prints `[REDACTED]`, and the memory is zeroized when the last clone goes.
#[derive(Clone)]
pub struct SecretValue {
    content: Arc<Content>,
    valid_for: Option<Duration>,
}

struct Content {
    text: SecretString,
    is_structured: bool,
    may_refer: bool,
    /// What was put into it from other secrets.
    resolved: Option<Box<[SecretValue]>>,
}

/// The part of `secret_coordinate::` that stays as it is in JSON and in a URI, whatever is escaped there.
const REFERS: &str = "coordinate";

/// Whether `text` may contain a reference to another secret, in JSON or in a URI, too.
pub(crate) fn may_refer(text: &str) -> bool {
    text.contains(REFERS)
}

impl SecretValue {
    /// A plain string, passed to Airflow as it is.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(text.into(), false)
    }

    /// A value of a structured file or engine, as JSON text; Python gets the object it describes.
    pub fn structured(json: impl Into<String>) -> Self {
        Self::new(json.into(), true)
    }

    fn new(text: String, is_structured: bool) -> Self {
        let may_refer = may_refer(&text);
        Self::with(Content { text: SecretString::from(text), is_structured, may_refer, resolved: None })
    }

    fn with(content: Content) -> Self {
        Self { content: Arc::new(content), valid_for: None }
    }

    /// The same text, with what was put into it from other secrets: all of that is secret.
    #[must_use]
    pub fn with_resolved(self, parts: Vec<Self>) -> Self {
        let (text, is_structured) = (SecretString::from(self.expose()), self.is_structured());
        let resolved = Some(parts.into_boxed_slice()).filter(|parts| !parts.is_empty());
        Self::with(Content { text, is_structured, may_refer: false, resolved })
    }

    /// What was put into it from other secrets.
    pub fn resolved(&self) -> &[Self] {
        self.content.resolved.as_deref().unwrap_or_default()
    }

    /// Whether it may contain a reference to another secret.
    #[inline]
    pub fn may_refer(&self) -> bool {
        self.content.may_refer
    }

    /// Records how long, from the moment of the read, the value is known to stay the same: until a rotation,
    /// an expiry or a deletion whose date the store reported with it. A store that reports no such date
    /// records nothing, such as Secrets Manager, since the answer of `GetSecretValue` has none.
    #[must_use]
    pub fn with_valid_for(mut self, valid_for: Duration) -> Self {
        self.valid_for = Some(valid_for);
        self
    }

    /// How long, from the moment of the read, the value is known to stay the same, where the store reported
    /// it.
    pub fn valid_for(&self) -> Option<Duration> {
        self.valid_for
    }

    /// Whether both share one text in memory, so that `other` is the same read or a clone of it. Equal texts
    /// of two reads are not the same.
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content, &other.content)
    }

    /// Whether the text is JSON that describes a Python object.
    pub fn is_structured(&self) -> bool {
        self.content.is_structured
    }

    /// The secret itself. Only `python/` and the parsers of values may request it.
    pub fn expose(&self) -> &str {
        self.content.text.expose_secret()
    }

    /// Size of the text in bytes.
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let value = SecretValue::text("canary-5f3759df");
        insta::assert_snapshot!(format!("{value:?} {:#?}", Some(SecretValue::structured("[1]"))), @r"
        SecretValue([REDACTED]) Some(
            SecretValue([REDACTED]),
        )
        ");
    }

    #[test]
    fn the_text_is_kept_as_it_is() {
        assert_eq!(SecretValue::text(" a\n").expose(), " a\n");
        assert_eq!(SecretValue::text("é").len(), 2);
        assert!(SecretValue::text("").is_empty());
        assert!(!SecretValue::text("{}").is_structured());
        assert!(SecretValue::structured("{}").is_structured());
    }

    #[test]
    fn a_lifetime_goes_with_the_value_and_shows_nothing_of_it() {
        assert_eq!(SecretValue::text("a").valid_for(), None);
        let value = SecretValue::text("canary").with_valid_for(Duration::from_secs(9));
        assert_eq!(value.clone().valid_for(), Some(Duration::from_secs(9)));
        assert_eq!(format!("{value:?}"), "SecretValue([REDACTED])");
    }

    #[test]
    fn what_may_refer_to_another_secret_is_known_from_the_start() {
        assert!(SecretValue::text("a://u:secret_coordinate%3A%3Ab@h").may_refer());
        assert!(SecretValue::structured(r#"{"a": "secret_coordinate::b"}"#).may_refer());
        assert!(!SecretValue::text("secret").may_refer());
        let value = SecretValue::structured("[1]").with_resolved(vec![SecretValue::text("canary")]);
        assert!(value.is_structured() && !value.may_refer());
        assert_eq!((value.expose(), value.resolved().len()), ("[1]", 1));
        assert_eq!(format!("{value:?}"), "SecretValue([REDACTED])");
    }

    #[test]
    fn clones_are_the_same_and_equal_texts_are_not() {
        let value = SecretValue::text("a");
        assert!(value.same_as(&value.clone().with_valid_for(Duration::ZERO)));
        assert!(!value.same_as(&SecretValue::text("a")));
    }
}
