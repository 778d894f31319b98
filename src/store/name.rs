//! The physical name of a secret in its store.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::redact::Shown;

/// The name under which a store knows a secret, such as `airflow/connections/smtp_default`.
///
/// Names are not secret. Display escapes control characters, so that a name cannot forge a log line.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(Arc<str>);

impl SecretName {
    /// The name as it is sent to the store.
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

/// The longest text that is kept whole, in bytes: a thousand names of a megabyte each would take a gigabyte.
const LONGEST_KEPT: usize = 256;

/// A short key for `text`, for uses that only need to remember whether it was seen before: the text itself,
/// or its hash if it is long. The hash covers all of it, so two texts with the same beginning stay distinct.
pub(crate) fn short_key(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_KEPT {
        return Cow::Borrowed(text);
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Cow::Owned(format!("{:x} of {} bytes", hasher.finish(), text.len()))
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
    fn keys_are_short_and_keep_names_distinct() {
        let (one, other) = ("x".repeat(2_000_000), format!("{}y", "x".repeat(1_999_999)));
        assert_eq!(short_key("a/b"), "a/b");
        assert!(short_key(&one).len() < 64 && short_key(&one) != short_key(&other));
        assert_eq!(short_key(&one), short_key(&one.clone()));
    }

    #[test]
    fn control_characters_are_escaped_when_shown_and_kept_when_sent() {
        let name = SecretName::from("a\nWARNING forged\u{7f}");
        assert_eq!(name.to_string(), r"a\nWARNING forged\u{7f}");
        assert_eq!(name.as_str(), "a\nWARNING forged\u{7f}");
    }
}
