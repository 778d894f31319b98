//! How the official class names secrets and reads what they hold.
//!
//! Source: `airflow.providers.hashicorp.secrets.vault` 4.8.4.

use crate::error::{Error, ErrorKind, Result};
use crate::store::SecretName;
use crate::store::convention::{Convention, Kind, Lookup, Naming};
use crate::store::from_json::{json_text, secret_from_json};
use crate::store::options::{OptionValue, Options};
use crate::store::vault::path::collapse;
use crate::value::json::{self, Value};
use crate::value::{SecretValue, Text};

/// What separates a team from the id in a name.
const SEPARATOR: &str = "/";

/// Where the kinds are, below which mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VaultConvention {
    /// `None` takes the first segment of the id.
    mount: Option<String>,
    connections: Vec<String>,
    variables: Vec<String>,
    config: Vec<String>,
    by_team: bool,
}

impl VaultConvention {
    /// Reads the rules out of the options.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let mount =
            options.prefix("mount_point", super::config::MOUNT_POINT).filter(|mount| !mount.is_empty());
        let shared = paths(options, "global_secrets_path", None)?;
        let of_kind = |key, default| -> Result<Vec<String>> {
            let own = paths(options, key, Some(default))?;
            Ok(own.into_iter().chain(shared.iter().cloned()).collect())
        };
        Ok(Self {
            mount: mount.map(collapse),
            connections: of_kind("connections_path", "connections")?,
            variables: of_kind("variables_path", "variables")?,
            config: of_kind("config_path", "config")?,
            by_team: options.boolean("use_team_secrets_path").unwrap_or(true),
        })
    }

    fn paths(&self, kind: Kind) -> &[String] {
        match kind {
            Kind::Connection => &self.connections,
            Kind::Variable => &self.variables,
            Kind::Config => &self.config,
        }
    }

    /// The mount, and what is left of the id.
    fn split<'text>(&'text self, id: &'text str) -> Option<(&'text str, &'text str)> {
        match &self.mount {
            Some(mount) => Some((mount, id)),
            None => id.split_once('/').filter(|(mount, _)| !mount.is_empty()),
        }
    }
}

impl Convention for VaultConvention {
    /// Without a mount, an id without one has no name: upstream answers None to it as to a kind that is off.
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some((mount, key)) = self.split(lookup.id) else { return Naming::Off };
        let paths = self.paths(lookup.kind);
        if paths.is_empty() {
            return Naming::Off;
        }
        let names = |team: &str| paths.iter().map(|path| name(&[mount, path, team, key])).collect();
        match lookup.team.filter(|_| self.by_team && lookup.kind != Kind::Config) {
            Some(team) => Naming::OfTeam { names: names(team), without_teams: names("") },
            None if self.by_team && lookup.kind != Kind::Config && key.contains(SEPARATOR) => {
                Naming::Ambiguous { separator: SEPARATOR, names: names("") }
            }
            None => Naming::Names(names("")),
        }
    }

    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        // What comes out of a bundle is no answer of Vault's.
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

/// `conn_uri` verbatim where it says something, else all of the secret as JSON.
fn connection(data: &Value, conn_uri: Option<&Value>) -> Result<Option<SecretValue>> {
    match conn_uri.filter(|uri| uri.is_truthy()) {
        Some(uri) => Ok(secret_from_json(uri)),
        None => Ok(Some(SecretValue::text(json_text(data).ok_or_else(not_an_object)?))),
    }
}

/// Upstream: None, and a warning.
fn without_value() -> Error {
    Error::new(ErrorKind::Malformed, "the secret does not have the required key \"value\"")
        .with_hint("Write it with `vault kv put <path> value=...`")
}

fn not_an_object() -> Error {
    Error::new(ErrorKind::Malformed, "the secret is not an object of keys and values")
        .with_hint("Write it with `vault kv put`, which stores such an object")
}

/// Segments joined, none of them empty. The prefix of a kind, which is the name of the empty id, ends with a slash.
fn name(segments: &[&str]) -> SecretName {
    let mut name = collapse(&segments.join("/"));
    if segments.last().is_some_and(|id| id.is_empty()) {
        name.push('/');
    }
    name.into()
}

/// A path, a list of them, or none for null.
fn paths(options: &Options, key: &'static str, default: Option<&str>) -> Result<Vec<String>> {
    let own = |path: &str| path.trim_end_matches('/').to_owned();
    match options.get(key) {
        None => Ok(default.into_iter().map(own).collect()),
        Some(OptionValue::Text(path)) => Ok(vec![own(path)]),
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
