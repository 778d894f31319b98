//! A host whose processes hold no store: what answers, and what nothing answers.

use crate::cli::setup::Source;
use crate::config::airflow::{AirflowConfig, Chosen, Component, NamedBy};
use crate::store::tools::{Finding, Severity};

/// The configuration of a host of workers, if it is one: tasks leave their lookups to the server, and no
/// backend is configured for anything else.
pub(super) fn alone(airflow: &AirflowConfig) -> Option<Chosen> {
    airflow.chosen(Component::Worker).ok().flatten().filter(Chosen::leaves_it_to_the_server)
}

/// What there is to know of `chosen`, the class without a store.
pub(super) fn judged(airflow: &AirflowConfig, source: &Source, chosen: &Chosen) -> Vec<Finding> {
    let of_secrets = airflow.chosen(Component::Server).ok().flatten();
    let is_of_workers = airflow.workers_differ().unwrap_or(false);
    let mut findings = vec![place(is_of_workers)];
    findings.extend(options(chosen));
    if is_of_workers {
        findings.extend(of_secrets.filter(|_| source.workers).map(|of_secrets| beside(&of_secrets)));
    }
    findings.extend(airflow.named_by_any().iter().filter(|named| named.hidden_by.is_none()).map(unanswered));
    findings
}

/// Who answers. In `[secrets]` the class is right on a host of workers alone.
fn place(is_of_workers: bool) -> Finding {
    if is_of_workers {
        return Finding::new(
            Severity::Note,
            "on_the_server",
            "tasks, parsed files and triggers of this host hold no store: Airflow's server asks its own \
            backend",
            "Run `strongroom doctor` where the API server, the DAG processor and the triggerer run",
        );
    }
    Finding::new(
        Severity::Warning,
        "on_the_server",
        "[secrets] names the class that holds no store: tasks ask Airflow's server, and the server itself \
        must not have this class",
        "Name it in [workers] secrets_backend, and the class of the store in [secrets] of the server",
    )
}

fn options(chosen: &Chosen) -> Option<Finding> {
    let keys: Vec<_> = chosen.options.iter().map(|(key, _)| format!("`{key}`")).collect();
    (!keys.is_empty()).then(|| {
        Finding::new(
            Severity::Warning,
            "options",
            format!("this class takes no options; these have no effect: {}", keys.join(", ")),
            "The options of the store belong in [secrets] backend_kwargs of the server",
        )
    })
}

/// The server's own backend, on the same host.
fn beside(of_secrets: &Chosen) -> Finding {
    Finding::new(
        Severity::Note,
        "on_the_server",
        format!(
            "[secrets] of this host names {}, so its identity is within reach here",
            of_secrets.shown_class()
        ),
        "On a host that runs tasks alone leave out [secrets], and the credentials of the store",
    )
}

/// An option that keeps its default without a word of Airflow's.
fn unanswered(named: &NamedBy) -> Finding {
    Finding::new(
        Severity::Warning,
        "unanswered",
        format!(
            "{} asks a backend, and the one of tasks holds no store: the option keeps its default",
            named.place
        ),
        "Write the value into the option itself on this host, or use its _CMD form",
    )
}
