use super::*;
use crate::config::RawValue;

const FILE: &str = r#"
[core]
multi_team = True
[secrets]
backend = strongroom.memory.MemoryBackend
backend_kwargs = {"sep": "%%", "timeout": 5, "config_prefix": null}
[workers]
secrets_backend = strongroom.local.LocalFilesystemBackend
secrets_backend_kwargs_cmd = printf '{"variables_file_path": "/v.env"}'
"#;

fn config(file: &str, variables: &[(&str, &str)]) -> AirflowConfig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("airflow.cfg");
    std::fs::write(&path, file).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    AirflowConfig::read(variables, Some(&path)).unwrap()
}

fn chosen(file: &str, variables: &[(&str, &str)], component: Component) -> Chosen {
    config(file, variables).chosen(component).unwrap().unwrap()
}

fn options(chosen: &Chosen) -> Vec<String> {
    let show = |value: &RawValue| match value {
        RawValue::Text(text) => format!("{text:?}"),
        RawValue::Json(value) => crate::value::json::write(value).to_str().unwrap().to_owned(),
    };
    chosen.options.iter().map(|(key, value)| format!("{key}={}", show(value))).collect()
}

#[test]
fn the_file_is_read_with_interpolation() {
    let chosen = chosen(FILE, &[], Component::Server);
    assert_eq!(chosen.class, "strongroom.memory.MemoryBackend");
    assert!(chosen.class_place.starts_with("[secrets] backend of /"), "{}", chosen.class_place);
    assert_eq!(options(&chosen), ["config_prefix=null", r#"sep="%""#, "timeout=5"]);
    assert!(config(FILE, &[]).multi_team());
}

#[test]
fn workers_have_their_own_and_fall_back_with_the_options_of_the_other() {
    let worker = chosen(FILE, &[], Component::Worker);
    assert_eq!(worker.class, "strongroom.local.LocalFilesystemBackend");
    assert_eq!(options(&worker), [r#"variables_file_path="/v.env""#]);
    let (without, _) = FILE.split_once("[workers]").unwrap();
    let config = config(without, &[]);
    assert_eq!(config.chosen(Component::Worker).unwrap(), config.chosen(Component::Server).unwrap());
    assert!(!config.workers_differ().unwrap());
}

#[test]
fn the_environment_takes_precedence_over_the_file_and_single_keys_over_both() {
    let variables = [
        ("AIRFLOW__SECRETS__BACKEND", "a.B"),
        ("AIRFLOW__SECRETS__BACKEND_KWARGS", r#"{"sep": "-", "prefix": "$HOME/$NO"}"#),
        ("AIRFLOW__SECRETS__BACKEND_KWARG__SEP", "$HOME"),
        ("AIRFLOW__SECRETS__BACKEND_KWARG__", "nothing"),
        ("HOME", "/root"),
    ];
    let chosen = chosen(FILE, &variables, Component::Server);
    assert_eq!((chosen.class.as_str(), chosen.class_place.as_str()), ("a.B", "AIRFLOW__SECRETS__BACKEND"));
    assert_eq!(options(&chosen), [r#"prefix="/root/$NO""#, r#"sep="$HOME""#]);
    let single = [("sep".to_owned(), "AIRFLOW__SECRETS__BACKEND_KWARG__SEP".to_owned())];
    assert_eq!(chosen.single, single);
    assert_eq!((chosen.replaced, chosen.unset), (vec!["HOME".to_owned()], vec!["NO".to_owned()]));
}

#[test]
fn options_that_airflow_cannot_read_are_all_ignored() {
    for (text, problem) in [
        ("{canary", "is not valid JSON"),
        (r#"["canary"]"#, "is JSON of type list, not an object"),
        ("5", "is JSON of type int, not an object"),
    ] {
        let chosen = chosen(FILE, &[("AIRFLOW__SECRETS__BACKEND_KWARGS", text)], Component::Server);
        let unread = chosen.unread.unwrap();
        assert!(unread.starts_with(problem) && !unread.contains("canary"), "{unread}");
        assert!(chosen.options.is_empty());
    }
    for text in ["", "null", "{}", "[]", "0"] {
        let chosen = chosen(FILE, &[("AIRFLOW__SECRETS__BACKEND_KWARGS", text)], Component::Server);
        assert_eq!((chosen.unread, chosen.options.is_empty()), (None, true), "{text}");
    }
}

#[test]
fn an_empty_class_in_the_environment_switches_that_of_the_file_off() {
    let config = config(FILE, &[("AIRFLOW__SECRETS__BACKEND", "")]);
    assert_eq!(config.chosen(Component::Server).unwrap(), None);
}

#[test]
fn options_that_come_from_the_backend_itself_are_refused() {
    let variables =
        [("AIRFLOW__SECRETS__BACKEND", "a.B"), ("AIRFLOW__SECRETS__BACKEND_KWARGS_SECRET", "canary")];
    let error = config("", &variables).chosen(Component::Server).unwrap_err().to_string();
    assert!(error.starts_with("AIRFLOW__SECRETS__BACKEND_KWARGS_SECRET takes") && !error.contains("canary"));
}

#[test]
fn the_file_is_where_airflow_looks_for_it() {
    let file = |pairs: &[(&str, &str)]| {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        AirflowConfig::read(variables, None).unwrap().file().to_str().unwrap().to_owned()
    };
    assert_eq!(file(&[("HOME", "/nonexistent")]), "/nonexistent/airflow/airflow.cfg");
    assert_eq!(file(&[("HOME", "/nonexistent"), ("AIRFLOW_HOME", "~/af")]), "/nonexistent/af/airflow.cfg");
    let both = [("AIRFLOW_HOME", "/nonexistent"), ("AIRFLOW_CONFIG", "$AIRFLOW_HOME/x.cfg")];
    assert_eq!(file(&both), "/nonexistent/x.cfg");
}

#[test]
fn a_named_file_must_exist() {
    assert!(AirflowConfig::read([], Some(Path::new("/nonexistent/airflow.cfg"))).is_err());
}
