//! Astro's `airflow_settings.yaml`: connections and variables for local development.
//!
//! Source: astro-cli, `settings/types.go` and `settings/settings.go` (which pass the contents to `airflow
//! connections add` and `airflow variables set`) and the template `airflow/include/settingsyml.yml`. Pools
//! are not secret and are ignored. Scalars are taken literally: `conn_password: 0123` keeps its zero, while
//! Astro turns it into 83. Astro's other mistakes are not copied either: it drops every member of
//! `conn_extra` that is not a string. What neither reads is reported.

mod fields;
mod sift;

use std::path::Path;

use crate::error::Result;
use crate::store::kit::from_json::json_text;
use crate::value::json::Object;
use crate::value::{SecretValue, Text, Value};

use self::fields::Level;
use self::sift::Sieve;
use super::connection::{object_text, percent_encode};
use super::entries::Entries;
use super::error::{Problem, bad_connection, bad_variable, unreadable};
use super::unread::{Note, Reason};
use super::yaml::{self, Content, Node, Pairs, Reader, Tag};

/// Astro's keys and Airflow's, in the order of the JSON that is written.
const FIELDS: [(&str, &str); 6] = [
    ("conn_type", "conn_type"),
    ("conn_host", "host"),
    ("conn_login", "login"),
    ("conn_password", "password"),
    ("conn_schema", "schema"),
    ("conn_port", "port"),
];

/// The contents of a settings file.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Its connections by id.
    pub(super) connections: Entries,
    /// Its variables by key.
    pub(super) variables: Entries,
    /// The parts of it that are not read.
    pub(super) unread: Vec<Note>,
}

impl Settings {
    /// Reads a settings file. Of entries with the same name the last one counts, since Astro adds one after
    /// the other. With `is_strict` a name without a meaning is an error, of its entry if that has a name.
    pub(super) fn parse(path: &Path, content: &str, is_strict: bool) -> Result<Self> {
        // Editors on Windows write a byte order mark, which is not part of the contents.
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        let mut source = Source { path, reader: Reader::new(content), sieve: Sieve::new(is_strict) };
        let settings = yaml::any_document(content).and_then(|root| match root {
            Some(root) if root.tag != Tag::Null => source.settings(&root),
            // As in Astro, an empty file has no settings.
            _ => Ok(Self::default()),
        });
        settings.map_err(|problem| unreadable(path, &[problem]))
    }
}

type Named = Vec<(String, Result<SecretValue>)>;

/// The file that is being read.
struct Source<'path> {
    path: &'path Path,
    reader: Reader,
    sieve: Sieve,
}

impl Source<'_> {
    fn settings(&mut self, root: &Node) -> Result<Settings, Problem> {
        if !matches!(root.content, Content::Mapping(_)) {
            return Err(Problem::no_object());
        }
        self.sieve.whole(Level::Top, root)?;
        let root = self.reader.pairs(root)?;
        let airflow = match filled(&root, "airflow") {
            Some(node) if matches!(node.content, Content::Mapping(_)) => {
                self.sieve.whole(Level::Section, node)?;
                self.reader.pairs(node)?
            }
            Some(node) => {
                return Err(node.problem("expected a mapping with connections, variables and pools"));
            }
            None => Pairs::new(),
        };
        let (connections, variables) = (self.connections(&airflow)?, self.variables(&airflow)?);
        Ok(Settings {
            connections: connections.into_iter().collect(),
            variables: variables.into_iter().collect(),
            unread: self.sieve.take(),
        })
    }

    fn connections(&mut self, airflow: &Pairs) -> Result<Named, Problem> {
        let mut connections = Named::new();
        for (line, entry) in self.list(airflow, "connections")? {
            let Some(id) = name(&entry, "conn_id")? else {
                // The template that `astro dev init` writes has one entry with nothing filled in.
                self.sieve.nameless(Level::Connection, line, &entry)?;
                continue;
            };
            self.sieve.name(line, "connection", id);
            let answer = match self.sieve.fields(Level::Connection, Some(id), &entry) {
                Ok(()) => self.connection(line, id, &entry)?,
                Err(problem) => Err(problem.to_string()),
            };
            let answer = answer.map_err(|reason| bad_connection(self.path, id, &reason));
            connections.push((id.to_owned(), answer));
        }
        Ok(connections)
    }

    fn connection(
        &mut self,
        line: usize,
        id: &str,
        entry: &Pairs,
    ) -> Result<Result<SecretValue, String>, Problem> {
        let extra = match filled(entry, "conn_extra") {
            Some(node) => extra_text(&self.reader.value(node)?),
            None => None,
        };
        self.sieve.overruled(line, id, entry, is_uri(entry));
        Ok(connection(entry, extra))
    }

    fn variables(&mut self, airflow: &Pairs) -> Result<Named, Problem> {
        let mut variables = Named::new();
        for (line, entry) in self.list(airflow, "variables")? {
            let Some(name) = name(&entry, "variable_name")? else {
                self.sieve.nameless(Level::Variable, line, &entry)?;
                continue;
            };
            if let Err(problem) = self.sieve.fields(Level::Variable, Some(name), &entry) {
                variables.push((name.to_owned(), Err(bad_variable(self.path, name, &problem.to_string()))));
                continue;
            }
            let value = filled(&entry, "variable_value").map(|node| self.variable(node)).transpose()?;
            let Some(value) = value.flatten() else {
                self.sieve.valueless(line, name);
                continue;
            };
            self.sieve.name(line, "variable", name);
            variables.push((name.to_owned(), Ok(value)));
        }
        Ok(variables)
    }

    /// Text is taken literally; lists and mappings, which Astro cannot read, become JSON text, since a
    /// variable of Airflow is text.
    fn variable(&mut self, node: &Node) -> Result<Option<SecretValue>, Problem> {
        match &node.content {
            Content::Scalar(text) => Ok(Some(SecretValue::text(text.as_str()))),
            _ => Ok(json_text(&self.reader.value(node)?).map(SecretValue::text)),
        }
    }

    /// The mappings in a list with their lines; none if it is absent or null.
    fn list(&mut self, airflow: &Pairs, key: &str) -> Result<Vec<(usize, Pairs)>, Problem> {
        let Some(node) = filled(airflow, key) else { return Ok(Vec::new()) };
        let Content::Sequence(items) = &node.content else { return Err(node.problem("expected a list")) };
        let mut entries = Vec::new();
        for entry in items.iter().filter(|item| item.tag != Tag::Null) {
            if !matches!(entry.content, Content::Mapping(_)) {
                return Err(entry.problem("expected a mapping"));
            }
            self.sieve.repeated_fields(entry);
            entries.push((entry.line, self.reader.pairs(entry)?));
        }
        Ok(entries)
    }
}

