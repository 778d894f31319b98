//! How the official class names parameters and reads what they hold.
//!
//! Source: `airflow.providers.amazon.aws.secrets.systems_manager` 9.39.0 (constructor, `_get_secret`,
//! `_ensure_leading_slash`).

use crate::error::Result;
use crate::store::SecretName;
use crate::store::aws::aliases::{Aliases, EXTRA_CONN_WORDS};
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::store::prefix::{PrefixRules, TEAM_SEPARATOR, naming};
use crate::value::SecretValue;

use super::config::DEFAULTS;

/// Paths below a prefix, and unchanged values.
#[derive(Clone, Debug)]
pub(super) struct SystemsManagerConvention {
    prefixes: PrefixRules,
    /// Only if the option is set: the official class returns JSON unchanged.
    aliases: Option<Aliases>,
}

impl SystemsManagerConvention {
    /// Reads the rules from the options.
    pub(super) fn new(options: &Options) -> Self {
        let asked = options.object(EXTRA_CONN_WORDS).is_some() || options.fault(EXTRA_CONN_WORDS).is_some();
        let aliases = asked.then(|| Aliases::from_options(options));
        Self { prefixes: PrefixRules::from_options(options, DEFAULTS), aliases }
    }
}

impl Convention for SystemsManagerConvention {
    /// Unlike in Secrets Manager, a team has names of its own below an empty prefix, too.
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some(prefix) = self.prefixes.prefix(lookup.kind) else { return Naming::Off };
        let team = lookup.team.filter(|team| !team.is_empty());
        let of_team = team.map(|team| path(prefix, &format!("{team}{TEAM_SEPARATOR}{}", lookup.id)));
        naming(lookup.kind, lookup.id, of_team.into_iter().chain([path(prefix, lookup.id)]).collect())
    }

    /// JSON would carry a lone surrogate to AWS, where no parameter has such a name.
    fn odd(&self, _lookup: Lookup<'_>, odd: OddId, multi_team: bool) -> OddFate {
        match odd {
            OddId::Surrogate => OddFate::Absent,
            _ if multi_team => OddFate::Refused,
            OddId::Nothing | OddId::Object => OddFate::AsText,
        }
    }

    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        match &self.aliases {
            Some(aliases) => aliases.read(kind, value).map(Some),
            None => Ok(Some(value)),
        }
    }

    fn dropped(&self, kind: Kind, value: &SecretValue) -> Vec<String> {
        self.aliases.as_ref().map(|aliases| aliases.dropped(kind, value)).unwrap_or_default()
    }
}

/// `{prefix}/{id}`, with a slash in front unless there is one.
fn path(prefix: &str, id: &str) -> SecretName {
    let begins = prefix.is_empty() || prefix.starts_with('/');
    format!("{}{prefix}/{id}", if begins { "" } else { "/" }).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::aws::words::tests::json;
    use crate::store::options::OptionValue;

    fn convention(key: &'static str, value: OptionValue) -> SystemsManagerConvention {
        let mut options = Options::default();
        options.set(key, value);
        SystemsManagerConvention::new(&options)
    }

    fn asked(prefix: Option<&str>, id: &str, team: Option<&str>) -> Vec<String> {
        let convention = match prefix {
            Some(prefix) => convention("connections_prefix", OptionValue::Text(prefix.to_owned())),
            None => SystemsManagerConvention::new(&Options::default()),
        };
        match convention.names(Lookup { kind: Kind::Connection, id, team }) {
            Naming::Names(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
            other => panic!("no plain names: {other:?}"),
        }
    }

    #[test]
    fn prefixes_make_the_paths_of_the_measured_table() {
        for (prefix, alone, of_team) in [
            (None, "/airflow/connections/c1", "/airflow/connections/T--c1"),
            (Some("airflow/connections"), "/airflow/connections/c1", "/airflow/connections/T--c1"),
            (Some(""), "/c1", "/T--c1"),
            (Some("/"), "/c1", "/T--c1"),
            (Some("a//"), "/a/c1", "/a/T--c1"),
            (Some("//a"), "//a/c1", "//a/T--c1"),
            (Some(" a"), "/ a/c1", "/ a/T--c1"),
        ] {
            assert_eq!(asked(prefix, "c1", None), [alone], "{prefix:?}");
            assert_eq!(asked(prefix, "c1", Some("")), [alone], "{prefix:?}");
            assert_eq!(asked(prefix, "c1", Some("T")), [of_team, alone], "{prefix:?}");
        }
    }

    #[test]
    fn ids_are_not_changed() {
        for (id, path) in [("/c1", "/a//c1"), ("c1:2", "/a/c1:2"), ("c1:blue", "/a/c1:blue"), ("", "/a/")] {
            assert_eq!(asked(Some("a"), id, None), [path]);
        }
        assert_eq!(asked(Some(""), "/c1", None), ["//c1"]);
    }

    #[test]
    fn the_kinds_have_their_own_prefixes_and_null_switches_one_off() {
        let convention = convention("variables_prefix", OptionValue::Null);
        let names = |kind, id| convention.names(Lookup { kind, id, team: None });
        assert_eq!(names(Kind::Variable, "a--b"), Naming::Off);
        assert_eq!(names(Kind::Config, "o"), Naming::Names(vec!["/airflow/config/o".into()]));
        assert!(matches!(names(Kind::Config, "a--b"), Naming::Ambiguous { separator: "--", .. }));
    }

    #[test]
    fn values_stay_as_they_are_unless_the_words_are_asked_for() {
        let secret = r#"{"username": "u", "usr": "x"}"#;
        let read = |convention: SystemsManagerConvention, kind, text: &str| {
            convention.read(kind, SecretValue::text(text)).map(|value| value.unwrap().expose().to_owned())
        };
        let official = || SystemsManagerConvention::new(&Options::default());
        let with = |words| convention("extra_conn_words", OptionValue::Object(json(words)));
        assert_eq!(read(official(), Kind::Connection, secret).unwrap(), secret);
        assert_eq!(read(official(), Kind::Connection, "{broken").unwrap(), "{broken");
        assert!(read(with("{}"), Kind::Connection, secret).unwrap().starts_with(r#"{"login": "u","#));
        let words = r#"{"login": ["usr"]}"#;
        assert!(
            read(with(words), Kind::Connection, r#"{"usr": "x"}"#).unwrap().starts_with(r#"{"login": "x","#)
        );
        assert_eq!(read(with(words), Kind::Variable, secret).unwrap(), secret);
        assert_eq!(read(with(words), Kind::Connection, "{b").unwrap_err().kind(), ErrorKind::Malformed);
    }
}
