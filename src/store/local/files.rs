//! The files of one backend, and which of them answers.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::store::convention::Kind;
use crate::store::tools::Unread;
use crate::store::{Listing, PerKind, SecretName};
use crate::value::SecretValue;

use super::astro::Settings;
use super::config::LocalConfig;
use super::convention::{kinds_with, name};
use super::entries::Entries;
use super::format::{Format, require_yaml};
use super::snapshot::Snapshot;
use super::unread::Warnings;

/// The files of one backend. Debug shows their paths.
#[derive(Debug)]
pub(super) struct Files {
    of_kinds: PerKind<Option<Snapshot<Entries>>>,
    settings: Option<Snapshot<Settings>>,
    is_strict: bool,
    /// Warnings that a lookup should log.
    pub(super) warnings: Warnings,
}

impl Files {
    /// Files that have not been read yet.
    pub(super) fn new(config: LocalConfig) -> Self {
        Self {
            of_kinds: config.files.map(|file| file.map(Snapshot::new)),
            settings: config.settings.map(Snapshot::new),
            is_strict: config.is_strict,
            warnings: Warnings::default(),
        }
    }

    /// The files that are configured.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let of_kinds = self.of_kinds.iter().flatten().map(Snapshot::path);
        of_kinds.chain(self.settings.as_ref().map(Snapshot::path))
    }

    /// The answer for an id: from the file of its kind, or else from Astro's settings. Reads files: this
    /// blocks.
    pub(super) fn find(&self, kind: Kind, id: &str) -> Result<Option<SecretValue>> {
        if let Some(file) = self.of(kind)
            && let Some(answer) = self.entries(kind, file)?.get(id)
        {
            return answer.map(Some);
        }
        match self.settings_for(kind) {
            Some(file) => of_kind(kind, &*self.settings(file)?).get(id).transpose(),
            None => Ok(None),
        }
    }

    /// The file that answers for an id. Reads files: this blocks.
    pub(super) fn place(&self, kind: Kind, id: &str) -> Result<Option<&Path>> {
        if let Some(file) = self.of(kind)
            && self.entries(kind, file)?.get(id).is_some()
        {
            return Ok(Some(file.path()));
        }
        match self.settings_for(kind) {
            Some(file) => Ok(of_kind(kind, &*self.settings(file)?).get(id).map(|_| file.path())),
            None => Ok(None),
        }
    }

    /// The file in which secrets of a kind are written. Astro's settings are only read.
    pub(super) fn written(&self, kind: Kind) -> Result<&Path> {
        self.of(kind).map(Snapshot::path).ok_or_else(|| super::error::not_written(kind))
    }

    /// Whether the file of its kind has an answer for an id, be it an error. Reads a file: this blocks.
    pub(super) fn has_written(&self, kind: Kind, id: &str) -> Result<bool> {
        let Some(file) = self.of(kind) else { return Err(super::error::not_written(kind)) };
        match std::fs::metadata(file.path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            // A file that was only created has no secrets yet.
            Ok(metadata) if metadata.is_file() && metadata.len() == 0 => Ok(false),
            _ => Ok(self.entries(kind, file)?.get(id).is_some()),
        }
    }

    /// The names that begin with `prefix`. Files that cannot contain any are not read, since they may be
    /// broken. Reads files: this blocks.
    pub(super) fn names(&self, prefix: &str) -> Result<Listing> {
        let mut names = Vec::new();
        for kind in kinds_with(prefix) {
            if let Some(file) = self.of(kind) {
                names.extend(named(kind, &*self.entries(kind, file)?));
            }
            if let Some(file) = self.settings_for(kind) {
                names.extend(named(kind, of_kind(kind, &*self.settings(file)?)));
            }
        }
        Ok(Listing::only_page(names, prefix))
    }

    /// The contents of the files that have no effect. A file that cannot be read at all is reported by its
    /// lookups. Reads files: this blocks.
    pub(super) fn unread(&self) -> Vec<Unread> {
        let mut unread = Vec::new();
        for kind in Kind::ALL {
            if let Some(file) = self.of(kind)
                && let Ok(entries) = self.entries(kind, file)
            {
                unread.extend(entries.unread.iter().map(|note| note.finding(file.path())));
            }
        }
        if let Some(file) = &self.settings
            && let Ok(settings) = self.settings(file)
        {
            unread.extend(settings.unread.iter().map(|note| note.finding(file.path())));
        }
        unread
    }

    /// The present contents of a kind's file. An error concerns the whole file.
    fn entries(&self, kind: Kind, file: &Snapshot<Entries>) -> Result<Arc<Entries>> {
        let path = file.path();
        let format = Format::of(path)?;
        file.current(|content| {
            let entries = Entries::parse(kind, format, path, content)?;
            self.warnings.note(path, &entries.unread);
            Ok(entries)
        })
    }

    /// The present contents of Astro's settings.
    fn settings(&self, file: &Snapshot<Settings>) -> Result<Arc<Settings>> {
        let path = file.path();
        require_yaml(path)?;
        file.current(|content| {
            let settings = Settings::parse(path, content, self.is_strict)?;
            self.warnings.note(path, &settings.unread);
            Ok(settings)
        })
    }

    fn of(&self, kind: Kind) -> Option<&Snapshot<Entries>> {
        self.of_kinds.of(kind).as_ref()
    }

    /// Astro's settings have no config values.
    fn settings_for(&self, kind: Kind) -> Option<&Snapshot<Settings>> {
        self.settings.as_ref().filter(|_| kind != Kind::Config)
    }
}

fn of_kind(kind: Kind, settings: &Settings) -> &Entries {
    if kind == Kind::Connection { &settings.connections } else { &settings.variables }
}

fn named(kind: Kind, entries: &Entries) -> impl Iterator<Item = SecretName> {
    entries.ids().map(move |id| name(kind, id))
}
