//! How the official class names secrets in Secrets Manager and reads what they hold.
//!
//! Source: `airflow.providers.amazon.aws.secrets.secrets_manager` 9.39.0.

use crate::error::Result;
use crate::store::SecretName;
use crate::store::aws::aliases::Aliases;
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::store::prefix::{PrefixDefaults, PrefixRules, prefix_key};
use crate::value::SecretValue;

/// What names must not contain. Of all that AWS forbids only this is common: run ids of Airflow contain
/// times.
pub(super) const GRAMMAR: &str = "a name in Secrets Manager has no colon, unless it is a whole ARN";

/// Whether a secret can have this name (`CreateSecret` in the API reference): letters, digits and `/_+=.@-`.
/// Which letters are valid is left to the server.
pub(super) fn can_be(name: &SecretName) -> bool {
    !name.as_str().contains(':') || name.as_str().starts_with("arn:")
}

/// Prefixes, and the names of fields in JSON connections.
#[derive(Clone, Debug)]
pub(super) struct SecretsManagerConvention {
    prefixes: PrefixRules,
    aliases: Aliases,
}

impl SecretsManagerConvention {
    /// Reads the rules from the options.
    pub(super) fn new(options: &Options) -> Self {
        let mut prefixes = PrefixRules::from_options(options, PrefixDefaults::AIRFLOW);
        // The official class tests the truth of a prefix: 0 and false mean bare ids, like the empty text.
        for kind in Kind::ALL.into_iter().filter(|kind| options.is_false(prefix_key(*kind))) {
            *prefixes.prefixes.of_mut(kind) = Some(String::new());
        }
        Self { prefixes, aliases: Aliases::from_options(options) }
    }
}

impl Convention for SecretsManagerConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        match self.prefixes.names(lookup) {
            Naming::Names(names) => possible(names, None),
            Naming::Ambiguous { separator, names } => possible(names, Some(separator)),
            other => other,
        }
    }

    /// Without a prefix the id itself would be the name, and boto3 accepts no number as one. JSON would carry
    /// a lone surrogate to AWS, where no secret has such a name.
    fn odd(&self, lookup: Lookup<'_>, odd: OddId, multi_team: bool) -> OddFate {
        match odd {
            OddId::Surrogate => OddFate::Absent,
            _ if multi_team || self.prefixes.prefix(lookup.kind) == Some("") => OddFate::Refused,
            OddId::Nothing | OddId::Object => OddFate::AsText,
        }
    }

    /// JSON connections get the seven keys of Airflow; everything else stays unchanged.
    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        self.aliases.read(kind, value).map(Some)
    }

    fn dropped(&self, kind: Kind, value: &SecretValue) -> Vec<String> {
        self.aliases.dropped(kind, value)
    }
}

/// Drops the names that no secret can have; the server would refuse each with an error.
fn possible(names: Vec<SecretName>, ambiguous: Option<&'static str>) -> Naming {
    let possible: Vec<_> = names.iter().filter(|name| can_be(name)).cloned().collect();
    match ambiguous {
        _ if possible.is_empty() => Naming::Impossible { grammar: GRAMMAR, names, ambiguous },
        Some(separator) => Naming::Ambiguous { separator, names: possible },
        None => Naming::Names(possible),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::aws::words::tests::json;
    use crate::store::options::OptionValue;

    fn convention(extra_conn_words: &str) -> SecretsManagerConvention {
        let mut options = Options::default();
        options.set("extra_conn_words", OptionValue::Object(json(extra_conn_words)));
        SecretsManagerConvention::new(&options)
    }

    fn read(words: &str, kind: Kind, secret: &str) -> Result<String> {
        let value = convention(words).read(kind, SecretValue::text(secret))?;
        Ok(value.unwrap().expose().to_owned())
    }

    #[test]
    fn names_are_those_of_the_official_class() {
        let convention = convention("{}");
        let lookup = Lookup { kind: Kind::Connection, id: "c1", team: Some("T") };
        let Naming::Names(names) = convention.names(lookup) else { panic!("no names") };
        let names: Vec<_> = names.iter().map(SecretName::as_str).collect();
        assert_eq!(names, ["airflow/connections/T--c1", "airflow/connections/c1"]);
    }

    #[test]
    fn a_colon_is_in_no_name_but_an_arn() {
        let plain = convention("{}");
        let naming = |convention: &SecretsManagerConvention, id, team| {
            convention.names(Lookup { kind: Kind::Variable, id, team })
        };
        for id in ["a:b", "run__2026-01-01T00:00:00+00:00", "arn:aws:x"] {
            assert!(matches!(naming(&plain, id, Some("t")), Naming::Impossible { .. }), "{id}");
        }
        assert!(matches!(naming(&plain, "a--b:c", None), Naming::Impossible { ambiguous: Some("--"), .. }));
        assert!(matches!(naming(&plain, "x", Some("a:b")), Naming::Names(names) if names.len() == 1));
        let mut options = Options::default();
        options.set("variables_prefix", OptionValue::Text(String::new()));
        let bare = SecretsManagerConvention::new(&options);
        assert!(matches!(
            naming(&bare, "arn:aws:secretsmanager:r:1:secret:a-abcdef", None),
            Naming::Names(_)
        ));
        let odd = |kind| bare.odd(Lookup { kind, id: "5", team: None }, OddId::Object, false);
        assert_eq!((odd(Kind::Variable), odd(Kind::Connection)), (OddFate::Refused, OddFate::AsText));
    }

    #[test]
    fn a_json_connection_gets_airflows_keys_and_nothing_else_is_touched() {
        let json = r#"{"user": "u", "usr": "x", "host": "h", "description": "d"}"#;
        let expected = r#"{"login": "u", "password": null, "host": "h", "port": null, "schema": null, "conn_type": null, "extra": null}"#;
        assert_eq!(read("{}", Kind::Connection, json).unwrap(), expected);
        assert_eq!(read("{}", Kind::Variable, json).unwrap(), json);
        assert_eq!(read("{}", Kind::Config, json).unwrap(), json);
        assert_eq!(read("{}", Kind::Connection, " postgres://h ").unwrap(), " postgres://h ");
        assert!(
            read(r#"{"user": ["usr"]}"#, Kind::Connection, r#"{"usr": "x"}"#)
                .unwrap()
                .starts_with(r#"{"login": "x""#)
        );
    }

    #[test]
    fn invalid_json_is_malformed_and_not_shown() {
        let error = read("{}", Kind::Connection, "{canary-42").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(!format!("{error:?}").contains("canary"), "{error}");
    }

    #[test]
    fn an_unknown_field_fails_the_lookup_of_json_only() {
        assert!(read(r#"{"hots": ["x"]}"#, Kind::Connection, "postgres://h").is_ok());
        assert_eq!(read(r#"{"hots": ["x"]}"#, Kind::Connection, "{}").unwrap_err().kind(), ErrorKind::Config);
        assert!(read(r#"{"login": "usr"}"#, Kind::Connection, r#"{"usr": "x"}"#).unwrap().contains("\"x\""));
        assert_eq!(read(r#"{"login": 5}"#, Kind::Connection, "{}").unwrap_err().kind(), ErrorKind::Config);
        assert!(read(r#"{"login": 5}"#, Kind::Connection, "postgres://h").is_ok());
    }
}
