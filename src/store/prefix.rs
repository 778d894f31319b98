//! Names made of a prefix, a separator and Airflow's id, as `SecretsManagerBackend` builds them.
//!
//! Source: `airflow.providers.amazon.aws.secrets.secrets_manager` 9.39.0 (constructor, `_get_secret`,
//! `_names_a_team_namespace`) and `BaseSecretsBackend.build_path`; the table in the tests below was measured
//! on it. Every store without naming rules of its own uses these.

use crate::store::convention::{Kind, Lookup, Naming};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::{PerKind, SecretName};

/// What separates the team from the id in a team's name.
pub const TEAM_SEPARATOR: &str = "--";

/// The beginning of the separator. A team's name may end with it, so an id that begins with it could belong
/// to two teams.
const BEGIN_OF_SEPARATOR: &str = "-";

/// The option that holds the prefix of connections.
pub const CONNECTIONS_PREFIX: OptionSpec = OptionSpec::new(
    "connections_prefix",
    OptionKind::Prefix,
    "What comes before a connection id in the store; null switches connections off, empty means bare ids.",
)
.with_default("airflow/connections");

/// The option that holds the prefix of variables.
pub const VARIABLES_PREFIX: OptionSpec = OptionSpec::new(
    "variables_prefix",
    OptionKind::Prefix,
    "What comes before a variable's key in the store; null switches variables off, empty means bare keys.",
)
.with_default("airflow/variables");

/// The option that holds the prefix of configuration options.
pub const CONFIG_PREFIX: OptionSpec = OptionSpec::new(
    "config_prefix",
    OptionKind::Prefix,
    "What comes before a configuration key in the store; null switches configuration off, empty means bare \
    keys.",
)
.with_default("airflow/config");

/// The option that holds the separator.
pub const SEPARATOR: OptionSpec = OptionSpec::new(
    "sep",
    OptionKind::Text,
    "What separates prefix and id; each of its characters is also stripped from the end of a prefix.",
)
.with_default("/");

/// The option that holds what comes before every name, for stores whose names have no folders.
pub const NAME_PREFIX: OptionSpec = OptionSpec::new(
    "secret_name_prefix",
    OptionKind::Text,
    "What comes before the name of every secret, of whatever kind, so that several installations can share a \
    config.",
);

/// The option that holds the prefix of a kind.
pub const fn prefix_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Connection => CONNECTIONS_PREFIX.key,
        Kind::Variable => VARIABLES_PREFIX.key,
        Kind::Config => CONFIG_PREFIX.key,
    }
}

/// What applies where the user set nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixDefaults {
    /// The prefix of each kind.
    pub prefixes: PerKind<&'static str>,
    /// The separator.
    pub separator: &'static str,
}

impl PrefixDefaults {
    /// The prefixes of connections, variables and configuration, and the separator.
    pub const fn new(prefixes: [&'static str; 3], separator: &'static str) -> Self {
        let [connections, variables, config] = prefixes;
        Self { prefixes: PerKind { connections, variables, config }, separator }
    }

    /// What the options [`CONNECTIONS_PREFIX`], [`VARIABLES_PREFIX`], [`CONFIG_PREFIX`] and [`SEPARATOR`]
    /// declare.
    pub const AIRFLOW: Self = Self {
        prefixes: PerKind {
            connections: CONNECTIONS_PREFIX.default_text(),
            variables: VARIABLES_PREFIX.default_text(),
            config: CONFIG_PREFIX.default_text(),
        },
        separator: SEPARATOR.default_text(),
    };
}

/// The naming rules of one configured backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixRules {
    /// The prefix of each kind, without separators at its end; `None` switches the kind off.
    pub prefixes: PerKind<Option<String>>,
    /// What separates prefix and id.
    pub separator: String,
}

impl PrefixRules {
    /// Reads the rules from the options; `defaults` fills in what the user left out.
    pub fn from_options(options: &Options, defaults: PrefixDefaults) -> Self {
        let separator = options.spelled(SEPARATOR.key).unwrap_or(defaults.separator);
        let prefix = |kind| {
            let written = options.prefix(prefix_key(kind), defaults.prefixes.of(kind));
            written.map(|prefix| strip_end(prefix, separator))
        };
        Self { prefixes: PerKind::make(prefix), separator: separator.to_owned() }
    }