/// A URI counts only if no other field describes the connection.
fn connection(entry: &Pairs, extra: Option<Text>) -> Result<SecretValue, String> {
    let mut fields = Object::new();
    for (key, field) in FIELDS {
        // Zero is Go's value for a missing port.
        if let Some(text) = text(entry, key)?.filter(|text| key != "conn_port" || *text != "0") {
            fields.insert(Text::from(field), Value::from(text));
        }
    }
    match text(entry, "conn_uri")? {
        Some(uri) if fields.is_empty() => Ok(SecretValue::text(uri_with_extra(uri, extra))),
        _ => connection_of_fields(fields, extra),
    }
}

/// Whether the URI describes the connection: no other field does.
fn is_uri(entry: &Pairs) -> bool {
    let is_said = |(key, _): &(&str, &str)| {
        let port_zero = |node: &&Node| matches!(&node.content, Content::Scalar(text) if text.as_str() == "0");
        let node = filled(entry, key);
        node.is_some() && !(*key == "conn_port" && node.as_ref().is_some_and(port_zero))
    };
    !FIELDS.iter().any(is_said)
}

/// Airflow's connection JSON. As in Astro, a connection needs a type.
fn connection_of_fields(mut fields: Object, extra: Option<Text>) -> Result<SecretValue, String> {
    if !fields.contains_key("conn_type") {
        return Err("it needs a conn_type, or a conn_uri and nothing else".to_owned());
    }
    let port = fields.get("port").and_then(Value::as_str);
    if port.is_some_and(|port| port.parse::<u32>().is_err()) {
        return Err("its conn_port is no number".to_owned());
    }
    if let Some(extra) = extra {
        fields.insert(Text::from("extra"), Value::from(extra));
    }
    object_text(fields)
}

/// The text of `conn_extra`: JSON for a mapping, a text unchanged; none if it is empty.
fn extra_text(extra: &Value) -> Option<Text> {
    if !extra.is_truthy() {
        return None;
    }
    match extra.as_text() {
        Some(text) => Some(text.clone()),
        None => json_text(extra).map(Text::from),
    }
}

/// Astro sets `conn_extra` after the URI, so the URI's own parameters have no effect.
fn uri_with_extra(uri: &str, extra: Option<Text>) -> String {
    const PARAMETER: &str = "?__extra__=";
    let Some(extra) = extra else { return uri.to_owned() };
    // `__extra__` replaces all other parameters, and Airflow ignores a fragment.
    let base = uri.split(['?', '#']).next().unwrap_or(uri);
    let mut uri = String::with_capacity(base.len() + PARAMETER.len() + 3 * extra.len());
    uri.push_str(base);
    uri.push_str(PARAMETER);
    percent_encode(extra.as_bytes().iter().copied(), &mut uri);
    uri
}

/// The value of a key, ignoring case; none if it is absent, null or empty.
fn filled<'node>(pairs: &'node Pairs, key: &str) -> Option<&'node Node> {
    let is_key =
        |node: &Node| matches!(&node.content, Content::Scalar(text) if key.eq_ignore_ascii_case(text));
    // The last of repeated keys counts.
    let (_, value) = pairs.iter().rev().find(|(name, _)| is_key(name))?;
    is_filled(value).then_some(&**value)
}

/// Whether a node has a value.
fn is_filled(node: &Node) -> bool {
    node.tag != Tag::Null && !matches!(&node.content, Content::Scalar(text) if text.is_empty())
}

/// The text of a key; an error is one of the entry that contains it.
fn text<'node>(entry: &'node Pairs, key: &str) -> Result<Option<&'node str>, String> {
    match filled(entry, key).map(|node| &node.content) {
        None => Ok(None),
        Some(Content::Scalar(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("its {key} should be text, not a list or a mapping")),
    }
}

/// The name of an entry; an entry without one has no effect.
fn name<'node>(entry: &'node Pairs, key: &str) -> Result<Option<&'node str>, Problem> {
    let line = filled(entry, key).map_or(1, |node| node.line);
    text(entry, key).map_err(|reason| Problem::at(line, reason))
}

#[cfg(test)]
mod tests;
