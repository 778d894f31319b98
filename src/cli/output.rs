//! The only place that writes to the terminal, and what a command has to say.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use clap::error::{ContextKind, ContextValue};
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};
use crate::redact::is_harmful;
use crate::store::tools::Severity;

/// What a command found out.
#[derive(Debug)]
pub(super) struct Report {
    /// For people.
    pub(super) text: String,
    /// For programs.
    pub(super) json: Value,
    /// The exit code.
    pub(super) code: u8,
    /// Each a line for the standard error.
    pub(super) warnings: Vec<String>,
}

/// The command did what was asked.
pub(super) const DONE: u8 = 0;
/// The answer is no: nothing was found, or something was found that should not be.
pub(super) const NO: u8 = 1;
/// The command line makes no sense.
pub(super) const USAGE: u8 = 2;
/// The configuration cannot be used.
pub(super) const CONFIGURATION: u8 = 3;
/// The store did not answer, or refused; or what should be a connection is none.
pub(super) const STORE: u8 = 4;

impl Report {
    /// All went well.
    pub(super) fn done(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, code: DONE, warnings: Vec::new() }
    }

    /// As this one, with another exit code.
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

/// Writes what a command found out, and returns the exit code.
///
/// `heard` is what the configuration made worth a warning. A report has it already, an error has not, and it may well be
/// the cause.
pub(super) fn finish(outcome: Result<Report, Error>, heard: &[String], as_json: bool) -> u8 {
    let heard = heard.iter().map(|text| format!("warning: {text}"));
    let (text, code, warnings) = match outcome {
        Ok(report) if as_json => (pretty(&report.json), report.code, report.warnings),
        Ok(report) => (report.text, report.code, report.warnings),
        Err(error) if as_json => {
            (pretty(&json!({"error": error_as_json(&error)})), code_of(&error), heard.collect())
        }
        Err(error) => {
            let lines = heard.chain([format!("strongroom: {error}")]);
            (String::new(), code_of(&error), lines.collect())
        }
    };
    for warning in warnings {
        // Nobody is left to be told if this fails.
        let _ = writeln!(io::stderr().lock(), "{warning}");
    }
    match print(&text) {
        // A reader that closed the pipe early, such as `head`, is no failure.
        Ok(()) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "strongroom: {error}");
            NO
        }
    }
}

/// JSON leaves some characters as they are that control a terminal; within its texts each has another form.
fn pretty(value: &Value) -> String {
    let mut text = String::new();
    for letter in format!("{value:#}\n").chars() {
        if letter != '\n' && is_harmful(letter) {
            let _ = write!(text, "\\u{:04x}", u32::from(letter));
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
    // A closed pipe leaves nothing to say and nobody to say it to.
    let _ = message.print();
    if message.use_stderr() { USAGE } else { DONE }
}

/// What was typed in a wrong place may be a secret, and a complaint ends in the log of a pipeline: only the names of
/// options are repeated, which begin with a dash and stand there without their value.
fn hide_words(message: &mut clap::Error) {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand] {
        let is_word = match message.get(kind) {
            Some(ContextValue::String(text)) => !text.is_empty() && !text.starts_with(['-', '<', '[']),
            _ => false,
        };
        if is_word {
            message.insert(kind, ContextValue::String("(not shown)".to_owned()));
        }
    }
}

/// Whether standard output shows colours: a terminal, and nobody asked for none (no-color.org).
pub(super) fn has_colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
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

/// Columns side by side, two spaces apart; the last one is not padded. Control characters are shown, not sent.
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
        let text = pretty(&value);
        assert_eq!(text, "{\n  \"a\\u009b\": \"\\u001b[31m\\u007f\\u202e\\n é \u{1f600}\"\n}\n");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn exit_codes_tell_configuration_and_store_apart() {
        assert_eq!(code_of(&Error::config("x")), CONFIGURATION);
        assert_eq!(code_of(&Error::new(ErrorKind::Denied, "x")), STORE);
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(painted(Severity::Fine, false), "ok     ");
        assert_eq!(painted(Severity::Problem, true), "\u{1b}[31mproblem\u{1b}[0m");
    }
}
