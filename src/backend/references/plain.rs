//! `references_only`: secrets that are written out where a reference should be.

use crate::backend::references::parse::is_reference;
use crate::backend::references::refusal;
use crate::error::Result;
use crate::store::SecretName;
use crate::store::convention::{Kind, Lookup};
use crate::value::connection::parse;
use crate::value::json::{self, Value};
use crate::value::{Dialect, SecretValue, Text};

/// Parts of names that Airflow calls sensitive (`DEFAULT_SENSITIVE_FIELDS` of Airflow 3.3.2).
const SENSITIVE: [&str; 22] = [
    "access_key",
    "access_token",
    "api_key",
    "apikey",
    "auth_header",
    "authorization",
    "bearer",
    "connection_string",
    "dsn",
    "keyfile_dict",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "proxies",
    "proxy",
    "proxy_password",
    "secret",
    "service_account",
    "service_key",
    "token",
    "webhook_url",
];

/// The place of a secret in `value` that is not a reference: in a connection its password and what has a
/// sensitive name in its extra, in a variable what has one, and a config value always.
pub(super) fn plain_secret(lookup: Lookup<'_>, value: &SecretValue) -> Option<String> {
    let text = value.expose();
    if !value.is_structured() && is_reference(text) {
        return None;
    }
    if lookup.kind == Kind::Connection || lookup.kind == Kind::Config && text.contains("://") {
        return in_connection(text);
    }
    let is_secret = lookup.kind == Kind::Config || is_sensitive(lookup.id);
    let is_json = value.is_structured() || text.trim_start().starts_with(['{', '[']);
    match json::parse(&Text::from(text)).ok().filter(|_| is_json) {
        Some(json) => in_json(&json, "", is_secret),
        None => (is_secret && !text.is_empty()).then(|| "the value".to_owned()),
    }
}

/// Refuses to write a value that holds a secret where a reference should be.
pub(in crate::backend) fn refuse_plain(
    lookup: Lookup<'_>,
    value: &SecretValue,
    name: &SecretName,
) -> Result<()> {
    plain_secret(lookup, value).map_or(Ok(()), |place| Err(refusal::plain(name, &place)))
}

/// One that Airflow cannot read reaches no hook.
fn in_connection(text: &str) -> Option<String> {
    let whole = super::places::with_whole_password(text);
    let connection = parse(&Text::from(&*whole), Dialect::TaskSdk13).ok()?;
    if is_plain(&connection.password) {
        return Some("`password`".to_owned());
    }
    in_json(&connection.extra_dejson().ok()?, "extra", false)
}

/// The first plain text below a sensitive name.
fn in_json(json: &Value, place: &str, is_secret: bool) -> Option<String> {
    let mut open = vec![(place.to_owned(), is_secret, json)];
    while let Some((place, is_secret, value)) = open.pop() {
        match value {
            Value::Object(members) => open.extend(members.iter().map(|(key, member)| {
                let name = key.to_str().unwrap_or_default();
                let below = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
                (below, is_secret || is_sensitive(name), member)
            })),
            Value::Array(items) => open.extend(items.iter().map(|item| (place.clone(), is_secret, item))),
            value if is_secret && is_plain(value) && !holds_json(value) => {
                return Some(if place.is_empty() { "the value".to_owned() } else { format!("`{place}`") });
            }
            Value::String(text) => {
                let inner = Some(text).filter(|_| holds_json(value)).and_then(|text| json::parse(text).ok());
                if let Some(found) = inner.and_then(|inner| in_json(&inner, &place, false)) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

/// JSON as text, such as a key file: each of its own names decides.
fn holds_json(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim_start().starts_with('{'))
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => !text.is_empty() && !text.to_str().is_some_and(is_reference),
        _ => true,
    }
}

fn is_sensitive(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    SENSITIVE.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_are_written_out_are_found() {
        for (kind, id, text, expected) in [
            (Kind::Connection, "c", "pg://u:canary@h", Some("`password`")),
            (Kind::Connection, "c", "pg://u:secret_coordinate::a/b#c@h?sslmode=require", None),
            (Kind::Connection, "c", "pg://u@h?api_key=canary", Some("`extra.api_key`")),
            (Kind::Connection, "c", "secret_coordinate::a", None),
            (Kind::Connection, "c", r#"{"conn_type": "x", "password": 5}"#, Some("`password`")),
            (Kind::Connection, "c", r#"{"extra": {"token": {"a": ["canary"]}}}"#, Some("`extra.token.a`")),
            (Kind::Connection, "c", r#"{"extra": {"token": "secret_coordinate::a", "region": "eu"}}"#, None),
            (
                Kind::Connection,
                "c",
                r#"{"extra": {"keyfile_dict": "{\"private_key\": \"canary\"}"}}"#,
                Some("`extra.keyfile_dict.private_key`"),
            ),
            (
                Kind::Connection,
                "c",
                r#"{"extra": {"keyfile_dict": "{\"project_id\": \"p\", \"private_key\": \"secret_coordinate::a\"}"}}"#,
                None,
            ),
            (Kind::Variable, "region", "eu", None),
            (Kind::Variable, "my_Token", "canary", Some("the value")),
            (Kind::Variable, "settings", r#"{"a": {"password": "canary"}}"#, Some("`a.password`")),
            (Kind::Variable, "my_token", r#"["secret_coordinate::a"]"#, None),
            (Kind::Config, "c", "canary", Some("the value")),
            (Kind::Config, "c", "pg://u:secret_coordinate::a@h/d", None),
            (Kind::Config, "c", "pg://u:canary@h/d", Some("`password`")),
        ] {
            let value = SecretValue::text(text);
            let found = plain_secret(Lookup { kind, id, team: None }, &value);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
