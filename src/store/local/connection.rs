//! From an entry of a file to text that Airflow's normal connection parser understands.
//!
//! Airflow's class builds a connection at once (`_create_connection`, 3.3.2); this returns a text that
//! produces the same one: a URI, or a JSON object with Airflow's keys. The checks of that class are repeated
//! here.

use crate::store::kit::from_json::json_text;
use crate::value::json::{self, Object};
use crate::value::text::is_white_space;
use crate::value::{SecretValue, Text, Value};

use super::unread::shown_name;

/// The keys of a connection object. `team_name` and `conn_id` are allowed but not passed on.
const KEYS: [&str; 12] = [
    "conn_id",
    "conn_type",
    "description",
    "extra",
    "extra_dejson",
    "host",
    "login",
    "password",
    "port",
    "schema",
    "team_name",
    "uri",
];

/// The text of a connection, or the reason why there is none. The reason names keys and types, never a value.
pub(super) fn connection(id: &str, value: &Value) -> Result<SecretValue, String> {
    match (value.as_text(), value.as_object()) {
        (Some(text), _) => from_text(text),
        (None, Some(members)) => from_object(id, members),
        (None, None) => Err(format!("a connection is a string or an object, not {}", a_type(value))),
    }
}

/// A URI, or JSON in a string. (Airflow's class parses such JSON as a URI, with a meaningless result.)
fn from_text(text: &Text) -> Result<SecretValue, String> {
    let Some(text) = text.to_str() else {
        return Err("the text holds a lone surrogate, which no URI can".to_owned());
    };
    let stripped = text.trim_end_matches(is_python_space);
    if stripped.is_empty() {
        // The normal parser would not accept these as a connection; Airflow's class makes an empty one.
        return Ok(SecretValue::text(if text.is_empty() { "{}" } else { "//" }));
    }
    if stripped.trim_start_matches(is_python_space).starts_with('{') {
        return Ok(SecretValue::text(stripped));
    }
    let (mut uri, space) =
        (String::with_capacity(text.len() * 3), text.get(stripped.len()..).unwrap_or_default());
    uri.push_str(stripped);
    // The normal parser strips white space at the end, while Airflow's class keeps it as part of the last
    // field. Neither keeps these three characters.
    percent_encode(space.bytes().filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r')), &mut uri);
    Ok(SecretValue::text(uri))
}

/// Appends every byte as `%XX`.
pub(super) fn percent_encode(bytes: impl Iterator<Item = u8>, uri: &mut String) {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase();
    for byte in bytes {
        uri.extend(['%', digit(byte >> 4), digit(byte & 0xF)]);
    }
}

/// `str.isspace` of Python for one character.
fn is_python_space(character: char) -> bool {
    is_white_space(character.into())
}

fn from_object(id: &str, members: &Object) -> Result<SecretValue, String> {
    refuse_illegal_keys(members)?;
    if members.contains_key("extra") && members.contains_key("extra_dejson") {
        return Err("extra and extra_dejson exclude each other; keep one".to_owned());
    }
    refuse_other_id(id, members)?;
    let kept = members.iter().filter_map(|(key, value)| match key.to_str() {
        Some("conn_id" | "team_name") => None,
        // Airflow's class writes it as JSON text, even if it is empty.
        Some("extra_dejson") => Some((Text::from("extra"), Value::from(json::write(value)))),
        _ => Some((key.clone(), value.clone())),
    });
    object_text(kept.collect())
}

/// The JSON text of an object with Airflow's connection keys.
pub(super) fn object_text(members: Object) -> Result<SecretValue, String> {
    json_text(&Value::from(members))
        .map(SecretValue::text)
        .ok_or_else(|| "it cannot be written as JSON".to_owned())
}

fn refuse_illegal_keys(members: &Object) -> Result<(), String> {
    let mut illegal: Vec<String> = members
        .iter()
        .filter(|(key, _)| !key.to_str().is_some_and(|key| KEYS.contains(&key)))
        .map(|(key, _)| key.to_str().map_or_else(|| "(not text)".to_owned(), shown_name))
        .collect();
    if illegal.is_empty() {
        return Ok(());
    }
    illegal.sort();
    Err(format!("the object has illegal keys: {}; it can have {}", illegal.join(", "), KEYS.join(", ")))
}

fn refuse_other_id(id: &str, members: &Object) -> Result<(), String> {
    match members.get("conn_id") {
        Some(inner) if inner.as_str() != Some(id) => {
            Err("its conn_id differs from the name of the entry; make them equal, or leave conn_id \
            out"
            .to_owned())
        }
        _ => Ok(()),
    }
}

/// The type of a value in JSON's terms.
pub(super) fn a_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        match connection("c", &json::parse(&Text::from(json)).unwrap()) {
            Ok(value) => {
                assert!(!value.is_structured());
                value.expose().to_owned()
            }
            Err(reason) => format!("error: {reason}"),
        }
    }

    #[test]
    fn strings_are_uris_and_stay_unchanged() {
        assert_eq!(shown(r#""postgres://u:p%20@h:1/s?a=b""#), "postgres://u:p%20@h:1/s?a=b");
        assert_eq!(shown(r#"" http://h""#), " http://h");
    }

    #[test]
    fn white_space_at_the_end_belongs_to_the_last_field() {
        assert_eq!(shown(r#""http://h/s \u00a0\t\n""#), "http://h/s%20%C2%A0");
    }

    #[test]
    fn empty_strings_are_empty_connections() {
        assert_eq!((shown(r#""""#).as_str(), shown(r#"" \t""#).as_str()), ("{}", "//"));
    }

    #[test]
    fn json_in_a_string_is_connection_json() {
        assert_eq!(shown(r#"" {\"host\": \"h\"} ""#), r#" {"host": "h"}"#);
    }

    #[test]
    fn objects_become_json() {
        assert_eq!(
            shown(r#"{"conn_type": "a", "host": null, "port": 1, "extra": {"b": "\ud83d"}}"#),
            r#"{"conn_type": "a", "host": null, "port": 1, "extra": {"b": "\ud83d"}}"#
        );
        assert_eq!(shown(r#"{"conn_id": "c", "team_name": "t", "uri": "a://b"}"#), r#"{"uri": "a://b"}"#);
        assert_eq!(shown("{}"), "{}");
    }

    #[test]
    fn extra_dejson_becomes_extra() {
        assert_eq!(shown(r#"{"extra_dejson": {"a": NaN}}"#), r#"{"extra": "{\"a\": NaN}"}"#);
        assert_eq!(shown(r#"{"extra_dejson": {}}"#), r#"{"extra": "{}"}"#);
    }

    #[test]
    fn objects_that_cannot_be_connections() {
        insta::assert_snapshot!(shown(r#"{"b\n": "canary", "host": "canary", "a": 1}"#),
            @"error: the object has illegal keys: (not shown: it may be a value), `a`; it can have \
            conn_id, conn_type, description, extra, extra_dejson, host, login, password, port, schema, \
            team_name, uri");
        insta::assert_snapshot!(shown(r#"{"extra": "canary", "extra_dejson": {}}"#), @"error: extra and extra_dejson exclude each other; keep one");
        insta::assert_snapshot!(shown(r#"{"conn_id": "canary"}"#),
            @"error: its conn_id differs from the name of the entry; make them equal, or leave \
            conn_id out");
    }

    #[test]
    fn other_types_are_not_connections() {
        for (json, kind) in [("1", "a number"), ("true", "a boolean"), ("null", "null"), ("[1]", "a list")] {
            assert_eq!(shown(json), format!("error: a connection is a string or an object, not {kind}"));
        }
        insta::assert_snapshot!(shown(r#""\ud83d""#), @"error: the text holds a lone surrogate, which no URI can");
    }
}
