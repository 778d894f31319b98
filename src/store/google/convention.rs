//! How the official class names secrets and reads what they hold.
//!
//! Source: `airflow.providers.google.cloud.secrets.secret_manager` 22.8.0 (constructor,
//! `_is_valid_prefix_and_sep`, `_get_secret`) and `BaseSecretsBackend.build_path`.

use crate::error::{Error, Result};
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::store::prefix::{PrefixRules, SEPARATOR, TEAM_SEPARATOR, ambiguity, naming, prefix_key};
use crate::store::{PerKind, SecretName};
use crate::value::SecretValue;

use super::config::DEFAULTS;
use super::name::{GRAMMAR, check_name, is_letter};

/// What replaces a prefix that is not a text.
const NO_TEXT: &str = "(no text)";

/// Prefixes as they were written, and unchanged values.
#[derive(Clone, Debug)]
pub(super) struct GoogleConvention(PrefixRules);

impl GoogleConvention {
    /// Reads the rules from the options. Unlike in other stores nothing is stripped from the end of a prefix.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let prefix = |kind| match options.fault(prefix_key(kind)) {
            // The official class puts a list into the name unchanged, and no secret has such a name.
            Some(_) => Some(NO_TEXT.to_owned()),
            None => options.prefix(prefix_key(kind), DEFAULTS.prefixes.of(kind)).map(str::to_owned),
        };
        let rules = PrefixRules {
            prefixes: PerKind::make(prefix),
            separator: options.spelled(SEPARATOR.key).unwrap_or(DEFAULTS.separator).to_owned(),
        };
        check(&rules)?;
        Ok(Self(rules))
    }
}

/// The official class only checks the prefix of connections. It uses `re.match` with a `$`, which lets one
/// line break at the end pass.
fn check(rules: &PrefixRules) -> Result<()> {
    let Some(prefix) = rules.prefix(Kind::Connection) else { return Ok(()) };
    let both = format!("{prefix}{}", rules.separator);
    if both.strip_suffix('\n').unwrap_or(&both).chars().all(is_letter) {
        return Ok(());
    }
    Err(Error::config(
        "`connections_prefix` and `sep` hold characters that no name in Secret Manager can have",
    )
    .with_hint("Use letters, digits, - and _"))
}

impl Convention for GoogleConvention {
    /// The official class only searches ids of connections and variables for a team, which fails in Python
    /// for anything but a text.
    fn odd(&self, lookup: Lookup<'_>, odd: OddId, multi_team: bool) -> OddFate {
        match odd {
            OddId::Surrogate => OddFate::Refused,
            OddId::Nothing | OddId::Object if multi_team && lookup.kind != Kind::Config => OddFate::Refused,
            OddId::Nothing | OddId::Object => OddFate::AsText,
        }
    }

