//! Adapting text to its destination: colours, the width of a terminal, and characters beyond ASCII.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use crate::process::terminal_width;

/// The smallest width that text is wrapped for; anything narrower is unreadable anyway.
const NARROWEST: usize = 20;

/// The terminal, file or pipe that a text is written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Screen {
    /// Whether there are colours.
    pub(super) has_colour: bool,
    /// Whether characters beyond ASCII must be escaped.
    pub(super) is_ascii: bool,
    /// The number of columns, if a terminal reports it.
    width: Option<usize>,
}

impl Screen {
    /// The properties of `stream`.
    pub(super) fn of(stream: &(impl IsTerminal + AsFd)) -> Self {
        let is_terminal = stream.is_terminal();
        // COLUMNS overrides the size of the terminal, see environ(7).
        let columns = || std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|columns| *columns > 0);
        let width = || columns().or_else(|| terminal_width(stream.as_fd()));
        Self {
            has_colour: is_terminal && !wants_no_colour(|name| std::env::var_os(name)),
            is_ascii: !is_utf8(|name| std::env::var_os(name)),
            width: if is_terminal { width().filter(|width| *width >= NARROWEST) } else { None },
        }
    }

    /// The text adapted to the destination.
    pub(super) fn fit(&self, text: &str) -> String {
        let text = if self.is_ascii { to_ascii(text) } else { text.to_owned() };
        match self.width {
            Some(width) => text.split_inclusive('\n').map(|line| wrapped(line, width)).collect(),
            None => text,
        }
    }
}

/// Whether the terminal cannot show colours, or the user does not want them (no-color.org).
fn wants_no_colour(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    variable("NO_COLOR").is_some_and(|value| !value.is_empty()) || is_dumb(variable)
}

/// Whether the terminal does not support control sequences.
pub(super) fn is_dumb(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    variable("TERM").is_some_and(|term| term == "dumb")
}

/// Whether the locale has UTF-8 (locale(7): the first of the three that is set and not empty counts; without
/// any it is C).
fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let of_locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()));
    of_locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Escapes characters beyond ASCII, and replaces our own signs with similar ones.
fn to_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{2026}' => ascii.push_str("..."),
            letter if letter.is_ascii() => ascii.push(letter),
            letter => ascii.extend(letter.escape_unicode()),
        }
    }
    ascii
}

/// Breaks a line at spaces; continuation lines are indented to the last column of the first.
fn wrapped(line: &str, width: usize) -> String {
    let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
    if columns_of(body) <= width {
        return line.to_owned();
    }
    let indent = " ".repeat(hanging(body, width));
    let begin = body.len() - body.trim_start_matches(' ').len();
    let (mut text, mut column) = (" ".repeat(begin), begin);
    let mut is_first = true;
    for word in body.get(begin..).unwrap_or_default().split(' ') {
        let length = columns_of(word);
        if !is_first && column + 1 + length > width && column > indent.len() {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
            text.push_str(&indent);
            column = indent.len();
        } else if !is_first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
        is_first = false;
    }
    text.push_str(end);
    text
}

/// Where the last column of a line begins: after two spaces, in its left half.
fn hanging(line: &str, width: usize) -> usize {
    let lead = line.len() - line.trim_start_matches(' ').len();
    let mut indent = lead;
    let mut spaces = 0;
    let mut column = 0;
    let mut is_escape = false;
    for letter in line.chars() {
        // Colours take no space on the screen.
        if is_escape || letter == '\u{1b}' {
            is_escape = letter != 'm';
            continue;
        }
        if letter == ' ' {
            spaces += 1;
        } else {
            if spaces >= 2 && column <= width / 2 {
                indent = column;
            }
            spaces = 0;
        }
        column += 1;
    }
    indent.min(width / 2)
}

/// The width of a text in columns; control sequences for colours take none.
fn columns_of(text: &str) -> usize {
    let mut is_escape = false;
    let is_seen = |letter: &char| {
        if is_escape || *letter == '\u{1b}' {
            is_escape = *letter != 'm';
            return false;
        }
        true
    };
    text.chars().filter(is_seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn a_dumb_terminal_has_no_colours() {
        assert!(wants_no_colour(variables(&[("TERM", "dumb")])));
        assert!(wants_no_colour(variables(&[("TERM", "xterm"), ("NO_COLOR", "1")])));
        assert!(!wants_no_colour(variables(&[("TERM", "xterm"), ("NO_COLOR", "")])));
    }

    #[test]
    fn the_first_variable_of_the_locale_counts() {
        assert!(is_utf8(variables(&[("LANG", "C.UTF-8")])));
        assert!(is_utf8(variables(&[("LC_ALL", ""), ("LC_CTYPE", "en_US.utf8"), ("LANG", "C")])));
        assert!(!is_utf8(variables(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")])));
        assert!(!is_utf8(variables(&[("LANG", "de_DE.ISO-8859-1")])) && !is_utf8(variables(&[])));
        assert_eq!(to_ascii("a… é"), r"a... \u{e9}");
    }

    #[test]
    fn lines_are_broken_below_their_last_column() {
        let line = "warning  read  some words that are long enough\n";
        assert_eq!(wrapped(line, 30), "warning  read  some words that\n               are long enough\n");
        assert_eq!(wrapped("   error: one two three four", 20), "   error: one two\n   three four");
        assert_eq!(wrapped("short\n", 20), "short\n");
        let coloured = "\u{1b}[31mproblem\u{1b}[0m  a b c d e f g h";
        assert_eq!(wrapped(coloured, 20), "\u{1b}[31mproblem\u{1b}[0m  a b c d e f\n         g h");
        let word = "x".repeat(50);
        assert_eq!(wrapped(&format!("a {word} b"), 20), format!("a\n{word}\nb"));
    }
}
