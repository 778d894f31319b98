//! Which texts are secret in the answer to a lookup.
//!
//! The rule is Airflow's: a connection's text and password and a configuration value always, a variable and what stands
//! in `extra` or in JSON when its key sounds sensitive. To know that is for the masker, so each text comes with its key.

use zeroize::Zeroizing;

use crate::store::convention::{Kind, Lookup};
use crate::value::connection::{self, Connection, Dialect};
use crate::value::{SecretValue, Text, Value, json};

/// A path of a URI is hidden from this length on, in characters.
const SHORTEST_PATH: usize = 5;
/// A part of a path from this length on, in characters, may be a key by itself.
const SHORTEST_KEY: usize = 16;

/// A text to hide, and the key that decides whether to, if any.
pub type Entry = (Zeroizing<String>, Option<String>);

/// The secret texts of `value`, the answer to `lookup`.
pub fn entries(lookup: Lookup<'_>, value: &SecretValue) -> Vec<Entry> {
    let mut entries = Entries(Vec::new());
    match lookup.kind {
        Kind::Connection => entries.add_connection(value.expose()),
        Kind::Variable => entries.add_text(value.expose(), Some(lookup.id)),
        Kind::Config => entries.add_text(value.expose(), None),
    }
    entries.0
}

struct Entries(Vec<Entry>);

impl Entries {
    fn add(&mut self, text: &str, key: Option<&str>) {
        if !text.is_empty()
            && !self.0.iter().any(|(known, its_key)| **known == text && its_key.as_deref() == key)
        {
            self.0.push((Zeroizing::new(text.to_owned()), key.map(str::to_owned)));
        }
    }

    fn add_connection(&mut self, text: &str) {
        self.add(text, None);
        let Ok(connection) = connection::parse(&Text::from(text), Dialect::TaskSdk13) else {
            return self.add_url(text, None);
        };
        self.add_credentials(&connection, None);
        for url in addresses(text, &connection) {
            self.add_url_path(&url, None);
        }
        if let Ok(extra) = connection.extra_dejson() {
            self.add_leaves(&extra, None);
        }
    }

    /// Basic authentication sends `login:password` in base64.
    fn add_credentials(&mut self, connection: &Connection, key: Option<&str>) {
        let Some(password) = connection.password.as_str().filter(|password| !password.is_empty()) else {
            return;
        };
        self.add(password, key);
        let login = connection.login.as_str().unwrap_or_default();
        self.add(&Zeroizing::new(format!("{login}:{password}")), key);
    }

    /// A text that is hidden as a whole if its key says so, and what is secret within it.
    fn add_text(&mut self, text: &str, key: Option<&str>) {
        self.add(text, key);
        self.add_url(text, key);
        let is_json = text.trim_start().starts_with(['{', '[']);
        if let Some(parsed) = is_json.then(|| json::parse(&Text::from(text)).ok()).flatten() {
            self.add_leaves(&parsed, key);
        }
    }

    /// The texts within JSON, each under the key that is nearest above it, as Airflow's masker walks it. A list without a
    /// key is passed over: Airflow would hide any text in it, `require` included.
    fn add_leaves(&mut self, value: &Value, key: Option<&str>) {
        let mut open = vec![(value, key)];
        while let Some((value, key)) = open.pop() {
            match value {
                Value::String(text) if key.is_some() => {
                    if let Some(text) = text.to_str() {
                        self.add_text(text, key);
                    }
                }
                Value::Array(items) => open.extend(items.iter().map(|item| (item, key))),
                Value::Object(members) => {
                    open.extend(members.iter().map(|(name, member)| (member, name.to_str().or(key))));
                }
                _ => {}
            }
        }
    }

    fn add_url(&mut self, text: &str, key: Option<&str>) {
        if !text.contains("://") || text.trim_start().starts_with('{') {
            return;
        }
        if let Ok(connection) = connection::parse(&Text::from(text), Dialect::TaskSdk13) {
            self.add_credentials(&connection, key);
        }
        self.add_url_path(text, key);
    }

    /// Path and query of a URL that is a secret because of them: whoever knows a webhook's may call it.
    fn add_url_path(&mut self, url: &str, key: Option<&str>) {
        let Some(path) = secret_path(url.trim()) else { return };
        let (route, query) = path.split_once('?').unwrap_or((path, ""));
        let values = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
        let keys = route.split('/').chain(values).filter(|part| is_long(part, SHORTEST_KEY));
        for part in [path, route, query].into_iter().filter(|part| is_long(part, SHORTEST_PATH)).chain(keys) {
            self.add(part, key);
            if let Some(decoded) = connection::percent_decoded(part) {
                self.add(&decoded, key);
            }
        }
    }
}

/// The URLs that a connection may stand for: its own text, a host with a protocol, and host and schema together.
fn addresses(text: &str, connection: &Connection) -> Vec<Zeroizing<String>> {
    let host = connection.host.as_str().unwrap_or_default();
    let schema = connection.schema.as_str().unwrap_or_default();
    let mut found = Vec::new();
    if !text.trim_start().starts_with('{') {
        found.push(Zeroizing::new(text.to_owned()));
    }
    if host.contains("://") {
        found.push(Zeroizing::new(host.to_owned()));
    } else if !host.is_empty() {
        // In JSON the path may stand behind the host or in the schema.
        let is_http = matches!(connection.conn_type.as_str(), Some("http" | "https"));
        let protocol = if is_http { "https" } else { connection.conn_type.as_str().unwrap_or_default() };
        found.push(Zeroizing::new(format!("{protocol}://{host}/{schema}")));
    }
    found
}

/// What follows the host of a webhook, without the slash. Of any URL over http, that is one with `hook` in its name, or
/// with a part that looks like a key.
fn secret_path(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#'])?;
    let (authority, path) = (rest.get(..end)?, rest.get(end..)?);
    let path = path.split('#').next().unwrap_or_default();
    let path = path.trim_matches('/');
    let is_hook = [scheme, authority, path].iter().any(|part| part.to_ascii_lowercase().contains("hook"));
    let is_http = scheme.to_ascii_lowercase().starts_with("http");
    let is_secret = is_hook || (is_http && path.split(['/', '?', '&', '=']).any(looks_like_a_key));
    is_secret.then_some(path).filter(|path| !path.is_empty())
}

/// Long, of the letters of base64 and hexadecimal digits, and with a digit among letters.
fn looks_like_a_key(part: &str) -> bool {
    let has = |test: fn(&char) -> bool| part.chars().any(|letter| test(&letter));
    is_long(part, SHORTEST_KEY)
        && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.~%".contains(letter))
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
}

fn is_long(text: &str, least: usize) -> bool {
    text.chars().nth(least - 1).is_some()
}
