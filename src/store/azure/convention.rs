//! How the official class names secrets and reads what they hold.
//!
//! Source: `airflow.providers.microsoft.azure.secrets.key_vault` 15.2.1 (`build_path`,
//! `_build_team_secret_name`, `_names_a_team_namespace`, `_get_secret`).

use crate::error::Result;
use crate::store::SecretName;
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::store::prefix::{PrefixRules, TEAM_SEPARATOR, ambiguity};
use crate::value::SecretValue;

use super::config::DEFAULTS;

/// The most characters in a name (`objects-keys-secrets-certificates` in the documentation of Key Vault).
const LONGEST_NAME: usize = 127;

/// The rule for names, in words.
pub(super) const NAME_RULE: &str =
    "names in Key Vault have 1 to 127 letters, digits and dashes (underscores become `sep`)";

/// Whether a secret can have this name: letters, digits and dashes.
pub(super) fn is_valid_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Prefix, separator and id, with the separator for each underscore; values are unchanged.
#[derive(Clone, Debug)]
pub(super) struct KeyVaultConvention(PrefixRules);

impl KeyVaultConvention {
    /// Reads the rules from the options.
    pub(super) fn new(options: &Options) -> Self {
        Self(PrefixRules::from_options(options, DEFAULTS))
    }

    /// The official class's `build_path`: the underscores of the prefix are replaced, too.
    fn path(&self, prefix: &str, id: &str) -> String {
        let separator = &self.0.separator;
        let path = if prefix.is_empty() { id.to_owned() } else { format!("{prefix}{separator}{id}") };
        path.replace('_', separator)
    }

    /// The official class's `_build_team_secret_name`.
    fn team_path(&self, prefix: &str, team: &str, id: &str) -> String {
        self.path(prefix, &format!("{}{TEAM_SEPARATOR}{}", self.path("", team), self.path("", id)))
    }
}

