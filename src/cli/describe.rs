//! `strongroom describe`: what the store knows about a secret besides its value.

use serde_json::json;

use crate::cli::dates::iso;
use crate::cli::list::{description_as_json, tags};
use crate::cli::output::{NO, Report, columns};
use crate::cli::setup::{Setup, Source};
use crate::cli::subject::{Subject, route};
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::Description;
use crate::store::convention::Lookup;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: Subject,
}

/// Describes the first existing name of the lookup. The value is not read.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let airflow = source.airflow()?;
    let setup = Setup::of(&airflow, source.component())?.of_one_store("describe")?;
    let lookup = arguments.subject.lookup();
    let route = route(&setup, &airflow, lookup).map_err(|unasked| unasked.into_error(&setup))?;
    let client = setup.open()?;
    let mut warnings = setup.warned();
    let (described, heard) = client.run(client.backend.describe(&route))?;
    warnings.extend(heard.iter().map(|heard| format!("warning: {heard}")));
    if let Some(described) = described.map_err(with_other_ways)? {
        return Ok(Report { warnings, ..found(lookup, &described) });
    }
    let text =
        format!("{} `{}` is not in the store: asked for {route}\n", lookup.kind.title(), Shown(lookup.id));
    let json = json!({"kind": lookup.kind.as_str(), "id": lookup.id, "found": false});
    Ok(Report { warnings, ..Report::done(text, json).with_code(NO) })
}

/// If a store reports nothing but values, the hint names other commands.
fn with_other_ways(error: Error) -> Error {
    if error.kind() != ErrorKind::Unsupported || error.hint().is_some() {
        return error;
    }
    error.with_hint("`strongroom list` shows the names, and `strongroom explain` the outcome of a lookup")
}

fn found(lookup: Lookup<'_>, described: &Description) -> Report {
    let mut json = description_as_json(described);
    json["kind"] = json!(lookup.kind.as_str());
    json["id"] = json!(lookup.id);
    json["found"] = json!(true);
    let moments = [
        ("created", described.created),
        ("changed", described.changed),
        ("last read", described.accessed),
        ("expires", described.expires),
        ("deleted", described.deleted),
    ];
    let texts = [
        ("name", Some(described.name.to_string())),
        ("store id", described.id.clone()),
        ("version", described.version.clone()),
        ("form", described.form.clone()),
        ("key", described.key.clone()),
        ("state", described.state.map(str::to_owned)),
    ];
    let moments = moments.into_iter().map(|(name, moment)| (name, moment.map(iso)));
    let tags = Some(tags(described)).filter(|tags| !tags.is_empty());
    let rows = texts.into_iter().chain(moments).chain([("tags", tags)]);
    let rows: Vec<_> = rows.filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect();
    Report::done(columns(&rows), json)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::store::convention::Kind;

    #[test]
    fn a_store_that_cannot_describe_leaves_other_commands() {
        let hint_of = |kind| with_other_ways(Error::new(kind, "no")).hint().map(str::to_owned);
        assert!(hint_of(ErrorKind::Unsupported).is_some_and(|hint| hint.contains("`strongroom explain`")));
        assert_eq!(hint_of(ErrorKind::Denied), None);
    }

    #[test]
    fn only_what_is_known_is_shown() {
        let described = Description {
            version: Some("7".to_owned()),
            created: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_368_200)),
            ..Description::of("p/a")
        };
        let report = found(Lookup { kind: Kind::Variable, id: "a", team: None }, &described);
        insta::assert_snapshot!(report.text, @r"
        name     p/a
        version  7
        created  2026-03-01T12:30:00Z
        ");
        assert_eq!(report.json["created"], "2026-03-01T12:30:00Z");
        assert_eq!(report.json["accessed"], serde_json::Value::Null);
    }
}
