//! Astro's `airflow_settings.yaml`: connections and variables for local development.
//!
//! Source: astro-cli, `settings/types.go` and `settings/settings.go` (which hand the file to `airflow connections add`
//! and `airflow variables set`) and the template `airflow/include/settingsyml.yml`. Pools are no secrets and ignored.
//! Scalars are taken as they are written, since Astro makes text of them: `conn_password: 0123` keeps its zero.
//! Astro's own slips are not followed: it drops every member of `conn_extra` that is no string.

use std::path::Path;

use crate::error::Result;
use crate::store::from_json::{json_text, secret_from_json};
use crate::value::json::Object;
use crate::value::{SecretValue, Text, Value};

use super::connection::{object_text, percent_encode};
use super::entries::Entries;
use super::error::{Problem, bad_connection, unreadable};
use super::yaml::{self, Content, Node, Pairs, Reader, Tag};

/// Astro's keys and Airflow's, in the order in which they are written.
const FIELDS: [(&str, &str); 6] = [
    ("conn_type", "conn_type"),
    ("conn_host", "host"),
    ("conn_login", "login"),
    ("conn_password", "password"),
    ("conn_schema", "schema"),
    ("conn_port", "port"),
];

/// What a settings file answers.
#[derive(Debug)]
pub(super) struct Settings {
    /// Its connections by id.
    pub(super) connections: Entries,
    /// Its variables by key.
    pub(super) variables: Entries,
}

impl Settings {
    /// Reads a settings file. Of entries with the same name the last one counts, as Astro adds one after the other.
    pub(super) fn parse(path: &Path, content: &str) -> Result<Self> {
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        let mut source = Source { path, reader: Reader::new(content) };
        let settings = yaml::document(content).and_then(|root| source.settings(&root));
        settings.map_err(|problem| unreadable(path, &[problem]))
    }
}

type Named = Vec<(String, Result<SecretValue>)>;

/// The file that is being read.
struct Source<'path> {
    path: &'path Path,
    reader: Reader,
}

impl Source<'_> {
    fn settings(&mut self, root: &Node) -> Result<Settings, Problem> {
        if !matches!(root.content, Content::Mapping(_)) {
            return Err(Problem::no_object());
        }
        let root = self.reader.pairs(root)?;
        let airflow = match filled(&root, "airflow") {
            Some(node) if matches!(node.content, Content::Mapping(_)) => self.reader.pairs(node)?,
            Some(node) => {
                return Err(node.problem("expected a mapping with connections, variables and pools"));
            }
            None => Pairs::new(),
        };
        let (connections, variables) = (self.connections(&airflow)?, self.variables(&airflow)?);
        Ok(Settings {
            connections: connections.into_iter().collect(),
            variables: variables.into_iter().collect(),
        })
    }

    fn connections(&mut self, airflow: &Pairs) -> Result<Named, Problem> {
        let mut connections = Named::new();
        for entry in self.list(airflow, "connections")? {
            // The template that `astro dev init` writes has one entry with nothing filled in.
            let Some(id) = name(&entry, "conn_id")? else { continue };
            let extra = match filled(&entry, "conn_extra") {
                Some(node) => extra_text(&self.reader.value(node)?),
                None => None,
            };
            let answer = connection(&entry, extra).map_err(|reason| bad_connection(self.path, id, &reason));
            connections.push((id.to_owned(), answer));
        }
        Ok(connections)
    }

    fn variables(&mut self, airflow: &Pairs) -> Result<Named, Problem> {
        let mut variables = Named::new();
        for entry in self.list(airflow, "variables")? {
            let Some((name, node)) = name(&entry, "variable_name")?.zip(filled(&entry, "variable_value"))
            else {
                continue;
            };
            if let Some(value) = self.variable(node)? {
                variables.push((name.to_owned(), Ok(value)));
            }
        }
        Ok(variables)
    }

    /// Text as it is written; lists and mappings, which Astro cannot read, keep their type.
    fn variable(&mut self, node: &Node) -> Result<Option<SecretValue>, Problem> {
        match &node.content {
            Content::Scalar(text) => Ok(Some(SecretValue::text(text.as_str()))),
            _ => Ok(secret_from_json(&self.reader.value(node)?)),
        }
    }

    /// The mappings in a list; none if it is absent or null.
    fn list(&mut self, airflow: &Pairs, key: &str) -> Result<Vec<Pairs>, Problem> {
        let Some(node) = filled(airflow, key) else { return Ok(Vec::new()) };
        let Content::Sequence(items) = &node.content else { return Err(node.problem("expected a list")) };
        let entries = items.iter().filter(|item| item.tag != Tag::Null);
        entries
            .map(|entry| match entry.content {
                Content::Mapping(_) => self.reader.pairs(entry),
                _ => Err(entry.problem("expected a mapping")),
            })
            .collect()
    }
}

