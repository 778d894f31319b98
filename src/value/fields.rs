//! Secrets Manager's older JSON form: other names for the fields of a connection.
//!
//! The official class rewrites such a secret before Airflow sees it (apache-airflow-providers-amazon 9.39.0,
//! `secrets_manager.py`, `_standardize_secret_keys` and `get_conn_value`).

use thiserror::Error;

use super::json::{self, JsonError, Object, Value};
use super::text::{self, Text};

/// The fields of the result in their order, each with the keys of a secret that may hold it.
const DEFAULT_WORDS: [(&str, &[&str]); 7] = [
    ("login", &["login", "user", "username", "user_name"]),
    ("password", &["password", "pass", "key"]),
    ("host", &["host", "remote_host", "server"]),
    ("port", &["port"]),
    ("schema", &["database", "schema"]),
    ("conn_type", &["conn_type", "conn_id", "connection_type", "engine"]),
    ("extra", &["extra"]),
];

/// Which keys of a secret mean which field: the official table, followed by the operator's
/// `extra_conn_words`.
#[derive(Debug, Clone, Default)]
pub struct FieldAliases {
    extra_words: Vec<(&'static str, String)>,
    unknown_field: Option<String>,
}

/// Why a secret cannot be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldError {
    /// The secret starts with `{` but is not JSON.
    #[error("the secret starts with '{{' but is not valid JSON: {0}; store valid JSON or a connection URI")]
    Json(#[from] JsonError),
    /// `extra_conn_words` names a field that connections do not have (a `KeyError` at every lookup in the
    /// official class).
    #[error(
        "extra_conn_words names the unknown field {field:?}; use login, password, host, port, schema, \
        conn_type or extra"
    )]
    UnknownField {
        /// The name in the configuration.
        field: String,
    },
}

impl FieldAliases {
    /// The official table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words for a field; `user` means `login`, as in the official class. An unknown field is an error
    /// when a secret is read.
    #[must_use]
    pub fn with_extra_words<W: Into<String>>(
        mut self,
        field: &str,
        words: impl IntoIterator<Item = W>,
    ) -> Self {
        let name = if field == "user" { "login" } else { field };
        match DEFAULT_WORDS.iter().find(|(known, _)| *known == name) {
            Some((known, _)) => self.extra_words.extend(words.into_iter().map(|word| (*known, word.into()))),
            None => self.unknown_field = self.unknown_field.or_else(|| Some(field.to_owned())),
        }
        self
    }

    fn means(&self, key: &Text, field: &str, defaults: &[&str]) -> bool {
        let is = |word: &str| key.as_bytes() == word.as_bytes();
        defaults.iter().any(|word| is(word))
            || self.extra_words.iter().any(|(owner, word)| *owner == field && is(word))
    }

