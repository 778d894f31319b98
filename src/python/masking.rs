//! Tells Airflow's log masker what to hide, in every form in which a secret may be printed.
//!
//! What is hidden under which condition is Airflow's own rule: a connection's text and password and a
//! configuration value always, a variable and the leaves of `extra` when their key sounds sensitive (that is
//! what the name beside each text is for). A masker that fails never fails a lookup.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pyo3::prelude::*;

use crate::python::guard::unless_raised_by_handler;
use crate::store::convention::{Kind, Lookup};
use crate::value::connection::{self, Dialect};
use crate::value::{SecretValue, Text, Value, json};

/// Airflow's masker skips shorter texts, and warns of each.
const SHORTEST: usize = 5;

/// Every text becomes part of one large pattern, whose cost grows with its length: a text of 60 KiB takes
/// seconds. Longer texts than these (in bytes) are registered as they are, or not at all.
const LONGEST_ENCODED: usize = 1024;
const LONGEST: usize = 4096;

/// A text to hide, and the key that decides whether to, if any.
type Entry = (String, Option<String>);

/// Registers `value`, the answer to `lookup`. Errors are those that a signal handler raised meanwhile.
pub(super) fn register(py: Python<'_>, lookup: Lookup<'_>, value: &SecretValue) -> PyResult<()> {
    let entries = match lookup.kind {
        Kind::Connection => of_connection(value),
        Kind::Variable => forms(value.expose(), Some(lookup.id)),
        Kind::Config => forms(value.expose(), None),
    };
    let registered =
        py.import("strongroom._masking").and_then(|module| module.call_method1("register", (entries,)));
    unless_raised_by_handler(py, registered.map(drop))
}

fn of_connection(value: &SecretValue) -> Vec<Entry> {
    let mut entries = forms(value.expose(), None);
    if let Ok(connection) = connection::parse(&Text::from(value.expose()), Dialect::TaskSdk13) {
        entries
            .extend(connection.password.as_str().map(|password| forms(password, None)).unwrap_or_default());
        if let Ok(extra) = connection.extra_dejson() {
            leaves(&extra, None, &mut entries);
        }
    }
    entries
}

/// The texts within `extra`, each with the key it stands under.
fn leaves(value: &Value, key: Option<&str>, entries: &mut Vec<Entry>) {
    match value {
        Value::String(text) => entries.extend(text.to_str().map(|text| forms(text, key)).unwrap_or_default()),
        Value::Array(items) => {
            for item in items {
                leaves(item, key, entries);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                leaves(member, name.to_str().or(key), entries);
            }
        }
        _ => {}
    }
}

/// `text` as it is, percent-encoded, in base64 and JSON-escaped; equal forms once.
fn forms(text: &str, name: Option<&str>) -> Vec<Entry> {
    if text.chars().count() < SHORTEST || text.len() > LONGEST {
        return Vec::new();
    }
    if text.len() > LONGEST_ENCODED {
        return vec![(text.to_owned(), name.map(str::to_owned))];
    }
    let escaped = json::write(&Value::String(Text::from(text)));
    let escaped = escaped.to_str().unwrap_or_default().trim_matches('"').to_owned();
    let mut forms = vec![text.to_owned(), percent_encode(text), STANDARD.encode(text), escaped];
    forms.sort_unstable();
    forms.dedup();
    forms.into_iter().map(|form| (form, name.map(str::to_owned))).collect()
}

fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