    /// The rules with what [`NAME_PREFIX`] has before every prefix.
    #[must_use]
    pub fn with_name_prefix(mut self, options: &Options) -> Self {
        let Some(first) = options.non_empty(NAME_PREFIX.key) else { return self };
        let join = |prefix: &String| {
            [first, prefix].join(if prefix.is_empty() { "" } else { self.separator.as_str() })
        };
        self.prefixes = PerKind::make(|kind| self.prefix(kind).map(str::to_owned).as_ref().map(join));
        self
    }

    /// The names that answer `lookup`: the team's own first, then the one that all teams share.
    pub fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some(prefix) = self.prefix(lookup.kind) else { return Naming::Off };
        let names =
            self.team_name(prefix, lookup).into_iter().chain([self.name(prefix, lookup.id)]).collect();
        naming(lookup.kind, lookup.id, names)
    }

    /// The prefix of a kind; `None` if it is switched off.
    pub fn prefix(&self, kind: Kind) -> Option<&str> {
        self.prefixes.of(kind).as_deref()
    }

    /// The name within a team. Without a prefix there is none: the official class then asks for the shared
    /// name only.
    fn team_name(&self, prefix: &str, lookup: Lookup<'_>) -> Option<SecretName> {
        let team = lookup.team.filter(|team| !team.is_empty() && !prefix.is_empty())?;
        Some(self.name(prefix, &format!("{team}{TEAM_SEPARATOR}{}", lookup.id)))
    }

    fn name(&self, prefix: &str, id: &str) -> SecretName {
        if prefix.is_empty() {
            SecretName::from(id)
        } else {
            format!("{prefix}{}{id}", self.separator).into()
        }
    }
}

/// What to do with the names for `id`, which could be those of another team's secret.
pub fn naming(kind: Kind, id: &str, names: Vec<SecretName>) -> Naming {
    match ambiguity(kind, id) {
        Some(separator) => Naming::Ambiguous { separator, names },
        None => Naming::Names(names),
    }
}

/// What makes `id` ambiguous, if it is: it contains the team's separator, or begins with a part of it. For
/// the team `ops` the id `-db` makes `ops---db`, which is also the name of `db` for the team `ops-`. Names of
/// configuration options do not begin with a team.
pub fn ambiguity(kind: Kind, id: &str) -> Option<&'static str> {
    if id.contains(TEAM_SEPARATOR) {
        Some(TEAM_SEPARATOR)
    } else {
        (kind != Kind::Config && id.starts_with(BEGIN_OF_SEPARATOR)).then_some(BEGIN_OF_SEPARATOR)
    }
}

