//! `strongroom uri`: splits and builds connection URIs and JSON.
//!
//! The secret is only read from standard input: any user of the machine can see the words of a command line.

use std::io::{self, IsTerminal, Read, Write};

use clap::Subcommand;
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::masked;
use crate::cli::output::{Report, STORE, columns};
use crate::error::{Error, ErrorKind, Result};
use crate::value::connection::{build_uri_from_fields, parse};
use crate::value::json::{self, Value};
use crate::value::{ConnectionError, Dialect, Text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Which Airflow reads it: `airflow_3_3`, `task_sdk_1_3`, `airflow_3_0` or `airflow_2_11`.
    #[arg(long, value_name = "DIALECT", default_value_t, global = true)]
    dialect: Dialect,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the fields of a URI, with passwords masked.
    ///
    /// Reads a URI or JSON from standard input, as it would stand in the store.
    /// The password and the values of extra are shown as `***`.
    #[command(
        after_help = "Examples:\n  strongroom uri parse < connection.txt\n  strongroom uri parse --dialect \
        airflow_2_11 < connection.txt"
    )]
    Parse,
    /// Make a URI of fields.
    ///
    /// Reads the fields as JSON from standard input, such as `{"conn_type": "postgres", "host": "h"}`.
    /// What it prints holds the password that was put in.
    #[command(
        after_help = "Examples:\n  strongroom uri build < fields.json\n  strongroom uri build --json < \
        fields.json"
    )]
    Build,
}

/// The longest input that is read, in bytes; no store keeps a longer secret.
const LONGEST: usize = 1 << 20;

/// Reads standard input, and shows its fields or builds a URI.
pub(super) fn run(arguments: &Arguments) -> Result<Report> {
    let input = input(&arguments.action)?;
    let text = Text::from(input.trim_end_matches(['\r', '\n']));
    match arguments.action {
        Action::Parse => parsed(&text, arguments.dialect),
        Action::Build => built(&text, arguments.dialect),
    }
}

fn input(action: &Action) -> Result<Zeroizing<String>> {
    let unread = |error| Error::config("standard input could not be read").with_source(error);
    if io::stdin().is_terminal() {
        let what = match action {
            Action::Parse => "URI or JSON",
            Action::Build => "fields as JSON, such as {\"conn_type\": \"postgres\", \"host\": \"h\"}",
        };
        // If the prompt cannot be written, input is still possible.
        let _ = writeln!(io::stderr().lock(), "{what}, then Ctrl-D (it is shown while you type):");
    }
    let mut text = Zeroizing::new(String::new());
    whole(io::stdin().lock(), &mut text).map_err(unread)?.then_some(text).ok_or_else(|| {
        Error::new(ErrorKind::Malformed, "standard input is longer than one MiB")
            .with_hint("No store keeps a secret of that length; check what was handed in")
    })
}

/// Reads all of `input`, unless it is too long: a truncated secret would be a different one.
pub(super) fn whole(input: impl Read, text: &mut String) -> io::Result<bool> {
    let mut bytes = Zeroizing::new(Vec::new());
    input.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST {
        return Ok(false);
    }
    text.push_str(std::str::from_utf8(&bytes).map_err(|_| io::ErrorKind::InvalidData)?);
    Ok(true)
}

fn parsed(text: &Text, dialect: Dialect) -> Result<Report> {
    let connection = parse(text, dialect).map_err(|error| malformed(&error))?;
    let fields = masked::fields(&connection, text.to_str().unwrap_or_default());
    let plain = |value: &serde_json::Value| match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows: Vec<_> = fields.iter().map(|(name, value)| vec![name.clone(), plain(value)]).collect();
    let report = Report::done(columns(&rows), json!({"fields": fields}));
    if connection.conn_type.is_truthy() {
        return Ok(report);
    }
    let warning = "strongroom: this is no connection that Airflow can use: it has no type, so no hook can be \
    picked. A URI begins with a type of letters, digits and `-` before `://`";
    Ok(Report { warnings: vec![warning.to_owned()], ..report.with_code(STORE) })
}

fn built(text: &Text, dialect: Dialect) -> Result<Report> {
    let fields = json::parse(text).ok().and_then(Value::into_object).ok_or_else(|| {
        Error::new(ErrorKind::Malformed, "standard input is not a JSON object")
            .with_hint("Write the fields as JSON, such as {\"conn_type\": \"postgres\", \"host\": \"h\"}")
    })?;
    let uri = build_uri_from_fields(&fields, dialect).map_err(|error| malformed(&error))?;
    // Airflow puts some fields into a URI that it cannot read again, such as a port that is not a number.
    let read = parse(&uri, dialect).map_err(|error| malformed(&error))?;
    if !read.conn_type.is_truthy() {
        return Err(Error::new(ErrorKind::Malformed, "conn_type is empty, or no scheme of a URI")
            .with_hint("Write a type of letters, digits and `-`, such as postgres"));
    }
    let uri = uri.to_str().unwrap_or_default();
    Ok(Report::done(format!("{uri}\n"), json!({"uri": uri})).exact())
}

/// The messages show nothing of the secret.
fn malformed(error: &ConnectionError) -> Error {
    Error::new(ErrorKind::Malformed, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_make_a_uri_and_a_uri_gives_fields() {
        let fields = Text::from(
            r#"{"conn_type": "postgres", "login": "u", "password": "p@/", "host": "h", "port": 5432}"#,
        );
        let report = built(&fields, Dialect::default()).unwrap();
        assert_eq!(report.text, "postgres://u:p%40%2F@h:5432\n");
        let parsed = parsed(&Text::from(report.text.trim()), Dialect::default()).unwrap();
        assert_eq!(
            (&parsed.json["fields"]["host"], &parsed.json["fields"]["port"]),
            (&json!("h"), &json!(5432))
        );
        assert!(!parsed.text.contains("p@/"));
    }

    #[test]
    fn a_uri_that_is_not_read_again_is_not_made() {
        for fields in [
            r#"{"conn_type": "pg", "port": "canary"}"#,
            r#"{"host": "canary"}"#,
            r#"{"conn_type": "my canary"}"#,
        ] {
            let error = built(&Text::from(fields), Dialect::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_cut() {
        for (length, is_whole) in [(LONGEST, true), (LONGEST + 1, false)] {
            let mut text = String::new();
            assert_eq!(whole(vec![b'x'; length].as_slice(), &mut text).unwrap(), is_whole);
            assert_eq!(text.len(), if is_whole { length } else { 0 });
        }
        // The limit splits a character, which makes no difference.
        let mut long = vec![b'x'; LONGEST];
        long.extend("é".bytes());
        assert!(!whole(long.as_slice(), &mut String::new()).unwrap());
        assert!(whole([0xff].as_slice(), &mut String::new()).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        for error in [
            parsed(&Text::from("{canary"), Dialect::default()).unwrap_err(),
            built(&Text::from("canary"), Dialect::default()).unwrap_err(),
            built(&Text::from(r#"{"canary canary": 1}"#), Dialect::default()).unwrap_err(),
        ] {
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