    /// The name of a team may be too long although the shared one is not: then only the shared one is asked.
    ///
    /// An id is ambiguous only for kinds that have teams: configuration options have none, and the official
    /// class looks them up.
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some(prefix) = self.0.prefix(lookup.kind) else { return Naming::Off };
        let name = |id: &str| SecretName::from(format!("{prefix}{}{id}", self.0.separator));
        let team = lookup.team.filter(|team| !team.is_empty());
        let of_team = team.map(|team| name(&format!("{team}{TEAM_SEPARATOR}{}", lookup.id)));
        let all: Vec<_> = of_team.into_iter().chain([name(lookup.id)]).collect();
        let names: Vec<_> = all.iter().filter(|name| check_name(name).is_ok()).cloned().collect();
        if names.is_empty() {
            let ambiguous = ambiguity(lookup.kind, lookup.id).filter(|_| lookup.kind != Kind::Config);
            return Naming::Impossible { grammar: GRAMMAR, names: all, ambiguous };
        }
        match lookup.kind {
            Kind::Config => Naming::Names(names),
            Kind::Connection | Kind::Variable => naming(lookup.kind, lookup.id, names),
        }
    }

    fn read(&self, _kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::options::OptionValue;

    fn convention(options: &[(&'static str, Option<&str>)]) -> Result<GoogleConvention> {
        let mut all = Options::default();
        for (key, value) in options {
            all.set(key, value.map_or(OptionValue::Null, |text| OptionValue::Text(text.to_owned())));
        }
        GoogleConvention::new(&all)
    }

    fn asked(options: &[(&'static str, Option<&str>)], id: &str, team: Option<&str>) -> Vec<String> {
        let names = convention(options).unwrap().names(Lookup { kind: Kind::Connection, id, team });
        names.into_names().iter().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn prefixes_make_the_names_of_the_measured_table() {
        for (prefix, separator, alone, of_team) in [
            ("airflow-connections", "-", "airflow-connections-c1", "airflow-connections-T--c1"),
            ("", "-", "-c1", "-T--c1"),
            ("", "", "c1", "T--c1"),
            ("v-", "-", "v--c1", "v--T--c1"),
            ("a", "_", "a_c1", "a_T--c1"),
        ] {
            let options = [("connections_prefix", Some(prefix)), ("sep", Some(separator))];
            assert_eq!(asked(&options, "c1", None), [alone]);
            assert_eq!(asked(&options, "c1", Some("T")), [of_team, alone]);
        }
        assert_eq!(asked(&[], "c1", Some("")), ["airflow-connections-c1"]);
        assert!(asked(&[("connections_prefix", None)], "c1", Some("T")).is_empty());
    }

    #[test]
    fn an_ambiguous_id_is_refused_for_what_belongs_to_teams() {
        let convention = convention(&[]).unwrap();
        for kind in Kind::ALL {
            let naming = convention.names(Lookup { kind, id: "a--b", team: None });
            assert_eq!(matches!(naming, Naming::Ambiguous { .. }), kind != Kind::Config, "{kind}");
        }
    }

    #[test]
    fn an_impossible_name_is_reported_as_such() {
        let convention = convention(&[]).unwrap();
        for id in ["a.b", "a/b", "é", &"x".repeat(250)] {
            let naming = convention.names(Lookup { kind: Kind::Variable, id, team: None });
            assert!(matches!(naming, Naming::Impossible { .. }), "{id}");
        }
    }

    #[test]
    fn a_name_of_a_team_that_is_too_long_leaves_the_shared_one() {
        let id = "x".repeat(225);
        assert_eq!(asked(&[], &id, Some("a-team-of-ours")), [format!("airflow-connections-{id}")]);
    }

    #[test]
    fn an_impossible_name_may_be_ambiguous_too() {
        let convention = convention(&[]).unwrap();
        for (kind, id, expected) in [
            (Kind::Variable, "a--b.c", Some("--")),
            (Kind::Variable, "a-b.c", None),
            (Kind::Config, "a--b.c", None),
        ] {
            let naming = convention.names(Lookup { kind, id, team: Some("t") });
            let Naming::Impossible { ambiguous, names, .. } = naming else { panic!("{naming:?}") };
            assert_eq!((ambiguous, names.len()), (expected, 2), "{id}");
        }
    }

    #[test]
    fn only_the_prefix_of_connections_is_checked() {
        for (prefix, separator, works) in [
            ("a-B_9", "-", true),
            ("a\n", "", true),
            ("a", "\n", true),
            ("a\n", "-", false),
            ("a/b", "-", false),
            ("a", "/", false),
            ("é", "-", false),
            ("a b", "-", false),
        ] {
            let made = convention(&[("connections_prefix", Some(prefix)), ("sep", Some(separator))]);
            assert_eq!(made.is_ok(), works, "{prefix:?} {separator:?}");
        }
        let error = convention(&[("connections_prefix", Some("a/b"))]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(convention(&[("variables_prefix", Some("a/b"))]).is_ok());
        assert!(convention(&[("connections_prefix", None), ("sep", Some("/"))]).is_ok());
    }
}
