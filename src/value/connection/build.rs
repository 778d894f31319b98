//! A connection to its URI (`Connection.get_uri`).

use super::Connection;
use super::error::ConnectionError;
use super::fields::{from_mapping, wrong_type};
use super::percent::{Plus, push_quoted};
use super::query::EXTRA_KEY;
use super::{Dialect, extra};
use crate::value::json::{Object, Value, float_repr};
use crate::value::text::{self, Text, TextBuilder};

const TEXT: &str = "text in quotes";

/// Builds the URI of a connection as the dialect's `get_uri` does.
pub fn build_uri(connection: &Connection, dialect: Dialect) -> Result<Text, ConnectionError> {
    let mut output = TextBuilder::with_capacity(128);
    push_type(&mut output, &connection.conn_type)?;
    let host = push_protocol(&mut output, connection, dialect)?;
    let has_authority = push_credentials(&mut output, connection)?;
    push_quoted_field(&mut output, "host", host)?;
    push_port(&mut output, &connection.port, has_authority || !host.is_empty())?;
    let schema = truthy_text("schema", &connection.schema)?;
    if let Some(schema) = schema {
        output.push_byte(b'/');
        push_quoted_field(&mut output, "schema", schema)?;
    }
    if connection.extra.is_truthy() {
        // Without a schema Airflow writes an empty path before the query.
        output.push_str(if schema.is_some() { "?" } else { "/?" });
        push_extra(&mut output, connection)?;
    }
    Ok(output.finish())
}

/// Builds a URI from named fields: `conn_type`, `login`, `password`, `host`, `port`, `schema`, `description`
/// (which no URI can hold), and `extra` as text or object, or `extra_dejson`. A URI that Airflow would read
/// as other fields is an error.
pub fn build_uri_from_fields(fields: &Object, dialect: Dialect) -> Result<Text, ConnectionError> {
    let connection = from_mapping(fields, dialect)?;
    let uri = build_uri(&connection, dialect)?;
    let read = super::parse(&uri, dialect)?;
    match changed(&connection, &read) {
        Some(field) => Err(ConnectionError::NotReadBack { field }),
        None => Ok(uri),
    }
}

/// The first field that does not come back from a URI. There an empty field is equal to an absent one, and a
/// type has one spelling.
fn changed(given: &Connection, read: &Connection) -> Option<&'static str> {
    if conn_type(&given.conn_type) != conn_type(&read.conn_type) {
        return Some("conn_type");
    }
    let fields = [
        ("login", &given.login, &read.login),
        ("password", &given.password, &read.password),
        ("host", &given.host, &read.host),
        ("port", &given.port, &read.port),
        ("schema", &given.schema, &read.schema),
        ("description", &given.description, &read.description),
    ];
    let differs = |(_, given, read): &(&str, &Value, &Value)| plain(given) != plain(read);
    if let Some((field, ..)) = fields.into_iter().find(differs) {
        return Some(field);
    }
    let extra = |connection: &Connection| match connection.extra_dejson() {
        Ok(extra) if !extra.is_truthy() => None,
        // As text: NaN is not equal to itself.
        Ok(extra) => Some(crate::value::json::write(&extra)),
        Err(_) => connection.extra.as_text().cloned(),
    };
    (extra(given) != extra(read)).then_some("extra")
}

/// A field as text; None if it is falsy.
fn plain(value: &Value) -> Option<Text> {
    if !value.is_truthy() {
        return None;
    }
    match value {
        Value::String(text) => Some(text.clone()),
        other => Some(crate::value::json::write(other)),
    }
}

/// A type as a URI returns it (`_normalize_conn_type` of Airflow).
fn conn_type(value: &Value) -> Option<Vec<u8>> {
    let name = text::lowercase(value.as_text().filter(|_| value.is_truthy())?.as_bytes());
    let name: Vec<u8> = name.as_bytes().iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect();
    Some(if name == b"postgresql" { b"postgres".to_vec() } else { name })
}

fn push_type(output: &mut TextBuilder, conn_type: &Value) -> Result<(), ConnectionError> {
    if let Some(name) = truthy_text("conn_type", conn_type)? {
        let lower = text::lowercase(name);
        lower.as_bytes().iter().for_each(|&byte| output.push_byte(if byte == b'_' { b'-' } else { byte }));
        output.push_byte(b':');
    }
    output.push_str("//");
    Ok(())
}