    /// The value of the first key, in the secret's own order, that means the field.
    fn find(&self, secret: &Object, field: &str, defaults: &[&str]) -> Value {
        let found = secret.iter().find(|(key, _)| self.means(key, field, defaults));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// The connection as seven-key JSON, byte-equal to the official class's result. None when the secret does not
/// start with `{` after white space: then it is used verbatim.
pub fn normalize_connection(secret: &Text, aliases: &FieldAliases) -> Result<Option<Text>, FieldError> {
    if !text::strip(secret.as_bytes()).starts_with(b"{") {
        return Ok(None);
    }
    let parsed = json::parse(secret)?;
    if let Some(field) = &aliases.unknown_field {
        return Err(FieldError::UnknownField { field: field.clone() });
    }
    let Some(members) = parsed.as_object() else { return Ok(None) };
    let standard: Object = DEFAULT_WORDS
        .iter()
        .map(|(field, defaults)| (Text::from(*field), aliases.find(members, field, defaults)))
        .collect();
    Ok(Some(json::write(&Value::Object(standard))))
}

/// Other words for fields, which the official class does not know: those of RDS and of other tools.
const OTHER_WORDS: [(&str, &[&str]); 6] = [
    ("login", &["userid", "user_id", "uid", "userName", "Username"]),
    ("password", &["passwd", "pwd", "Password"]),
    ("host", &["hostname", "host_name", "address", "endpoint", "Host"]),
    ("schema", &["dbname", "db_name", "dbName", "db", "database_name"]),
    ("conn_type", &["type", "connectionType"]),
    ("extra", &["extra_dejson", "extras"]),
];

/// Fields that remain empty although the secret has them under another word, each with that word.
pub fn dropped_fields(secret: &Text, aliases: &FieldAliases) -> Vec<(&'static str, String)> {
    let parsed = json::parse(secret).ok();
    let Some(members) = parsed.as_ref().and_then(Value::as_object) else { return Vec::new() };
    let defaults =
        |field: &str| DEFAULT_WORDS.iter().find(|(known, _)| *known == field).map(|(_, words)| *words);
    let dropped = |(field, words): &(&'static str, &[&str])| {
        let is_empty = !aliases.find(members, field, defaults(field)?).is_truthy();
        let word = words.iter().find(|word| members.get(word).is_some_and(Value::is_truthy))?;
        is_empty.then(|| (*field, (*word).to_owned()))
    };
    OTHER_WORDS.iter().filter_map(dropped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(secret: &str, aliases: &FieldAliases) -> Option<String> {
        let text = normalize_connection(&Text::from(secret), aliases).unwrap();
        text.map(|text| text.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_stays_empty_under_another_word_is_found() {
        let found = |secret: &str, aliases: &FieldAliases| dropped_fields(&Text::from(secret), aliases);
        let rds = r#"{"engine": "mysql", "host": "h", "dbname": "canary", "dbInstanceIdentifier": "x"}"#;
        assert_eq!(found(rds, &FieldAliases::new()), [("schema", "dbname".to_owned())]);
        assert_eq!(found(rds, &FieldAliases::new().with_extra_words("schema", ["dbname"])), []);
        assert_eq!(found(r#"{"dbname": "a", "database": "b"}"#, &FieldAliases::new()), []);
        assert_eq!(found("postgres://h", &FieldAliases::new()), []);
    }

    #[test]
    fn other_forms_are_used_verbatim() {
        for secret in ["", " postgres://h ", "[1]", "\"{}\"", "null"] {
            assert_eq!(normalized(secret, &FieldAliases::new()), None);
        }
    }

    #[test]
    fn writes_seven_keys_in_the_official_order() {
        let secret = r#" {"username":"first","login":"second","engine":"postgres","port":5432,"é":1,"key":"p%2F","extra":{"a":[1.0]}}"#;
        let expected = r#"{"login": "first", "password": "p%2F", "host": null, "port": 5432, "schema": null, "conn_type": "postgres", "extra": {"a": [1.0]}}"#;
        assert_eq!(normalized(secret, &FieldAliases::new()).unwrap(), expected);
    }

    #[test]
    fn the_operator_may_add_words() {
        let aliases =
            FieldAliases::new().with_extra_words("user", ["usr"]).with_extra_words("host", ["dsn", "ip"]);
        let text = normalized(r#"{"ip":"1","usr":"u","dsn":"2","Port":1}"#, &aliases).unwrap();
        assert!(text.starts_with(r#"{"login": "u", "password": null, "host": "1", "port": null"#));
    }

    #[test]
    fn an_unknown_field_is_an_error_at_use() {
        let aliases = FieldAliases::new().with_extra_words("hots", ["x"]);
        assert_eq!(normalized("mysql://h", &aliases), None);
        let error = normalize_connection(&Text::from("{}"), &aliases).unwrap_err();
        assert!(error.to_string().contains("\"hots\""));
        assert!(matches!(normalize_connection(&Text::from("{"), &aliases), Err(FieldError::Json(_))));
    }

    #[test]
    fn white_space_that_json_does_not_know_is_an_error() {
        let error = normalize_connection(&Text::from("\u{a0}{}"), &FieldAliases::new()).unwrap_err();
        assert!(error.to_string().contains("line 1 column 1"));
    }
}