/// A URI counts when nothing else says what the connection is.
fn connection(entry: &Pairs, extra: Option<Text>) -> Result<SecretValue, String> {
    let mut fields = Object::new();
    for (key, field) in FIELDS {
        // Zero is how Go says that there is no port.
        if let Some(text) = text(entry, key)?.filter(|text| key != "conn_port" || *text != "0") {
            fields.insert(Text::from(field), Value::from(text));
        }
    }
    match text(entry, "conn_uri")? {
        Some(uri) if fields.is_empty() => Ok(SecretValue::text(uri_with_extra(uri, extra))),
        _ => connection_of_fields(fields, extra),
    }
}

/// Airflow's connection JSON. Without a type there is no connection, as in Astro.
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

/// The text of `conn_extra`: JSON for a mapping, a text as it stands; none if nothing is in it.
fn extra_text(extra: &Value) -> Option<Text> {
    if !extra.is_truthy() {
        return None;
    }
    match extra.as_text() {
        Some(text) => Some(text.clone()),
        None => json_text(extra).map(Text::from),
    }
}

/// Astro sets `conn_extra` on top of the URI, whose own parameters then say nothing.
fn uri_with_extra(uri: &str, extra: Option<Text>) -> String {
    const PARAMETER: &str = "?__extra__=";
    let Some(extra) = extra else { return uri.to_owned() };
    let base = uri.split(['?', '#']).next().unwrap_or(uri);
    let mut uri = String::with_capacity(base.len() + PARAMETER.len() + 3 * extra.len());
    uri.push_str(base);
    uri.push_str(PARAMETER);
    percent_encode(extra.as_bytes().iter().copied(), &mut uri);
    uri
}

/// The value of a key; none if it is absent, null or empty.
fn filled<'node>(pairs: &'node Pairs, key: &str) -> Option<&'node Node> {
    let is_key = |node: &Node| matches!(&node.content, Content::Scalar(text) if text.as_str() == key);
    let (_, value) = pairs.iter().rev().find(|(name, _)| is_key(name))?;
    let is_empty =
        value.tag == Tag::Null || matches!(&value.content, Content::Scalar(text) if text.is_empty());
    (!is_empty).then_some(&**value)
}

/// The text of a key; the error is of the entry that holds it.
fn text<'node>(entry: &'node Pairs, key: &str) -> Result<Option<&'node str>, String> {
    match filled(entry, key).map(|node| &node.content) {
        None => Ok(None),
        Some(Content::Scalar(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("its {key} should be text, not a list or a mapping")),
    }
}

