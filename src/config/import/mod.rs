//! The configuration of other tools: Airbyte's secret storage, Kestra's `kestra.secret`, Fivetran's external
//! secrets manager.
//!
//! | file | contents |
//! |---|---|
//! | `document.rs` | from text to a value: JSON, or YAML |
//! | `shape.rs` | whose configuration it is |
//! | `airbyte.rs`, `kestra/`, `fivetran.rs` | from the keys of a tool to options of a store |
//! | `block.rs` | a table of a tool, and everything that can be wrong with its keys |
//! | `draft.rs` | the options that come out |
//!
//! What is missing, blank or of a wrong type is an error. What is unknown is reported, and what means nothing
//! here is a note: both are left out. Messages name keys and places, never a value.

mod airbyte;
mod block;
mod document;
mod draft;
mod fivetran;
mod kestra;
mod shape;
#[cfg(test)]
mod tests;

use crate::config::import::block::Findings;
use crate::config::import::draft::Draft;
use crate::error::{Error, ErrorKind, Result};
use crate::store::StoreEntry;
use crate::store::registry::find;
use crate::value::json::{Object, Value};

/// A tool whose configuration can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The JSON of a secret storage.
    Airbyte,
    /// The YAML of `kestra.secret`.
    Kestra,
    /// The JSON of an external secrets manager.
    Fivetran,
}

impl Tool {
    /// Its name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Airbyte => "Airbyte",
            Self::Kestra => "Kestra",
            Self::Fivetran => "Fivetran",
        }
    }
}

/// What the user says about a configuration; what is left out is recognised by its keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The tool.
    pub tool: Option<Tool>,
    /// The type of the store in the words of that tool, or its registry name here.
    pub kind: Option<&'a str>,
    /// The tenant and the namespace of Kestra whose secrets are read.
    pub place: Option<(&'a str, &'a str)>,
}

/// A store as another tool has it configured. Debug shows no values but the name.
#[derive(Debug)]
pub struct Imported {
    /// The tool.
    pub tool: Tool,
    /// The store.
    pub entry: &'static StoreEntry,
    /// The name that the tool has for it.
    pub name: Option<String>,
    /// The options.
    pub options: Object,
    /// The keys that are unknown, each a whole sentence.
    pub unknown: Vec<String>,
    /// What a key cannot mean here, each a whole sentence.
    pub notes: Vec<String>,
}

/// Reads a JSON or YAML text.
pub fn import(text: &str, asked: Asked<'_>) -> Result<Imported> {
    import_value(&document::read(text)?, asked)
}

/// Reads a document that is already parsed.
pub fn import_value(value: &Value, asked: Asked<'_>) -> Result<Imported> {
    let members = match value {
        Value::Object(members) if !members.is_empty() => members,
        Value::Object(_) if asked.kind.is_some() => &Object::new(),
        Value::Object(_) | Value::Null => return Err(shape::unrecognised("the configuration is empty")),
        other => {
            let kind = block::kind_of(other);
            return Err(shape::unrecognised(&format!("the configuration is {kind}, not an object")));
        }
    };
    let tool = match asked.tool {
        Some(tool) => tool,
        None => shape::tool_of(members, asked.kind)?,
    };
    let mut found = Findings::default();
    if asked.place.is_some() && tool != Tool::Kestra {
        return Err(Error::config(format!("{} has no tenants and namespaces", tool.as_str()))
            .with_hint("Leave --tenant and --namespace out"));
    }
    let draft = match tool {
        Tool::Airbyte => airbyte::read(members, asked.kind, &mut found),
        Tool::Kestra => kestra::read(members, asked, &mut found),
        Tool::Fivetran => fivetran::read(members, asked.kind, &mut found),
    };
    // Faults come first: they may be why the type of the store is not known.
    found.refuse_faults()?;
    let Draft { store, name, options } = draft?;
    let entry = find(store).ok_or_else(|| Error::config(format!("this build has no store `{store}`")))?;
    Ok(Imported { tool, entry, name, options, unknown: found.unknown, notes: found.notes })
}

/// A store of the tool that there is none for yet.
fn not_yet(tool: Tool, word: &str, title: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the store `{word}` of {} ({title}) is not supported yet", tool.as_str()),
    )
}
