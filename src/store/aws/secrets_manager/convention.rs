//! How the official class names secrets in Secrets Manager and reads what they hold.
//!
//! Source: `airflow.providers.amazon.aws.secrets.secrets_manager` 9.39.0.

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::convention::{Convention, Kind, Lookup, Naming};
use crate::store::options::Options;
use crate::store::prefix::{PrefixDefaults, PrefixRules};
use crate::value::fields::normalize_connection;
use crate::value::{FieldAliases, FieldError, SecretValue, Text};

/// Prefixes, and the names of fields in JSON connections.
#[derive(Clone, Debug)]
pub(super) struct SecretsManagerConvention {
    prefixes: PrefixRules,
    /// A field that does not exist is an error of the lookup that needs it, not of the constructor: upstream only
    /// looks at it when a secret holds JSON.
    aliases: FieldAliases,
}

impl SecretsManagerConvention {
    /// Reads the rules out of the options.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let prefixes = PrefixRules::from_options(options, PrefixDefaults::AIRFLOW);
        Ok(Self { prefixes, aliases: aliases(options)? })
    }
}

/// Words that are no list of texts can never work: upstream's `list.extend` raises, or takes a text apart.
fn aliases(options: &Options) -> Result<FieldAliases> {
    let mut aliases = FieldAliases::new();
    let fields = options.object("extra_conn_words").and_then(|value| value.as_object());
    for (field, words) in fields.into_iter().flat_map(|fields| fields.iter()) {
        let field = field.to_str().unwrap_or_default();
        let words: Option<Vec<&str>> =
            words.as_array().and_then(|words| words.iter().map(|word| word.as_str()).collect());
        let words = words.ok_or_else(|| {
            Error::config(format!("`{}` in `extra_conn_words` must be a list of texts", Shown(field)))
                .with_hint("Write it like {\"login\": [\"usr\", \"account\"]}")
        })?;
        aliases = aliases.with_extra_words(field, words);
    }
    Ok(aliases)
}

impl Convention for SecretsManagerConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        self.prefixes.names(lookup)
    }

    /// JSON connections get the seven keys of Airflow; everything else stays as it is.
    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        if kind != Kind::Connection {
            return Ok(Some(value));
        }
        let normalized =
            normalize_connection(&Text::from(value.expose()), &self.aliases).map_err(malformed)?;
        match normalized {
            None => Ok(Some(value)),
            Some(text) => match text.to_str() {
                Some(text) => Ok(Some(SecretValue::text(text))),
                None => Err(Error::internal("the JSON writer left the range of ASCII")),
            },
        }
    }
}

/// The cause says where, never what: [`FieldError`] holds nothing of the secret.
fn malformed(error: FieldError) -> Error {
    match error {
        FieldError::UnknownField { .. } => {
            Error::config("`extra_conn_words` cannot be used").with_source(error)
        }
        FieldError::Json(_) => {
            Error::new(ErrorKind::Malformed, "the connection cannot be read").with_source(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
