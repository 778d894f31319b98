//! The parts of a settings file that are not read.

use std::collections::HashSet;
use std::rc::Rc;

use super::fields::Level;
use super::{Content, Node, Note, Pairs, Problem, Reason, filled, is_filled};
use crate::store::local::unread::shown_name;

/// Collects what is not read while a file is read. Under `strict` names without a meaning are errors.
pub(super) struct Sieve {
    is_strict: bool,
    notes: Vec<Note>,
    seen: HashSet<(&'static str, String)>,
}

impl Sieve {
    /// A sieve without findings.
    pub(super) fn new(is_strict: bool) -> Self {
        Self { is_strict, notes: Vec::new(), seen: HashSet::new() }
    }

    /// The findings so far.
    pub(super) fn take(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Checks the names of the file or of its section. A name at the top whose value is reused by an alias
    /// only exists for that purpose.
    pub(super) fn whole(&mut self, place: Level, node: &Node) -> Result<(), Problem> {
        self.repeated_fields(node);
        let Content::Mapping(pairs) = &node.content else { return Ok(()) };
        // At the top, a field may hold anchors that entries below refer to.
        for (key, value) in pairs.iter().filter(|(_, value)| !(place == Level::Top && is_reused(value))) {
            self.field(place, None, key, value)?;
        }
        Ok(())
    }

    /// Checks the fields of an entry.
    pub(super) fn fields(&mut self, place: Level, id: Option<&str>, entry: &Pairs) -> Result<(), Problem> {
        entry.iter().try_for_each(|(key, value)| self.field(place, id, key, value))
    }

    /// A field without a value loses nothing.
    fn field(&mut self, place: Level, id: Option<&str>, key: &Node, value: &Node) -> Result<(), Problem> {
        let Content::Scalar(name) = &key.content else { return Ok(()) };
        let is_value = name.contains(':');
        if place.has(name) || key.tag == super::Tag::Merge || !(is_filled(value) || is_value) {
            return Ok(());
        }
        let (what, advice) = (format!("the field {}", shown_name(name)), place.advice(name));
        if self.is_strict {
            let message = format!("{what} is unknown, which `strict` refuses. {advice}");
            return Err(Problem::at(key.line, message));
        }
        let what = format!("{}{what} is unknown", of(place, id));
        self.note(key.line, id, Reason::Unknown, what, advice);
        Ok(())
    }

    /// An entry without a name: it is skipped, and reported if it contains something.
    pub(super) fn nameless(&mut self, place: Level, line: usize, entry: &Pairs) -> Result<(), Problem> {
        self.fields(place, None, entry)?;
        let is_held = |(key, value): &&(Rc<Node>, Rc<Node>)| is_filled(value) && !is_example(key, value);
        if entry.iter().any(|pair| is_held(&pair)) {
            let (what, field) = match place {
                Level::Variable => ("variable", "variable_name"),
                _ => ("connection", "conn_id"),
            };
            let what = format!("a {what} without `{field}` is skipped");
            self.note(line, None, Reason::Skipped, what, format!("Give it a `{field}`"));
        }
        Ok(())
    }

    /// A variable with a name and no value.
    pub(super) fn valueless(&mut self, line: usize, name: &str) {
        let what = format!("variable {name:?} has no `variable_value`, so it is skipped");
        let advice = "Write the value, or take the entry out".to_owned();
        self.note(line, Some(name), Reason::Skipped, what, advice);
    }

    /// Notes a name; if it occurred before, it replaces the earlier entry.
    pub(super) fn name(&mut self, line: usize, word: &'static str, id: &str) {
        if !self.seen.insert((word, id.to_owned())) {
            let what = format!("{word} {id:?} appears a second time, and the entry before it is not read");
            self.note(line, Some(id), Reason::Dropped, what, "Leave one of them".to_owned());
        }
    }

    /// A field that occurs twice: the last one counts. Astro refuses such a file.
    pub(super) fn repeated_fields(&mut self, node: &Node) {
        let Content::Mapping(pairs) = &node.content else { return };
        let mut seen = HashSet::new();
        for (key, _) in pairs {
            let Content::Scalar(name) = &key.content else { continue };
            if key.tag != super::Tag::Merge && !seen.insert(name.to_lowercase()) {
                let what = format!(
                    "{} is written a second time, and what it said before is not read",
                    shown_name(name)
                );
                self.note(key.line, None, Reason::Skipped, what, "Leave one of them".to_owned());
            }
        }
    }

    /// `conn_uri` is not read beside other fields, nor are its parameters beside `conn_extra`.
    pub(super) fn overruled(&mut self, line: usize, id: &str, entry: &Pairs, is_uri: bool) {
        let Some(uri) = filled(entry, "conn_uri") else { return };
        let (what, advice) = if !is_uri {
            ("`conn_uri` is not read beside other fields", "Leave `conn_uri` alone, or take it out")
        } else if filled(entry, "conn_extra").is_some() && has_parameters(uri) {
            (
                "the parameters of `conn_uri` are not read beside `conn_extra`",
                "Write all of them in one of the two",
            )
        } else {
            return;
        };
        let what = format!("connection {id:?}: {what}");
        self.note(line, Some(id), Reason::Dropped, what, advice.to_owned());
    }

    fn note(&mut self, line: usize, id: Option<&str>, reason: Reason, what: String, advice: String) {
        self.notes.push(Note { id: id.map(str::to_owned), line: Some(line), reason, what, advice });
    }
}

fn of(place: Level, id: Option<&str>) -> String {
    match (place, id) {
        (Level::Connection, Some(id)) => format!("connection {id:?}: "),
        (Level::Variable, Some(id)) => format!("variable {id:?}: "),
        _ => String::new(),
    }
}

fn has_parameters(uri: &Node) -> bool {
    matches!(&uri.content, Content::Scalar(uri) if uri.contains(['?', '#']))
}

/// The example in the nameless entry of the template of `astro dev init`.
fn is_example(key: &Node, value: &Node) -> bool {
    let is = |node: &Node, text: &str| matches!(&node.content, Content::Scalar(own) if own.as_str() == text);
    let Content::Mapping(members) = &value.content else { return false };
    is(key, "conn_extra") && matches!(members.as_slice(), [(name, _)] if is(name, "example_extra_field"))
}

/// Whether an alias repeats the node or a part of it.
fn is_reused(node: &Rc<Node>) -> bool {
    let is_inside = || match &node.content {
        Content::Scalar(_) => false,
        Content::Sequence(items) => items.iter().any(is_reused),
        Content::Mapping(pairs) => pairs.iter().any(|(_, value)| is_reused(value)),
    };
    Rc::strong_count(node) > 1 || is_inside()
}
