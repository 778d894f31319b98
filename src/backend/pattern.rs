//! `*_lookup_pattern`: which ids are looked up at all.
//!
//! The patterns are Python's: `re.match(pattern, id, re.IGNORECASE)`, anchored at the start only, with
//! look-around and back-references. A bad pattern is an error at lookup, as in the official classes.

use fancy_regex::Regex;

use crate::backend::python_regex::anchored;
use crate::error::{Error, Result};
use crate::process::ForkCell;
use crate::store::convention::Kind;
use crate::store::options::Options;

/// The patterns of one backend, one per kind.
#[derive(Debug)]
pub struct Patterns([Option<Pattern>; 3]);

#[derive(Debug)]
struct Pattern {
    text: String,
    /// Compiled on first use in each process.
    compiled: ForkCell<Regex>,
}

impl Patterns {
    /// Reads the three options; an empty pattern is none.
    pub fn from_options(options: &Options) -> Self {
        let pattern = |key| {
            let text = options.non_empty(key)?.to_owned();
            Some(Pattern { text, compiled: ForkCell::new() })
        };
        Self([
            pattern("connections_lookup_pattern"),
            pattern("variables_lookup_pattern"),
            pattern("config_lookup_pattern"),
        ])
    }

    /// Whether `id` is looked up.
    pub fn allow(&self, kind: Kind, id: &str) -> Result<bool> {
        self.of(kind).map_or(Ok(true), |pattern| pattern.matches(id))
    }

    /// The pattern's text, for log lines.
    pub fn text(&self, kind: Kind) -> Option<&str> {
        self.of(kind).map(|pattern| pattern.text.as_str())
    }

    fn of(&self, kind: Kind) -> Option<&Pattern> {
        let [connection, variable, config] = &self.0;
        match kind {
            Kind::Connection => connection.as_ref(),
            Kind::Variable => variable.as_ref(),
            Kind::Config => config.as_ref(),
        }
    }
}

impl Pattern {
    fn matches(&self, id: &str) -> Result<bool> {
        let compiled =
            self.compiled.get_or_try(|| compile(&self.text)).map_err(|error| self.error(&error))?;
        compiled.is_match(id).map_err(|error| self.error(&error))
    }

    fn error(&self, cause: &fancy_regex::Error) -> Error {
        Error::config(format!("the lookup pattern {:?} does not work: {cause}", self.text))
            .with_hint("Patterns are Python regular expressions, matched from the start of the id")
    }
}

/// Where it fails, the error is that of the user's own text: it counts the characters that the user wrote.
fn compile(pattern: &str) -> Result<Regex, fancy_regex::Error> {
    Regex::new(&anchored(pattern)).map_err(|error| Regex::new(pattern).err().unwrap_or(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn allows(pattern: &str, id: &str) -> Result<bool> {
        let mut options = Options::default();
        options.set("connections_lookup_pattern", OptionValue::Text(pattern.to_owned()));
        Patterns::from_options(&options).allow(Kind::Connection, id)
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
    fn a_bad_pattern_is_an_error_at_lookup() {
        let error = allows("(", "a").unwrap_err();
        assert!(error.to_string().contains(r#"the lookup pattern "(" does not work"#), "{error}");
    }

    #[test]
    fn kinds_do_not_mix() {
        let mut options = Options::default();
        options.set("config_lookup_pattern", OptionValue::Text("x".to_owned()));
        let patterns = Patterns::from_options(&options);
        assert!(patterns.allow(Kind::Variable, "a").unwrap());
        assert!(!patterns.allow(Kind::Config, "a").unwrap());
    }
}
