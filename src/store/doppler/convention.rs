//! Names in Doppler's own letters, and values as they are. There is no official class.

use crate::store::convention::{Convention, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::store::prefix::{PrefixRules, naming};
use crate::store::{PerKind, SecretName};

use super::config::{DEFAULTS, NAME_PREFIX};

const LONGEST_NAME: usize = 200;
const GRAMMAR: &str = "a name in Doppler has 1 to 200 capitals, digits and underscores and begins with no \
    digit (small letters become capitals, and `-`, `.`, `/` underscores)";

/// Prefix, separator and id, as Doppler writes names.
#[derive(Clone, Debug)]
pub(super) struct DopplerConvention(PrefixRules);

impl DopplerConvention {
    /// Reads the rules out of the options.
    pub(super) fn new(options: &Options) -> Self {
        let mut rules = PrefixRules::from_options(options, DEFAULTS);
        if let Some(first) = options.non_empty(NAME_PREFIX.key) {
            let separator = rules.separator.as_str();
            let join = |prefix: &String| [first, prefix].join(if prefix.is_empty() { "" } else { separator });
            rules.prefixes = PerKind::make(|kind| rules.prefixes.of(kind).as_ref().map(join));
        }
        Self(rules)
    }
}

fn spelled(text: &str) -> String {
    text.to_ascii_uppercase().replace(['-', '.', '/'], "_")
}

fn is_valid(name: &SecretName) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let name = name.as_str();
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(is_letter)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

impl Convention for DopplerConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some(_) = self.0.prefix(lookup.kind) else { return Naming::Off };
        let names = self.0.names(lookup).into_names();
        let names = names.iter().map(|name| spelled(name.as_str()).into()).collect();
        // What separates a team from its ids is two underscores here, whatever they were written as.
        naming(lookup.kind, &spelled(lookup.id).replace('_', "-"), names).only(is_valid, GRAMMAR)
    }

    /// Most ids have small letters, and what a dash or a dot was is not known any more.
    fn id_below(&self, prefix: &str, name: &SecretName) -> Option<String> {
        name.as_str().strip_prefix(prefix).map(str::to_ascii_lowercase)
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

    fn naming(prefix: &str, id: &str, team: Option<&str>) -> Naming {
        let options = Options::of_texts(&[("variables_prefix", prefix)]);
        DopplerConvention::new(&options).names(Lookup { kind: Kind::Variable, id, team })
    }

    #[test]
    fn names_have_capitals_and_underscores() {
        for (prefix, id, team, names) in [
            ("AIRFLOW_VARIABLES", "my-db.x/y", None, &["AIRFLOW_VARIABLES_MY_DB_X_Y"][..]),
            ("airflow", "a", Some("ops"), &["AIRFLOW_OPS__A", "AIRFLOW_A"]),
            ("", "a", Some(""), &["A"]),
            ("p", "a", Some("é"), &["P_A"]),
        ] {
            let expected = names.iter().copied().map(SecretName::from).collect();
            assert_eq!(naming(prefix, id, team), Naming::Names(expected), "{id}");
        }
    }

    #[test]
    fn a_prefix_of_all_names_comes_before_those_of_the_kinds() {
        for (prefix, name) in [(None, "KESTRA_AIRFLOW_VARIABLES_A"), (Some(""), "KESTRA_A")] {
            let written = [("secret_name_prefix", "kestra")].into_iter();
            let options: Vec<_> = written.chain(prefix.map(|prefix| ("variables_prefix", prefix))).collect();
            let convention = DopplerConvention::new(&Options::of_texts(&options));
            let names = convention.names(Lookup { kind: Kind::Variable, id: "a", team: None });
            assert_eq!(names, Naming::Names(vec![name.into()]));
        }
    }

    #[test]
    fn other_letters_are_in_no_name_and_two_underscores_may_be_a_teams() {
        for (prefix, id) in [("p", "a b"), ("p", "é"), ("", "1"), ("", ""), ("p", &*"n".repeat(200))] {
            assert!(matches!(naming(prefix, id, None), Naming::Impossible { .. }), "{id}");
        }
        for id in ["a__b", "a-_b", "_a", ".a"] {
            assert!(matches!(naming("p", id, None), Naming::Ambiguous { .. }), "{id}");
        }
    }
}
