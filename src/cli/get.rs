//! `strongroom get` and `strongroom reveal`: one secret, masked or in full.

use serde_json::{Value, json};

use crate::backend::AskedName;
use crate::cli::coordinates::{Coordinates, own};
use crate::cli::masked::{self, MASK};
use crate::cli::near::{near_ids, question};
use crate::cli::output::{NO, Report, columns};
use crate::cli::setup::{Client, Setup, Source};
use crate::cli::subject::{LookedUp, Subject, look_up};
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::convention::{Kind, Lookup};
use crate::value::connection::parse;
use crate::value::{Dialect, SecretValue, Text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// Which Airflow reads a connection: `airflow_3_3`, `task_sdk_1_3`, `airflow_3_0` or `airflow_2_11`.
    #[arg(long, value_name = "DIALECT", default_value_t)]
    dialect: Dialect,
    #[command(flatten)]
    coordinates: Coordinates,
}

#[derive(Debug, clap::Args)]
pub(super) struct RevealArguments {
    #[command(flatten)]
    subject: Subject,
}

/// Shows that a secret exists and its fields, without the secret parts.
pub(super) fn get(source: &Source, arguments: &Arguments) -> Result<Report> {
    let lookup = arguments.subject.lookup();
    with_secret(source, lookup, |secret, steps| shown(lookup, secret, arguments, steps))
}

/// Shows the secret itself: the only command that does.
pub(super) fn reveal(source: &Source, arguments: &RevealArguments) -> Result<Report> {
    let lookup = arguments.subject.lookup();
    with_secret(source, lookup, |secret, _| {
        let value = secret.expose();
        let json = json!({"kind": lookup.kind.as_str(), "id": lookup.id, "found": true, "value": value});
        Ok(Report::done(format!("{value}\n"), json).exact())
    })
}

fn with_secret(
    source: &Source,
    lookup: Lookup<'_>,
    show: impl FnOnce(&SecretValue, &[AskedName]) -> Result<Report>,
) -> Result<Report> {
    let airflow = source.airflow()?;
    let setup = Setup::of(&airflow, source.component())?;
    let client = setup.open()?;
    let (answer, heard) = look_up(&setup, &client, &airflow, lookup)?;
    if let Some(error) = answer.error() {
        return Err(error.clone());
    }
    let mut report = match answer.value() {
        Some(secret) => show(secret, answer.steps())?,
        None => missing(lookup, &answer, &near(&setup, &client, lookup, &answer)),
    };
    report.warnings = setup.warned();
    report.warnings.extend(heard.iter().map(|heard| format!("warning: {heard}")));
    Ok(report)
}

/// Ids similar to one for which the store has no secret.
fn near(setup: &Setup, client: &Client, lookup: Lookup<'_>, answer: &LookedUp) -> Vec<String> {
    if matches!(answer, LookedUp::Asked(_)) { near_ids(setup, client, lookup) } else { Vec::new() }
}

/// The report about an absent secret; `strongroom explain` gives details.
fn missing(lookup: Lookup<'_>, answer: &LookedUp, near: &[String]) -> Report {
    let reason = match answer {
        LookedUp::NotAsked(reason) => reason.clone(),
        LookedUp::Refused(error) => error.to_string(),
        LookedUp::Asked(explained) => {
            let asked: Vec<_> = explained.steps.iter().map(|step| format!("`{}`", step.name)).collect();
            format!("asked for {}", asked.join(", then "))
        }
    };
    let question = question(near).map(|question| format!(". {question}")).unwrap_or_default();
    let text =
        format!("{} `{}` is not in the backend: {reason}{question}\n", lookup.kind.title(), Shown(lookup.id));
    let json = json!({"kind": lookup.kind.as_str(), "id": lookup.id, "found": false, "reason": reason,
        "near": near});
    Report::done(text, json).with_code(NO)
}

fn shown(lookup: Lookup<'_>, secret: &SecretValue, asked: &Arguments, steps: &[AskedName]) -> Result<Report> {
    let mut json = json!({"kind": lookup.kind.as_str(), "id": lookup.id, "found": true});
    let coordinates = asked.coordinates;
    let references: Vec<_> = own(steps).map(|referred| coordinates.json(referred)).collect();
    if !references.is_empty() {
        json["references"] = json!(references);
    }
    if lookup.kind != Kind::Connection {
        let whole = own(steps).find(|referred| referred.place.is_empty());
        let masked = if secret.is_empty() { "" } else { MASK }.to_owned();
        let value = whole.map_or(masked, |referred| coordinates.of(referred));
        json["value"] = json!(value);
        json["form"] = json!(form(secret));
        let rows = [row("id", lookup.id), row("value", &value), row("form", form(secret))];
        return Ok(Report::done(columns(&rows), json));
    }
    let connection = parse(&Text::from(secret.expose()), asked.dialect).map_err(|error| {
        Error::new(ErrorKind::Malformed, format!("connection `{}`: {error}", Shown(lookup.id)))
            .with_hint("Airflow takes it for a miss and asks its next backend")
    })?;
    let mut fields = masked::fields(&connection, secret.expose());
    coordinates.put(&mut fields, steps);
    let mut rows = vec![row("conn_id", lookup.id)];
    rows.extend(fields.iter().map(|(name, value)| row(name, &plain(value))));
    json["fields"] = Value::Object(fields);
    Ok(Report::done(columns(&rows), json))
}

/// A description of the form of a variable's value.
fn form(secret: &SecretValue) -> &'static str {
    let text = secret.expose();
    if text.is_empty() {
        return "empty";
    }
    match crate::value::json::parse(&Text::from(text)) {
        Ok(value) if value.as_object().is_some() => "JSON object",
        Ok(value) if value.as_array().is_some() => "JSON array",
        _ => "text",
    }
}

fn row(name: &str, value: &str) -> Vec<String> {
    vec![name.to_owned(), value.to_owned()]
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(lookup: Lookup<'_>) -> Arguments {
        Arguments {
            subject: Subject::of(lookup),
            dialect: Dialect::default(),
            coordinates: Coordinates::default(),
        }
    }

    fn shown_as(kind: Kind, secret: &str) -> (String, String) {
        let lookup = Lookup { kind, id: "a", team: None };
        let report = shown(lookup, &SecretValue::text(secret), &arguments(lookup), &[]).unwrap();
        (report.text, report.json.to_string())
    }

    #[test]
    fn variables_show_their_form_only() {
        for (secret, form) in
            [("canary", "text"), (r#"{"a": "canary"}"#, "JSON object"), ("[1]", "JSON array"), ("", "empty")]
        {
            let (text, json) = shown_as(Kind::Variable, secret);
            assert!(text.contains(form) && json.contains(form), "{text}");
            assert!(!text.contains("canary") && !json.contains("canary"));
        }
    }

    #[test]
    fn a_connection_shows_its_fields() {
        let (text, _) = shown_as(Kind::Connection, "postgres://u:canary@h/db");
        insta::assert_snapshot!(text, @r#"
        conn_id       a
        conn_type     postgres
        description
        host          h
        schema        db
        login         u
        password      ***
        port
        extra_dejson  {}
        "#);
    }

    #[test]
    fn a_connection_that_airflow_cannot_read_is_an_error_without_it() {
        let lookup = Lookup { kind: Kind::Connection, id: "a", team: None };
        let error = shown(lookup, &SecretValue::text("{canary"), &arguments(lookup), &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
