//! Connections as Airflow reads and writes them.
//!
//! [`parse`] does what `BaseSecretsBackend.deserialize_connection` does with the class of a [`Dialect`], and
//! [`build_uri`] what that class's `get_uri` does: the same fields, the same failures. Only the messages
//! differ, since Airflow's show the secret.

mod build;
mod dialect;
mod error;
mod extra;
mod fields;
mod json;
mod netloc;
mod parts;
mod percent;
mod port;
mod query;
mod uri;
mod urlsplit;

use std::fmt;

pub use build::{build_uri, build_uri_from_fields};
pub use dialect::{Dialect, UnknownDialect};
pub use error::ConnectionError;
pub use parts::{UriPart, replace_parts, uri_parts};

use super::json::{Object, Value};
use super::text::{self, Text};

/// A connection with the fields of Airflow's class. A field is [`Value::Null`] where Airflow has None, and
/// keeps a value of the wrong type where Airflow does. Debug shows which fields are set, but none of their
/// contents.
#[derive(Clone, PartialEq)]
pub struct Connection {
    /// The type, which selects the hook: `postgres`, `aws`, …
    pub conn_type: Value,
    /// User name.
    pub login: Value,
    /// Password.
    pub password: Value,
    /// Host, preceded by `protocol://` if the URI had a second protocol.
    pub host: Value,
    /// Port; an integer of any size from JSON.
    pub port: Value,
    /// Database, or whatever the path of the URI contains.
    pub schema: Value,
    /// Description; only JSON can hold one.
    pub description: Value,
    /// Extra as text; JSON in all dialects but Airflow 2.
    pub extra: Value,
    dialect: Dialect,
}

/// Reads what a store holds for a connection: a JSON object if it starts with `{`, else a URI.
pub fn parse(value: &Text, dialect: Dialect) -> Result<Connection, ConnectionError> {
    parse_whole(value, dialect).map(|(connection, _)| connection)
}

/// Like [`parse`], with the result of [`Connection::extra_dejson`], so that what was just written need not be
/// read.
pub fn parse_with_extra(
    value: &Text,
    dialect: Dialect,
) -> Result<(Connection, Result<Value, ConnectionError>), ConnectionError> {
    let (connection, object) = parse_whole(value, dialect)?;
    let extra = match object {
        Some(object) => extra::readable(object, dialect),
        None => connection.extra_dejson(),
    };
    Ok((connection, extra))
}

/// `urllib.parse.unquote(text)`; `None` if that changes nothing.
pub fn percent_decoded(text: &str) -> Option<String> {
    let decoded = percent::unquoted(text.as_bytes(), percent::Plus::Literal);
    decoded.to_str().filter(|decoded| *decoded != text).map(str::to_owned)
}

fn parse_whole(value: &Text, dialect: Dialect) -> Result<(Connection, Option<Value>), ConnectionError> {
    match text::strip(value.as_bytes()) {
        [] => Err(ConnectionError::Empty),
        json @ [b'{', ..] => json::parse(json, dialect).map(|connection| (connection, None)),
        uri => fields::from_uri(uri, dialect),
    }
}

impl Connection {
    /// A connection from named fields, as Airflow's constructor takes them, with `extra` as text or object,
    /// or `extra_dejson`. An unknown key is an error.
    pub fn from_fields(fields: &Object, dialect: Dialect) -> Result<Self, ConnectionError> {
        fields::from_mapping(fields, dialect)
    }

    /// The dialect that read it.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Extra as an object, or another type where Airflow does not insist on one. An error where Airflow's
    /// property raises, which it does only when it is read.
    pub fn extra_dejson(&self) -> Result<Value, ConnectionError> {
        extra::dejson(self)
    }

    /// The URI of the connection in its own dialect.
    pub fn get_uri(&self) -> Result<Text, ConnectionError> {
        build_uri(self, self.dialect)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("dialect", &self.dialect)
            .field("conn_type", &self.conn_type)
            .field("login", &self.login)
            .field("password", &self.password)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("schema", &self.schema)
            .field("description", &self.description)
            .field("extra", &self.extra)
            .finish()
    }
}

#[cfg(test)]
mod tests;
