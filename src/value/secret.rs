//! A secret on its way from a store to Airflow.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// The value of a secret. Debug prints `[REDACTED]`, and the memory is zeroized when the last clone goes.
#[derive(Clone)]
pub struct SecretValue(Arc<Content>);

enum Content {
    Text(SecretString),
    Structured(SecretString),
}

impl SecretValue {
    /// A plain string, handed to Airflow as it is.
    pub fn text(text: impl Into<String>) -> Self {
        Self(Arc::new(Content::Text(SecretString::from(text.into()))))
    }

    /// A value of a structured file or engine, as JSON text; Python gets the object it stands for.
    pub fn structured(json: impl Into<String>) -> Self {
        Self(Arc::new(Content::Structured(SecretString::from(json.into()))))
    }

    /// Whether the text is JSON that stands for a Python object.
    pub fn is_structured(&self) -> bool {
        matches!(*self.0, Content::Structured(_))
    }

    /// The secret itself. Only `python/` and the parsers of values may ask for it.
    pub fn expose(&self) -> &str {
        match &*self.0 {
            Content::Text(text) | Content::Structured(text) => text.expose_secret(),
        }
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
}
