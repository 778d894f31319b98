//! Names in a store that knows fewer letters than the ids of Airflow have.

use crate::store::SecretName;
use crate::store::convention::{Convention, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::store::prefix::{PrefixDefaults, PrefixRules, naming};

/// The letters of a store's names.
#[derive(Debug)]
pub struct Letters {
    /// A text in these letters, as far as there is a rule for it.
    pub spell: fn(&str) -> String,
    /// What becomes of a dash: two of them separate a team from its ids, whatever they were written as.
    pub dash: char,
    /// Whether a secret can have this name.
    pub is_valid: fn(&str) -> bool,
    /// What a valid name looks like, as the rest of a sentence.
    pub grammar: &'static str,
    /// One of the ids that have this name: what was spelled in another way is not known any more.
    pub id: fn(&str) -> String,
}

/// Prefix, separator and id, in the letters of the store. There is no official class.
#[derive(Clone, Debug)]
pub struct SpelledConvention {
    rules: PrefixRules,
    letters: &'static Letters,
}

impl SpelledConvention {
    /// Reads the rules from the options.
    pub fn new(options: &Options, defaults: PrefixDefaults, letters: &'static Letters) -> Self {
        let rules = PrefixRules::from_options(options, defaults).with_name_prefix(options);
        Self { rules, letters }
    }

    fn spelled(&self, name: &SecretName) -> SecretName {
        (self.letters.spell)(name.as_str()).into()
    }
}

impl Convention for SpelledConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Letters { spell, dash, is_valid, grammar, .. } = self.letters;
        let Some(_) = self.rules.prefix(lookup.kind) else { return Naming::Off };
        let names = self.rules.names(lookup).into_names();
        let names = names.iter().map(|name| self.spelled(name)).collect();
        let with_dashes = spell(lookup.id).replace(*dash, "-");
        naming(lookup.kind, &with_dashes, names).only(|name| is_valid(name.as_str()), grammar)
    }

    fn id_below(&self, prefix: &str, name: &SecretName) -> Option<String> {
        name.as_str().strip_prefix(prefix).map(self.letters.id)
    }

    /// Half of a surrogate pair is in no name.
    fn odd(&self, _lookup: Lookup<'_>, _odd: OddId, _multi_team: bool) -> OddFate {
        OddFate::Absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::Kind;
    use crate::store::kit::checks::shared_prefixes;

    const SMALL: Letters = Letters {
        spell: |text| text.to_ascii_lowercase().replace('-', "."),
        dash: '.',
        is_valid: |name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.')
        },
        grammar: "a name has small letters and dots",
        id: str::to_owned,
    };

    fn convention(options: &Options) -> SpelledConvention {
        SpelledConvention::new(options, PrefixDefaults::AIRFLOW, &SMALL)
    }

    fn names(id: &str, team: Option<&str>) -> Naming {
        let options = Options::of_texts(&[("sep", "-"), ("variables_prefix", "P")]);
        convention(&options).names(Lookup { kind: Kind::Variable, id, team })
    }

    #[test]
    fn prefix_team_and_id_are_spelled_alike() {
        let named = |names: &[&str]| Naming::Names(names.iter().copied().map(SecretName::from).collect());
        assert_eq!(names("My-db", Some("Ops")), named(&["p.ops..my.db", "p.my.db"]));
        // A team whose name cannot be spelled has no names of its own.
        assert_eq!(names("a", Some("\u{e9}")), named(&["p.a"]));
        assert!(matches!(names("a b", None), Naming::Impossible { .. }));
        for id in ["a--b", "a.-b", ".a"] {
            assert!(matches!(names(id, None), Naming::Ambiguous { .. }), "{id}");
        }
    }

    #[test]
    fn prefixes_that_are_spelled_alike_are_reported() {
        let found = |prefix: &str| {
            let written = [("sep", "-"), ("connections_prefix", "air-flow"), ("variables_prefix", prefix)];
            let options = Options::of_texts(&written);
            shared_prefixes(&convention(&options), &options).len()
        };
        // The default of the third kind has a slash, which is in no name.
        assert_eq!((found("Air-Flow"), found("air-flow"), found("air")), (1, 0, 0));
    }
}
