//! What Airflow's constructor does with the fields it is given.

use super::dialect::Dialect;
use super::error::ConnectionError;
use super::extra::Extra;
use super::{Connection, uri};
use crate::value::json::{Object, Value};
use crate::value::text::Text;

/// The fields of a connection before the constructor has processed them.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) conn_type: Value,
    pub(super) login: Value,
    pub(super) password: Value,
    pub(super) host: Value,
    pub(super) port: Value,
    pub(super) schema: Value,
    pub(super) description: Value,
    pub(super) extra: Extra,
}

impl Fields {
    /// Where a field that is stored unchanged belongs; None for a key that is not such a field.
    pub(super) fn plain_mut(&mut self, key: &Text) -> Option<&mut Value> {
        match key.as_bytes() {
            b"login" => Some(&mut self.login),
            b"password" => Some(&mut self.password),
            b"host" => Some(&mut self.host),
            b"schema" => Some(&mut self.schema),
            b"description" => Some(&mut self.description),
            _ => None,
        }
    }

    /// Whether any field is truthy that the model refuses together with `uri` (description is not one of
    /// them).
    pub(super) fn any_truthy(&self) -> bool {
        [&self.conn_type, &self.host, &self.login, &self.password, &self.schema, &self.port, &self.extra.text]
            .into_iter()
            .any(Value::is_truthy)
    }

    /// The connection, after the checks of the dialect's constructor and attribute setters.
    pub(super) fn construct(self, dialect: Dialect) -> Result<Connection, ConnectionError> {
        self.construct_whole(dialect).map(|(connection, _)| connection)
    }

    /// Like [`Self::construct`], with the object that extra was just written from.
    pub(super) fn construct_whole(
        mut self,
        dialect: Dialect,
    ) -> Result<(Connection, Option<Value>), ConnectionError> {
        if dialect.is_model() {
            self.password = model_password(self.password)?;
            self.extra.check(dialect)?;
        }
        let Self {
            conn_type,
            login,
            password,
            host,
            port,
            schema,
            description,
            extra: Extra { text: extra, object, .. },
        } = self;
        let connection =
            Connection { conn_type, login, password, host, port, schema, description, extra, dialect };
        Ok((connection, object))
    }
}

/// The password setter of the model (models/crypto.py, `FernetFieldsMixin.set_password`): a falsy value is
/// not stored, any other is encoded as UTF-8 for encryption.
fn model_password(password: Value) -> Result<Value, ConnectionError> {
    if !password.is_truthy() {
        return Ok(Value::Null);
    }
    match password.as_text() {
        Some(text) if text.has_surrogates() => Err(ConnectionError::Surrogate { field: "password" }),
        Some(_) => Ok(password),
        None => Err(wrong_type("password", &password, "text in quotes")),
    }
}

/// A field whose type Airflow cannot use.
pub(super) fn wrong_type(field: &'static str, value: &Value, expected: &'static str) -> ConnectionError {
    ConnectionError::FieldType { field, found: value.type_name(), expected }
}

/// A connection from the fields that a program gives: the keys of Airflow's constructor, and `extra_dejson`
/// in place of `extra`. Nothing is normalized, as in the constructor; None, `""` and an absent key mean no
/// extra.
pub(super) fn from_mapping(mapping: &Object, dialect: Dialect) -> Result<Connection, ConnectionError> {
    let mut fields = Fields::default();
    let mut extra_dejson = &Value::Null;
    for (key, value) in mapping {
        match key.as_bytes() {
            b"conn_type" => fields.conn_type = value.clone(),
            b"port" => fields.port = value.clone(),
            b"extra" => fields.extra = Extra::from_value(value),
            b"extra_dejson" => extra_dejson = value,
            _ => *fields.plain_mut(key).ok_or_else(|| ConnectionError::unknown_key(key))? = value.clone(),
        }
    }
    if extra_dejson.is_truthy() {
        if fields.extra.text.is_truthy() {
            return Err(ConnectionError::ExtraTwice);
        }
        fields.extra = Extra::from_value(extra_dejson);
    }
    fields.construct(dialect)
}

/// The connection of a URI without surrounding white space, and the object that its extra was written from.
pub(super) fn from_uri(
    text: &[u8],
    dialect: Dialect,
) -> Result<(Connection, Option<Value>), ConnectionError> {
    uri::parse(text, dialect)?.construct_whole(dialect)
}
