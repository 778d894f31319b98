//! Changes of a YAML mapping in its text, line by line.

use std::fmt::Write as _;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use zeroize::Zeroizing;

use crate::value::json::{self, Value};

use super::{Reason, Wanted};

/// Words that mean something else than a text in YAML 1.1.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

const BY_HAND: Reason = "its keys cannot be told apart: edit the file by hand";

/// A key of the outermost mapping.
struct Entry {
    /// The key; `None` for one that is no scalar.
    key: Option<String>,
    key_span: Span,
    value_span: Span,
    /// Whether the value is a scalar without line breaks of its own, so that a comment may follow it.
    is_plain: bool,
}

/// The outermost mapping.
struct Mapping {
    entries: Vec<Entry>,
    /// Where it begins.
    start: usize,
    /// Whether it is written in braces.
    is_flow: bool,
}

/// The text with another value for `id`, or without one.
pub(super) fn changed(text: &str, id: &str, wanted: Wanted<'_>) -> Result<Zeroizing<String>, Reason> {
    let Some(mapping) = mapping(text)? else {
        return Ok(
            wanted.map_or_else(|| Zeroizing::new(text.to_owned()), |value| appended(text, 0, id, value))
        );
    };
    if mapping.is_flow {
        return flow(text, &mapping, id, wanted);
    }
    let column = mapping.entries.first().map_or(0, |entry| entry.key_span.start.col());
    let own = || mapping.entries.iter().enumerate().filter(|(_, entry)| entry.key.as_deref() == Some(id));
    match (wanted, own().next_back()) {
        (Some(value), Some((index, _))) => replaced(text, &mapping.entries, index, value),
        (Some(value), None) => Ok(appended(text, column, id, value)),
        (None, Some(_)) => Ok(without(text, &mapping.entries, id)),
        (None, None) => Ok(Zeroizing::new(text.to_owned())),
    }
}

/// A mapping in braces is JSON in most files; an empty one may become anything.
fn flow(text: &str, mapping: &Mapping, id: &str, wanted: Wanted<'_>) -> Result<Zeroizing<String>, Reason> {
    let is_json = json::parse(&crate::value::Text::from(text)).is_ok();
    match wanted {
        Some(value) if mapping.entries.is_empty() => {
            let start = text.char_indices().nth(mapping.start).map_or(text.len(), |(at, _)| at);
            let rest = text.get(start..).unwrap_or_default();
            let end = rest.find('}').map_or(text.len(), |end| start + end + 1);
            let entry = line(0, id, value);
            let (before, after) =
                (text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default());
            Ok(Zeroizing::new(format!("{before}{}{after}", entry.as_str())))
        }
        _ if is_json => super::json::changed(text, id, wanted),
        _ => Err(BY_HAND),
    }
}

/// The outermost mapping; `None` for a text without any document.
fn mapping(text: &str) -> Result<Option<Mapping>, Reason> {
    let mut found: Option<Mapping> = None;
    let (mut depth, mut key): (usize, Option<(Option<String>, Span)>) = (0, None);
    let mut open: Option<Span> = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|_| BY_HAND)?;
        let (is_start, is_end) = (
            matches!(event, Event::MappingStart(..) | Event::SequenceStart(..)),
            matches!(event, Event::MappingEnd | Event::SequenceEnd),
        );
        if depth == 0 && is_start {
            let is_flow = text.chars().nth(span.start.index()) == Some('{');
            found = Some(Mapping { entries: Vec::new(), start: span.start.index(), is_flow });
        } else if depth == 0 && matches!(event, Event::Scalar(..)) {
            // A document of nothing but comments is a scalar without a text.
            return if is_empty(text) { Ok(None) } else { Err(BY_HAND) };
        }
        depth = if is_end { depth.saturating_sub(1) } else { depth };
        let is_node = match event {
            Event::Scalar(..) | Event::Alias(_) => depth == 1,
            _ if is_start => {
                open = if depth == 1 { Some(span) } else { open };
                false
            }
            _ => is_end && depth == 1,
        };
        if let Some(mapping) = found.as_mut().filter(|_| is_node) {
            let whole = if is_end { Span::new(open.take().unwrap_or(span).start, span.end) } else { span };
            let (is_plain, word) = match event {
                Event::Scalar(word, style, ..) => (is_plain(style), Some(word.into_owned())),
                _ => (false, None),
            };
            match key.take() {
                None => key = Some((word, whole)),
                Some((key, key_span)) => {
                    mapping.entries.push(Entry { key, key_span, value_span: whole, is_plain });
                }
            }
        }
        depth += usize::from(is_start);
    }
    match found {
        None if is_empty(text) => Ok(None),
        None => Err(BY_HAND),
        found => Ok(found),
    }
}

fn is_plain(style: ScalarStyle) -> bool {
    !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

fn is_empty(text: &str) -> bool {
    text.lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim() == "---")
}

