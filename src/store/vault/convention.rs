//! How the official class names secrets and reads what they hold.
//!
//! Source: `airflow.providers.hashicorp.secrets.vault` 4.8.4.

use crate::error::{Error, ErrorKind, Result};
use crate::store::convention::{Convention, Form, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::kit::from_json::{json_text, secret_from_json};
use crate::store::options::{OptionValue, Options};
use crate::store::vault::config::mount;
use crate::store::vault::options::BY_TEAM;
use crate::store::vault::path::{collapse, fault};
use crate::store::{PerKind, SecretName};
use crate::value::json::{self, Object, Value};
use crate::value::{SecretValue, Text};

/// What paths must not contain.
const GRAMMAR: &str =
    "a path in Vault has no segment `.` or `..`, which would reach another secret, and no control character";

/// What separates a team from the id in a name.
const SEPARATOR: &str = "/";

/// The option that holds the paths of a kind.
const fn path_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Connection => "connections_path",
        Kind::Variable => "variables_path",
        Kind::Config => "config_path",
    }
}

/// Where the secrets of each kind are, and below which mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VaultConvention {
    /// `None` means the first segment of the id.
    mount: Option<String>,
    paths: PerKind<Vec<String>>,
    by_team: bool,
}

impl VaultConvention {
    /// Reads the rules from the options.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let mount = mount(options).filter(|mount| !mount.is_empty());
        let shared = paths(options, "global_secrets_path", None)?;
        let of_kind = |kind: Kind| -> Result<Vec<String>> {
            let own = paths(options, path_key(kind), Some(kind.group()))?;
            Ok(own.into_iter().chain(shared.iter().cloned()).collect())
        };
        Ok(Self {
            mount: mount.map(collapse),
            paths: PerKind::try_make(of_kind)?,
            by_team: options.boolean_of(&BY_TEAM),
        })
    }

    /// The mount, and the rest of the id.
    fn split<'text>(&'text self, id: &'text str) -> Option<(&'text str, &'text str)> {
        match &self.mount {
            Some(mount) => Some((mount, id)),
            None => id.split_once('/').filter(|(mount, _)| !mount.is_empty()),
        }
    }
}

impl Convention for VaultConvention {
    fn place_in_id(&self) -> bool {
        self.mount.is_none()
    }

    /// Without a configured mount, an id that does not contain one has no name: the official class returns
    /// None for it, as for a kind that is switched off.
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some((mount, key)) = self.split(lookup.id) else { return Naming::Off };
        let paths = self.paths.of(lookup.kind);
        if paths.is_empty() {
            return Naming::Off;
        }
        let names = |team: &str| paths.iter().map(|path| name(&[mount, path, team, key])).collect();
        // An empty team has no folder of its own: its path would be that of all teams.
        let team = lookup.team.filter(|team| !collapse(team).is_empty());
        let team = team.filter(|_| self.by_team && lookup.kind != Kind::Config);
        let own: Vec<SecretName> = names(team.unwrap_or(""));
        // The paths in the options are parts of the name, too. (Teams only exist under `[core] multi_team`.)
        let is_impossible = |names: Vec<SecretName>| names.iter().any(|name| fault(name.as_str()).is_some());
        if is_impossible(names("")) {
            let is_nested = team.is_none() && lookup.kind != Kind::Config && key.contains(SEPARATOR);
            let ambiguous = (self.by_team && is_nested).then_some(SEPARATOR);
            return Naming::Impossible { grammar: GRAMMAR, names: own, ambiguous };
        }
        match team {
            Some(_) => Naming::OfTeam { names: own, without_teams: names("") },
            None if self.by_team && lookup.kind != Kind::Config && key.contains(SEPARATOR) => {
                Naming::Ambiguous { separator: SEPARATOR, names: own }
            }
            None => Naming::Names(own),
        }
    }

    /// Below the configured mount, with it or without it.
    fn referred(&self, written: &SecretName) -> SecretName {
        let path = collapse(written.as_str());
        let is_below =
            |mount: &String| path.strip_prefix(mount.as_str()).is_some_and(|rest| rest.starts_with('/'));
        match &self.mount {
            Some(mount) if !is_below(mount) => name(&[mount, &path]),
            _ => path.into(),
        }
    }

    /// If the id is the whole path, or contains the mount, Python requires a text.
    fn odd(&self, lookup: Lookup<'_>, odd: OddId, multi_team: bool) -> OddFate {
        let is_whole = self.paths.of(lookup.kind).iter().any(String::is_empty);
        let below_team = self.by_team && multi_team && lookup.kind != Kind::Config;
        let is_part = if below_team { lookup.team.is_some() } else { !is_whole };
        match odd {
            OddId::Nothing if self.mount.is_some() => OddFate::Absent,
            OddId::Object if self.mount.is_some() && is_part => OddFate::AsText,
            OddId::Nothing | OddId::Object | OddId::Surrogate => OddFate::Refused,
        }
    }

    /// As `vault kv put` writes it: `conn_uri`, or each field of a connection under its own key, or `value`.
    fn write(&self, kind: Kind, form: Form, text: SecretValue) -> Result<SecretValue> {
        if kind == Kind::Connection && form == Form::Fields {
            return Ok(SecretValue::structured(text.expose()));
        }
        let key = if kind == Kind::Connection { "conn_uri" } else { "value" };
        let members: Object = [(Text::from(key), Value::from(text.expose()))].into_iter().collect();
        json_text(&Value::from(members)).map(SecretValue::structured).ok_or_else(not_an_object)
    }

    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        // Contents of a bundle are not an answer of Vault.
        if !value.is_structured() {
            return Ok(Some(value));
        }
        let data = json::parse(&Text::from(value.expose())).map_err(|_| not_an_object())?;
        let members = data.as_object().ok_or_else(not_an_object)?;
        if kind == Kind::Connection {
            return connection(&data, members.get("conn_uri"));
        }
        match members.get("value") {
            Some(value) => Ok(secret_from_json(value)),
            None if members.is_empty() => Ok(None),
            None => Err(without_value().as_upstream_miss()),
        }
    }
}

