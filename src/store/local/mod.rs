//! Secrets in local files: for development, for tests, and for secrets that are mounted as files.
//!
//! The results are those of `airflow.secrets.local_filesystem.LocalFilesystemBackend` (Airflow 3.3.2). The
//! differences: Astro's `airflow_settings.yaml` is another source, a file is parsed once instead of at every
//! lookup, an invalid connection does not affect others, JSON in a string is accepted as connection JSON, and
//! errors never show file contents.
//!
//! | file | contents |
//! |---|---|
//! | `config.rs`, `convention.rs`, `error.rs` | as in every store |
//! | `files.rs` | which file answers |
//! | `read.rs`, `snapshot.rs` | the file, and what was parsed from it |
//! | `format.rs`, `dotenv.rs`, `yaml/` | from text to names and values |
//! | `entries.rs`, `connection.rs`, `astro/` | from names and values to secrets |
//! | `write/` | changes of a file |
//! | `unread.rs`, `names.rs` | parts of a file that have no effect |

mod astro;
mod config;
mod connection;
mod convention;
mod dotenv;
mod entries;
mod error;
mod files;
mod format;
mod names;
mod read;
mod snapshot;
mod unread;
mod write;
mod yaml;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::kit::reading::on_another_thread;
use crate::store::tools::{Finding, Severity, Tools, Unread};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo, Write,
};
use crate::value::SecretValue;

pub use self::config::LocalConfig;
use self::config::{CONFIGS_FILE_PATH, CONNECTIONS_FILE_PATH, SETTINGS_FILE_PATH, VARIABLES_FILE_PATH};
pub use self::convention::LocalConvention;
use self::files::Files;
pub use self::yaml::document as yaml_document;

/// What the rest of the product needs to know about this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.local.LocalFilesystemBackend",
    options: &[VARIABLES_FILE_PATH, CONNECTIONS_FILE_PATH, CONFIGS_FILE_PATH, SETTINGS_FILE_PATH],
    variables: &[],
    convention: |options| Ok(Arc::new(LocalConvention::from_options(options))),
    rules: OptionRules::NONE,
    tools: Tools {
        official_class: Some("airflow.secrets.local_filesystem.LocalFilesystemBackend"),
        words: &["local", "files"],
        about: "Local files: no policy",
        ..Tools::NONE
    },
    open: |options, _environment| Ok(Arc::new(LocalFiles::new(LocalConfig::from_options(options)))),
};

const INFO: StoreInfo = StoreInfo { name: "local", title: "Local file" };

/// Secrets in local files. Debug shows the paths but no contents.
#[derive(Clone, Debug)]
pub struct LocalFiles(Arc<Files>);

impl LocalFiles {
    /// A store that reads these files on demand.
    pub fn new(config: LocalConfig) -> Self {
        Self(Arc::new(Files::new(config)))
    }

    async fn read<T: Send + 'static>(&self, work: impl FnOnce(&Files) -> T + Send + 'static) -> Result<T> {
        let files = Arc::clone(&self.0);
        on_another_thread(move || work(&files)).await
    }
}

#[async_trait]
impl Store for LocalFiles {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let name = name.clone();
        let found = self.read(move |files| find(files, &name)).await.flatten();
        for warning in self.0.warnings.take() {
            tracing::warn!("{warning}");
        }
        found
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }

    fn write(&self) -> Option<&dyn Write> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for LocalFiles {
    async fn unread(&self) -> Result<Vec<Unread>> {
        self.read(Files::unread).await
    }

    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Listing> {
        let prefix = prefix.to_owned();
        self.read(move |files| files.names(&prefix)).await.flatten()
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let name = name.clone();
        self.read(move |files| describe(files, &name)).await.flatten()
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.read(|files| {
            let open = files.paths().filter(|path| is_open(path)).map(open_to_all);
            open.chain(files.unread().into_iter().map(|unread| unread.finding)).collect()
        })
        .await
        .unwrap_or_default()
    }
}

fn is_open(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Only a note: Kubernetes mounts its secrets with such modes, in a container without other users.
fn open_to_all(file: &Path) -> Finding {
    Finding::new(
        Severity::Note,
        "file_mode",
        format!("{} holds secrets, and everybody on this machine can read it", file.display()),
        "chmod 600 where Airflow shares the machine",
    )
}

fn find(files: &Files, name: &SecretName) -> Result<Option<SecretValue>> {
    let (kind, id) = convention::split_name(name)?;
    files.find(kind, id)
}

fn describe(files: &Files, name: &SecretName) -> Result<Option<Description>> {
    let (kind, id) = convention::split_name(name)?;
    let Some(path) = files.place(kind, id)? else { return Ok(None) };
    let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let id = Some(path.display().to_string());
    Ok(Some(Description { id, changed, ..Description::of(name.clone()) }))
}

#[cfg(test)]
mod tests;
