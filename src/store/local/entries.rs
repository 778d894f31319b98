//! The answers of a file: from its names and values to secrets, depending on the kind.
//!
//! The rules are those of `load_connections_dict`, `load_variables` and `load_configs_dict` (Airflow 3.3.2),
//! with one exception: an invalid connection is an error for its own id only, while in Airflow the whole file
//! becomes unusable.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::store::convention::Kind;
use crate::store::kit::from_json::secret_from_json;
use crate::value::json::Object;
use crate::value::{SecretValue, Text, Value};

use super::connection::connection;
use super::error::{bad_connection, connection_not_unique, not_unique};
use super::format::Format;
use super::names;
use super::unread::Note;

/// The answers of one file. Debug shows how many there are.
#[derive(Default)]
pub(super) struct Entries {
    answers: HashMap<String, Result<SecretValue>>,
    /// The parts of the file that are not read.
    pub(super) unread: Vec<Note>,
}

impl Entries {
    /// The answers in a file of `kind`.
    pub(super) fn parse(kind: Kind, format: Format, path: &Path, content: &str) -> Result<Self> {
        let (object, mut unread) = format.parse(path, content)?;
        unread.extend(names::odd(kind, &object));
        let entries = match (kind, format) {
            (Kind::Connection, _) => connections(path, &object),
            (Kind::Variable, Format::Json | Format::Yaml) => object.iter().filter_map(plain).collect(),
            (Kind::Variable, Format::Env) | (Kind::Config, _) => single_values(path, &object)?,
        };
        Ok(Self { unread, ..entries })
    }

    /// The answer for an id, if the file has one.
    pub(super) fn get(&self, id: &str) -> Option<Result<SecretValue>> {
        self.answers.get(id).cloned()
    }

    /// Every id that has an answer, including errors.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.answers.keys().map(String::as_str)
    }
}

impl FromIterator<(String, Result<SecretValue>)> for Entries {
    fn from_iter<I: IntoIterator<Item = (String, Result<SecretValue>)>>(entries: I) -> Self {
        Self { answers: entries.into_iter().collect(), unread: Vec::new() }
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Entries({})", self.answers.len())
    }
}

/// Each connection separately. A list may contain one; an empty list counts as absent.
fn connections(path: &Path, object: &Object) -> Entries {
    let answer = |id: &str, value: &Value| {
        let value = match value.as_array() {
            Some([]) => return None,
            Some([single]) => single,
            Some(_) => return Some(Err(connection_not_unique(path, id))),
            None => value,
        };
        Some(connection(id, value).map_err(|reason| bad_connection(path, id, &reason)))
    };
    named(object).filter_map(|(id, value)| Some((id.to_owned(), answer(id, value)?))).collect()
}

/// A list must contain exactly one value, or nothing in the file is used.
fn single_values(path: &Path, object: &Object) -> Result<Entries, Error> {
    let is_ambiguous = |value: &Value| value.as_array().is_some_and(|values| values.len() != 1);
    let ambiguous: Vec<String> = object
        .iter()
        .filter(|(_, value)| is_ambiguous(value))
        .map(|(key, _)| key.to_str().map_or_else(|| "(not text)".to_owned(), |key| format!("{key:?}")))
        .collect();
    if !ambiguous.is_empty() {
        return Err(not_unique(path, &ambiguous));
    }
    let single = |value| match Value::as_array(value) {
        Some([single]) => secret_from_json(single),
        _ => secret_from_json(value),
    };
    Ok(named(object).filter_map(|(key, value)| Some((key.to_owned(), Ok(single(value)?)))).collect())
}

/// A value of any type; null counts as absent.
fn plain((key, value): &(Text, Value)) -> Option<(String, Result<SecretValue>)> {
    Some((key.to_str()?.to_owned(), Ok(secret_from_json(value)?)))
}

