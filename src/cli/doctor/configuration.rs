//! What Airflow's configuration contains, and what Airflow silently ignores.

use crate::cli::doctor::{failed, on_server, options};
use crate::cli::setup::{Setup, Source};
use crate::config::airflow::{AirflowConfig, Chosen, NearMiss};
use crate::store::tools::{Finding, Severity};

/// Adds the findings; returns what the checks of the store need.
pub(super) fn check(source: &Source, findings: &mut Vec<Finding>) -> Option<(AirflowConfig, Setup)> {
    let airflow = source.airflow().map_err(|error| findings.push(failed("airflow_cfg", &error))).ok()?;
    findings.push(file(&airflow));
    findings.extend(near_misses(&airflow));
    let chosen = chosen(&airflow, source).map_err(|finding| findings.push(finding)).ok()?;
    findings.extend(written(&chosen));
    if chosen.leaves_it_to_the_server() {
        findings.extend(on_server::judged(&airflow, source, &chosen));
        return None;
    }
    findings.extend(workers(&airflow));
    let setup = Setup::from_chosen(chosen).map_err(|error| findings.push(failed("options", &error))).ok()?;
    findings.extend(options::judged(&airflow, &setup));
    Some((airflow, setup))
}

/// The backend that is looked at, or what is wrong without one.
fn chosen(airflow: &AirflowConfig, source: &Source) -> Result<Chosen, Finding> {
    let chosen = airflow.chosen(source.component()).map_err(|error| failed("backend", &error))?;
    chosen.or_else(|| on_server::alone(airflow)).ok_or_else(|| {
        Finding::new(
            Severity::Problem,
            "backend",
            "no secrets backend is configured",
            "Set AIRFLOW__SECRETS__BACKEND, or `backend` in [secrets] of airflow.cfg",
        )
    })
}

fn file(airflow: &AirflowConfig) -> Finding {
    let path = airflow.file().display();
    if airflow.has_file() {
        return Finding::fine("airflow_cfg", format!("{path} was read"));
    }
    Finding::new(
        Severity::Note,
        "airflow_cfg",
        format!("{path} is not there: the environment alone counts"),
        "Check AIRFLOW_HOME and AIRFLOW_CONFIG, and that this runs as the user that Airflow runs as",
    )
}

/// Names that Airflow silently ignores.
fn near_misses(airflow: &AirflowConfig) -> Vec<Finding> {
    let finding = |near: NearMiss| {
        Finding::new(
            Severity::Warning,
            "near_miss",
            format!("{} is not an option that Airflow reads", near.written),
            format!("Write {}", near.meant),
        )
    };
    airflow.near_misses().into_iter().map(finding).collect()
}

/// The written configuration, and how Airflow interprets it.
fn written(chosen: &Chosen) -> Vec<Finding> {
    let mut findings =
        vec![Finding::fine("backend", format!("{} ({})", chosen.shown_class(), chosen.class_place))];
    let place = chosen.kwargs_place.as_deref().unwrap_or("backend_kwargs");
    findings.extend(unread(chosen, place));
    findings.extend(dollars(chosen, place));
    findings.extend(chosen.single.iter().map(|(key, name)| {
        Finding::new(
            Severity::Note,
            "single_key",
            format!("`{key}` comes from {name}, which takes precedence over {place}"),
            "Airflow reads such variables from 3.2 on",
        )
    }));
    findings
}

/// Kwargs that Airflow cannot read, and leaves out.
fn unread(chosen: &Chosen, place: &str) -> Option<Finding> {
    let problem = chosen.unread.as_ref()?;
    Some(Finding::new(
        Severity::Problem,
        "kwargs",
        format!("{place} {problem}, so Airflow passes no kwargs, and the defaults apply"),
        "Write a JSON object: double quotes, lower-case true, false and null, no comma at the end; in \
        airflow.cfg a % as %%",
    ))
}

/// Dollar signs, which Airflow may replace by environment variables.
fn dollars(chosen: &Chosen, place: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !chosen.replaced.is_empty() {
        let names = chosen.replaced.join(", ");
        findings.push(Finding::new(
            Severity::Note,
            "dollar",
            format!("environment variables in {place} were replaced: {names}"),
            "If a value is meant to hold a dollar sign there, use AIRFLOW__SECRETS__BACKEND_KWARG__<KEY>, \
            where nothing is replaced",
        ));
    }
    if !chosen.unset.is_empty() {
        let count = chosen.unset.len();
        findings.push(Finding::new(
            Severity::Note,
            "dollar",
            format!("{place} has {count} dollar signs before names that are not set; they stay as they are"),
            "If a variable was meant, set it for this component",
        ));
    }
    findings
}

