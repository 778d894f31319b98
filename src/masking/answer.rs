//! Which texts are secret in the answer to a lookup.
//!
//! The rule is Airflow's: a connection's text and password and a configuration value always, a variable and
//! the contents of `extra` or of JSON when the key sounds sensitive. That decision is the masker's, so each
//! text comes with its key.
//! text comes with its key.

use zeroize::Zeroizing;

use crate::store::convention::{Kind, Lookup};
use crate::value::connection::{self, Connection, Dialect};
use crate::value::{SecretValue, Text, Value, json};

/// A path of a URI is hidden if it has at least this length, in characters.
const SHORTEST_PATH: usize = 5;
/// A part of a path of at least this length, in characters, may be a key in itself.
const SHORTEST_KEY: usize = 16;

/// A text to hide, and the key, if any, that decides whether it is hidden.
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
        if !text.is_empty() {
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
            self.add_hook(&url, connection.conn_type.as_str().unwrap_or_default());
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
        self.add_hook(password, "");
        let login = connection.login.as_str().unwrap_or_default();
        self.add(&Zeroizing::new(format!("{login}:{password}")), key);
    }

    /// A text that is hidden as a whole if its key says so, and the secrets within it.
    fn add_text(&mut self, text: &str, key: Option<&str>) {
        self.add(text, key);
        self.add_url(text, key);
        let is_json = text.trim_start().starts_with(['{', '[']);
        if let Some(parsed) = is_json.then(|| json::parse(&Text::from(text)).ok()).flatten() {
            self.add_leaves(&parsed, key);
        }
    }

    /// The texts within JSON, each under the nearest key above it, as Airflow's masker walks it. A list
    /// without a key is skipped: Airflow would hide any text in it, including `require`.
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
        self.add_hook(text, "");
    }

    /// Path and query of a webhook, always: anyone who knows them may call it. Also what the query of any URL
    /// calls a key.
    fn add_hook(&mut self, url: &str, conn_type: &str) {
        let Some(url) = WebAddress::of(url.trim()) else { return };
        let keys = url.query.split('&').filter_map(|pair| pair.split_once('='));
        let keys = keys
            .filter(|(name, _)| KEYS.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(_, value)| value);
        let mut parts: Vec<&str> = keys.collect();
        if url.is_hook() || conn_type.contains("webhook") && url.has_depth() {
            parts.extend([url.path, url.route, url.query]);
            parts.extend(url.route.split('/').filter(|part| is_long(part, SHORTEST_KEY)));
        }
        for part in parts.into_iter().filter(|part| is_long(part, SHORTEST_PATH)) {
            self.add(part, None);
            if let Some(decoded) = connection::percent_decoded(part) {
                self.add(&decoded, None);
            }
        }
    }
}

/// The URLs that a connection may describe: its own text, a host with a protocol, and host and schema
/// together.
fn addresses(text: &str, connection: &Connection) -> Vec<Zeroizing<String>> {
    let host = connection.host.as_str().unwrap_or_default();
    // For an HTTP connection the schema is the protocol; for a URI it is the path.
    let path =
        connection.schema.as_str().filter(|schema| !matches!(*schema, "http" | "https")).unwrap_or_default();
    let mut found = Vec::new();
    if !text.trim_start().starts_with('{') {
        found.push(Zeroizing::new(text.to_owned()));
    }
    if host.contains("://") {
        found.push(Zeroizing::new(format!("{host}/{path}")));
    } else if !host.is_empty() && is_web(connection.conn_type.as_str().unwrap_or_default()) {
        found.push(Zeroizing::new(format!("https://{host}/{path}")));
    }
    found
}

/// Whether hooks of a connection type call an address on the web.
fn is_web(conn_type: &str) -> bool {
    conn_type.starts_with("http") || conn_type.contains("webhook") || conn_type.contains("slack")
}

/// Names of parameters whose value is a key, as in the webhooks of Google Chat, Azure Logic Apps and others.
const KEYS: [&str; 9] =
    ["key", "token", "sig", "signature", "secret", "code", "api_key", "apikey", "access_token"];

/// The parts of an address on the web, without user name, port and fragment.
struct WebAddress<'url> {
    host: &'url str,
    /// Path and query, without the slashes around them.
    path: &'url str,
    route: &'url str,
    query: &'url str,
}

impl<'url> WebAddress<'url> {
    fn of(url: &'url str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        if !is_web(&scheme.to_ascii_lowercase()) {
            return None;
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?'])?;
        let (authority, path) = (rest.get(..end)?, rest.get(end..)?.trim_matches('/'));
        let host = authority.rsplit('@').next().and_then(|host| host.split(':').next()).unwrap_or_default();
        let (route, query) = path.split_once('?').unwrap_or((path, ""));
        Some(Self { host, path, route: route.trim_end_matches('/'), query })
    }

    /// A host such as `hooks.slack.com`, or a path such as `api/webhooks/1/KEY`, followed by something.
    fn is_hook(&self) -> bool {
        let names_hooks = |part: &str| HOOKS.contains(&part.to_ascii_lowercase().as_str());
        let is_host = self.host.split(['.', '-']).any(names_hooks);
        let mut parts = self.route.split('/').skip_while(|part| !names_hooks(part));
        (is_host && self.has_depth()) || parts.nth(1).is_some_and(|part| !part.is_empty())
    }

    /// Whether the path is more than a word.
    fn has_depth(&self) -> bool {
        self.route.contains('/') || is_long(self.route, SHORTEST_KEY)
    }
}

const HOOKS: [&str; 6] = ["hook", "hooks", "webhook", "webhooks", "webhookb2", "incomingwebhook"];

fn is_long(text: &str, least: usize) -> bool {
    text.chars().nth(least - 1).is_some()
}
