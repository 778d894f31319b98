//! `*_lookup_pattern`: which ids are looked up.
//!
//! The patterns are Python's: `re.match(pattern, id, re.IGNORECASE)`, anchored at the start only, with
//! look-around and back-references. A bad pattern is an error at lookup, as in the official classes.

use crate::error::Result;
use crate::store::PerKind;
use crate::store::convention::Kind;
use crate::store::options::Options;
use crate::store::pattern::Pattern;

/// The option that holds the pattern of a kind.
pub(super) const fn option(kind: Kind) -> &'static str {
    match kind {
        Kind::Connection => "connections_lookup_pattern",
        Kind::Variable => "variables_lookup_pattern",
        Kind::Config => "config_lookup_pattern",
    }
}

/// The patterns of one backend, one per kind.
#[derive(Debug)]
pub struct Patterns(PerKind<Option<Result<Pattern>>>);

impl Patterns {
    /// Reads the three options; an empty pattern counts as unset.
    pub fn from_options(options: &Options) -> Self {
        Self(PerKind::make(|kind| {
            let key = option(kind);
            match options.fault(key) {
                Some(fault) => Some(Err(fault.clone())),
                None => options.non_empty(key).map(|text| Ok(Pattern::new(text))),
            }
        }))
    }

    /// Whether `id` is looked up.
    pub fn allow(&self, kind: Kind, id: &str) -> Result<bool> {
        match self.of(kind) {
            None => Ok(true),
            Some(Ok(pattern)) => pattern.matches(id),
            Some(Err(fault)) => Err(fault.clone()),
        }
    }

    /// The pattern's text, for log lines.
    pub fn text(&self, kind: Kind) -> Option<&str> {
        self.of(kind)?.as_ref().ok().map(Pattern::text)
    }

    /// Whether the ids of `kind` are compared with a pattern.
    pub fn has(&self, kind: Kind) -> bool {
        self.of(kind).is_some()
    }

    fn of(&self, kind: Kind) -> Option<&Result<Pattern>> {
        self.0.of(kind).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    #[test]
    fn kinds_do_not_mix() {
        let mut options = Options::default();
        options.set("config_lookup_pattern", OptionValue::Text("x".to_owned()));
        let patterns = Patterns::from_options(&options);
        assert!(patterns.allow(Kind::Variable, "a").unwrap());
        assert!(!patterns.allow(Kind::Config, "a").unwrap());
    }
}
