//! How the official class names secrets in Secrets Manager and reads what they hold.
//!
//! Source: `airflow.providers.amazon.aws.secrets.secrets_manager` 9.39.0.

use crate::error::Result;
use crate::store::aws::aliases::Aliases;
use crate::store::convention::{Convention, Kind, Lookup, Naming};
use crate::store::options::Options;
use crate::store::prefix::{PrefixDefaults, PrefixRules};
use crate::value::SecretValue;

/// Prefixes, and the names of fields in JSON connections.
#[derive(Clone, Debug)]
pub(super) struct SecretsManagerConvention {
    prefixes: PrefixRules,
    aliases: Aliases,
}

impl SecretsManagerConvention {
    /// Reads the rules out of the options.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let prefixes = PrefixRules::from_options(options, PrefixDefaults::AIRFLOW);
        Ok(Self { prefixes, aliases: Aliases::from_options(options)? })
    }
}

impl Convention for SecretsManagerConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        self.prefixes.names(lookup)
    }

    /// JSON connections get the seven keys of Airflow; everything else stays as it is.
    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        self.aliases.read(kind, value).map(Some)
    }

    fn dropped(&self, kind: Kind, value: &SecretValue) -> Vec<String> {
        self.aliases.dropped(kind, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::SecretName;
    use crate::store::aws::words::tests::json;
    use crate::store::options::OptionValue;

    fn convention(extra_conn_words: &str) -> Result<SecretsManagerConvention> {
        let mut options = Options::default();
        options.set("extra_conn_words", OptionValue::Object(json(extra_conn_words)));
        SecretsManagerConvention::new(&options)
    }

    fn read(words: &str, kind: Kind, secret: &str) -> Result<String> {
        let value = convention(words).unwrap().read(kind, SecretValue::text(secret))?;
        Ok(value.unwrap().expose().to_owned())
    }

    #[test]
    fn names_are_those_of_the_official_class() {
        let convention = convention("{}").unwrap();
        let lookup = Lookup { kind: Kind::Connection, id: "c1", team: Some("T") };
        let Naming::Names(names) = convention.names(lookup) else { panic!("no names") };
        let names: Vec<_> = names.iter().map(SecretName::as_str).collect();
        assert_eq!(names, ["airflow/connections/T--c1", "airflow/connections/c1"]);
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
    fn json_that_is_none_is_malformed_and_not_shown() {
        let error = read("{}", Kind::Connection, "{canary-42").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(!format!("{error:?}").contains("canary"), "{error}");
    }

    #[test]
    fn an_unknown_field_fails_the_lookup_of_json_only() {
        assert!(read(r#"{"hots": ["x"]}"#, Kind::Connection, "postgres://h").is_ok());
        assert_eq!(read(r#"{"hots": ["x"]}"#, Kind::Connection, "{}").unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(convention(r#"{"login": "usr"}"#).unwrap_err().kind(), ErrorKind::Config);
    }
}
