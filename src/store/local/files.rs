//! The files of one backend, and which of them answers.

use std::path::Path;

use crate::error::Result;
use crate::store::convention::Kind;
use crate::value::SecretValue;

use super::astro::Settings;
use super::config::LocalConfig;
use super::entries::Entries;
use super::format::{Format, require_yaml};
use super::snapshot::Snapshot;

/// The files of one backend. Debug shows their paths.
#[derive(Debug)]
pub(super) struct Files {
    connections: Option<Snapshot<Entries>>,
    variables: Option<Snapshot<Entries>>,
    configs: Option<Snapshot<Entries>>,
    settings: Option<Snapshot<Settings>>,
}

impl Files {
    /// Nothing is read yet.
    pub(super) fn new(config: LocalConfig) -> Self {
        Self {
            connections: config.connections.map(Snapshot::new),
            variables: config.variables.map(Snapshot::new),
            configs: config.configs.map(Snapshot::new),
            settings: config.settings.map(Snapshot::new),
        }
    }

    /// The answer for an id: from the file of its kind, or else from Astro's settings. Reads files: this blocks.
    pub(super) fn find(&self, kind: Kind, id: &str) -> Result<Option<SecretValue>> {
        let file = match kind {
            Kind::Connection => &self.connections,
            Kind::Variable => &self.variables,
            Kind::Config => &self.configs,
        };
        if let Some(file) = file
            && let Some(answer) = entries(kind, file, id)?
        {
            return answer.map(Some);
        }
        match &self.settings {
            Some(settings) => from_settings(kind, settings, id),
            None => Ok(None),
        }
    }
}

/// The outer error is of the whole file, the inner one of this id.
fn entries(kind: Kind, file: &Snapshot<Entries>, id: &str) -> Result<Option<Result<SecretValue>>> {
    let format = Format::of(file.path())?;
    let entries = file.current(|content| Entries::parse(kind, format, file.path(), content))?;
    Ok(entries.get(id))
}

fn from_settings(kind: Kind, file: &Snapshot<Settings>, id: &str) -> Result<Option<SecretValue>> {
    if kind == Kind::Config {
        return Ok(None);
    }
    let path: &Path = file.path();
    require_yaml(path)?;
    let settings = file.current(|content| Settings::parse(path, content))?;
    let entries = if kind == Kind::Connection { &settings.connections } else { &settings.variables };
    entries.get(id).transpose()
}
