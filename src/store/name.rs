//! The physical name of a secret in its store.

use std::fmt;
use std::sync::Arc;

use crate::redact::Shown;

/// The name under which a store knows a secret, such as `airflow/connections/smtp_default`.
///
/// Names are not secret. Display escapes control characters, so that a name cannot forge a log line.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(Arc<str>);

impl SecretName {
    /// The name as the store gets it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&str> for SecretName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", Shown(&self.0))
    }
}

impl fmt::Debug for SecretName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_when_shown_and_kept_when_sent() {
        let name = SecretName::from("a\nWARNING forged\u{7f}");
        assert_eq!(name.to_string(), r"a\nWARNING forged\u{7f}");
        assert_eq!(name.as_str(), "a\nWARNING forged\u{7f}");
    }
}
