//! `strongroom lint`: parses every connection of a store as Airflow would, for a pipeline that checks before
//! Airflow does.

pub(super) mod odd;

use serde_json::json;

use crate::cli::list::names;
use crate::cli::output::{NO, Report, columns};
use crate::cli::progress::Progress;
use crate::cli::setup::{Client, Setup, Source};
use crate::cli::subject::{LookedUp, look_up};
use crate::config::airflow::AirflowConfig;
use crate::error::{ErrorKind, Result};
use crate::store::Description;
use crate::store::convention::{Kind, Lookup};
use crate::store::tools::Unread;
use crate::value::connection::parse;
use crate::value::json;
use crate::value::{Dialect, Text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which Airflow reads the connections: `airflow_3_3`, `task_sdk_1_3`, `airflow_3_0` or `airflow_2_11`.
    #[arg(long, value_name = "DIALECT", default_value_t)]
    dialect: Dialect,
}

/// One fault of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    id: String,
    check: &'static str,
    text: String,
}

/// Reads every connection once. The exit code is 1 if anything was found.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let airflow = source.airflow()?;
    let setup = Setup::of(&airflow, source.component())?.of_one_store("lint")?;
    let client = setup.open()?;
    let mut warnings = setup.warned();
    let (listed, heard) = names(&setup, &client, Kind::Connection, usize::MAX)?;
    warnings.extend(heard.iter().map(|heard| format!("warning: {heard}")));
    let progress = Progress::of(listed.len(), "connections");
    let mut faults = Vec::new();
    let mut left = listed.as_slice();
    while !left.is_empty() {
        let (together, later) = left.split_at(size(&setup, &client).min(left.len()));
        read_together(&setup, &client, together)?;
        for (id, _) in together {
            faults.extend(faults_of(&setup, &client, &airflow, id, arguments.dialect)?);
            progress.advance(1);
        }
        left = later;
    }
    drop(progress);
    faults.extend(unread(&client)?);
    Ok(Report { warnings, ..report(listed.len(), &faults) })
}

/// The most reads at once if the store reads one name at a time.
const AT_ONCE: usize = 8;

/// How many connections are read together: as many as one request of the store holds, or a few concurrent
/// requests. The store may find out in between that it cannot read several.
fn size(setup: &Setup, client: &Client) -> usize {
    let of_store = client.backend.batch_size().get();
    let size = if of_store == 1 { AT_ONCE } else { of_store };
    size.min(setup.settings.layers.cache.max_entries).max(1)
}

/// Makes the cache read what is looked up next. Names that fail are looked up on their own, which reports
/// why.
fn read_together(setup: &Setup, client: &Client, listed: &[(String, Description)]) -> Result<()> {
    let cache = &setup.settings.layers.cache;
    if cache.ttl.is_zero() || cache.max_entries == 0 {
        return Ok(());
    }
    let is_looked_up = |id: &str| setup.settings.patterns.allow(Kind::Connection, id).unwrap_or(false);
    let wanted = listed.iter().filter(|(id, _)| is_looked_up(id));
    let names: Vec<_> = wanted.map(|(_, described)| described.name.clone()).collect();
    client.run(client.backend.read_ahead(&names)).map(drop)
}

/// What the store holds although no lookup returns it. If it has no id, its place is shown instead.
fn unread(client: &Client) -> Result<Vec<Fault>> {
    let (unread, _) = client.run(client.backend.unread())?;
    let fault = |unread: Unread| Fault {
        id: unread.id.unwrap_or(unread.place),
        check: unread.finding.check,
        text: format!("{}. {}", unread.finding.evidence, unread.finding.remedy),
    };
    Ok(unread?.into_iter().map(fault).collect())
}

fn faults_of(
    setup: &Setup,
    client: &Client,
    airflow: &AirflowConfig,
    id: &str,
    dialect: Dialect,
) -> Result<Vec<Fault>> {
    let lookup = Lookup { kind: Kind::Connection, id, team: None };
    let fault = |check, text: String| Fault { id: id.to_owned(), check, text };
    let mut faults = Vec::new();
    if !is_legal(id) {
        faults.push(fault(
            "illegal_name",
            "Airflow's API takes up to 250 letters, digits and _#!()-.:/\\ only".to_owned(),
        ));
    }
    let (answer, _) = look_up(setup, client, airflow, lookup)?;
    let text = answer.value().map_or("", crate::value::SecretValue::expose);
    faults.extend(odd::found(text, dialect).into_iter().map(|(check, text)| fault(check, text)));
    for text in dropped(client, &answer)? {
        faults.push(fault("dropped", text));
    }
    faults.extend(fault_of_answer(&answer, dialect)?.map(|(check, text)| fault(check, text)));
    Ok(faults)
}

/// The check that the answer fails, and how. An error that ends every read is an error of the command, not of
/// a connection.
fn fault_of_answer(answer: &LookedUp, dialect: Dialect) -> Result<Option<(&'static str, String)>> {
    Ok(match (answer, answer.error(), answer.value()) {
        (_, Some(error), _) if ends_every_read(answer, error.kind()) => return Err(error.clone()),
        (_, Some(error), _) => Some((error.kind().as_str(), error.to_string())),
        (LookedUp::NotAsked(reason), ..) => Some(("not_looked_up", reason.clone())),
        (.., Some(value)) => judge(value.expose(), dialect),
        (.., None) => {
            Some(("no_text", "the secret is listed, but answers nothing: it may be binary".to_owned()))
        }
    })
}

