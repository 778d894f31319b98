//! `strongroom key` and `strongroom seal`: keys, and records of sealed values for those who write them.
//!
//! The value is only read from standard input: any user of the machine can see the words of a command line.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::Configured;
use crate::cli::output::Report;
use crate::cli::setup::{Setup, Source};
use crate::cli::subject::Subject;
use crate::cli::uri::whole;
use crate::error::{Error, ErrorKind, Result};
use crate::sealed::{Keys, Record, new_key_text};
use crate::store::SecretName;
use crate::store::convention::{Convention, Lookup};
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::sealing::{
    SEALING_KEY, SEALING_KEY_FILE, SEALING_KEY_ID, SealedConvention, keys, no_place, place,
};
use crate::store::options::{OptionValue, Options};
use crate::value::json as own_json;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// The file with the text of the key, in place of the configured key.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The id of the key, in place of the configured one.
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// The version of the value: one more than that of the record that it replaces.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    record_version: i64,
    /// How the record is printed: as the JSON of a document, or as columns and values of SQL.
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Format,
    /// Seal standard input as it is, with the line break at its end.
    #[arg(long)]
    exact: bool,
}

/// How a record is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The JSON of a document.
    Json,
    /// Columns and values of an INSERT.
    Sql,
}

/// Prints a new key. Makes no call.
pub(super) fn key() -> Result<Report> {
    let text = new_key_text()?;
    Ok(Report::done(format!("{}\n", *text), json!({"key": *text})).exact())
}

/// Seals standard input. Makes no call.
pub(super) fn seal(asked: &Configured<Arguments>) -> Result<Report> {
    let own = &asked.own;
    let sealer = Sealer::new(&asked.source, own)?;
    let name = sealer.name(own.subject.lookup())?;
    let value = input(own.exact)?;
    let place = place(&name).ok_or_else(|| no_place(&name))?;
    let record = sealer.keys.seal(place, own.record_version, &value)?;
    let text = match own.format {
        Format::Json => format!("{}\n", document(&record)),
        Format::Sql => sql(&record),
    };
    let json = json!({"id": name.as_str(), "record": document(&record)});
    Ok(Report::done(text, json).exact())
}

/// The keys and the naming rules.
struct Sealer {
    keys: Keys,
    convention: Arc<dyn Convention>,
}

impl Sealer {
    /// Those of the configured store, if it keeps sealed values; else the key that is given, and the names
    /// that such a store has by default.
    fn new(source: &Source, own: &Arguments) -> Result<Self> {
        let configured = configured(source, own)?;
        let (mut options, environment, convention) = match configured {
            Some(setup) => {
                let settings = &setup.settings;
                (settings.options.clone(), settings.environment.clone(), Arc::clone(&settings.convention))
            }
            None => (Options::default(), Environment::of_process(), by_default()),
        };
        if let Some(path) = &own.key_file {
            let path = path.to_str().ok_or_else(|| Error::config("the path of `--key-file` is no text"))?;
            options.set(SEALING_KEY.key, OptionValue::Null);
            options.set(SEALING_KEY_FILE.key, OptionValue::Text(path.to_owned()));
        }
        if let Some(id) = &own.key_id {
            options.set(SEALING_KEY_ID.key, OptionValue::Text(id.clone()));
        }
        let keys = keys(&options, &environment, &mut WatchedFiles::default())?;
        Ok(Self { keys, convention })
    }

    /// The name of a value: that of the team, if one is given.
    fn name(&self, lookup: Lookup<'_>) -> Result<SecretName> {
        let names = self.convention.names(lookup).into_names();
        names.into_iter().next().ok_or_else(|| {
            Error::config(format!("{} are switched off in this store", lookup.kind.plural()))
                .with_hint("Write another prefix than null")
        })
    }
}

fn by_default() -> Arc<dyn Convention> {
    Arc::new(SealedConvention::new(&Options::default(), |_| true, ""))
}

/// The configured backend, or the only member of a chain, that keeps sealed values. With a key of its own the
/// command works without a configuration as well.
fn configured(source: &Source, own: &Arguments) -> Result<Option<Setup>> {
    let airflow = source.airflow()?;
    let Some(chosen) = airflow.chosen(source.component())? else { return Ok(None) };
    let setup = match Setup::from_chosen(chosen) {
        Ok(setup) => setup,
        Err(_) if own.key_file.is_some() => return Ok(None),
        Err(error) => return Err(error),
    };
    let members = setup.members().into_iter().map(|(_, member)| member);
    let mut sealed = std::iter::once(setup).chain(members).filter(keeps_sealed_values);
    let first = sealed.next();
    if sealed.next().is_some() {
        let what = "two members of the chain keep sealed values, and their names and keys may differ";
        return Err(
            Error::config(what).with_hint("Give an airflow.cfg that names one of them: --config FILE")
        );
    }
    Ok(first)
}

fn keeps_sealed_values(setup: &Setup) -> bool {
    setup.entry.options.iter().any(|spec| spec.key == SEALING_KEY.key)
}

fn input(is_exact: bool) -> Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        // If the prompt cannot be written, input is still possible.
        let _ = writeln!(io::stderr().lock(), "The value, then Ctrl-D (it is shown while you type):");
    }
    let mut text = Zeroizing::new(String::new());
    let unread = |error| Error::config("standard input could not be read as text").with_source(error);
    if !whole(io::stdin().lock(), &mut text).map_err(unread)? {
        return Err(Error::new(ErrorKind::Malformed, "standard input is longer than one MiB")
            .with_hint("Check what was handed in"));
    }
    if !is_exact {
        let length = without_line_break(&text).len();
        text.truncate(length);
    }
    Ok(text)
}

/// The text without the line break that editors and `echo` put at its end.
fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn document(record: &Record) -> Value {
    let written = own_json::write(&own_json::Value::Object(record.to_object()));
    written.to_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Columns and values as an INSERT has them. A literal doubles its quotes.
fn sql(record: &Record) -> String {
    let (kind, name) = record.place.clone().unwrap_or_default();
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    format!(
        "(kind, name, version, format, key_id, sealed) VALUES\n({}, {}, {}, {}, {}, {})\n",
        text(&kind),
        text(&name),
        record.version,
        record.format,
        text(&record.key_id),
        text(&record.sealed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_printed_as_it_is() {
        let report = key().unwrap();
        assert!(report.is_exact && report.text.ends_with('\n'));
        assert_eq!(report.json["key"], report.text.trim());
    }

    #[test]
    fn one_line_break_at_the_end_is_no_part_of_the_value() {
        for (text, value) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", ""), ("", "")]
        {
            assert_eq!(without_line_break(text), value);
        }
    }

    #[test]
    fn quotes_are_doubled_in_sql() {
        let record = Record {
            format: 1,
            key_id: "k'1".to_owned(),
            place: Some(("variable".to_owned(), "it's".to_owned())),
            version: 2,
            sealed: "AA==".to_owned(),
        };
        let text = sql(&record);
        assert!(text.ends_with("('variable', 'it''s', 2, 1, 'k''1', 'AA==')\n"), "{text}");
        assert_eq!(document(&record)["name"], "it's");
    }
}