/// `conn_uri` unchanged if it is not empty, else the whole secret as JSON.
fn connection(data: &Value, conn_uri: Option<&Value>) -> Result<Option<SecretValue>> {
    match conn_uri.filter(|uri| uri.is_truthy()) {
        Some(uri) => Ok(secret_from_json(uri)),
        None => Ok(Some(SecretValue::text(json_text(data).ok_or_else(not_an_object)?))),
    }
}

/// The official class returns None and logs a warning.
fn without_value() -> Error {
    Error::new(ErrorKind::Malformed, "the secret does not have the required key \"value\"")
        .with_hint("Write it with `vault kv put <path> value=...`")
}

fn not_an_object() -> Error {
    Error::new(ErrorKind::Malformed, "the secret is not an object of keys and values")
        .with_hint("Write it with `vault kv put`, which stores such an object")
}

/// Segments joined, without empty ones. The prefix of a kind, which is the name of the empty id, ends with a
/// slash.
fn name(segments: &[&str]) -> SecretName {
    let mut name = collapse(&segments.join("/"));
    if segments.last().is_some_and(|id| id.is_empty()) {
        name.push('/');
    }
    name.into()
}

/// A path, a list of paths, or none for null.
fn paths(options: &Options, key: &'static str, default: Option<&str>) -> Result<Vec<String>> {
    let own = |path: &str| path.trim_end_matches('/').to_owned();
    match options.get(key) {
        None => Ok(default.into_iter().map(own).collect()),
        Some(OptionValue::Text(path)) => Ok(vec![own(path)]),
        Some(OptionValue::Scalar(scalar)) => Ok(vec![own(&scalar.text)]),
        Some(OptionValue::Json(Value::Array(list))) => {
            list.iter().map(|path| path.as_str().map(own).ok_or_else(|| wrong(key))).collect()
        }
        Some(_) => Ok(Vec::new()),
    }
}

