//! A JSON object to the fields of a connection (`Connection.from_json`).

use super::Connection;
use super::dialect::Dialect;
use super::error::ConnectionError;
use super::extra::Extra;
use super::fields::{Fields, from_uri, wrong_type};
use super::{port, uri};
use crate::value::json::{self, Object, Value};
use crate::value::text::Text;

/// Reads a text that starts with `{`.
pub(super) fn parse(text: &[u8], dialect: Dialect) -> Result<Connection, ConnectionError> {
    let document = json::parse_nested(text, json::MAX_DEPTH)
        .map_err(|failure| ConnectionError::Json(failure.locate(text)))?;
    let Some(members) = document.into_object() else { return Err(ConnectionError::Empty) };
    let keyword_count = members.iter().filter(|(key, value)| is_keyword(key, value)).count();
    let (fields, uri) = read_members(members, dialect)?;
    match uri {
        Some(uri) if dialect.is_model() => model_from_uri(fields, &uri, dialect),
        // The Task SDK takes `uri` alone, and any `uri` but null.
        Some(uri) if keyword_count > 1 && !uri.is_null() => Err(ConnectionError::UriAndFields),
        Some(uri) if !uri.is_null() => Ok(from_uri(uri_text(&uri)?, dialect)?.0),
        _ => fields.construct(dialect),
    }
}

/// Whether the key reaches the constructor: these three are dropped when they are falsy.
fn is_keyword(key: &Text, value: &Value) -> bool {
    !matches!(key.as_bytes(), b"extra" | b"conn_type" | b"port") || value.is_truthy()
}

fn read_members(members: Object, dialect: Dialect) -> Result<(Fields, Option<Value>), ConnectionError> {
    let mut fields = Fields::default();
    let mut uri = None;
    for (key, value) in members {
        match key.as_bytes() {
            b"extra" => fields.extra = Extra::from_value(&value),
            b"conn_type" => fields.conn_type = conn_type(value)?,
            b"port" => fields.port = port::from_json(value)?,
            b"uri" => uri = Some(value),
            b"team_name" if dialect.knows_teams() => {}
            _ => *fields.plain_mut(&key).ok_or_else(|| ConnectionError::unknown_key(&key))? = value,
        }
    }
    Ok((fields, uri))
}

/// A falsy type is dropped, and text is normalized with its case kept. Python evaluates `"-" in value` for a
/// list or dict as well, and fails afterwards only if it is true; otherwise the value is kept.
fn conn_type(value: Value) -> Result<Value, ConnectionError> {
    if !value.is_truthy() {
        return Ok(Value::Null);
    }
    let holds_dash = match &value {
        Value::String(_) => {
            return Ok(value.into_text().map(uri::normalize_type).map(Value::from).unwrap_or_default());
        }
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some("-")),
        Value::Object(members) => members.contains_key("-"),
        _ => true,
    };
    if holds_dash { Err(wrong_type("conn_type", &value, "text in quotes")) } else { Ok(value) }
}

/// The model ignores a falsy `uri` and refuses a truthy one together with any truthy field except a
/// description.
fn model_from_uri(fields: Fields, uri: &Value, dialect: Dialect) -> Result<Connection, ConnectionError> {
    if !uri.is_truthy() {
        return fields.construct(dialect);
    }
    if fields.any_truthy() {
        return Err(ConnectionError::UriAndFields);
    }
    let (mut connection, _) = from_uri(uri_text(uri)?, dialect)?;
    connection.description = fields.description;
    Ok(connection)
}

fn uri_text(uri: &Value) -> Result<&[u8], ConnectionError> {
    uri.as_text().map(Text::as_bytes).ok_or_else(|| wrong_type("uri", uri, "text in quotes"))
}