/// Python's `str.rstrip`: the separator is a set of characters, not a suffix.
fn strip_end(prefix: &str, separator: &str) -> String {
    prefix.trim_end_matches(|character| separator.contains(character)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn rules(prefix: &str, separator: &str) -> PrefixRules {
        let mut options = Options::default();
        options.set(CONNECTIONS_PREFIX.key, OptionValue::Text(prefix.to_owned()));
        options.set(SEPARATOR.key, OptionValue::Text(separator.to_owned()));
        PrefixRules::from_options(&options, PrefixDefaults::AIRFLOW)
    }

    fn asked(rules: &PrefixRules, kind: Kind, id: &str, team: Option<&str>) -> Vec<String> {
        match rules.names(Lookup { kind, id, team }) {
            Naming::Names(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
            other => panic!("no plain names: {other:?}"),
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_official_class() {
        let rules = PrefixRules::from_options(&Options::default(), PrefixDefaults::AIRFLOW);
        assert_eq!(asked(&rules, Kind::Connection, "c1", None), ["airflow/connections/c1"]);
        assert_eq!(asked(&rules, Kind::Variable, "v1", None), ["airflow/variables/v1"]);
        assert_eq!(asked(&rules, Kind::Config, "o1", None), ["airflow/config/o1"]);
    }

    #[test]
    fn prefix_and_separator_make_the_names_of_the_measured_table() {
        let table: &[(&str, &str, &str, &[&str])] = &[
            (
                "airflow/connections",
                "/",
                "airflow/connections/c1",
                &["airflow/connections/T--c1", "airflow/connections/c1"],
            ),
            ("a/b/", "/", "a/b/c1", &["a/b/T--c1", "a/b/c1"]),
            ("a//", "/", "a/c1", &["a/T--c1", "a/c1"]),
            ("", "/", "c1", &["c1"]),
            ("/", "/", "c1", &["c1"]),
            ("pre-", "--", "pre--c1", &["pre--T--c1", "pre--c1"]),
            ("p", "", "pc1", &["pT--c1", "pc1"]),
            ("p/", "", "p/c1", &["p/T--c1", "p/c1"]),
        ];
        for (prefix, separator, alone, in_team) in table {
            let rules = rules(prefix, separator);
            assert_eq!(asked(&rules, Kind::Connection, "c1", None), [*alone], "{prefix:?} {separator:?}");
            assert_eq!(
                asked(&rules, Kind::Connection, "c1", Some("T")),
                *in_team,
                "{prefix:?} {separator:?}"
            );
        }
    }

    #[test]
    fn a_prefix_of_all_names_comes_before_those_of_the_kinds() {
        let options = Options::of_texts(&[("secret_name_prefix", "all"), ("variables_prefix", "")]);
        let rules = PrefixRules::from_options(&options, PrefixDefaults::AIRFLOW).with_name_prefix(&options);
        assert_eq!(asked(&rules, Kind::Connection, "c", None), ["all/airflow/connections/c"]);
        assert_eq!(asked(&rules, Kind::Variable, "v", Some("T")), ["all/T--v", "all/v"]);
    }

    #[test]
    fn the_separator_is_stripped_as_a_set_of_characters() {
        assert_eq!(strip_end("abc-/-", "/-"), "abc");
        assert_eq!(strip_end("abc--", "--"), "abc");
        assert_eq!(strip_end("éàé", "é"), "éà");
        assert_eq!(strip_end("abc/", ""), "abc/");
    }

    #[test]
    fn null_switches_one_kind_off() {
        let mut options = Options::default();
        options.set(CONNECTIONS_PREFIX.key, OptionValue::Null);
        let rules = PrefixRules::from_options(&options, PrefixDefaults::AIRFLOW);
        let lookup = Lookup { kind: Kind::Connection, id: "a--b", team: Some("T") };
        assert_eq!(rules.names(lookup), Naming::Off);
        assert_eq!(asked(&rules, Kind::Variable, "v1", None), ["airflow/variables/v1"]);
    }

    #[test]
    fn an_id_that_could_name_a_team_is_ambiguous_for_every_kind() {
        let rules = rules("", "/");
        for kind in Kind::ALL {
            let Naming::Ambiguous { separator, names } = rules.names(Lookup { kind, id: "a--b", team: None })
            else {
                panic!("{kind} is not ambiguous");
            };
            assert_eq!((separator, names.len()), ("--", 1), "{kind}");
        }
    }

    #[test]
    fn an_id_that_begins_as_the_separator_does_could_belong_to_two_teams() {
        let rules = rules("p", "/");
        let naming = |kind, id, team| rules.names(Lookup { kind, id, team });
        let of_ops = naming(Kind::Connection, "-db", Some("ops")).into_names();
        assert_eq!(of_ops.first(), naming(Kind::Connection, "db", Some("ops-")).into_names().first());
        for kind in [Kind::Connection, Kind::Variable] {
            for team in [None, Some("ops")] {
                assert!(
                    matches!(naming(kind, "-db", team), Naming::Ambiguous { separator: "-", .. }),
                    "{kind}"
                );
            }
            assert!(matches!(naming(kind, "d-b-", Some("ops")), Naming::Names(_)), "{kind}");
        }
        assert!(matches!(naming(Kind::Config, "-db", None), Naming::Names(_)));
    }

    #[test]
    fn an_empty_team_is_no_team() {
        assert_eq!(asked(&rules("p", "/"), Kind::Connection, "c1", Some("")), ["p/c1"]);
    }

    #[test]
    fn ids_are_not_changed() {
        assert_eq!(asked(&rules("p", "/"), Kind::Connection, "a b/../é", None), ["p/a b/../é"]);
    }
}
