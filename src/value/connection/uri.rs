//! A connection URI to the fields of a connection (`Connection._parse_from_uri` of the models,
//! `Connection.from_uri` of the Task SDK).

use super::dialect::Dialect;
use super::error::ConnectionError;
use super::percent::{Plus, unquoted};
use super::urlsplit::{self, Split};
use super::{fields::Fields, netloc, query};
use crate::value::json::Value;
use crate::value::text::{self, Text, TextBuilder};

const SEPARATOR: &[u8] = b"://";

/// Reads the fields out of a URI that has no white space around it.
pub(super) fn parse(uri: &[u8], dialect: Dialect) -> Result<Fields, ConnectionError> {
    let separators = count_separators(uri);
    if separators > 2 {
        return Err(ConnectionError::TooManyProtocols);
    }
    let cleaned = urlsplit::clean(uri);
    let whole = urlsplit::split(cleaned.as_bytes())?;
    let scheme = whole.lower_scheme();
    if separators == 1 && cleaned.as_bytes() == uri && is_usual(uri, &scheme) {
        // The remainder after the scheme splits into the same parts.
        return fields(scheme, &Text::default(), &whole, dialect);
    }
    let rest = without_scheme(uri, &scheme, separators);
    if separators == 2 {
        check_before_protocol(rest.as_bytes())?;
    }
    let cleaned = urlsplit::clean(rest.as_bytes());
    let split = urlsplit::split(cleaned.as_bytes())?;
    let protocol = if separators == 2 { split.lower_scheme() } else { Text::default() };
    fields(scheme, &protocol, &split, dialect)
}

/// Whether the URI begins with its scheme in lower case, followed by `://`.
fn is_usual(uri: &[u8], scheme: &Text) -> bool {
    let after_scheme = uri.strip_prefix(scheme.as_bytes());
    !scheme.is_empty() && after_scheme.is_some_and(|rest| rest.starts_with(SEPARATOR))
}

/// Decodes the parts.
fn fields(
    scheme: Text,
    protocol: &Text,
    split: &Split<'_>,
    dialect: Dialect,
) -> Result<Fields, ConnectionError> {
    let location = netloc::parse(split.netloc);
    Ok(Fields {
        conn_type: Value::String(normalize_type(scheme)),
        login: location.username.map(literal).unwrap_or_default(),
        password: location.password.map(literal).unwrap_or_default(),
        host: Value::String(with_protocol(protocol, host(&location))),
        port: location.port()?.map(Value::from).unwrap_or_default(),
        schema: schema(split),
        description: Value::Null,
        extra: query::extra(split.query, dialect)?,
    })
}

/// The connection type of a scheme: `postgresql` becomes `postgres`, otherwise `-` becomes `_`.
pub(super) fn normalize_type(scheme: Text) -> Text {
    if scheme.as_bytes() == b"postgresql" {
        return Text::from("postgres");
    }
    if text::find(scheme.as_bytes(), b'-').is_none() {
        return scheme;
    }
    let mut name = TextBuilder::with_capacity(scheme.len());
    scheme.as_bytes().iter().for_each(|&byte| name.push_byte(if byte == b'-' { b'_' } else { byte }));
    name.finish()
}

fn literal(quoted: &[u8]) -> Value {
    Value::String(unquoted(quoted, Plus::Literal))
}

fn count_separators(uri: &[u8]) -> usize {
    let after_colons =
        std::iter::successors(text::partition(uri, b':').1, |rest| text::partition(rest, b':').1);
    after_colons.filter(|rest| rest.starts_with(b"//")).count()
}

/// `uri.replace("scheme://", …)`: removes every occurrence, at any place, if it is in lower case.
fn without_scheme(uri: &[u8], scheme: &Text, separators: usize) -> Text {
    let replacement = if separators == 2 { "" } else { "//" };
    let mut kept = TextBuilder::with_capacity(uri.len() + 8);
    let mut rest = uri;
    while let [first, after @ ..] = rest {
        let found = rest.strip_prefix(scheme.as_bytes()).and_then(|rest| rest.strip_prefix(SEPARATOR));
        if found.is_some() {
            kept.push_str(replacement);
        } else {
            kept.push_byte(*first);
        }
        rest = found.unwrap_or(after);
    }
    kept.finish()
}

/// With two protocols the credentials belong after the second.
fn check_before_protocol(rest: &[u8]) -> Result<(), ConnectionError> {
    let end = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR).unwrap_or(rest.len());
    let before = rest.get(..end).unwrap_or(rest);
    let has_credentials = before.iter().any(|byte| matches!(byte, b'@' | b':'));
    if has_credentials { Err(ConnectionError::ProtocolAfterCredentials) } else { Ok(()) }
}

/// The decoded host. If it contains `/`, Airflow takes it from the network location again, which keeps its
/// case (`_parse_netloc_to_hostname`).
fn host(location: &netloc::Netloc<'_>) -> Text {
    let lower = location.lower_host();
    let host = unquoted(lower.as_ref().map_or(location.host, Text::as_bytes), Plus::Literal);
    if text::find(host.as_bytes(), b'/').is_none() {
        return host;
    }
    unquoted(text::partition(location.host_and_port, b':').0, Plus::Literal)
}

fn with_protocol(protocol: &Text, host: Text) -> Text {
    if host.is_empty() || protocol.is_empty() {
        return host;
    }
    let mut whole = TextBuilder::with_capacity(protocol.len() + SEPARATOR.len() + host.len());
    whole.push_bytes(protocol.as_bytes());
    whole.push_bytes(SEPARATOR);
    whole.push_bytes(host.as_bytes());
    whole.finish()
}

/// The path without its first character, whatever that is.
fn schema(split: &Split<'_>) -> Value {
    let width = text::decode_first(split.path).map_or(0, |(_, width)| width);
    literal(split.path.get(width..).unwrap_or_default())
}
