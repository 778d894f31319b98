//! `strongroom ref check`: whether what values refer to is there.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::backend::{AskedName, Explained, Reference, find_references};
use crate::cli::coordinates::place;
use crate::cli::list::names;
use crate::cli::output::{NO, Report, columns, counted};
use crate::cli::progress::Progress;
use crate::cli::setup::{Client, Setup, Source};
use crate::cli::subject::{LookedUp, look_up};
use crate::config::airflow::AirflowConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::redact::{Shown, quoted_path};
use crate::store::convention::{Kind, Lookup};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to do with the references: follow each of them.
    #[arg(value_name = "ACTION")]
    action: Action,
    /// A file with connections or variables in any form, `-` for standard input. Without it, everything in
    /// the store that lookups reach is checked.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Exit with 1 if a secret is missing, and not only if a reference can never be resolved.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Read what is referred to, and report what is missing or refused.
    Check,
}

/// A reference, and what it led to.
pub(super) struct Checked {
    /// What holds it.
    pub(super) holder: String,
    /// The reference as it is written.
    coordinate: String,
    pub(super) outcome: &'static str,
    /// Why it cannot be resolved.
    pub(super) text: Option<String>,
}

/// The outcome of a reference to a secret that may still be created.
pub(super) const MISSING: &str = "missing";
/// The outcome of a reference that leads to a secret.
pub(super) const FOUND: &str = "found";

/// Follows every reference once; no value is shown.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let Action::Check = arguments.action;
    let airflow = source.airflow()?;
    let setup = Setup::of(&airflow, source.component())?;
    let client = setup.open()?;
    let mut warnings = setup.warned();
    let checked = match &arguments.file {
        Some(file) => in_text(&client, &airflow, &read(file)?)?,
        None => in_store(&setup, &client, &airflow, &mut warnings, usize::MAX)?,
    };
    Ok(Report { warnings, ..report(&checked, arguments.strict) })
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    let outcome = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        fs::read_to_string(file).map(|contents| text = contents)
    };
    outcome
        .map_err(|error| Error::config(format!("{} cannot be read", quoted_path(file))).with_source(error))?;
    Ok(text)
}

fn in_text(client: &Client, airflow: &AirflowConfig, text: &str) -> Result<Vec<Checked>> {
    let mut checked = Vec::new();
    for (holder, found) in found_in(text) {
        let reference = match found {
            Ok(reference) => reference,
            Err(error) => {
                let coordinate = String::new();
                checked.push(Checked {
                    holder,
                    coordinate,
                    outcome: "invalid",
                    text: Some(error.to_string()),
                });
                continue;
            }
        };
        let followed = client.backend.follow(&reference, Some(airflow.multi_team()));
        let (Explained { outcome, steps, .. }, _) = client.run(followed)?;
        let error = outcome.err().map(|failure| failure.error);
        checked.push(judged(holder, reference.to_string(), error.as_ref(), &steps));
    }
    Ok(checked)
}

/// The references in a file, with their places: of JSON as in a value, of any other text line by line.
fn found_in(text: &str) -> Vec<(String, Result<Reference>)> {
    let located = |place: &str, found: Result<Vec<(String, Reference)>>| match found {
        Ok(found) => {
            let named = |inner: String| {
                [place, &inner].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
            };
            found.into_iter().map(|(inner, reference)| (named(inner), Ok(reference))).collect::<Vec<_>>()
        }
        Err(error) => vec![(place.to_owned(), Err(error))],
    };
    if text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    {
        return located("", find_references(text));
    }
    let lines = text.lines().enumerate();
    let words = lines.flat_map(|(number, line)| {
        let words = line.split(|letter: char| letter.is_whitespace() || "\"'`<>()".contains(letter));
        words.filter(|word| word.contains("secret_coordinate")).map(move |word| (number + 1, word))
    });
    words
        .flat_map(|(number, word)| located(&format!("line {number}"), find_references(without_name(word))))
        .collect()
}

/// A word of a line without what names it, as in `AIRFLOW_CONN_DB=...`, and what ends it in JSON or YAML.
fn without_name(word: &str) -> &str {
    let word = word.trim_end_matches([',', ']', '}', ';']).trim_start_matches(['[', '{', ',']);
    let begin = word.find("://").or_else(|| word.find("secret_coordinate")).unwrap_or_default();
    match word.split_once('=') {
        Some((name, value)) if name.len() < begin => value,
        _ => word,
    }
}

