//! A table of another tool's configuration, and everything that can be wrong with its keys.

use std::sync::LazyLock;

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::value::json::{Object, Value};

/// The most of a kind that a message lists.
const MOST: usize = 12;

/// What was found on the way, each a sentence without its full stop.
#[derive(Default)]
pub(super) struct Findings {
    /// What makes the configuration unusable.
    pub(super) faults: Vec<String>,
    /// Keys that the tool does not have.
    pub(super) unknown: Vec<String>,
    /// Keys that have no meaning here.
    pub(super) notes: Vec<String>,
}

impl Findings {
    /// All faults at once, so that a file is mended at once.
    pub(super) fn refuse_faults(&self) -> Result<()> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let listed = |texts: &[String], between: &str| {
            let more = texts.len().saturating_sub(MOST);
            let listed = texts.iter().take(MOST).cloned().collect::<Vec<_>>().join(between);
            if more > 0 { format!("{listed}{between}and {more} more") } else { listed }
        };
        let error = Error::config(listed(&self.faults, "; "));
        // A key that is missing may be there under a wrong name.
        Err(if self.unknown.is_empty() { error } else { error.with_hint(listed(&self.unknown, ". ")) })
    }
}

/// How a tool lets its keys be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// In one way.
    Exact,
    /// In camel, kebab and snake case.
    Relaxed,
}

/// One table: the keys as they are written, and those that were asked for.
pub(super) struct Block<'a> {
    place: String,
    spelling: Spelling,
    members: Vec<(&'a str, &'a Value)>,
    asked: Vec<&'static str>,
}

impl<'a> Block<'a> {
    /// The table that messages call `place`.
    pub(super) fn new(
        place: impl Into<String>,
        spelling: Spelling,
        members: &'a Object,
        found: &mut Findings,
    ) -> Self {
        let place = place.into();
        let mut kept: Vec<(&str, &Value)> = Vec::new();
        for (key, value) in members {
            let Some(key) = key.to_str() else {
                found.faults.push(format!("a key in {place} is no valid text"));
                continue;
            };
            let same = |other: &str| spelling == Spelling::Relaxed && plain(other) == plain(key);
            if let Some((other, _)) = kept.iter().find(|(other, _)| same(other)) {
                let (key, other) = (Shown(key), Shown(other));
                found.faults.push(format!("`{other}` and `{key}` in {place} are the same key"));
                continue;
            }
            kept.push((key, value));
        }
        Self { place, spelling, members: kept, asked: Vec::new() }
    }