/// Writes the protocol before the host, as it is, and returns the rest of the host.
fn push_protocol<'a>(
    output: &mut TextBuilder,
    connection: &'a Connection,
    dialect: Dialect,
) -> Result<&'a [u8], ConnectionError> {
    const SEPARATOR: &[u8] = b"://";
    let host = truthy_text("host", &connection.host)?.unwrap_or_default();
    let split = host.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
    let Some((protocol, rest)) = split.and_then(|at| host.split_at_checked(at)) else { return Ok(host) };
    let is_own_type = connection.conn_type.as_text().is_some_and(|name| name.as_bytes() == protocol);
    if is_own_type && dialect.keeps_matching_protocol() {
        return Ok(host);
    }
    if !protocol.is_empty() {
        output.push_bytes(protocol);
        output.push_bytes(SEPARATOR);
    }
    Ok(rest.get(SEPARATOR.len()..).unwrap_or_default())
}

/// Writes login and password if present, and returns whether anything was written.
fn push_credentials(output: &mut TextBuilder, connection: &Connection) -> Result<bool, ConnectionError> {
    let before = output.as_bytes().len();
    if !connection.login.is_null() {
        push_quoted_field(output, "login", any_text("login", &connection.login)?)?;
    }
    if !connection.password.is_null() {
        output.push_byte(b':');
        push_quoted_field(output, "password", any_text("password", &connection.password)?)?;
    }
    let has_credentials = output.as_bytes().len() > before;
    if has_credentials {
        output.push_byte(b'@');
    }
    Ok(has_credentials)
}

/// Writes a port that is not 0 as Python's `str()` shows it.
fn push_port(output: &mut TextBuilder, port: &Value, follows_something: bool) -> Result<(), ConnectionError> {
    if !port.is_truthy() {
        return Ok(());
    }
    // Airflow writes `@:` before a port that nothing precedes.
    output.push_str(if follows_something { ":" } else { "@:" });
    match port {
        Value::Int(integer) => output.push_str(&integer.to_decimal()),
        Value::String(text) => output.push_bytes(text.as_bytes()),
        Value::Float(float) => output.push_str(&float_repr(*float)),
        // False is falsy and was handled above.
        Value::Bool(_) => output.push_str("True"),
        _ => return Err(wrong_type("port", port, "a number such as 5432")),
    }
    Ok(())
}

/// Writes extra as separate parameters if each is text, else as a whole in `__extra__`.
fn push_extra(output: &mut TextBuilder, connection: &Connection) -> Result<(), ConnectionError> {
    let dejson = extra::dejson(connection)?;
    let members = dejson.as_object().filter(|members| !members.is_empty());
    // Python encodes every text before it decides, so half of a surrogate pair is an error either way.
    let mut texts =
        members.into_iter().flatten().flat_map(|(key, value)| [Some(key), value.as_text()]).flatten();
    if texts.any(Text::has_surrogates) {
        return Err(ConnectionError::Surrogate { field: "extra" });
    }
    if let Some(members) =
        members.filter(|members| members.iter().all(|(_, value)| value.as_text().is_some()))
    {
        return push_parameters(output, members);
    }
    output.push_str(EXTRA_KEY);
    push_value(output, any_text("extra", &connection.extra)?)
}

fn push_parameters(output: &mut TextBuilder, members: &Object) -> Result<(), ConnectionError> {
    for (position, (key, value)) in members.iter().enumerate() {
        if position > 0 {
            output.push_byte(b'&');
        }
        push_quoted(output, key.as_bytes(), Plus::Space)
            .ok_or(ConnectionError::Surrogate { field: "extra" })?;
        push_value(output, value.as_text().map(Text::as_bytes).unwrap_or_default())?;
    }
    Ok(())
}

fn push_value(output: &mut TextBuilder, value: &[u8]) -> Result<(), ConnectionError> {
    output.push_byte(b'=');
    push_quoted(output, value, Plus::Space).ok_or(ConnectionError::Surrogate { field: "extra" })
}

fn push_quoted_field(
    output: &mut TextBuilder,
    field: &'static str,
    plain: &[u8],
) -> Result<(), ConnectionError> {
    push_quoted(output, plain, Plus::Literal).ok_or(ConnectionError::Surrogate { field })
}

/// The text of a field that Python inspects only if it is truthy; any other truthy type breaks `get_uri`.
fn truthy_text<'a>(field: &'static str, value: &'a Value) -> Result<Option<&'a [u8]>, ConnectionError> {
    if !value.is_truthy() {
        return Ok(None);
    }
    any_text(field, value).map(Some)
}

fn any_text<'a>(field: &'static str, value: &'a Value) -> Result<&'a [u8], ConnectionError> {
    value.as_text().map(Text::as_bytes).ok_or_else(|| wrong_type(field, value, TEXT))
}
