//! The only place that writes to the terminal, and the output of a command.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::error::{ContextKind, ContextValue};
use serde_json::{Value, json};

use crate::cli::screen::Screen;
use crate::cli::words::nearest;
use crate::error::{Error, ErrorKind};
use crate::redact::is_harmful;
use crate::store::tools::Severity;

/// The result of a command.
#[derive(Debug)]
pub(super) struct Report {
    /// For people.
    pub(super) text: String,
    /// For programs.
    pub(super) json: Value,
    /// The exit code.
    pub(super) code: u8,
    /// Lines for the standard error.
    pub(super) warnings: Vec<String>,
    /// Whether programs read the text as well, so that it must not be changed.
    pub(super) is_exact: bool,
}

/// The command did what was asked.
pub(super) const DONE: u8 = 0;
/// The answer is no: nothing was found, or something was found that should not be.
pub(super) const NO: u8 = 1;
/// The command line is invalid.
pub(super) const USAGE: u8 = 2;
/// The configuration cannot be used.
pub(super) const CONFIGURATION: u8 = 3;
/// The store did not answer, or refused; or a connection is invalid.
pub(super) const STORE: u8 = 4;
/// The output could not be written, such as to a full disk.
pub(super) const OUTPUT: u8 = 5;

impl Report {
    /// A successful result.
    pub(super) fn done(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, code: DONE, warnings: Vec::new(), is_exact: false }
    }

    /// The same with a text that must not be changed.
    #[must_use]
    pub(super) fn exact(mut self) -> Self {
        self.is_exact = true;
        self
    }

    /// The same with another exit code.
    #[must_use]
    pub(super) fn with_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
}

/// The exit code that goes with an error.
pub(super) fn code_of(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Config | ErrorKind::Unsupported => CONFIGURATION,
        _ => STORE,
    }
}

/// An error as JSON: `kind`, `message`, `hint`, `code`, `operation`, `temporary`.
pub(super) fn error_as_json(error: &Error) -> Value {
    json!({
        "kind": error.kind().as_str(),
        "message": error.message(),
        "hint": error.hint(),
        "code": error.code(),
        "operation": error.operation(),
        "temporary": error.is_temporary(),
    })
}

/// Writes the result of a command, and returns the exit code.
///
/// `heard` contains the warnings about the configuration. A report already includes them. An error does not,
/// and they may well be its cause.
pub(super) fn finish(outcome: Result<Report, Error>, heard: &[String], as_json: bool) -> u8 {
    let heard = heard.iter().map(|text| format!("warning: {text}"));
    let screen = Screen::of(&io::stdout());
    let pretty = |value: &Value| pretty(value, screen.is_ascii);
    let (text, code, warnings) = match outcome {
        Ok(report) if as_json => (pretty(&report.json), report.code, report.warnings),
        Ok(report) if report.is_exact => (report.text, report.code, report.warnings),
        Ok(report) => (screen.fit(&report.text), report.code, report.warnings),
        Err(error) if as_json => {
            (pretty(&json!({"error": error_as_json(&error)})), code_of(&error), heard.collect())
        }
        Err(error) => {
            let lines = heard.chain([format!("strongroom: {error}")]);
            (String::new(), code_of(&error), lines.collect())
        }
    };
    for warning in warnings {
        complain(&warning);
    }
    written(print(&text), code)
}

/// Writes a line to the standard error. If this fails, the failure cannot be reported anywhere.
fn complain(line: &str) {
    let text = Screen::of(&io::stderr()).fit(&format!("{line}\n"));
    // A message that cannot be written cannot be reported either.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The exit code, depending on whether the output was written.
fn written(outcome: io::Result<()>, code: u8) -> u8 {
    let Err(error) = outcome else { return code };
    let reason = match error.kind() {
        // A reader that closed the pipe early, such as `head`, is not a failure.
        io::ErrorKind::BrokenPipe => return code,
        io::ErrorKind::StorageFull => "the disk is full, so the output is not complete".to_owned(),
        _ => error.to_string(),
    };
    complain(&format!("strongroom: standard output could not be written: {reason}"));
    OUTPUT
}

/// JSON leaves some characters unescaped that control a terminal, or that it cannot show; within JSON texts
/// each has an escaped form.
fn pretty(value: &Value, is_ascii: bool) -> String {
    let mut text = String::new();
    for letter in format!("{value:#}\n").chars() {
        if letter != '\n' && (is_harmful(letter) || (is_ascii && !letter.is_ascii())) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(letter);
        }
    }
    text
}