/// The first line behind an entry, counted from zero: that of the next key, without the comments before it.
fn end_of(lines: &[&str], entries: &[Entry], index: usize) -> usize {
    let own = entries.get(index).map_or(0, |entry| entry.key_span.start.line());
    let next = entries.get(index + 1).map_or(lines.len(), |entry| entry.key_span.start.line() - 1);
    let column = entries.get(index).map_or(0, |entry| entry.key_span.start.col());
    let is_between = |line: &&str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let trimmed = line.trim();
        trimmed.is_empty() || (trimmed.starts_with('#') && indent <= column) || trimmed == "..."
    };
    let behind = lines.get(own..next).unwrap_or_default().iter().rev().take_while(|line| is_between(line));
    next - behind.count()
}

fn replaced(text: &str, entries: &[Entry], index: usize, value: &Value) -> Result<Zeroizing<String>, Reason> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let entry = entries.get(index).ok_or(BY_HAND)?;
    let first = entry.key_span.start.line() - 1;
    let line = lines.get(first).ok_or(BY_HAND)?;
    if entry.key_span.end.line() != entry.key_span.start.line() {
        return Err(BY_HAND);
    }
    let rest: String = line.chars().skip(entry.key_span.end.col()).collect();
    let colon = rest.find(':').ok_or(BY_HAND)?;
    let key: String = line.chars().take(entry.key_span.end.col()).collect();
    let value_line = (entry.value_span.start.line(), entry.value_span.end.line());
    let is_beside = entry.is_plain && value_line == (first + 1, first + 1);
    let end = if is_beside { first + 1 } else { end_of(&lines, entries, index) };
    let comment: String = line.chars().skip(entry.value_span.end.col()).collect();
    let last =
        if is_beside { Zeroizing::new(comment) } else { Zeroizing::new(ending(&lines, end).to_owned()) };
    let before = rest.get(..=colon).unwrap_or_default();
    let new = Zeroizing::new(format!("{key}{before} {}{}", written(value).as_str(), last.as_str()));
    Ok(joined(&[
        lines.get(..first).unwrap_or_default(),
        &[new.as_str()],
        lines.get(end..).unwrap_or_default(),
    ]))
}

/// How the line before `end` ends.
fn ending<'text>(lines: &[&'text str], end: usize) -> &'text str {
    let line = end.checked_sub(1).and_then(|last| lines.get(last)).copied().unwrap_or("\n");
    line.get(line.trim_end_matches(['\r', '\n']).len()..).unwrap_or_default()
}

fn without(text: &str, entries: &[Entry], id: &str) -> Zeroizing<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_own = |entry: &Entry| entry.key.as_deref() == Some(id);
    let mut kept: Vec<&str> = Vec::new();
    let mut at = 0;
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| is_own(entry)) {
        kept.extend(lines.get(at..entry.key_span.start.line() - 1).unwrap_or_default());
        at = end_of(&lines, entries, index);
    }
    if entries.iter().all(is_own) {
        // A file without a mapping is no file of secrets.
        kept.push("{}\n");
    }
    kept.extend(lines.get(at..).unwrap_or_default());
    joined(&[&kept])
}

fn joined(parts: &[&[&str]]) -> Zeroizing<String> {
    let lines = || parts.iter().flat_map(|part| part.iter());
    let mut text = Zeroizing::new(String::with_capacity(lines().map(|line| line.len()).sum()));
    for line in lines() {
        text.push_str(line);
    }
    text
}

fn appended(text: &str, column: usize, id: &str, value: &Value) -> Zeroizing<String> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let between = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    Zeroizing::new(format!("{text}{between}{}{end}", line(column, id, value).as_str()))
}

fn line(column: usize, id: &str, value: &Value) -> Zeroizing<String> {
    Zeroizing::new(format!("{}{}: {}", " ".repeat(column), key(id), written(value).as_str()))
}

fn key(id: &str) -> String {
    let is_simple = id.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && id.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter))
        && !WORDS.contains(&id.to_ascii_lowercase().as_str());
    if is_simple { id.to_owned() } else { quoted(id).to_string() }
}

/// A value in braces and quotes, which YAML reads as JSON does.
fn written(value: &Value) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    push(&mut text, value);
    text
}

fn push(text: &mut String, value: &Value) {
    match (value.as_str(), value.as_object(), value.as_array()) {
        (Some(string), ..) => text.push_str(&quoted(string)),
        (_, Some(members), _) => {
            text.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                text.push_str(&quoted(key.to_str().unwrap_or_default()));
                text.push_str(": ");
                push(text, value);
            }
            text.push('}');
        }
        (.., Some(items)) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                push(text, item);
            }
            text.push(']');
        }
        _ => text.push_str(json::write(value).to_str().unwrap_or_default()),
    }
}

/// In double quotes. Letters stay as they are: YAML reads no pairs of surrogates.
fn quoted(text: &str) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(text.len() * 2 + 2));
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\x{:02X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