fn workers(airflow: &AirflowConfig) -> Option<Finding> {
    let differ = airflow.workers_differ().unwrap_or(false);
    let is_asked_for_them = on_server::alone(airflow).is_some();
    differ.then(|| {
        let evidence = if is_asked_for_them {
            "tasks hold no store ([workers] secrets_backend): Airflow's server asks this backend for them"
        } else {
            "tasks ask a backend of their own ([workers] secrets_backend)"
        };
        Finding::new(Severity::Note, "workers", evidence, "Look at it with --workers")
    })
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn found(file: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("airflow.cfg");
        std::fs::write(&path, file).unwrap();
        let mut findings = Vec::new();
        let source = Source { config: Some(path), ..Source::default() };
        check(&source, &mut findings);
        assert!(!format!("{findings:?}").contains("canary"), "{findings:?}");
        findings.iter().map(|found| format!("{} {}", found.severity.as_str(), found.check)).collect()
    }

    const MEMORY: &str = "[secrets]\nbackend = strongroom.memory.MemoryBackend\n";

    #[test]
    fn what_airflow_silently_ignores_is_reported() {
        assert_eq!(found(MEMORY), ["ok airflow_cfg", "ok backend"]);
        for (kwargs, expected) in [
            ("{canary", "problem kwargs"),
            (r#"{"chache_ttl": "canary"}"#, "warning options"),
            (r#"{"sep": "$CANARY_IS_NOT_SET"}"#, "note dollar"),
            ("50% canary", "problem backend"),
            (r#"{"timeout": "canary"}"#, "problem options"),
            (r#"{"secrets": {"a": "canary"}}"#, "warning file_mode"),
            (r#"{"cache-ttl": "canary"}"#, "problem options"),
            (r#"{"variables_lookup_pattern": "("}"#, "problem pattern"),
        ] {
            let found = found(&format!("{MEMORY}backend_kwargs = {kwargs}"));
            assert!(found.contains(&expected.to_owned()), "{kwargs}: {found:?}");
        }
    }

    #[test]
    fn options_that_are_nearly_right_are_reported() {
        let found = found("[secret]\nbackend = strongroom.memory.MemoryBackend\n");
        assert_eq!(found, ["ok airflow_cfg", "warning near_miss", "problem backend"]);
    }

    #[test]
    fn no_backend_and_an_unknown_one_are_problems() {
        assert_eq!(found("[secrets]\n"), ["ok airflow_cfg", "problem backend"]);
        assert!(found("[secrets]\nbackend = a.B").contains(&"problem options".to_owned()));
        assert_eq!(found("canary"), ["problem airflow_cfg"]);
    }

    const SERVER: &str = "secrets_backend = strongroom.server.ServerBackend\n";

    #[test]
    fn a_host_of_workers_alone_has_no_problem() {
        let host = format!("[workers]\n{SERVER}");
        assert_eq!(found(&host), ["ok airflow_cfg", "ok backend", "note on_the_server"]);
        assert_eq!(found(&format!("{MEMORY}{host}")), ["ok airflow_cfg", "ok backend", "note workers"]);
    }

    #[test]
    fn options_that_nothing_answers_are_told_each() {
        let secret =
            "[sentry]\nsentry_dsn_secret = canary\n[celery]\nbroker_url_secret = canary\nbroker_url = x\n";
        let host = format!(
            "[workers]\n{SERVER}secrets_backend_kwargs = {{\"url\": \"canary\"}}\n{secret}\
            [keycloak_auth_manager]\nclient_secret = canary\n"
        );
        assert_eq!(
            found(&host),
            ["ok airflow_cfg", "ok backend", "note on_the_server", "warning options", "warning unanswered"]
        );
    }

    #[test]
    fn in_the_place_of_a_store_it_is_a_warning() {
        let found = found("[secrets]\nbackend = strongroom.server.ServerBackend\n");
        assert_eq!(found, ["ok airflow_cfg", "ok backend", "warning on_the_server"]);
    }
}
