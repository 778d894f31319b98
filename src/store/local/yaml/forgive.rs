//! What libyaml forgives and our parser does not: lines inside brackets or quotes that start too far to the left, and a
//! tab between a key and its value.
//!
//! White space at these places means nothing, so more of it makes the parser content and changes no value.

use saphyr_parser::ScanError;
use zeroize::Zeroizing;

/// Deeper than most mappings ever stand; a line that stands deeper is moved again.
const INDENT: &str = "                                ";

/// The text with more space where `error` is about a lack of it; none if it is about something else.
pub(super) fn with_space(text: &str, error: &ScanError) -> Option<Zeroizing<String>> {
    let marker = error.marker();
    match error.info() {
        "invalid indentation" | "invalid indentation in flow construct" => {
            // The marker stands at the token; its column counts from the start of the line.
            let (before, after) = split_at_character(text, marker.index().checked_sub(marker.col())?)?;
            Some(Zeroizing::new([before, INDENT, after].concat()))
        }
        "invalid indentation in quoted scalar" => {
            // The marker stands at the opening quote, whichever line is the bad one.
            let (before, quoted) = split_at_character(text, marker.index())?;
            let (scalar, after) = quoted.split_at_checked(quoted_length(quoted)?)?;
            Some(Zeroizing::new([before, &Zeroizing::new(with_indented_lines(scalar)), after].concat()))
        }
        "':' must be followed by a valid YAML whitespace" => {
            // The marker stands behind the tabs. One space among them is enough.
            let (before, after) = split_at_character(text, marker.index())?;
            Some(Zeroizing::new([before, " ", after].concat()))
        }
        _ => None,
    }
}

/// The parser counts characters, not bytes.
fn split_at_character(text: &str, index: usize) -> Option<(&str, &str)> {
    let offset = text.char_indices().map(|(offset, _)| offset).chain([text.len()]).nth(index)?;
    text.split_at_checked(offset)
}

/// How many bytes a quoted scalar takes, quotes included.
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

fn with_indented_lines(scalar: &str) -> String {
    let mut lines = scalar.split_inclusive('\n');
    let mut indented = String::with_capacity(scalar.len() + scalar.matches('\n').count() * INDENT.len());
    indented.extend(lines.next());
    lines.for_each(|line| indented.extend([INDENT, line]));
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
    fn a_tab_may_stand_between_key_and_value() {
        assert_eq!(parsed("é:\tx:y\nb:\t\t1\nc: [{d:\t2}]"), r#"{"\u00e9": "x:y", "b": 1, "c": [{"d": 2}]}"#);
    }

    #[test]
    fn very_deep_lines_are_moved_until_it_fits() {
        let deep = (0..60).fold(String::new(), |yaml, level| yaml + &" ".repeat(level) + "a:\n");
        assert!(parsed(&format!("{deep}{}b: [x,\ny]", " ".repeat(60))).contains(r#"{"b": ["x", "y"]}"#));
    }

    #[test]
    fn a_document_with_too_many_such_lines_is_refused_in_time() {
        let yaml = format!("a: [\n{}]", "x,\n".repeat(50_000));
        assert!(parsed(&yaml).starts_with("error in line"), "took too long");
    }
}
