//! Titles of items made of prefix and id, and what Airflow gets of an item's fields. There is no official
//! class.

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::kit::from_json::{json_text, secret_from_json};
use crate::store::options::Options;
use crate::store::prefix::{PrefixDefaults, PrefixRules};
use crate::value::json::{self, Object, Value};
use crate::value::{SecretValue, Text};

use super::config::FIELD;
use super::error::{repeated, without_field};

/// What an item must have.
const GRAMMAR: &str = "an item of 1Password has a title that is not empty";

/// The field with a whole connection, as a URI or JSON.
const WHOLE: &str = "conn_uri";

/// The fields in which a value may be, in the order in which they are tried.
const VALUES: [&str; 4] = ["value", "password", "credential", "notes"];

/// The fields of a connection and the labels that mean them: Airflow's own first, then those of 1Password's
/// categories Login, Server and Database.
const PARTS: [(&str, &[&str]); 8] = [
    ("conn_type", &["conn_type", "type"]),
    ("host", &["host", "hostname", "server"]),
    ("login", &["login", "username"]),
    ("password", &["password"]),
    ("schema", &["schema", "database"]),
    ("port", &["port"]),
    ("extra", &["extra"]),
    ("description", &["description"]),
];

/// Those that make a connection of an item that has no `conn_uri`. A login may be that of any account.
const TELLING: [&str; 4] = ["conn_type", "host", "schema", "port"];

/// The rules of one configured backend.
#[derive(Clone, Debug)]
pub(super) struct ItemConvention {
    rules: PrefixRules,
    field: Option<String>,
}

impl ItemConvention {
    /// Reads the rules from the options.
    pub(super) fn new(options: &Options) -> Self {
        let rules = PrefixRules::from_options(options, PrefixDefaults::AIRFLOW).with_name_prefix(options);
        Self { rules, field: options.non_empty(FIELD.key).map(str::to_owned) }
    }
}

impl Convention for ItemConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        self.rules.names(lookup).only(|name| !name.as_str().is_empty(), GRAMMAR)
    }

    /// A title is a text, and no half of a surrogate pair.
    fn odd(&self, _lookup: Lookup<'_>, _odd: OddId, _multi_team: bool) -> OddFate {
        OddFate::Absent
    }

    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        // Contents of a bundle are not an item.
        if !value.is_structured() {
            return Ok(Some(value));
        }
        let fields = fields(&value)?;
        if let Some(field) = &self.field {
            let found = one(&fields, field)?.ok_or_else(|| without_field(&format!("`{}`", Shown(field))))?;
            return Ok(secret_from_json(found));
        }
        if kind == Kind::Connection
            && let Some(connection) = connection(&fields)?
        {
            return Ok(Some(connection));
        }
        plain(&fields).map(Some)
    }

    fn dropped(&self, kind: Kind, value: &SecretValue) -> Vec<String> {
        let is_whole = kind != Kind::Connection || self.field.is_some() || !value.is_structured();
        let Ok(fields) = fields(value) else { return Vec::new() };
        if is_whole || part(&fields, &[WHOLE]).is_ok_and(|whole| whole.is_some()) || !is_connection(&fields) {
            return Vec::new();
        }
        let is_part = |label: &str| PARTS.iter().any(|(_, labels)| is_any(labels, label));
        let labels = fields.iter().filter_map(|(label, _)| label.to_str());
        let others = labels.filter(|label| !is_part(label) && !is_any(&["notes", WHOLE], label));
        let dropped = |label| {
            format!(
                "the field `{}` is not part of the connection: move it to a section `extra`",
                Shown(label)
            )
        };
        others.map(dropped).collect()
    }
}

fn fields(value: &SecretValue) -> Result<Object> {
    let parsed = json::parse(&Text::from(value.expose())).ok();
    parsed.and_then(Value::into_object).ok_or_else(|| Error::internal("the fields of an item are no object"))
}

fn is_any(labels: &[&str], label: &str) -> bool {
    labels.iter().any(|known| known.eq_ignore_ascii_case(label))
}

/// The field of that label, in any case of letters. Several are an error: one of them would be a guess.
fn one<'fields>(fields: &'fields Object, label: &str) -> Result<Option<&'fields Value>> {
    let mut found = fields.iter().filter(|(own, _)| own.to_str().is_some_and(|own| is_any(&[label], own)));
    match (found.next(), found.next()) {
        (Some((_, Value::Array(_))), _) | (Some(_), Some(_)) => Err(repeated(label)),
        (first, _) => Ok(first.map(|(_, value)| value)),
    }
}

