//! A regular expression of the user, in Python's syntax.
//!
//! It matches like `re.match(pattern, text, re.IGNORECASE)`: anchored at the start only, with look-around and
//! back-references.

use fancy_regex::{Regex, RegexBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::process::ForkCell;
use crate::redact::Quoted;
use crate::store::python_regex::anchored;

/// How often a match may backtrack. Python would continue for years; here a pattern that needs more is an
/// error.
const MOST_BACKTRACKS: usize = 100_000;

/// The longest text that is compared, in bytes, since each look-ahead may read all of it. Airflow's own ids
/// end at 250 characters.
const LONGEST: usize = 1024;

/// A pattern, compiled on first use in each process.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    compiled: ForkCell<Regex>,
}

impl Pattern {
    /// Takes the text unchanged; an error in it appears at the first match.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiled: ForkCell::new() }
    }

    /// The text that the user wrote.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `text` matches from its start. Must not be called within [`crate::process::no_fork`].
    pub fn matches(&self, text: &str) -> Result<bool> {
        if text.len() > LONGEST {
            return Err(too_long(text));
        }
        let compiled =
            self.compiled.get_or_try(|| compile(&self.text)).map_err(|error| self.error(&error))?;
        compiled.is_match(text).map_err(|error| self.error(&error))
    }

    fn error(&self, cause: &fancy_regex::Error) -> Error {
        Error::config(format!("the pattern {} does not work: {cause}", Quoted(&self.text)))
            .with_hint("Patterns are Python regular expressions, matched from the start of the text")
    }
}

fn too_long(text: &str) -> Error {
    Error::new(
        ErrorKind::InvalidName,
        format!("a text of {} bytes is too long to be compared with a pattern", text.len()),
    )
    .with_hint(format!("Use an id of at most {LONGEST} bytes"))
}

/// If compilation fails, the error is that of the user's own text, whose positions the user can find.
fn compile(pattern: &str) -> Result<Regex, fancy_regex::Error> {
    let compiled = RegexBuilder::new(&anchored(pattern)).backtrack_limit(MOST_BACKTRACKS).build();
    // If possible the error of the original pattern, in which the user can find the position.
    compiled.map_err(|error| Regex::new(pattern).err().unwrap_or(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, text: &str) -> Result<bool> {
        Pattern::new(pattern).matches(text)
    }

    /// Each line was checked against Python's `re.match(pattern, id, re.IGNORECASE)`.
    #[test]
    fn the_results_are_those_of_python() {
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

    /// Python needs minutes to centuries for each of these.
    #[test]
    fn no_pattern_takes_long() {
        let (many, most) = ("a".repeat(40), "a".repeat(250));
        let started = std::time::Instant::now();
        let mut given_up = 0;
        for pattern in [
            r"(a|aa)+$(?!.)b",
            r"(a|a)*\1c",
            r"(\w*\w*\w*\w*)\1$x",
            r"(.*)(.*)(.*)(.*)(.*)\1x",
            r"(?:(?=.*x|a)a)*b",
            r"(?:(?=(?:(?=.*x|a)a)*)a)*b",
            r"(?<!b)(?:a?){30}a{30}\bx",
        ] {
            for text in [&many, &most] {
                given_up += usize::from(allows(pattern, text).is_err());
            }
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
        assert!(given_up > 10, "{given_up}");
        let error = allows(r"(a|a)*\1c", &many).unwrap_err();
        assert!(error.to_string().contains("does not work"), "{error}");
    }

    #[test]
    fn what_is_too_long_is_not_compared_and_not_shown() {
        let error = allows("x", &"canary".repeat(400_000)).unwrap_err();
        insta::assert_snapshot!(error, @"a text of 2400000 bytes is too long to be compared with a pattern. \
        Use an id of at most 1024 bytes");
    }

    #[test]
    fn a_bad_pattern_is_an_error_when_it_is_used() {
        let error = allows("(", "a").unwrap_err();
        assert!(error.to_string().contains(r#"the pattern "(" does not work"#), "{error}");
    }
}