/// The members whose names Rust can represent: a name with a lone surrogate is not among them.
fn named(object: &Object) -> impl Iterator<Item = (&str, &Value)> {
    object.iter().filter_map(|(key, value)| Some((key.to_str()?, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(kind: Kind, name: &str, content: &str) -> Result<Entries> {
        let path = Path::new(name);
        Entries::parse(kind, Format::of(path).unwrap(), path, content)
    }

    /// The answer as text; structured ones in angle brackets.
    fn shown(kind: Kind, name: &str, content: &str, id: &str) -> String {
        match entries(kind, name, content).map(|entries| entries.get(id)) {
            Ok(None) => "absent".to_owned(),
            Ok(Some(Ok(value))) if value.is_structured() => format!("<{}>", value.expose()),
            Ok(Some(Ok(value))) => value.expose().to_owned(),
            Ok(Some(Err(error))) | Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn a_connection_may_be_in_a_list_of_one() {
        let json = r#"{"a": "x://h", "b": ["x://h"], "c": [{"host": "h"}], "d": [], "e": ["x://", "y://"]}"#;
        let shown = |id| shown(Kind::Connection, "c.json", json, id);
        assert_eq!((shown("a").as_str(), shown("b").as_str()), ("x://h", "x://h"));
        assert_eq!((shown("c").as_str(), shown("d").as_str()), (r#"{"host": "h"}"#, "absent"));
        insta::assert_snapshot!(shown("e"), @r#"error: several values for connection "e" in the secret file "c.json" (read: ConnectionNotUnique). Leave one"#);
    }

    #[test]
    fn a_bad_connection_breaks_its_own_id_only() {
        let yaml = "good: x://h\nbad: {user: canary}\nworse: 5\n";
        assert_eq!(shown(Kind::Connection, "c.yaml", yaml, "good"), "x://h");
        insta::assert_snapshot!(shown(Kind::Connection, "c.yaml", yaml, "bad"), @r#"error: connection "bad" in the secret file "c.yaml": the object has illegal keys: `user`; it can have conn_id, conn_type, description, extra, extra_dejson, host, login, password, port, schema, team_name, uri (read: AirflowException)"#);
        insta::assert_snapshot!(shown(Kind::Connection, "c.yaml", yaml, "worse"), @r#"error: connection "worse" in the secret file "c.yaml": a connection is a string or an object, not a number (read: AirflowException)"#);
    }

    #[test]
    fn repeated_lines_of_an_env_file() {
        let env = "a=x://h\nb=1\nb=2";
        assert_eq!(shown(Kind::Connection, "c.env", env, "a"), "x://h");
        assert!(shown(Kind::Connection, "c.env", env, "b").contains("ConnectionNotUnique"));
        insta::assert_snapshot!(shown(Kind::Variable, "v.env", env, "a"), @r#"error: the secret file "v.env" has no single value for "b" (read: VariableNotUnique). Leave one value for each; nothing else in this file is used until then"#);
    }

    #[test]
    fn variables_keep_their_type() {
        let json = r#"{"s": "x", "n": 1, "t": true, "l": ["x"], "d": {"a": NaN}, "z": null, "u": "\ud83d"}"#;
        let table =
            [("s", "x"), ("n", "<1>"), ("t", "<true>"), ("l", r#"<["x"]>"#), ("d", r#"<{"a": NaN}>"#)];
        for (key, value) in table {
            assert_eq!(shown(Kind::Variable, "v.json", json, key), value);
        }
        assert_eq!(shown(Kind::Variable, "v.json", json, "z"), "absent");
        assert_eq!(shown(Kind::Variable, "v.json", json, "u"), r#"<"\ud83d">"#);
        assert_eq!(shown(Kind::Variable, "v.env", "a=1", "a"), "1");
    }

    #[test]
    fn configs_unwrap_a_list_of_one() {
        assert_eq!(shown(Kind::Config, "o.yaml", "a: [x]\nb: 5\nc: ~", "a"), "x");
        assert_eq!(shown(Kind::Config, "o.yaml", "a: [x]\nb: 5\nc: ~", "b"), "<5>");
        assert_eq!(shown(Kind::Config, "o.yaml", "a: [x]\nb: 5\nc: ~", "c"), "absent");
        assert_eq!(shown(Kind::Config, "o.env", "a=x", "a"), "x");
        insta::assert_snapshot!(shown(Kind::Config, "o.yaml", "a: x\nb: [1, 2]\nc: []", "a"), @r#"error: the secret file "o.yaml" has no single value for "b", "c" (read: VariableNotUnique). Leave one value for each; nothing else in this file is used until then"#);
    }

    #[test]
    fn debug_shows_a_number_only() {
        assert_eq!(
            format!("{:?}", entries(Kind::Variable, "v.json", r#"{"a": "canary"}"#)),
            "Ok(Entries(1))"
        );
    }
}
