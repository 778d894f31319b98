//! The query of a connection URI to extra.

use super::dialect::Dialect;
use super::error::ConnectionError;
use super::extra::Extra;
use super::percent::{Plus, unquoted};
use crate::value::json::{self, Failure, MAX_DEPTH, Object, Value};
use crate::value::text::{self, Text};

/// The parameter that holds extra as it is (`Connection.EXTRA_KEY`).
pub(super) const EXTRA_KEY: &str = "__extra__";

/// Extra of a query: None without a query, `__extra__` verbatim if present, else a JSON object of all
/// parameters.
pub(super) fn extra(query: &[u8], dialect: Dialect) -> Result<Extra, ConnectionError> {
    if query.is_empty() {
        return Ok(Extra::default());
    }
    let mut parameters = parse(query);
    if let Some(raw) = parameters.get(EXTRA_KEY) {
        return Ok(Extra::raw(raw.clone()));
    }
    if dialect.decodes_query_values() {
        parameters.values_mut().try_for_each(decode)?;
    }
    // Two adjacent halves of a surrogate pair come back as one character.
    Ok(Extra::from_query(parameters, query.is_ascii()))
}

/// `dict(parse_qsl(query, keep_blank_values=True))`: empty parts are skipped, and the last value of a
/// repeated name counts.
fn parse(query: &[u8]) -> Object {
    let parameters = query.split(|&byte| byte == b'&').filter(|parameter| !parameter.is_empty());
    parameters
        .map(|parameter| {
            let (name, value) = text::partition(parameter, b'=');
            let value = unquoted(value.unwrap_or_default(), Plus::Space);
            (unquoted(name, Plus::Space), Value::String(value))
        })
        .collect()
}

/// Replaces a text by its JSON value, if it is JSON.
fn decode(value: &mut Value) -> Result<(), ConnectionError> {
    let Some(text) = value.as_text().filter(|text| may_be_json(text)) else { return Ok(()) };
    // One level less than a document may have: the value will be inside an object.
    match json::parse_nested(text.as_bytes(), MAX_DEPTH - 1) {
        Ok(decoded) => *value = decoded,
        Err(Failure { kind, .. }) if kind.is_syntax() => {}
        Err(failure) => return Err(ConnectionError::QueryValue(failure.locate(text.as_bytes()))),
    }
    Ok(())
}

/// Avoids parsing most values: no JSON starts with another character.
fn may_be_json(text: &Text) -> bool {
    matches!(
        text.as_bytes().first(),
        Some(
            b'{' | b'[' | b'"' | b'-' | b'0'
                ..=b'9' | b't' | b'f' | b'n' | b'N' | b'I' | b' ' | b'\t' | b'\r' | b'\n'
        )
    )
}