fn wrong(key: &str) -> Error {
    Error::config(format!("`{key}` in backend_kwargs is not a list of texts"))
        .with_hint("Write a path, a list of paths that are tried in this order, or null")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convention(words: &[(&'static str, OptionValue)]) -> VaultConvention {
        let mut options = Options::default();
        for (key, value) in words {
            options.set(key, value.clone());
        }
        VaultConvention::new(&options).unwrap()
    }

    fn text(text: &str) -> OptionValue {
        OptionValue::Text(text.to_owned())
    }

    fn list(items: &str) -> OptionValue {
        OptionValue::Json(json::parse(&Text::from(items)).unwrap())
    }

    fn names(convention: &VaultConvention, id: &str, team: Option<&str>) -> Vec<String> {
        let lookup = Lookup { kind: Kind::Connection, id, team };
        convention.names(lookup).into_names().iter().map(|name| name.as_str().to_owned()).collect()
    }

    fn read(kind: Kind, data: &str) -> Option<String> {
        let value = convention(&[]).read(kind, SecretValue::structured(data)).unwrap();
        value.map(|value| value.expose().to_owned())
    }

    #[test]
    fn paths_are_those_of_the_official_class() {
        let path = |value| names(&convention(&[("connections_path", value)]), "c1", None);
        assert_eq!(names(&convention(&[]), "c1", None), ["secret/connections/c1"]);
        assert_eq!(path(text("/conn/")), ["secret/conn/c1"]);
        assert_eq!(
            (path(text("")), path(text("/"))),
            (vec!["secret/c1".to_owned()], vec!["secret/c1".to_owned()])
        );
        assert_eq!(path(list(r#"["a", "b/"]"#)), ["secret/a/c1", "secret/b/c1"]);
        assert!(path(OptionValue::Null).is_empty() && path(list("[]")).is_empty());
        let shared = [("connections_path", OptionValue::Null), ("global_secrets_path", text("all/"))];
        assert_eq!(names(&convention(&shared), "x//y/", None), ["secret/all/x/y"]);
    }

    #[test]
    fn what_is_referred_to_is_below_the_mount() {
        let mounted = convention(&[]);
        let referred =
            |convention: &VaultConvention, name: &str| convention.referred(&name.into()).as_str().to_owned();
        for name in ["db/prod", "/db//prod/", "secret/db/prod"] {
            assert_eq!(referred(&mounted, name), "secret/db/prod");
        }
        assert_eq!(referred(&mounted, "secrets/db"), "secret/secrets/db");
        assert_eq!(referred(&convention(&[("mount_point", OptionValue::Null)]), "kv/db"), "kv/db");
    }

    #[test]
    fn without_a_mount_the_id_names_it() {
        let convention = convention(&[("mount_point", OptionValue::Null)]);
        assert_eq!(names(&convention, "m/c1", None), ["m/connections/c1"]);
        assert!(names(&convention, "c1", None).is_empty());
    }

    #[test]
    fn the_name_of_the_empty_id_is_the_beginning_of_all() {
        assert_eq!(names(&convention(&[]), "", None), ["secret/connections/"]);
    }

    #[test]
    fn a_teams_secrets_are_in_its_own_folder_and_nowhere_else() {
        let ours = convention(&[]);
        let Naming::OfTeam { names: own, without_teams } =
            ours.names(Lookup { kind: Kind::Connection, id: "c1", team: Some("blue") })
        else {
            panic!("a team has names of its own")
        };
        assert_eq!(own, ["secret/connections/blue/c1".into()]);
        assert_eq!(without_teams, ["secret/connections/c1".into()]);
        let config = Lookup { kind: Kind::Config, id: "a/b", team: None };
        assert!(matches!(ours.names(config), Naming::Names(_)));
        let nested = Lookup { kind: Kind::Variable, id: "blue/c1", team: None };
        assert!(matches!(ours.names(nested), Naming::Ambiguous { separator: "/", .. }));
        for no_team in ["", "/"] {
            let of_no_team = |id| ours.names(Lookup { kind: Kind::Variable, id, team: Some(no_team) });
            assert!(matches!(of_no_team("blue/c1"), Naming::Ambiguous { separator: "/", .. }));
            assert_eq!(of_no_team("c1"), Naming::Names(vec!["secret/variables/c1".into()]));
        }
        let off = convention(&[("use_team_secrets_path", OptionValue::Boolean(false))]);
        assert_eq!(names(&off, "c1", Some("blue")), ["secret/connections/c1"]);
        assert!(matches!(off.names(nested), Naming::Names(_)));
    }

    #[test]
    fn a_connection_is_its_uri_or_all_of_its_fields() {
        let read = |data| read(Kind::Connection, data);
        assert_eq!(read(r#"{"conn_uri": " a://b ", "x": 1}"#).as_deref(), Some(" a://b "));
        assert_eq!(
            read(r#"{"conn_uri":"","host":"é"}"#).as_deref(),
            Some(r#"{"conn_uri": "", "host": "\u00e9"}"#)
        );
        assert_eq!(read("{}").as_deref(), Some("{}"));
    }

    #[test]
    fn a_variable_is_its_value_of_any_type() {
        let read = |data| read(Kind::Variable, data);
        assert_eq!(read(r#"{"value": ""}"#).as_deref(), Some(""));
        assert_eq!(read(r#"{"value": {"a": 1.0}}"#).as_deref(), Some(r#"{"a": 1.0}"#));
        assert_eq!((read(r#"{"value": null}"#), read("{}")), (None, None));
        let other = convention(&[]).read(Kind::Config, SecretValue::structured(r#"{"x": "canary"}"#));
        let error = other.unwrap_err();
        assert!(error.is_upstream_miss() && !error.to_string().contains("canary"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let ours = convention(&[]);
        let fields = r#"{"conn_type": "pg", "port": 5}"#;
        for (kind, form, text, written) in [
            (Kind::Connection, Form::Text, "a://b", r#"{"conn_uri": "a://b"}"#),
            (Kind::Connection, Form::Fields, fields, fields),
            (Kind::Variable, Form::Text, r#"{"a": 1}"#, r#"{"value": "{\"a\": 1}"}"#),
            (Kind::Config, Form::Text, "é", r#"{"value": "\u00e9"}"#),
        ] {
            let secret = ours.write(kind, form, SecretValue::text(text)).unwrap();
            assert_eq!((secret.expose(), secret.is_structured()), (written, true));
            assert_eq!(ours.read(kind, secret).unwrap().unwrap().expose(), text);
        }
    }

    #[test]
    fn the_contents_of_a_bundle_are_unchanged() {
        let value = convention(&[]).read(Kind::Connection, SecretValue::text("a://b")).unwrap();
        assert_eq!(value.unwrap().expose(), "a://b");
    }
}