/// The name of an entry; without one the entry says nothing.
fn name<'node>(entry: &'node Pairs, key: &str) -> Result<Option<&'node str>, Problem> {
    let line = filled(entry, key).map_or(1, |node| node.line);
    text(entry, key).map_err(|reason| Problem::at(line, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(yaml: &str) -> Result<Settings> {
        Settings::parse(Path::new("airflow_settings.yaml"), yaml)
    }

    fn told(answer: Option<Result<SecretValue>>) -> String {
        match answer {
            None => "absent".to_owned(),
            Some(Ok(value)) if value.is_structured() => format!("<{}>", value.expose()),
            Some(Ok(value)) => value.expose().to_owned(),
            Some(Err(error)) => format!("error: {error}"),
        }
    }

    /// The connection `c` with these lines.
    fn connection(lines: &[&str]) -> String {
        let lines = lines.iter().fold(String::new(), |yaml, line| yaml + "      " + line + "\n");
        let yaml = format!("airflow:\n  connections:\n    - conn_id: c\n{lines}");
        settings(&yaml)
            .map_or_else(|error| format!("error: {error}"), |settings| told(settings.connections.get("c")))
    }

    #[test]
    fn fields_become_connection_json() {
        let lines = [
            "conn_type: postgres",
            "conn_host: h.example",
            "conn_schema: db",
            "conn_login: me",
            "conn_password: 0123",
            "conn_port: 5432",
            "conn_extra: {sslmode: require, retries: 3}",
        ];
        insta::assert_snapshot!(connection(&lines), @r#"{"conn_type": "postgres", "host": "h.example", "login": "me", "password": "0123", "schema": "db", "port": "5432", "extra": "{\"sslmode\": \"require\", \"retries\": 3}"}"#);
    }

    #[test]
    fn extra_may_be_json_text() {
        insta::assert_snapshot!(connection(&["conn_type: http", r#"conn_extra: '{"a": 1}'"#]), @r#"{"conn_type": "http", "extra": "{\"a\": 1}"}"#);
        insta::assert_snapshot!(connection(&["conn_type: http", "conn_extra: {}"]), @r#"{"conn_type": "http"}"#);
        insta::assert_snapshot!(connection(&["conn_type: http", "conn_extra:"]), @r#"{"conn_type": "http"}"#);
    }

    #[test]
    fn a_uri_counts_when_it_stands_alone() {
        assert_eq!(connection(&["conn_uri: http://h/?a=1"]), "http://h/?a=1");
        assert_eq!(connection(&["conn_uri: http://h", "conn_type: ftp"]), r#"{"conn_type": "ftp"}"#);
        assert_eq!(connection(&["conn_uri: http://h", "conn_port: 0", "conn_type:"]), "http://h");
        assert_eq!(
            connection(&["conn_uri: http://h/?b=2#f", "conn_extra: {a: 1}"]),
            "http://h/?__extra__=%7B%22%61%22%3A%20%31%7D"
        );
    }

    #[test]
    fn a_connection_needs_a_type_and_a_port_that_is_a_number() {
        insta::assert_snapshot!(connection(&["conn_host: canary"]), @r#"error: connection "c" in the secret file "airflow_settings.yaml": it needs a conn_type, or a conn_uri and nothing else (local read: AirflowException)"#);
        insta::assert_snapshot!(connection(&["conn_type: http", "conn_port: canary"]), @r#"error: connection "c" in the secret file "airflow_settings.yaml": its conn_port is no number (local read: AirflowException)"#);
        insta::assert_snapshot!(connection(&["conn_type: [canary]"]), @r#"error: connection "c" in the secret file "airflow_settings.yaml": its conn_type should be text, not a list or a mapping (local read: AirflowException)"#);
    }

    #[test]
    fn entries_may_share_lines() {
        let yaml = "base: &base {conn_type: http, conn_host: h}\nairflow:\n  connections:\n    - {<<: *base, conn_id: c, conn_host: own}";
        assert_eq!(
            told(settings(yaml).unwrap().connections.get("c")),
            r#"{"conn_type": "http", "host": "own"}"#
        );
    }

    #[test]
    fn the_template_of_astro_holds_nothing() {
        let template = "airflow:\n  connections:\n    - conn_id:\n      conn_type:\n      conn_extra:\n        example_extra_field: example-value\n  pools:\n    - pool_name:\n      pool_slot:\n  variables:\n    - variable_name:\n      variable_value:\n";
        let settings = settings(template).unwrap();
        assert_eq!(format!("{settings:?}"), "Settings { connections: Entries(0), variables: Entries(0) }");
    }

    #[test]
    fn variables_are_text_as_written() {
        let settings = settings("airflow:\n  variables:\n    - variable_name: a\n      variable_value: 010\n    - {variable_name: b, variable_value: yes}\n    - {variable_name: c, variable_value: {d: 1}}\n    - {variable_name: e, variable_value: ''}\n    - {variable_value: x}\n    - {variable_name: a, variable_value: last}\n    -\n").unwrap();
        let told = |key| told(settings.variables.get(key));
        assert_eq!(["a", "b", "c", "e"].map(told), ["last", "yes", r#"<{"d": 1}>"#, "absent"]);
    }

    #[test]
    fn empty_sections_are_fine_and_wrong_ones_are_not() {
        for yaml in ["airflow:", "airflow: {connections: , variables: []}", "{}", "other: 1"] {
            settings(yaml).unwrap();
        }
        let told = |yaml| settings(yaml).unwrap_err().to_string();
        insta::assert_snapshot!(told("airflow:\n  connections:\n    - conn_id: [canary]"), @r#"failed to load the secret file "airflow_settings.yaml": line 3: its conn_id should be text, not a list or a mapping (local read: AirflowFileParseException)"#);
        insta::assert_snapshot!(told("- a"), @r#"failed to load the secret file "airflow_settings.yaml": line 1: the file should contain an object, with names as keys (local read: AirflowFileParseException)"#);
        insta::assert_snapshot!(told("airflow: x"), @r#"failed to load the secret file "airflow_settings.yaml": line 1: expected a mapping with connections, variables and pools (local read: AirflowFileParseException)"#);
        insta::assert_snapshot!(told("airflow:\n  connections: {a: 1}"), @r#"failed to load the secret file "airflow_settings.yaml": line 2: expected a list (local read: AirflowFileParseException)"#);
        insta::assert_snapshot!(told("airflow:\n  variables:\n    - x"), @r#"failed to load the secret file "airflow_settings.yaml": line 3: expected a mapping (local read: AirflowFileParseException)"#);
    }
}
