//! Places where secrets live: one folder per store, the same file names in each.
//!
//! | file | what stands there |
//! |---|---|
//! | `mod.rs` | the [`Store`] itself and its [`registry::StoreEntry`] |
//! | `config.rs` | its options and the typed settings they become |
//! | `convention.rs` | how the official Airflow class names and reads secrets here |
//! | `error.rs` | from the SDK's errors to [`crate::error::Error`] |
//!
//! To add a store, see `CONTRIBUTING.md`.

#[cfg(feature = "aws")]
pub mod aws;
pub mod convention;
pub mod environment;
#[cfg(any(feature = "local", feature = "memory"))]
mod from_json;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "memory")]
pub mod memory;
mod name;
pub mod options;
pub mod prefix;
pub mod registry;

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
pub use crate::store::name::SecretName;
use crate::value::SecretValue;

/// What a store is and can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// The stable name in errors, logs and statistics, such as `aws_secrets_manager`.
    pub name: &'static str,
    /// The name people use, such as `AWS Secrets Manager`.
    pub title: &'static str,
}

/// A place where secrets live.
///
/// Implementations classify their own errors, know nothing of caches and retries (see [`crate::layers`]) and
/// may be asked from several threads at once. A cancelled call (a dropped future) leaves them usable.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// What this store is.
    fn info(&self) -> &StoreInfo;

    /// Reads one secret by its physical name. `Ok(None)` means absent and nothing else.
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>>;

    /// Whether a file that this store was built from (a profile, a key) has changed since, so that the
    /// caller should build it anew. Asked before each uncached read: at most a few `stat` calls.
    fn is_outdated(&self) -> bool {
        false
    }
}
