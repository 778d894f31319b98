//! The value as the store gets it, checked by Airflow's rules.

use zeroize::Zeroizing;

use crate::backend::{is_reference, with_whole_password};
use crate::cli::lint::{is_legal, judge, odd};
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::convention::{Form, Kind, Lookup};
use crate::value::connection::{Connection, build_uri_from_fields, parse};
use crate::value::json::{self, Object};
use crate::value::{Dialect, SecretValue, Text, Value};

/// The longest key of a variable in Airflow.
const LONGEST_KEY: usize = 250;

/// How a connection is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FormatWord {
    /// As a URI.
    Uri,
    /// As JSON with Airflow's fields; in Vault and in files each field under its own key.
    Json,
    /// The same.
    Fields,
}

/// Refuses an id that Airflow would not take.
pub(super) fn check_id(lookup: Lookup<'_>) -> Result<()> {
    let length = lookup.id.chars().count();
    let (is_valid, rule) = match lookup.kind {
        Kind::Connection => {
            (is_legal(lookup.id), "Airflow takes up to 250 letters, digits and _#!()-.:/\\ only")
        }
        Kind::Variable => ((1..=LONGEST_KEY).contains(&length), "Airflow takes keys of 1 to 250 characters"),
        Kind::Config => (length > 0, "Write the text of the `_secret` option"),
    };
    if is_valid {
        return Ok(());
    }
    let text = format!("`{}` is no id of a {}", Shown(lookup.id), lookup.kind);
    Err(Error::new(ErrorKind::InvalidName, text).with_hint(rule))
}

/// The text and its form, with what is odd about it.
pub(super) fn checked(
    lookup: Lookup<'_>,
    text: &Zeroizing<String>,
    format: Option<FormatWord>,
    dialect: Dialect,
) -> Result<(SecretValue, Form, Vec<String>)> {
    if lookup.kind != Kind::Connection {
        if format.is_some() {
            return Err(Error::config("--format is for connections")
                .with_hint("A variable and a config value are written as they are"));
        }
        return Ok((SecretValue::text(text.as_str()), Form::Text, Vec::new()));
    }
    let text = text.trim();
    if is_reference(text) && format.is_none() {
        return Ok((SecretValue::text(text), Form::Text, Vec::new()));
    }
    if let Some((_, reason)) = judge(&with_whole_password(text), dialect) {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!("this is no connection that Airflow can use: {reason}"),
        )
        .with_hint(
            "`strongroom uri parse` shows what Airflow reads, and `strongroom uri build` makes a URI",
        ));
    }
    let odd = odd::found(text, dialect).into_iter().map(|(_, text)| format!("warning: {text}")).collect();
    let (value, form) = formed(text, format, dialect)?;
    Ok((value, form, odd))
}

fn formed(text: &str, format: Option<FormatWord>, dialect: Dialect) -> Result<(SecretValue, Form)> {
    let is_json = text.starts_with('{');
    match format {
        None | Some(FormatWord::Json | FormatWord::Fields) if is_json => {
            Ok((SecretValue::text(text), Form::Fields))
        }
        Some(FormatWord::Uri) if is_json => {
            let fields = json::parse(&Text::from(text)).ok().and_then(Value::into_object);
            let uri = build_uri_from_fields(&fields.unwrap_or_default(), dialect).map_err(|error| {
                Error::new(ErrorKind::Malformed, error.to_string()).with_hint("Write it with --format json")
            })?;
            Ok((SecretValue::text(uri.to_str().unwrap_or_default()), Form::Text))
        }
        Some(FormatWord::Json | FormatWord::Fields) => {
            let connection = parse(&Text::from(text), dialect);
            let connection =
                connection.map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))?;
            let text = json::write(&Value::from(fields_of(&connection)));
            Ok((SecretValue::text(text.to_str().unwrap_or_default()), Form::Fields))
        }
        _ => Ok((SecretValue::text(text), Form::Text)),
    }
}

/// Airflow's fields of a connection, without those that are empty.
fn fields_of(connection: &Connection) -> Object {
    let fields = [
        ("conn_type", &connection.conn_type),
        ("host", &connection.host),
        ("login", &connection.login),
        ("password", &connection.password),
        ("schema", &connection.schema),
        ("port", &connection.port),
        ("extra", &connection.extra),
    ];
    let kept = fields.into_iter().filter(|(_, value)| value.is_truthy());
    kept.map(|(key, value)| (Text::from(key), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTION: Lookup<'static> = Lookup { kind: Kind::Connection, id: "db", team: None };

    fn written(text: &str, format: Option<FormatWord>) -> Result<(String, Form)> {
        let text = Zeroizing::new(text.to_owned());
        checked(CONNECTION, &text, format, Dialect::default())
            .map(|(value, form, _)| (value.expose().to_owned(), form))
    }

    #[test]
    fn a_connection_stays_as_given_unless_a_format_is_asked_for() {
        let (uri, json) = ("pg://u:p%40@h:1/s?a=b", r#"{"conn_type": "pg", "host": "h"}"#);
        assert_eq!(written(uri, None).unwrap(), (uri.to_owned(), Form::Text));
        assert_eq!(written(json, None).unwrap(), (json.to_owned(), Form::Fields));
        assert_eq!(written(json, Some(FormatWord::Uri)).unwrap(), ("pg://h".to_owned(), Form::Text));
        let fields = r#"{"conn_type": "pg", "host": "h", "login": "u", "password": "p@", "schema": "s", "port": 1, "extra": "{\"a\": \"b\"}"}"#;
        assert_eq!(written(uri, Some(FormatWord::Fields)).unwrap(), (fields.to_owned(), Form::Fields));
    }

    #[test]
    fn what_airflow_cannot_use_is_refused_and_not_shown() {
        for text in ["canary", "{canary", "my_type://u:canary@h", r#"{"host": "canary"}"#, "//canary"] {
            let error = written(text, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{text}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let lossy = written(r#"{"conn_type": "pg", "description": "canary"}"#, Some(FormatWord::Uri));
        assert!(!lossy.unwrap_err().to_string().contains("canary"));
    }

    #[test]
    fn a_reference_is_written_as_it_is() {
        for text in ["secret_coordinate::db/prod", "pg://app:secret_coordinate::db/prod#password@h/d"] {
            assert_eq!(written(text, None).unwrap(), (text.to_owned(), Form::Text));
        }
    }

    #[test]
    fn ids_follow_airflows_rules() {
        let id = |kind, id| check_id(Lookup { kind, id, team: None }).is_ok();
        assert!(id(Kind::Connection, "a-b/c") && id(Kind::Variable, "any key") && id(Kind::Config, "x"));
        assert!(!id(Kind::Connection, "a b") && !id(Kind::Variable, "") && !id(Kind::Config, ""));
    }
}
