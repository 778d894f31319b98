//! YAML as Airflow reads it: `yaml.safe_load` of `PyYAML` 6.0 (YAML 1.1 types: `yes` is true, `010` is
//! eight).
//!
//! 1. `node.rs`: the parser's events become nodes; an alias is the same node again.
//!    `forgive.rs` helps where the parser is stricter than libyaml.
//! 2. `tag.rs`: which type a node has.
//! 3. `scalar.rs`: the value of a scalar of that type.
//! 4. `value.rs`: nodes become JSON values; merge keys are resolved here.
//!
//! `PyYAML` has types that JSON lacks; there the results differ: dates and times stay the text of the file,
//! binary stays base64, a set becomes the list of its members, and keys become text. The parser follows YAML
//! 1.2, which accepts a little more than libyaml.

mod forgive;
mod node;
mod scalar;
mod tag;
mod value;

use crate::value::Value;
use crate::value::json::Object;

use super::error::Problem;
use super::unread::Note;

pub(super) use self::node::{Content, Node};
pub(super) use self::tag::Tag;
pub(super) use self::value::{Pairs, Reader};

/// Reads a file whose top level is a mapping. Only text keys are returned, since Airflow never asks for
/// others; the notes are about those and about repeated ones.
pub(super) fn parse(text: &str) -> Result<(Object, Vec<Note>), Problem> {
    if text.is_empty() {
        return Err(Problem::empty());
    }
    let root = any_document(text)?.ok_or_else(Problem::no_object)?;
    Reader::new(text).top_level(&root)
}

/// Reads a text of any shape, for other files than those of secrets; the error names the line, and shows none
/// of the text. An empty text is null.
pub fn document(text: &str) -> Result<Value, String> {
    let read = any_document(text).and_then(|root| match root {
        Some(root) => Reader::new(text).value(&root),
        None => Ok(Value::Null),
    });
    read.map_err(|problem| problem.to_string())
}

/// Reads a file into nodes; `None` if it is empty.
pub(super) fn any_document(text: &str) -> Result<Option<std::rc::Rc<Node>>, Problem> {
    if text.is_empty() { Ok(None) } else { node::compose(text) }
}

#[cfg(test)]
mod tests;
