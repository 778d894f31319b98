//! What libyaml tolerates and our parser does not: lines inside brackets or quotes that start too far to the
//! left, and a tab between a key and its value.
//!
//! White space at these places has no meaning, so more of it satisfies the parser and changes no value. Which
//! place it is follows from where the parser stops, not from its message; if it stops at the same place
//! again, it is about something else.

use saphyr_parser::{Event, Marker, Parser};
use zeroize::Zeroizing;

/// A text that may be parsed once more.
pub(super) struct Spaced {
    /// The text with additional space.
    pub(super) text: Zeroizing<String>,
    /// The new position of the token at which the parser stopped, in characters.
    pub(super) stopped: usize,
}

/// The text with additional space where the parser stopped at `marker`; `None` where more space could have a
/// meaning.
pub(super) fn with_space(text: &str, marker: &Marker) -> Option<Spaced> {
    let (before, after) = split_at_character(text, marker.index())?;
    // A quoted scalar whose later lines start too far to the left.
    if after.starts_with(['"', '\'']) {
        let (scalar, after) = after.split_at_checked(quoted_length(after)?)?;
        if scalar.contains('\n') {
            let moved = Zeroizing::new(with_indented_lines(scalar, &wide_enough(before)));
            return Some(spaced(&[before, &moved, after], marker.index()));
        }
    }
    // A tab between a key and its value.
    let is_behind_tabs =
        before.strip_suffix('\t').is_some_and(|rest| rest.trim_end_matches('\t').ends_with(':'));
    if is_behind_tabs {
        return Some(spaced(&[before, " ", after], marker.index() + 1));
    }
    // A line inside brackets that starts too far to the left.
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    let (lines, indent) = before.split_at_checked(line)?;
    if !indent.trim_matches([' ', '\t']).is_empty() || !has_open_brackets(lines) {
        return None;
    }
    let more = wide_enough(lines);
    Some(spaced(&[lines, &more, indent, after], marker.index() + more.len()))
}

fn spaced(parts: &[&str], stopped: usize) -> Spaced {
    Spaced { text: Zeroizing::new(parts.concat()), stopped }
}

/// Whether a line after these is inside brackets: the parser opens a container and finds no end.
fn has_open_brackets(lines: &str) -> bool {
    let mut open = Vec::new();
    for (event, span) in Parser::new_from_str(lines).map_while(Result::ok) {
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => open.push(span.start.index()),
            Event::SequenceEnd | Event::MappingEnd => drop(open.pop()),
            _ => {}
        }
    }
    let begins = |index: &usize| split_at_character(lines, *index).map(|(_, rest)| rest);
    open.iter().filter_map(begins).any(|rest| rest.starts_with(['[', '{']))
}

/// More space than the indentation of any mapping or list that is open after `text`.
fn wide_enough(text: &str) -> String {
    let widths =
        text.split('\n').map(|line| line.len() - line.trim_start_matches([' ', '-', '?', ':']).len());
    " ".repeat(widths.max().unwrap_or_default() + 1)
}

/// The parser counts characters, not bytes.
fn split_at_character(text: &str, index: usize) -> Option<(&str, &str)> {
    let offset = text.char_indices().map(|(offset, _)| offset).chain([text.len()]).nth(index)?;
    text.split_at_checked(offset)
}

/// The length of a quoted scalar in bytes, including the quotes.
fn quoted_length(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    let (_, quote) = bytes.next()?;
    let mut bytes = bytes.peekable();
    while let Some((at, byte)) = bytes.next() {
        let is_escape = if quote == b'"' {
            byte == b'\\'
        } else {
            byte == quote && bytes.peek().is_some_and(|(_, next)| *next == quote)
        };
        if is_escape {
            bytes.next();
        } else if byte == quote {
            return Some(at + 1);
        }
    }
    None
}

fn with_indented_lines(scalar: &str, indent: &str) -> String {
    let mut lines = scalar.split_inclusive('\n');
    let mut indented = String::with_capacity(scalar.len() + scalar.matches('\n').count() * indent.len());
    // The first line follows other text and keeps its place.
    indented.extend(lines.next());
    lines.for_each(|line| indented.extend([indent, line]));
    indented
}

#[cfg(test)]
mod tests {
    use super::super::tests::parsed;

    #[test]
    fn lines_in_brackets_may_start_anywhere() {
        assert_eq!(
            parsed("a: {\n\"b\": 1,\nc: [x,\ny]\n}\nd: é"),
            r#"{"a": {"b": 1, "c": ["x", "y"]}, "d": "\u00e9"}"#
        );
        assert_eq!(
            parsed("é:\n  b:\n    c: [1,\n2,\n  ]\n  d: e"),
            r#"{"\u00e9": {"b": {"c": [1, 2]}, "d": "e"}}"#
        );
        assert_eq!(parsed("a:\n  b: {\r\n}\r\n  c: 1"), r#"{"a": {"b": {}, "c": 1}}"#);
    }

    #[test]
    fn lines_in_quotes_may_start_anywhere() {
        assert_eq!(
            parsed("é:\n  b: \"x \\\"\ny\n\nz\"\n  c: 1"),
            r#"{"\u00e9": {"b": "x \" y\nz", "c": 1}}"#
        );
        assert_eq!(parsed("a:\n  b: 'it''s\n x''\n y'\n  c: 1"), r#"{"a": {"b": "it's x' y", "c": 1}}"#);
        assert_eq!(parsed("a:\n  b: \"x\\\ny\"\n  c: 1"), r#"{"a": {"b": "xy", "c": 1}}"#);
    }

    #[test]
    fn a_tab_may_be_between_key_and_value() {
        assert_eq!(parsed("é:\tx:y\nb:\t\t1\nc: [{d:\t2}]"), r#"{"\u00e9": "x:y", "b": 1, "c": [{"d": 2}]}"#);
    }

    #[test]
    fn very_deep_lines_are_moved_far_enough() {
        let deep = (0..60).fold(String::new(), |yaml, level| yaml + &" ".repeat(level) + "a:\n");
        assert!(parsed(&format!("{deep}{}b: [x,\ny]", " ".repeat(60))).contains(r#"{"b": ["x", "y"]}"#));
    }

    #[test]
    fn very_deep_quotes_and_compact_lists_are_too() {
        let deep = (0..60).fold(String::new(), |yaml, level| yaml + &" ".repeat(level) + "a:\n");
        assert!(parsed(&format!("{deep}{}b: 'x\ny'", " ".repeat(60))).contains(r#"{"b": "x y"}"#));
        assert_eq!(parsed("a:\n- - - b: [x,\ny]"), r#"{"a": [[[{"b": ["x", "y"]}]]]}"#);
    }

    #[test]
    fn other_errors_stay_errors() {
        for yaml in [
            "a: 1\n] b",
            "a: x\n@b",
            "a: [x,\n@y]",
            "a: [x,\ny\nb: 1",
            "a:\t@x",
            "a: 'x\ny' z",
            "a: \"x\n\\q\"",
            "a: [\"x\ny\" z]",
            "a: {b: [1,\n2}}",
        ] {
            assert!(parsed(yaml).starts_with("error in line"), "{yaml}: {}", parsed(yaml));
        }
    }

    #[test]
    fn a_document_with_too_many_such_lines_is_refused_in_time() {
        let yaml = format!("a: [\n{}]", "x,\n".repeat(50_000));
        assert!(parsed(&yaml).starts_with("error in line"), "took too long");
    }
}
