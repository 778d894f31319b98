//! `stores_file`: the stores of a chain in a TOML file, in place of `stores`.
//!
//! The file becomes part of the options before anything else reads them, so what follows is the same as for
//! stores in JSON; only messages name the file and the line.

mod read;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::chain::{CHAIN, STORES_FILE_OPTION, STORES_OPTION};
use crate::config::chain::is_chain;
use crate::config::raw::{RawOptions, RawValue};
use crate::config::spelling::option_of;
use crate::config::stores_file::read::{Contents, contents, parsed};
use crate::error::{Error, Result};
use crate::redact::quoted_path;
use crate::store::StoreEntry;
use crate::store::environment::Environment;
use crate::store::kit::files::{WatchedFiles, expand};
use crate::value::json::Value;

/// Where the stores of a chain were read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// The file as messages show it.
    file: String,
    /// The line of each store.
    lines: Vec<usize>,
    /// Keys that are unknown at the top of the file, each a sentence.
    pub(super) unknown: Vec<String>,
}

impl Origin {
    /// Where the store at `index` is written.
    fn place(&self, index: usize) -> String {
        match self.lines.get(index) {
            Some(line) => format!("{}, line {line}", self.file),
            None => self.file.clone(),
        }
    }

    /// The error with the place of a store, or of the file.
    pub(super) fn placed(&self, index: Option<usize>, error: &Error) -> Error {
        let place = index.map_or_else(|| self.file.clone(), |index| self.place(index));
        let placed = Error::new(error.kind(), format!("{} ({place})", error.message()));
        match error.hint() {
            Some(hint) => placed.with_hint(hint.to_owned()),
            None => placed,
        }
    }
}

/// The file that the options of a chain name, and its state when it was last looked at.
#[derive(Clone, Debug)]
pub struct StoresFile {
    path: PathBuf,
    watched: WatchedFiles,
}

impl StoresFile {
    /// The file that `raw` names, if it names one.
    pub fn of(entry: &StoreEntry, raw: &RawOptions, environment: &Environment) -> Result<Option<Self>> {
        if !is_chain(entry) {
            return Ok(None);
        }
        let value = |wanted: &str| {
            let is_it = |key: &str| option_of(&CHAIN, key).is_some_and(|spec| spec.key == wanted);
            raw.iter().find(|(key, value)| is_it(key) && !is_nothing(value)).map(|(_, value)| value)
        };
        let Some(written) = value(STORES_FILE_OPTION.key) else { return Ok(None) };
        if value(STORES_OPTION.key).is_some() {
            return Err(Error::config(
                "`stores` and `stores_file` in backend_kwargs are two lists of stores",
            )
            .with_hint("Write one of them"));
        }
        let Some(path) = written.as_text() else {
            return Err(Error::config("`stores_file` in backend_kwargs is not a text")
                .with_hint("Write the path of a TOML file with a table `[[stores]]` for each store"));
        };
        let path = expand(path.trim(), environment);
        Ok(Some(Self { path, watched: WatchedFiles::default() }))
    }

    /// Whether the file differs from its state when it was last looked at: one `stat`.
    pub fn has_changed(&self) -> bool {
        self.watched.have_changed()
    }

    /// The same file in its present state.
    #[must_use]
    pub fn looked_at(&self) -> Self {
        let mut watched = WatchedFiles::default();
        watched.watch(&self.path);
        Self { path: self.path.clone(), watched }
    }

    /// `raw` with what is in the file in place of its name. A short read of a regular file.
    pub fn read(&self, raw: &RawOptions) -> Result<RawOptions> {
        let file = quoted_path(&self.path);
        let found = contents(&self.path).map_err(|problem| problem.into_error(&file))?;
        Ok(with_contents(raw, found, file))
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// `raw` with the stores of a file that has this text.
pub fn with_stores_text(raw: &RawOptions, text: &str) -> Result<RawOptions> {
    let file = "\"-\"".to_owned();
    let found = parsed(text).map_err(|problem| problem.into_error(&file))?;
    Ok(with_contents(raw, found, file))
}

fn with_contents(raw: &RawOptions, found: Contents, file: String) -> RawOptions {
    let is_it = |key: &str, wanted: &str| option_of(&CHAIN, key).is_some_and(|spec| spec.key == wanted);
    let kept =
        raw.iter().filter(|(key, _)| !is_it(key, STORES_FILE_OPTION.key) && !is_it(key, STORES_OPTION.key));
    let mut all: RawOptions = kept.map(|(key, value)| (key.to_owned(), value.clone())).collect();
    let unknown = found.unknown(&file);
    all.insert(STORES_OPTION.key, RawValue::Json(Value::from(found.stores)));
    all.read_from(Origin { file, lines: found.lines, unknown });
    all
}

fn is_nothing(value: &RawValue) -> bool {
    match value {
        RawValue::Text(text) => text.trim().is_empty(),
        RawValue::Json(value) => value.is_null(),
    }
}

/// `raw` with the contents of the file that it names, for callers that read it once.
pub fn with_stores_file(
    entry: &StoreEntry,
    raw: &RawOptions,
    environment: &Environment,
) -> Result<RawOptions> {
    match StoresFile::of(entry, raw, environment)? {
        Some(file) => file.read(raw),
        None => Ok(raw.clone()),
    }
}

/// What [`RawOptions`] know about where they come from.
pub(super) type Place = Option<Arc<Origin>>;

#[cfg(test)]
#[cfg(feature = "local")]
mod tests;