impl Convention for KeyVaultConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some(prefix) = self.0.prefix(lookup.kind) else { return Naming::Off };
        let team = lookup.team.filter(|team| !team.is_empty());
        let of_team = team.map(|team| self.team_path(prefix, team, lookup.id));
        let of_all = self.path(prefix, lookup.id);
        let all: Vec<SecretName> = of_team.into_iter().chain([of_all]).map(SecretName::from).collect();
        let names: Vec<_> = all.iter().filter(|name| is_valid_name(name.as_str())).cloned().collect();
        // With underscores replaced, as they are in the name.
        let ambiguous = ambiguity(lookup.kind, &self.path("", lookup.id));
        match ambiguous {
            _ if names.is_empty() => Naming::Impossible { grammar: NAME_RULE, names: all, ambiguous },
            Some(separator) => Naming::Ambiguous { separator, names },
            None => Naming::Names(names),
        }
    }

    /// No name can contain a lone surrogate.
    fn odd(&self, lookup: Lookup<'_>, odd: OddId, _multi_team: bool) -> OddFate {
        match odd {
            OddId::Surrogate => OddFate::Absent,
            // For a team's name the id's own `replace` is called first, which numbers do not have.
            _ if lookup.team.is_some_and(|team| !team.is_empty()) => OddFate::Refused,
            OddId::Nothing | OddId::Object => OddFate::AsText,
        }
    }

    fn read(&self, _kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn convention(prefix: &str, separator: &str) -> KeyVaultConvention {
        let mut options = Options::default();
        options.set("variables_prefix", OptionValue::Text(prefix.to_owned()));
        options.set("sep", OptionValue::Text(separator.to_owned()));
        KeyVaultConvention::new(&options)
    }

    fn asked(convention: &KeyVaultConvention, id: &str, team: Option<&str>) -> Vec<String> {
        let names = convention.names(Lookup { kind: Kind::Variable, id, team }).into_names();
        names.iter().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn prefixes_and_separators_make_the_names_of_the_measured_table() {
        for (prefix, separator, name) in [
            ("airflow-variables", "-", "airflow-variables-a-b"),
            ("my_pre", "-", "my-pre-a-b"),
            ("p-", "-", "p-a-b"),
            ("p--", "-", "p-a-b"),
            ("-", "-", "a-b"),
            ("", "-", "a-b"),
            ("airflow-variables", "", "airflow-variablesab"),
            ("airflow-variables", "--", "airflow-variables--a--b"),
        ] {
            assert_eq!(
                asked(&convention(prefix, separator), "a_b", None),
                [name],
                "{prefix:?} {separator:?}"
            );
        }
    }

    #[test]
    fn a_team_has_names_of_its_own_below_any_prefix() {
        let names = asked(&convention("v", "-"), "my_db", Some("team_a"));
        assert_eq!(names, ["v-team-a--my-db", "v-my-db"]);
        assert_eq!(asked(&convention("", "-"), "x", Some("t")), ["t--x", "x"]);
        assert_eq!(asked(&convention("v", "-"), "x", Some("")), ["v-x"]);
    }

    #[test]
    fn an_impossible_team_name_is_left_out_and_the_shared_one_is_asked() {
        assert_eq!(asked(&convention("v", "-"), "x", Some("a.b")), ["v-x"]);
        assert_eq!(asked(&convention("v", "-"), "x", Some(&"t".repeat(127))), ["v-x"]);
    }

    #[test]
    fn underscores_make_an_id_ambiguous_as_dashes_do() {
        let ambiguous = |convention: &KeyVaultConvention, id| {
            let naming = convention.names(Lookup { kind: Kind::Variable, id, team: None });
            matches!(naming, Naming::Ambiguous { separator: "--", .. })
        };
        let usual = convention("v", "-");
        assert!(ambiguous(&usual, "a--b") && ambiguous(&usual, "a__b") && ambiguous(&usual, "a_-b"));
        assert!(!ambiguous(&usual, "a_b") && !ambiguous(&convention("v", ""), "a__b"));
        assert!(ambiguous(&convention("v", "--"), "a_b"));
    }

    #[test]
    fn an_id_that_begins_as_the_separator_does_could_belong_to_two_teams() {
        for id in ["-db", "_db"] {
            let naming = convention("v", "-").names(Lookup { kind: Kind::Variable, id, team: Some("ops") });
            assert!(matches!(naming, Naming::Ambiguous { separator: "-", .. }), "{id}: {naming:?}");
        }
    }

    #[test]
    fn an_impossible_name_is_not_requested() {
        for id in ["SomeOperator.cache_key", "a/b", "../keys/k", "a--b.c", &"x".repeat(127)] {
            let naming = convention("v", "-").names(Lookup { kind: Kind::Variable, id, team: Some("t") });
            assert!(matches!(naming, Naming::Impossible { .. }), "{id}: {naming:?}");
        }
        let with_underscores =
            convention("v", "_").names(Lookup { kind: Kind::Variable, id: "x", team: None });
        assert!(matches!(with_underscores, Naming::Impossible { .. }));
    }

    #[test]
    fn an_impossible_name_may_be_ambiguous_too() {
        for (id, expected) in [("a--b.c", Some("--")), ("a__b.c", Some("--")), ("a-b.c", None)] {
            let naming = convention("v", "-").names(Lookup { kind: Kind::Variable, id, team: Some("t") });
            let Naming::Impossible { ambiguous, names, .. } = naming else { panic!("{naming:?}") };
            assert_eq!((ambiguous, names.len()), (expected, 2), "{id}");
        }
    }

    #[test]
    fn null_switches_one_kind_off() {
        let mut options = Options::default();
        options.set("config_prefix", OptionValue::Null);
        let convention = KeyVaultConvention::new(&options);
        assert_eq!(convention.names(Lookup { kind: Kind::Config, id: "a--b", team: None }), Naming::Off);
    }

    #[test]
    fn a_name_has_letters_digits_and_dashes() {
        for name in ["a", "A-1-", &"x".repeat(127)] {
            assert!(is_valid_name(name), "{name}");
        }
        for name in ["", "a.b", "a/b", "../keys/k", "a_b", "a\n", "\u{e9}", "a%2fb", "a?b", &"x".repeat(128)]
        {
            assert!(!is_valid_name(name), "{name}");
        }
    }
}
