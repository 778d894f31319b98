//! The store as a whole, over real files.

use std::path::PathBuf;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::store::convention::{Kind, Lookup, Naming};
use crate::store::environment::Environment;
use crate::store::options::{OptionSpec, OptionValue, Options};

struct Fixture {
    folder: tempfile::TempDir,
    options: Options,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), options: Options::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn with(mut self, option: OptionSpec, name: &str, content: &str) -> Self {
        std::fs::write(self.path(name), content).unwrap();
        let path = self.path(name).to_str().unwrap().to_owned();
        self.options.set(option.key, OptionValue::Text(path));
        self
    }

    fn store(&self) -> Arc<dyn Store> {
        (ENTRY.open)(&self.options, &Environment::default()).unwrap()
    }

    async fn get(&self, name: &str) -> Result<Option<String>> {
        let value = self.store().get(&name.into()).await?;
        Ok(value.map(|value| value.expose().to_owned()))
    }
}

#[tokio::test]
async fn every_kind_has_its_file() {
    let fixture = Fixture::new()
        .with(CONNECTIONS_FILE_PATH, "c.env", "a=x://h")
        .with(VARIABLES_FILE_PATH, "v.json", r#"{"a": "text", "b/c": 1}"#)
        .with(CONFIGS_FILE_PATH, "o.yaml", "a: [option]");
    assert_eq!(fixture.get("connections/a").await.unwrap().as_deref(), Some("x://h"));
    assert_eq!(fixture.get("variables/a").await.unwrap().as_deref(), Some("text"));
    assert_eq!(fixture.get("variables/b/c").await.unwrap().as_deref(), Some("1"));
    assert_eq!(fixture.get("config/a").await.unwrap().as_deref(), Some("option"));
    assert_eq!(fixture.get("connections/b").await.unwrap(), None);
    assert_eq!(fixture.get("pools/a").await.unwrap_err().kind(), ErrorKind::InvalidName);
}

#[tokio::test]
async fn the_settings_file_answers_last() {
    let settings = "airflow:\n  connections:\n    - {conn_id: a, conn_uri: s://h}\n    - \
    {conn_id: b, conn_uri: s://h}\n  variables:\n    - {variable_name: v, variable_value: 1}";
    let fixture = Fixture::new().with(CONNECTIONS_FILE_PATH, "c.env", "a=x://h").with(
        SETTINGS_FILE_PATH,
        "airflow_settings.yaml",
        settings,
    );
    assert_eq!(fixture.get("connections/a").await.unwrap().as_deref(), Some("x://h"));
    assert_eq!(fixture.get("connections/b").await.unwrap().as_deref(), Some("s://h"));
    assert_eq!(fixture.get("variables/v").await.unwrap().as_deref(), Some("1"));
    assert_eq!(fixture.get("variables/w").await.unwrap(), None);
    assert_eq!(fixture.get("config/v").await.unwrap(), None);
}

#[tokio::test]
async fn a_broken_file_is_an_error_even_if_the_settings_file_could_answer() {
    let fixture = Fixture::new().with(VARIABLES_FILE_PATH, "v.json", "{canary").with(
        SETTINGS_FILE_PATH,
        "s.yaml",
        "airflow:\n  variables:\n    - {variable_name: v, variable_value: 1}",
    );
    let error = fixture.get("variables/v").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test]
async fn missing_files_and_wrong_names_are_reported_at_lookup() {
    let mut fixture =
        Fixture::new().with(VARIABLES_FILE_PATH, "v.txt", "").with(SETTINGS_FILE_PATH, "s.json", "{}");
    let path = fixture.path("absent.env").to_str().unwrap().to_owned();
    fixture.options.set(CONNECTIONS_FILE_PATH.key, OptionValue::Text(path));
    let code = |error: Error| (error.kind(), error.code().unwrap().to_owned());
    let missing = fixture.get("connections/a").await.unwrap_err();
    assert_eq!(code(missing), (ErrorKind::Config, "FileNotFoundError".to_owned()));
    let unsupported = fixture.get("variables/a").await.unwrap_err();
    assert_eq!(code(unsupported), (ErrorKind::Config, "AirflowUnsupportedFileTypeException".to_owned()));
}

#[tokio::test]
async fn the_settings_file_must_be_yaml() {
    let fixture = Fixture::new().with(SETTINGS_FILE_PATH, "s.json", "{}");
    assert_eq!(fixture.get("variables/a").await.unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn it_works_without_a_runtime() {
    let fixture = Fixture::new().with(VARIABLES_FILE_PATH, "v.env", "a=1");
    let (store, name) = (fixture.store(), SecretName::from("variables/a"));
    let mut lookup = store.get(&name);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Ok(Some(value))) = lookup.as_mut().poll(&mut context) else {
        panic!("no value")
    };
    assert_eq!(value.expose(), "1");
}

#[test]
fn kinds_without_a_file_are_off() {
    let fixture = Fixture::new().with(VARIABLES_FILE_PATH, "v.env", "a=1");
    let convention = (ENTRY.convention)(&fixture.options).unwrap();
    let naming = |kind| convention.names(Lookup { kind, id: "a", team: Some("t") });
    assert_eq!(naming(Kind::Connection), Naming::Off);
    assert_eq!(naming(Kind::Variable), Naming::Names(vec!["variables/a".into()]));
}

#[test]
fn debug_shows_paths_only() {
    let fixture = Fixture::new().with(VARIABLES_FILE_PATH, "v.env", "a=canary");
    let shown = format!("{:?}", fixture.store());
    assert!(shown.contains("v.env") && !shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn names_of_every_file_are_listed_by_prefix() {
    let settings = "airflow:\n  connections:\n    - {conn_id: a, conn_uri: s://h}\n    - \
    {conn_id: z}\n  variables:\n    - {variable_name: v, variable_value: 1}";
    let fixture = Fixture::new()
        .with(CONNECTIONS_FILE_PATH, "c.json", r#"{"a": "x://h", "bad": 5, "none": []}"#)
        .with(CONFIGS_FILE_PATH, "o.env", "a=1")
        .with(SETTINGS_FILE_PATH, "airflow_settings.yaml", settings);
    let listed = async |prefix: &str| {
        let listed = fixture.store().inspect().unwrap().list(prefix, None).await.unwrap();
        assert_eq!(listed.next, None);
        listed.readable().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    let all = ["config/a", "connections/a", "connections/bad", "connections/z", "variables/v"];
    assert_eq!(listed("").await, all);
    assert_eq!(listed("connections/a").await, ["connections/a"]);
    assert!(listed("pools/").await.is_empty());
}

#[tokio::test]
async fn a_broken_file_breaks_the_listing_of_its_kind_only() {
    let fixture = Fixture::new().with(CONNECTIONS_FILE_PATH, "c.env", "a=x://h").with(
        VARIABLES_FILE_PATH,
        "v.json",
        "{canary",
    );
    let store = fixture.store();
    assert_eq!(
        store.inspect().unwrap().list("connections/", None).await.unwrap(),
        Listing::of_names(["connections/a"], None)
    );
    let error = store.inspect().unwrap().list("", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test]
async fn world_readable_files_are_reported() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().with(VARIABLES_FILE_PATH, "v.json", r#"{"a": "canary"}"#);
    for (mode, expected) in [(0o644, 1), (0o640, 0), (0o600, 0)] {
        std::fs::set_permissions(fixture.path("v.json"), std::fs::Permissions::from_mode(mode)).unwrap();
        let found = fixture.store().inspect().unwrap().diagnose().await;
        assert_eq!(found.len(), expected, "{found:?}");
        assert!(!format!("{found:?}").contains("canary"));
    }
}