/// Prints `text` to standard output.
fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// Prints clap's help to standard output or its complaint to standard error, and returns the exit code.
pub(super) fn usage(message: &mut clap::Error) -> u8 {
    hide_words(message);
    let text = message.render();
    let fitted = |screen: Screen| {
        screen.fit(&if screen.has_colour { text.ansi().to_string() } else { text.to_string() })
    };
    if message.use_stderr() {
        // If this fails, the failure cannot be reported anywhere.
        let _ = io::stderr().lock().write_all(fitted(Screen::of(&io::stderr())).as_bytes());
        return USAGE;
    }
    written(print(&fitted(Screen::of(&io::stdout()))), DONE)
}

/// What was typed in the wrong place may be a secret, and error output ends up in the log of a pipeline. So
/// only names of options are repeated, which begin with a dash and appear there without their value, and
/// suggestions for mistyped words.
fn hide_words(message: &mut clap::Error) {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand] {
        let word = match message.get(kind) {
            Some(ContextValue::String(text)) if !text.is_empty() && !text.starts_with(['-', '<', '[']) => {
                text.clone()
            }
            _ => continue,
        };
        match meant(message, kind, &word) {
            Some((suggestion, value)) => message.insert(suggestion, value),
            None => message.insert(kind, ContextValue::String("(not shown)".to_owned())),
        };
    }
}

/// The command or value that is most similar to a mistyped word.
fn meant(message: &clap::Error, kind: ContextKind, word: &str) -> Option<(ContextKind, ContextValue)> {
    if kind == ContextKind::InvalidSubcommand {
        let names = super::command_names();
        let near = nearest(word, names.iter().map(String::as_str))?.to_owned();
        return Some((ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![near])));
    }
    let Some(ContextValue::Strings(values)) = message.get(ContextKind::ValidValue) else { return None };
    let near = nearest(word, values.iter().map(String::as_str))?.to_owned();
    Some((ContextKind::SuggestedValue, ContextValue::String(near)))
}

/// Whether standard output shows colours: a terminal that supports them, and no variable that disables them.
pub(super) fn has_colour() -> bool {
    Screen::of(&io::stdout()).has_colour
}

/// A severity in its colour, if there are colours.
pub(super) fn painted(severity: Severity, has_colour: bool) -> String {
    let colour = match severity {
        Severity::Fine => 32,
        Severity::Note => 36,
        Severity::Warning => 33,
        Severity::Problem => 31,
    };
    let word = severity.as_str();
    if has_colour { format!("\u{1b}[{colour}m{word:<7}\u{1b}[0m") } else { format!("{word:<7}") }
}

/// A number with its word: `1 problem`, `2 problems`.
pub(super) fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// Columns side by side, two spaces apart; the last one is not padded. Control characters are escaped.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let shown: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| crate::redact::Shown(cell).to_string()).collect())
        .collect();
    let width = |column: usize| {
        shown
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in &shown {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [vec!["a".to_owned(), "1\n".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(columns(&rows), "a     1\\n\nlong\n");
    }

    #[test]
    fn json_controls_no_terminal_and_stays_what_it_is() {
        let value = json!({"a\u{9b}": "\u{1b}[31m\u{7f}\u{202e}\n é \u{1f600}"});
        let text = pretty(&value, false);
        assert_eq!(text, "{\n  \"a\\u009b\": \"\\u001b[31m\\u007f\\u202e\\n é \u{1f600}\"\n}\n");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        let ascii = pretty(&value, true);
        assert!(ascii.is_ascii() && ascii.contains("\\u00e9 \\ud83d\\ude00"), "{ascii}");
        assert_eq!(serde_json::from_str::<Value>(&ascii).unwrap(), value);
    }

    #[test]
    fn what_could_not_be_written_is_an_error_of_its_own() {
        let full = || Err(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!((written(full(), DONE), written(full(), NO)), (OUTPUT, OUTPUT));
        assert_eq!((written(Err(io::ErrorKind::BrokenPipe.into()), NO), written(Ok(()), STORE)), (NO, STORE));
    }

    #[test]
    fn exit_codes_distinguish_configuration_and_store() {
        assert_eq!(code_of(&Error::config("x")), CONFIGURATION);
        assert_eq!(code_of(&Error::new(ErrorKind::Denied, "x")), STORE);
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(painted(Severity::Fine, false), "ok     ");
        assert_eq!(painted(Severity::Problem, true), "\u{1b}[31mproblem\u{1b}[0m");
    }
}