    /// What messages call it.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn is(&self, written: &str, key: &str) -> bool {
        match self.spelling {
            Spelling::Exact => written == key,
            Spelling::Relaxed => plain(written) == plain(key),
        }
    }

    /// The value of `key`, which does not yet count as read.
    pub(super) fn peek(&self, key: &str) -> Option<&'a Value> {
        self.members.iter().find(|(written, _)| self.is(written, key)).map(|(_, value)| *value)
    }

    /// Whether `key` is written at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.peek(key).is_some()
    }

    /// Makes `key` a known one.
    pub(super) fn mark(&mut self, key: &'static str) {
        self.asked.push(key);
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.mark(key);
        self.peek(key)
    }

    /// A sentence about `key`, as it is written here.
    pub(super) fn sentence(&self, key: &str, what: &str) -> String {
        let written = self.members.iter().find(|(written, _)| self.is(written, key));
        format!("`{}` in {} {what}", Shown(written.map_or(key, |(written, _)| written)), self.place)
    }

    /// Notes a fault of `key`.
    pub(super) fn fault<T>(&self, key: &str, what: &str, found: &mut Findings) -> Option<T> {
        found.faults.push(self.sentence(key, what));
        None
    }

    /// A text that has to be there.
    pub(super) fn required(&mut self, key: &'static str, found: &mut Findings) -> Option<String> {
        match self.value(key) {
            None => self.fault(key, "is missing", found),
            Some(value) if is_blank(value) => self.fault(key, "is blank", found),
            Some(value) => self.as_text(key, value, found),
        }
    }

    /// A text that may be left out; blank counts as left out, with a note.
    pub(super) fn text(&mut self, key: &'static str, found: &mut Findings) -> Option<String> {
        let value = self.value(key)?;
        if is_blank(value) {
            found.notes.push(self.sentence(key, "is blank, which counts as not written"));
            return None;
        }
        self.as_text(key, value, found)
    }

    fn as_text(&self, key: &str, value: &Value, found: &mut Findings) -> Option<String> {
        match (value, value.as_str()) {
            (_, Some(text)) => {
                if text.contains("${") {
                    let note = "has a placeholder (`${...}`), which is not filled in here: write the value";
                    found.notes.push(self.sentence(key, note));
                }
                Some(text.to_owned())
            }
            (Value::String(_), None) => self.fault(key, "is no valid text", found),
            (Value::Array(_) | Value::Object(_), None) => {
                self.fault(key, &format!("is {}, not a text", kind_of(value)), found)
            }
            _ => self.fault(key, &format!("is {}, not a text: write it in quotes", kind_of(value)), found),
        }
    }

    /// One of two booleans; a text may say it, too.
    pub(super) fn boolean(&mut self, key: &'static str, found: &mut Findings) -> Option<bool> {
        let value = self.value(key)?;
        match (value, value.as_str()) {
            (Value::Bool(boolean), _) => Some(*boolean),
            (_, Some("true")) => Some(true),
            (_, Some("false")) => Some(false),
            _ => self.fault(key, "is neither true nor false", found),
        }
    }

    /// The table of `key`. An empty one may be written as null.
    pub(super) fn block(&mut self, key: &'static str, found: &mut Findings) -> Option<Block<'a>> {
        match self.value(key)? {
            Value::Object(members) => Some(Self::new(self.within(key), self.spelling, members, found)),
            Value::Null => Some(self.without(key, found)),
            other => self.fault(key, &format!("is {}, not an object", kind_of(other)), found),
        }
    }

    /// An empty table of that name.
    pub(super) fn without(&self, key: &str, found: &mut Findings) -> Block<'a> {
        static NOTHING: LazyLock<Object> = LazyLock::new(Object::new);
        Self::new(self.within(key), self.spelling, &NOTHING, found)
    }

    /// What messages call the table of `key`.
    fn within(&self, key: &str) -> String {
        match self.place.strip_suffix('`') {
            Some(path) => format!("{path}.{key}`"),
            None => format!("`{key}` of {}", self.place),
        }
    }

    /// The value of `key` as it is.
    pub(super) fn any(&mut self, key: &'static str) -> Option<&'a Value> {
        self.value(key)
    }

    /// Notes that `key` means nothing here, if it is written.
    pub(super) fn useless(&mut self, key: &'static str, why: &str, found: &mut Findings) {
        if self.value(key).is_some() {
            found.notes.push(self.sentence(key, &format!("has no effect: {why}")));
        }
    }

    /// Reports the keys that were never asked for.
    pub(super) fn end(&self, found: &mut Findings) {
        let is_known = |written: &str| self.asked.iter().any(|key| self.is(written, key));
        for (written, _) in self.members.iter().filter(|(written, _)| !is_known(written)) {
            let meant = nearest(written, &self.asked).filter(|key| !self.has(key));
            let meant = meant.map(|key| format!(". Did you mean `{key}`?")).unwrap_or_default();
            let text = format!("the unknown key `{}` in {} is ignored{meant}", Shown(written), self.place);
            found.unknown.push(text);
        }
    }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// What a value is, in words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A key without what differs between camel, kebab and snake case.
pub(super) fn plain(key: &str) -> String {
    key.chars().filter(|letter| !"-_".contains(*letter)).flat_map(char::to_lowercase).collect()
}

/// The key that was probably meant.
pub(super) fn nearest<'known>(written: &str, known: &[&'known str]) -> Option<&'known str> {
    let written = plain(written);
    // A key in place of which a whole document is written has no near one.
    if written.len() > 64 {
        return None;
    }
    let near = known.iter().map(|key| (strsim::damerau_levenshtein(&written, &plain(key)), *key)).min();
    let near = near.filter(|(distance, key)| *distance <= (key.len() / 3).max(1)).map(|(_, key)| key);
    let part = |key: &&&str| {
        let key = plain(key);
        key.len().min(written.len()) > 2 && (key.contains(&written) || written.contains(&key))
    };
    near.or_else(|| known.iter().find(part).copied())
}