/// The references in the values of the first ids, `most` of them.
pub(super) fn in_store(
    setup: &Setup,
    client: &Client,
    airflow: &AirflowConfig,
    warnings: &mut Vec<String>,
    most: usize,
) -> Result<Vec<Checked>> {
    let mut checked = Vec::new();
    for (kind, id) in listed(setup, warnings)?.into_iter().take(most) {
        let lookup = Lookup { kind, id: &id, team: None };
        let (answer, _) = look_up(setup, client, airflow, lookup)?;
        let LookedUp::Asked(Explained { steps, error, .. }) = answer else { continue };
        let holder = |place: &str| format!("{} {}{place}", kind.as_str(), Shown(&id));
        let own: Vec<_> = steps.iter().enumerate().filter(|(_, step)| is_own(step)).collect();
        for (number, (at, step)) in own.iter().enumerate() {
            let Some(referred) = &step.referred else { continue };
            let end = own.get(number + 1).map_or(steps.len(), |(next, _)| *next);
            let is_last = number + 1 == own.len();
            let error = error.as_ref().filter(|_| is_last);
            let below = steps.get(*at..end).unwrap_or_default();
            let holder = holder(&format!(": {}", place(referred)));
            checked.push(judged(holder, referred.reference.to_string(), error, below));
        }
        if let Some(error) = error.filter(|_| own.is_empty()) {
            let (text, outcome) = (Some(error.to_string()), error.kind().as_str());
            checked.push(Checked { holder: holder(""), coordinate: String::new(), outcome, text });
        }
    }
    Ok(checked)
}

/// Every id that lookups reach, of all members of a chain.
fn listed(setup: &Setup, warnings: &mut Vec<String>) -> Result<Vec<(Kind, String)>> {
    let members = setup.members();
    let stores: Vec<&Setup> = match members.as_slice() {
        [] => vec![setup],
        members => members.iter().map(|(_, member)| member).collect(),
    };
    let (mut known, mut found) = (HashSet::new(), Vec::new());
    let progress = Progress::without_end("secrets");
    for store in stores {
        let client = store.open()?;
        for kind in Kind::ALL {
            match names(store, &client, kind, usize::MAX) {
                Ok((listed, heard)) => {
                    progress.advance(listed.len());
                    warnings.extend(heard.iter().map(|heard| format!("warning: {heard}")));
                    found.extend(
                        listed.into_iter().map(|(id, _)| (kind, id)).filter(|it| known.insert(it.clone())),
                    );
                }
                // The others are listed nevertheless.
                Err(error) if error.kind() == ErrorKind::Unsupported && setup.settings.chain.is_some() => {
                    warnings.push(format!("warning: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

fn is_own(step: &AskedName) -> bool {
    step.referred.as_ref().is_some_and(|referred| referred.depth == 1)
}

fn judged(holder: String, coordinate: String, error: Option<&Error>, steps: &[AskedName]) -> Checked {
    let is_absent = steps.last().is_some_and(|step| step.outcome == "absent");
    let outcome = match error {
        None => FOUND,
        Some(error) if is_absent && error.kind() == ErrorKind::Malformed => MISSING,
        Some(error) => error.kind().as_str(),
    };
    Checked { holder, coordinate, outcome, text: error.map(ToString::to_string) }
}

fn report(checked: &[Checked], is_strict: bool) -> Report {
    let count = |is_meant: fn(&Checked) -> bool| checked.iter().filter(|checked| is_meant(checked)).count();
    let missing = count(|checked| checked.outcome == MISSING);
    let wrong = count(|checked| checked.outcome != MISSING && checked.outcome != FOUND);
    let row = |checked: &Checked| {
        let text = checked.text.clone().unwrap_or_default();
        vec![checked.outcome.to_owned(), checked.holder.clone(), checked.coordinate.clone(), text]
    };
    let rows: Vec<_> = checked.iter().map(row).collect();
    let references = counted(checked.len(), "reference", "references");
    let text = format!("{}{references}, {missing} missing, {wrong} wrong\n", columns(&rows));
    let as_json = |checked: &Checked| -> Value {
        json!({"holder": checked.holder, "coordinate": checked.coordinate, "outcome": checked.outcome,
            "text": checked.text})
    };
    let json = json!({"references": checked.iter().map(as_json).collect::<Vec<_>>(), "missing": missing,
        "wrong": wrong});
    let report = Report::done(text, json);
    if wrong > 0 || is_strict && missing > 0 { report.with_code(NO) } else { report }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_in_files_of_any_form() {
        for (text, expected) in [
            (
                r#"{"db": {"password": "secret_coordinate::a#b"}}"#,
                &["db.password secret_coordinate::a#b"][..],
            ),
            (
                "AIRFLOW_CONN_DB=pg://u:secret_coordinate::a/b@h\n\nX='secret_coordinate::c'",
                &["line 1: password secret_coordinate::a/b", "line 3 secret_coordinate::c"],
            ),
            (
                "db:\n  password: secret_coordinate::a\n  extra: {t: \"secret_coordinate::b\", u: \
                secret_coordinate::c}",
                &[
                    "line 2 secret_coordinate::a",
                    "line 3 secret_coordinate::b",
                    "line 3 secret_coordinate::c",
                ],
            ),
            ("AIRFLOW_VAR_X=secret_coordinate::a=b", &["line 1 secret_coordinate::a=b"]),
            ("nothing", &[]),
        ] {
            let found: Vec<_> = found_in(text)
                .into_iter()
                .map(|(place, found)| format!("{place} {}", found.unwrap()))
                .collect();
            let found: Vec<_> = found.iter().map(|found| found.trim()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
