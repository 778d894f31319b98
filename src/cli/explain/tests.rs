//! Searches on secrets in memory.

use super::*;

const MEMORY: &str = "strongroom.memory.MemoryBackend";

/// The search of `component`, as text.
fn explained(variables: &[(&str, &str)], component: Component, kind: Kind) -> String {
    let home = [("AIRFLOW_HOME", "/nonexistent")];
    let set = variables.iter().chain(&home).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let airflow = AirflowConfig::read(set, None).unwrap();
    let searched = search(&airflow, component, Lookup { kind, id: "x", team: None }).unwrap();
    format!("{}code {}", shown::text(&searched), searched.code())
}

#[test]
fn without_a_backend_the_rest_of_the_search_is_shown() {
    insta::assert_snapshot!(explained(&[], Component::Server, Kind::Variable), @r"
    Variable `x`

    1. The secrets backend
       not asked: no secrets backend is configured: AIRFLOW__SECRETS__BACKEND is not set, and /nonexistent/airflow.cfg is not there

    2. Environment variables
       AIRFLOW_VAR_X: not set

    3. Metastore
       Airflow's database; not read here: see `airflow connections list` and `airflow variables list`
       a task of Airflow 3 asks through the API server, which first looks in [secrets] and in its own environment

    Outcome: not in the environment, and there is no backend; Airflow asks the metastore
    Remedy:  Set AIRFLOW__SECRETS__BACKEND, AIRFLOW_HOME, AIRFLOW_CONFIG or --config, as the Airflow in question has them
    code 1
    ");
    let set = explained(&[("AIRFLOW_VAR_X", "canary")], Component::Server, Kind::Variable);
    assert!(set.contains("Outcome: answered by AIRFLOW_VAR_X\n") && set.ends_with("code 0"), "{set}");
    assert!(!set.contains("canary"), "{set}");
    let config = explained(&[], Component::Server, Kind::Config);
    assert!(config.contains("Airflow uses the option's default") && config.ends_with("code 1"), "{config}");
}

#[test]
fn a_foreign_backend_may_answer_first() {
    let foreign = [("AIRFLOW__SECRETS__BACKEND", "mine.Backend"), ("AIRFLOW_CONN_X", "canary")];
    insta::assert_snapshot!(explained(&foreign, Component::Server, Kind::Connection), @r"
    Connection `x`

    1. mine.Backend (AIRFLOW__SECRETS__BACKEND)
       not asked: this is not a class that Strongroom knows

    2. Environment variables
       AIRFLOW_CONN_X: set; Airflow takes it

    3. Metastore
       Airflow's database; not read here: see `airflow connections list` and `airflow variables list`
       a task of Airflow 3 asks through the API server, which first looks in [secrets] and in its own environment

    Outcome: answered by AIRFLOW_CONN_X; the backend of [secrets] may answer first
    Remedy:  Ask Airflow, which asks that backend: `airflow connections get x`
    code 0
    ");
    let alone = explained(&foreign[..1], Component::Server, Kind::Connection);
    assert!(alone.contains(
        "Outcome: no place that was asked has it; Airflow asks the metastore last; the backend of"
    ));
    let of_workers = [
        ("AIRFLOW__WORKERS__SECRETS_BACKEND", "mine.Backend"),
        ("AIRFLOW__SECRETS__BACKEND", MEMORY),
        ("AIRFLOW__SECRETS__BACKEND_KWARGS", r#"{"secrets": {"airflow/variables/x": "canary"}}"#),
    ];
    let text = explained(&of_workers, Component::Server, Kind::Variable);
    assert!(text.contains("answered by the backend of [secrets]; the backend of [workers] may answer first"));
    assert!(!text.contains("canary") && text.ends_with("code 0"), "{text}");
}

#[test]
fn a_backend_that_is_not_reached_answers_nothing_first() {
    let behind = [
        ("AIRFLOW__WORKERS__SECRETS_BACKEND", MEMORY),
        ("AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS", r#"{"secrets": {"airflow/variables/x": "canary"}}"#),
        ("AIRFLOW__SECRETS__BACKEND", "postgres://u:canary@h"),
    ];
    let text = explained(&behind, Component::Server, Kind::Variable);
    assert!(!text.contains("canary") && !text.contains("may answer first"), "{text}");
}

#[test]
fn a_config_value_is_asked_of_one_backend_and_by_an_option() {
    let stored = r#"{"secrets": {"airflow/config/x": "canary"}}"#;
    let server = [("AIRFLOW__SECRETS__BACKEND", MEMORY), ("AIRFLOW__SECRETS__BACKEND_KWARGS", stored)];
    let unasked = explained(&server, Component::Server, Kind::Config);
    assert!(unasked.contains("Remedy:  Set AIRFLOW__SECTION__OPTION_SECRET to `x`"), "{unasked}");
    let asked = [server.as_slice(), &[("AIRFLOW__SENTRY__SENTRY_DSN_SECRET", "x")]].concat();
    let found = explained(&asked, Component::Server, Kind::Config);
    assert!(found.contains(
        "1. Options that take their value from the backend\n   AIRFLOW__SENTRY__SENTRY_DSN_SECRET: asks for \
    it\n"
    ));
    assert!(found.ends_with("Outcome: answered by the backend of [secrets]\ncode 0"), "{found}");
    let hidden = [asked.as_slice(), &[("AIRFLOW__SENTRY__SENTRY_DSN", "canary")]].concat();
    let text = explained(&hidden, Component::Server, Kind::Config);
    assert!(text.contains("Outcome: answered by AIRFLOW__SENTRY__SENTRY_DSN\n"), "{text}");
    // Code in tasks asks the backend of workers, and continues to no other.
    let workers = [asked.as_slice(), &[("AIRFLOW__WORKERS__SECRETS_BACKEND", MEMORY)]].concat();
    assert!(explained(&workers, Component::Worker, Kind::Config).ends_with("code 1"));
    let text = explained(&workers, Component::Server, Kind::Config);
    assert!(text.contains("see it with --workers") && text.ends_with("code 0"), "{text}");
}

const SERVER: (&str, &str) = ("AIRFLOW__WORKERS__SECRETS_BACKEND", "strongroom.server.ServerBackend");

#[test]
fn a_host_without_a_store_names_who_is_to_be_asked() {
    insta::assert_snapshot!(explained(&[SERVER], Component::Worker, Kind::Connection), @r"
    Connection `x`

    1. strongroom.server.ServerBackend (AIRFLOW__WORKERS__SECRETS_BACKEND)
       Airflow 2 reads no [workers]: there the search begins with [secrets]
       not asked: it holds no store and answers None by design, so that Airflow's server is asked

    2. Environment variables
       AIRFLOW_CONN_X: not set

    3. Metastore
       Airflow's database; not read here: see `airflow connections list` and `airflow variables list`
       a task of Airflow 3 asks through the API server, which first looks in [secrets] and in its own environment

    Outcome: nothing on this host; Airflow's server answers
    Remedy:  Run `strongroom explain connection x` where the API server runs; for DAG files at the DAG processor, for triggers at the triggerer
    code 1
    ");
    let variable = explained(&[SERVER, ("AIRFLOW_VAR_X", "canary")], Component::Server, Kind::Variable);
    assert!(variable.contains("Outcome: answered by AIRFLOW_VAR_X\n"), "{variable}");
    let config = explained(&[SERVER], Component::Worker, Kind::Config);
    assert!(config.contains("Remedy:  Write the value into the option itself on this host"), "{config}");
    let fallen_back =
        explained(&[("AIRFLOW__SECRETS__BACKEND", SERVER.1)], Component::Server, Kind::Variable);
    assert!(fallen_back.contains("nothing on this host; Airflow's server answers"), "{fallen_back}");
}

#[test]
fn where_the_server_has_its_store_the_search_goes_on_there() {
    let stored = r#"{"secrets": {"airflow/variables/x": "canary"}}"#;
    let both = |stored| {
        let of_secrets =
            [("AIRFLOW__SECRETS__BACKEND", MEMORY), ("AIRFLOW__SECRETS__BACKEND_KWARGS", stored), SERVER];
        explained(&of_secrets, Component::Server, Kind::Variable)
    };
    let found = both(stored);
    assert!(
        found.contains("1. strongroom.server.ServerBackend (AIRFLOW__WORKERS__SECRETS_BACKEND)"),
        "{found}"
    );
    assert!(found.ends_with("Outcome: answered by the backend of [secrets]\ncode 0"), "{found}");
    let absent = both("{}");
    assert!(absent.contains("Remedy:  Store the secret as `airflow/variables/x`"), "{absent}");
}