/// The first of these fields that is not empty.
fn part<'fields>(fields: &'fields Object, labels: &[&str]) -> Result<Option<&'fields Value>> {
    for label in labels {
        if let Some(value) = one(fields, label)?.filter(|value| value.is_truthy()) {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Whether the fields are those of a connection, each by itself.
fn is_connection(fields: &Object) -> bool {
    let is_there = |labels: &[&str]| part(fields, labels).map_or(true, |value| value.is_some());
    PARTS.iter().any(|(name, labels)| TELLING.contains(name) && is_there(labels))
}

/// The text of `conn_uri`, or the fields of a connection as JSON; `None` if the item is not of that kind.
fn connection(fields: &Object) -> Result<Option<SecretValue>> {
    if let Some(whole) = part(fields, &[WHOLE])? {
        return Ok(secret_from_json(whole));
    }
    if !is_connection(fields) {
        return Ok(None);
    }
    let mut members = Object::new();
    for (name, labels) in PARTS {
        if let Some(value) = part(fields, labels)? {
            members.insert(Text::from(name), value.clone());
        }
    }
    if !members.contains_key("conn_type") {
        return Err(without_field("`conn_type`"));
    }
    Ok(json_text(&Value::Object(members)).map(SecretValue::text))
}

/// The value of an item that holds one: `value` even if it is empty, else the first of the others.
fn plain(fields: &Object) -> Result<SecretValue> {
    let [first, ..] = VALUES;
    let found = match one(fields, first)? {
        Some(value) => Some(value),
        None => part(fields, &VALUES)?,
    };
    found.and_then(secret_from_json).ok_or_else(|| {
        Error::new(ErrorKind::Malformed, format!("the item has none of the fields `{}`", VALUES.join("`, `")))
            .with_hint("Put the value into one of them, or name the field that holds it in `field`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, written: &[(&'static str, &str)], fields: &str) -> Result<String> {
        let convention = ItemConvention::new(&Options::of_texts(written));
        let value = convention.read(kind, SecretValue::structured(fields))?;
        Ok(value.unwrap().expose().to_owned())
    }

    #[test]
    fn ids_go_into_titles_as_they_are() {
        let names = |written: &[(&'static str, &str)], id: &str, team| {
            let convention = ItemConvention::new(&Options::of_texts(written));
            convention.names(Lookup { kind: Kind::Variable, id, team })
        };
        let plain = |expected: &[&str]| Naming::Names(expected.iter().map(|name| (*name).into()).collect());
        assert_eq!(names(&[], "My db/\u{e9}", None), plain(&["airflow/variables/My db/\u{e9}"]));
        let prefixed = [("variables_prefix", "Vars"), ("sep", " "), ("secret_name_prefix", "Prod")];
        assert_eq!(names(&prefixed, "a", Some("ops")), plain(&["Prod Vars ops--a", "Prod Vars a"]));
        assert!(matches!(names(&[("variables_prefix", "")], "", None), Naming::Impossible { .. }));
    }

    #[test]
    fn a_connection_is_its_uri_its_fields_or_its_only_value() {
        let read = |fields| read(Kind::Connection, &[], fields);
        assert_eq!(read(r#"{"Conn_URI": "a://b", "host": "x"}"#).unwrap(), "a://b");
        assert_eq!(read(r#"{"password": "a://b", "username": ""}"#).unwrap(), "a://b");
        assert_eq!(
            read(
                r#"{"username": "u", "password": "p", "type": "postgresql", "server": "h", "port": "5432",
                "database": "d", "notes": "n", "other": "o", "extra": {"sslmode": "require"}}"#
            )
            .unwrap(),
            r#"{"conn_type": "postgresql", "host": "h", "login": "u", "password": "p", "schema": "d", "port": "5432", "extra": {"sslmode": "require"}}"#
        );
        for (fields, text) in [
            (r#"{"host": "h", "password": "canary"}"#, "the item has no field `conn_type`"),
            (r#"{"conn_type": "x", "host": ["canary", "h"]}"#, "the item has several fields `host`"),
            (r#"{"conn_uri": "canary", "CONN_URI": "canary"}"#, "the item has several fields `conn_uri`"),
            (r#"{"username": "canary"}"#, "the item has none of the fields `value`, `password`"),
        ] {
            let error = read(fields).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(error.message().starts_with(text) && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_variable_is_the_first_of_the_usual_fields() {
        let read = |fields| read(Kind::Variable, &[], fields);
        assert_eq!(read(r#"{"password": "p", "value": ""}"#).unwrap(), "");
        assert_eq!(read(r#"{"credential": "c", "notes": "n"}"#).unwrap(), "c");
        assert_eq!(read(r#"{"notes": "n", "host": "h"}"#).unwrap(), "n");
        assert_eq!(read(r#"{"value": "conn_uri"}"#).unwrap(), "conn_uri");
    }

    #[test]
    fn a_named_field_is_read_and_no_other() {
        let written = [("field", "API key")];
        for kind in Kind::ALL {
            assert_eq!(read(kind, &written, r#"{"api KEY": "", "value": "v"}"#).unwrap(), "");
            let error = read(kind, &written, r#"{"value": "canary"}"#).unwrap_err();
            assert!(error.message() == "the item has no field `API key`", "{error}");
        }
    }

    #[test]
    fn fields_that_are_no_part_of_a_connection_are_reported() {
        let dropped = |kind, fields| {
            ItemConvention::new(&Options::default()).dropped(kind, &SecretValue::structured(fields))
        };
        let fields = r#"{"conn_type": "x", "Host": "h", "notes": "n", "sslmode": "canary"}"#;
        let found = dropped(Kind::Connection, fields);
        assert_eq!(
            found,
            ["the field `sslmode` is not part of the connection: move it to a section `extra`"]
        );
        assert!(dropped(Kind::Variable, fields).is_empty());
        assert!(dropped(Kind::Connection, r#"{"conn_uri": "a://b", "x": "y"}"#).is_empty());
        assert!(dropped(Kind::Connection, r#"{"password": "a://b", "x": "y"}"#).is_empty());
    }

    #[test]
    fn the_contents_of_a_bundle_are_unchanged() {
        let convention = ItemConvention::new(&Options::default());
        let value = convention.read(Kind::Connection, SecretValue::text("a://b")).unwrap();
        assert_eq!(value.unwrap().expose(), "a://b");
    }
}
