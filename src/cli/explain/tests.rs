//! Searches on secrets in memory.

use super::*;

const MEMORY: &str = "strongroom.memory.MemoryBackend";

/// The search of `component`, as text.
fn told(variables: &[(&str, &str)], component: Component, kind: Kind) -> String {
    let home = [("AIRFLOW_HOME", "/nonexistent")];
    let set = variables.iter().chain(&home).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let airflow = AirflowConfig::read(set, None).unwrap();
    let searched = search(&airflow, component, Lookup { kind, id: "x", team: None }).unwrap();
    format!("{}code {}", shown::text(&searched), searched.code())
}

#[test]
fn without_a_backend_the_rest_of_the_search_is_told() {
    insta::assert_snapshot!(told(&[], Component::Server, Kind::Variable), @r"
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
    let set = told(&[("AIRFLOW_VAR_X", "canary")], Component::Server, Kind::Variable);
    assert!(set.contains("Outcome: answered by AIRFLOW_VAR_X\n") && set.ends_with("code 0"), "{set}");
    assert!(!set.contains("canary"), "{set}");
    let config = told(&[], Component::Server, Kind::Config);
    assert!(config.contains("Airflow uses the option's default") && config.ends_with("code 1"), "{config}");
}

#[test]
fn a_backend_of_somebody_else_may_answer_first() {
    let foreign = [("AIRFLOW__SECRETS__BACKEND", "mine.Backend"), ("AIRFLOW_CONN_X", "canary")];
    insta::assert_snapshot!(told(&foreign, Component::Server, Kind::Connection), @r"
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
    let alone = told(&foreign[..1], Component::Server, Kind::Connection);
    assert!(
        alone.contains(
            "Outcome: nobody who was asked has it; Airflow asks the metastore last; the backend of"
        )
    );
    let of_workers = [
        ("AIRFLOW__WORKERS__SECRETS_BACKEND", "mine.Backend"),
        ("AIRFLOW__SECRETS__BACKEND", MEMORY),
        ("AIRFLOW__SECRETS__BACKEND_KWARGS", r#"{"secrets": {"airflow/variables/x": "canary"}}"#),
    ];
    let text = told(&of_workers, Component::Server, Kind::Variable);
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
    let text = told(&behind, Component::Server, Kind::Variable);
    assert!(!text.contains("canary") && !text.contains("may answer first"), "{text}");
}

#[test]
fn a_config_value_is_asked_of_one_backend_and_by_an_option() {
    let stored = r#"{"secrets": {"airflow/config/x": "canary"}}"#;
    let server = [("AIRFLOW__SECRETS__BACKEND", MEMORY), ("AIRFLOW__SECRETS__BACKEND_KWARGS", stored)];
    let nobody = told(&server, Component::Server, Kind::Config);
    assert!(nobody.contains("Remedy:  Set AIRFLOW__SECTION__OPTION_SECRET to `x`"), "{nobody}");
    let asked = [server.as_slice(), &[("AIRFLOW__SENTRY__SENTRY_DSN_SECRET", "x")]].concat();
    let found = told(&asked, Component::Server, Kind::Config);
    assert!(found.contains(
        "1. Options that take their value from the backend\n   AIRFLOW__SENTRY__SENTRY_DSN_SECRET: asks for \
    it\n"
    ));
    assert!(found.ends_with("Outcome: answered by the backend of [secrets]\ncode 0"), "{found}");
    let hidden = [asked.as_slice(), &[("AIRFLOW__SENTRY__SENTRY_DSN", "canary")]].concat();
    let text = told(&hidden, Component::Server, Kind::Config);
    assert!(text.contains("Outcome: answered by AIRFLOW__SENTRY__SENTRY_DSN\n"), "{text}");
    // Code of tasks asks the backend of workers and goes on to no other.
    let workers = [asked.as_slice(), &[("AIRFLOW__WORKERS__SECRETS_BACKEND", MEMORY)]].concat();
    assert!(told(&workers, Component::Worker, Kind::Config).ends_with("code 1"));
    let text = told(&workers, Component::Server, Kind::Config);
    assert!(text.contains("see it with --workers") && text.ends_with("code 0"), "{text}");
}

const SERVER: (&str, &str) = ("AIRFLOW__WORKERS__SECRETS_BACKEND", "strongroom.server.ServerBackend");

#[test]
fn a_host_without_a_store_names_who_is_to_be_asked() {
    insta::assert_snapshot!(told(&[SERVER], Component::Worker, Kind::Connection), @r"
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
    let variable = told(&[SERVER, ("AIRFLOW_VAR_X", "canary")], Component::Server, Kind::Variable);
    assert!(variable.contains("Outcome: answered by AIRFLOW_VAR_X\n"), "{variable}");
    let config = told(&[SERVER], Component::Worker, Kind::Config);
    assert!(config.contains("Remedy:  Write the value into the option itself on this host"), "{config}");
    let fallen_back = told(&[("AIRFLOW__SECRETS__BACKEND", SERVER.1)], Component::Server, Kind::Variable);
    assert!(fallen_back.contains("nothing on this host; Airflow's server answers"), "{fallen_back}");
}

#[test]
fn where_the_server_has_its_store_the_search_goes_on_there() {
    let stored = r#"{"secrets": {"airflow/variables/x": "canary"}}"#;
    let both = |stored| {
        let of_secrets =
            [("AIRFLOW__SECRETS__BACKEND", MEMORY), ("AIRFLOW__SECRETS__BACKEND_KWARGS", stored), SERVER];
        told(&of_secrets, Component::Server, Kind::Variable)
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