/// Whether other connections meet the error, too. One that follows a value is that of a reference in it.
fn ends_every_read(answer: &LookedUp, kind: ErrorKind) -> bool {
    let is_of_one = matches!(kind, ErrorKind::Malformed | ErrorKind::Denied | ErrorKind::InvalidName);
    !is_of_one && answer.steps().iter().all(|step| step.outcome != "value")
}

/// Fields of the secret that Airflow does not get.
fn dropped(client: &Client, answer: &LookedUp) -> Result<Vec<String>> {
    let (LookedUp::Asked(explained), Some(_)) = (answer, answer.value()) else { return Ok(Vec::new()) };
    let Some(step) = explained.steps.iter().rfind(|step| step.referred.is_none()) else {
        return Ok(Vec::new());
    };
    let (dropped, _) = client.run(client.backend.dropped(Kind::Connection, &step.name))?;
    Ok(dropped.unwrap_or_default())
}

/// The fault of a connection's text, of which nothing is shown.
pub(super) fn judge(text: &str, dialect: Dialect) -> Option<(&'static str, String)> {
    if text.is_empty() {
        return Some(("empty", "the secret is empty, which Airflow takes for a miss".to_owned()));
    }
    let connection = match parse(&Text::from(text), dialect) {
        Ok(connection) => connection,
        Err(error) => return Some(("malformed", error.to_string())),
    };
    if !connection.conn_type.is_truthy() {
        return Some(("no_conn_type", odd::typeless(text)));
    }
    if let Err(error) = connection.get_uri() {
        return Some(("unusable", error.to_string()));
    }
    let extra = connection.extra.as_text().filter(|extra| !extra.is_empty())?;
    match json::parse(extra) {
        Ok(extra) if extra.as_object().is_some() => None,
        Ok(extra) => Some(("extra", format!("extra is JSON of type {}, not an object", extra.type_name()))),
        Err(error) => Some(("extra", format!("extra is not valid JSON: {error}"))),
    }
}

/// `^[\w#!()\-.:/\\]{1,250}$` of `sanitize_conn_id` in Airflow 3.3.2.
pub(super) fn is_legal(id: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || "_#!()-.:/\\".contains(letter);
    (1..=250).contains(&id.chars().count()) && id.chars().all(is_letter)
}

fn report(count: usize, faults: &[Fault]) -> Report {
    let rows: Vec<_> = faults
        .iter()
        .map(|fault| vec![fault.id.clone(), fault.check.to_owned(), fault.text.clone()])
        .collect();
    let text = format!("{}{count} connections read, {} findings\n", columns(&rows), faults.len());
    let found = faults.iter().map(|fault| json!({"id": fault.id, "check": fault.check, "text": fault.text}));
    let json = json!({"connections": count, "findings": found.collect::<Vec<_>>()});
    let report = Report::done(text, json);
    if faults.is_empty() { report } else { report.with_code(NO) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, dialect: Dialect) -> Option<&'static str> {
        let judged = judge(text, dialect);
        assert!(!format!("{judged:?}").contains("canary"), "{judged:?}");
        judged.map(|(check, _)| check)
    }

    #[test]
    fn what_airflow_cannot_use_is_found() {
        for (text, expected) in [
            ("postgres://u:canary@h/db", None),
            (r#"{"conn_type": "http", "host": "canary"}"#, None),
            ("", Some("empty")),
            ("  ", Some("malformed")),
            ("{canary", Some("malformed")),
            ("canary", Some("no_conn_type")),
            ("my_type://canary", Some("no_conn_type")),
            (r#"{"host": "canary"}"#, Some("no_conn_type")),
            (r#"{"conn_type": "http", "host": ["canary"]}"#, Some("unusable")),
            (r#"{"conn_type": "http", "extra": "canary"}"#, Some("malformed")),
        ] {
            assert_eq!(check(text, Dialect::Airflow33), expected, "{text}");
        }
        let text = r#"{"conn_type": "http", "extra": "canary"}"#;
        assert_eq!(check(text, Dialect::Airflow211), Some("extra"));
    }

    #[test]
    fn names_that_the_api_refuses_are_found() {
        assert!(is_legal("a-b_c.d:e/f#(1)") && is_legal("é"));
        assert!(!is_legal("") && !is_legal("a b") && !is_legal("a@b") && !is_legal(&"x".repeat(251)));
    }

    #[test]
    fn a_finding_makes_the_answer_no() {
        let fault = Fault { id: "a".to_owned(), check: "empty", text: "t".to_owned() };
        let found = report(2, &[fault]);
        assert_eq!(found.code, NO);
        insta::assert_snapshot!(found.text, @r"
        a  empty  t
        2 connections read, 1 findings
        ");
        assert_eq!(report(2, &[]).code, 0);
    }
}
