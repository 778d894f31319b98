//! Extra: free-form JSON besides the fixed fields.

use super::Connection;
use super::dialect::Dialect;
use super::error::ConnectionError;
use crate::value::json::{self, Object, Value};
use crate::value::text::Text;

/// Extra on its way to the constructor.
#[derive(Default)]
pub(super) struct Extra {
    /// Text, or null for none.
    pub(super) text: Value,
    /// Whether the text was just written from an object, so that it need not be read again.
    is_object: bool,
    /// That object, where available.
    pub(super) object: Option<Value>,
}

impl Extra {
    /// Text that may be anything.
    pub(super) fn raw(text: Value) -> Self {
        Self { text, ..Self::default() }
    }

    /// Extra as JSON input and programs give it: a falsy value means none, text is kept, and anything else
    /// becomes JSON text.
    pub(super) fn from_value(extra: &Value) -> Self {
        match extra {
            _ if !extra.is_truthy() => Self::default(),
            Value::String(_) => Self::raw(extra.clone()),
            _ => Self {
                text: Value::String(json::write(extra)),
                is_object: matches!(extra, Value::Object(_)),
                object: None,
            },
        }
    }

    /// Extra from the parameters of a query, even if there are none. `keep` says that reading the text gives
    /// the same parameters again.
    pub(super) fn from_query(parameters: Object, keep: bool) -> Self {
        let object = Value::Object(parameters);
        Self { text: Value::String(json::write(&object)), is_object: true, object: keep.then_some(object) }
    }

    /// What the model does when extra is set: `_validate_extra`, then UTF-8 for encryption.
    pub(super) fn check(&self, dialect: Dialect) -> Result<(), ConnectionError> {
        match self.text.as_text() {
            Some(text) if !self.is_object && !text.is_empty() => check_text(text, dialect),
            _ => Ok(()),
        }
    }
}

/// Airflow 2 only warns when extra is not a JSON object, but JSON that Python refuses for its size is an
/// error there too.
fn check_text(text: &Text, dialect: Dialect) -> Result<(), ConnectionError> {
    match json::parse(text) {
        Ok(Value::Object(_)) => {}
        Ok(other) if dialect.requires_object_extra() => {
            return Err(ConnectionError::ExtraType { found: other.type_name() });
        }
        Err(error) if dialect.requires_object_extra() || !error.is_syntax() => {
            return Err(ConnectionError::ExtraJson(error));
        }
        _ => {}
    }
    if text.has_surrogates() { Err(ConnectionError::Surrogate { field: "extra" }) } else { Ok(()) }
}

/// The property `extra_dejson`: an empty dict if there is no extra or its text is not JSON.
pub(super) fn dejson(connection: &Connection) -> Result<Value, ConnectionError> {
    let empty = || Value::Object(Object::new());
    let Some(text) = connection.extra.as_text().filter(|text| !text.is_empty()) else { return Ok(empty()) };
    let value = match json::parse(text) {
        Ok(value) => value,
        Err(error) if error.is_syntax() => return Ok(empty()),
        Err(error) => return Err(ConnectionError::ExtraJson(error)),
    };
    readable(value, connection.dialect)
}

/// The value, if Airflow's property does not raise for it.
pub(super) fn readable(value: Value, dialect: Dialect) -> Result<Value, ConnectionError> {
    if dialect.masks_with_re2() && holds_surrogates(&value) {
        return Err(ConnectionError::Surrogate { field: "extra" });
    }
    Ok(value)
}

/// Whether any string in the value, keys aside, holds a lone surrogate.
fn holds_surrogates(value: &Value) -> bool {
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        match value {
            Value::String(text) if text.has_surrogates() => return true,
            Value::Array(items) => pending.extend(items),
            Value::Object(members) => pending.extend(members.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    false
}
