//! A regular expression of the user, in Python's words.
//!
//! As in `re.match(pattern, text, re.IGNORECASE)`: anchored at the start only, with look-around and back-references.

use fancy_regex::Regex;

use crate::error::{Error, Result};
use crate::process::ForkCell;
use crate::store::python_regex::anchored;

/// A pattern, compiled on first use in each process.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    compiled: ForkCell<Regex>,
}

impl Pattern {
    /// Takes the text as it is; a fault in it shows at the first match.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiled: ForkCell::new() }
    }

    /// The text that the user wrote.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `text` matches from its start. Not under [`crate::process::no_fork`].
    pub fn matches(&self, text: &str) -> Result<bool> {
        let compiled =
            self.compiled.get_or_try(|| compile(&self.text)).map_err(|error| self.error(&error))?;
        compiled.is_match(text).map_err(|error| self.error(&error))
    }

    fn error(&self, cause: &fancy_regex::Error) -> Error {
        Error::config(format!("the pattern {:?} does not work: {cause}", self.text))
            .with_hint("Patterns are Python regular expressions, matched from the start of the text")
    }
}

/// Where it fails, the error is that of the user's own text: it counts the characters that the user wrote.
fn compile(pattern: &str) -> Result<Regex, fancy_regex::Error> {
    Regex::new(&anchored(pattern)).map_err(|error| Regex::new(pattern).err().unwrap_or(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, text: &str) -> Result<bool> {
        Pattern::new(pattern).matches(text)
    }

    /// Each line was seen with Python's `re.match(pattern, id, re.IGNORECASE)`.
    #[test]
    fn as_python_has_it() {
        for (pattern, id, expected) in [
            ("C", "c1", true),
            ("1", "c1", false),
            ("T.*", "test_mysql", true),
            ("test", "test_mysql", true),
            ("dummy-pattern", "test_mysql", false),
            ("a|b", "xb", false),
            ("", "anything", true),
            ("(?!prod)", "prod_db", false),
            ("(?!prod)", "dev_db", true),
            (r"(\w)\1", "aab", true),
            (r"(?P<x>a)(?P=x)", "aa", true),
            ("ab$", "ab\n", true),
            (r"ab\Z", "ab\n", false),
            ("[$]", "$", true),
            ("(?x) c 1 # a comment", "c1", true),
            (r"(?a)\w+$", "abc", true),
            ("(?m)a$", "a\nb", true),
            ("[[a]", "[", true),
            ("[]a]", "]", true),
            ("[^]a]", "]", false),
            ("[a&&b]", "&", true),
            (r"\012", "\n", true),
            ("Ä", "ä", true),
        ] {
            assert_eq!(allows(pattern, id).unwrap(), expected, "{pattern:?} {id:?}");
        }
    }

    #[test]
    fn a_bad_pattern_is_an_error_when_it_is_used() {
        let error = allows("(", "a").unwrap_err();
        assert!(error.to_string().contains(r#"the pattern "(" does not work"#), "{error}");
    }
}
