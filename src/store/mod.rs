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
#[cfg(feature = "azure")]
pub mod azure;
pub mod convention;
mod description;
pub mod environment;
#[cfg(feature = "google")]
pub mod google;
pub mod kit;
mod listing;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "memory")]
pub mod memory;
mod name;
mod one_by_one;
pub mod options;
pub mod pattern;
pub mod prefix;
mod python_regex;
pub mod registry;
pub mod tools;
#[cfg(feature = "vault")]
pub mod vault;

use std::fmt::Debug;
use std::num::NonZeroUsize;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
pub use crate::store::description::{Description, Descriptions};
pub use crate::store::listing::{Names, Page};
pub use crate::store::name::SecretName;
pub(crate) use crate::store::name::short_key;
pub use crate::store::one_by_one::one_by_one;
use crate::store::tools::{Finding, Unread};
use crate::value::SecretValue;

/// What a store can do beyond reading one secret. Room for writing, tags and versions once a store has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// It tells the names that begin with a prefix: [`Store::list`].
    pub list: bool,
    /// How many secrets one request reads at most: [`Store::get_many`] is asked for no more at a time. One for a store
    /// that has no such request.
    pub batch: NonZeroUsize,
}

impl Capabilities {
    /// It reads one secret at a time and nothing else.
    pub const NONE: Self = Self { list: false, batch: NonZeroUsize::MIN };
}

/// What a store is and can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// The stable name in errors, logs and statistics, such as `aws_secrets_manager`.
    pub name: &'static str,
    /// The name people use, such as `AWS Secrets Manager`.
    pub title: &'static str,
    /// What it is able to do.
    pub capabilities: Capabilities,
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

    /// Reads at most [`Self::batch_size`] secrets with one request. The answers stand in the order of `names`, one for
    /// each, and each by itself: an error of one does not lose the others. `None` is for a name that the request did not
    /// answer: whoever asks reads it by [`Self::get`]. So is every name, in a store without such a request.
    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        vec![None; names.len()]
    }

    /// How many names [`Self::get_many`] is asked for at present: one where it is of no use.
    fn batch_size(&self) -> NonZeroUsize {
        self.info().capabilities.batch
    }

    /// Names that begin with `prefix`, one page of them; never values. `page` is what the page before named as the next
    /// one, `None` for the first. A store without the capability answers [`ErrorKind::Unsupported`].
    async fn list(&self, _prefix: &str, _page: Option<&Page>) -> Result<Names> {
        let info = self.info();
        Err(Error::new(ErrorKind::Unsupported, format!("{} cannot list its secrets", info.title))
            .with_store(info.name)
            .with_operation("list"))
    }

    /// As [`Self::list`], with what the store tells of each secret in the same answer.
    async fn list_described(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        self.list(prefix, page).await.map(Descriptions::from)
    }

    /// What the store tells of one secret without its value; `None` if there is none. A store that cannot tell answers
    /// [`ErrorKind::Unsupported`].
    async fn describe(&self, _name: &SecretName) -> Result<Option<Description>> {
        let info = self.info();
        Err(Error::new(ErrorKind::Unsupported, format!("{} cannot describe a secret", info.title))
            .with_store(info.name)
            .with_operation("describe"))
    }

    /// Why a secret that a lookup did not find is not there, such as one that is deleted and can be brought back; `None` if
    /// the store has nothing to tell. Asked by `strongroom explain` after a miss, and never by a lookup: it may make a few
    /// calls.
    async fn why_absent(&self, _name: &SecretName) -> Result<Option<Finding>> {
        Ok(None)
    }

    /// Who the store is asked as and where, in words that hold no secret. Makes no call; `None` where there is no identity.
    fn identity(&self) -> Option<String> {
        None
    }

    /// What is noteworthy of the store as it answers: its clock, its certificates, its version. May make a few calls.
    async fn diagnose(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// What the store holds and no lookup gets, such as a misspelt field of a file. Asked by the command line alone.
    async fn unread(&self) -> Result<Vec<Unread>> {
        Ok(Vec::new())
    }

    /// Whether a file that this store was built from (a profile, a key) has changed since, so that the
    /// caller should build it anew. Asked before each uncached read: at most a few `stat` calls.
    fn is_outdated(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Plain;

    #[async_trait]
    impl Store for Plain {
        fn info(&self) -> &StoreInfo {
            &StoreInfo { name: "plain", title: "Plain", capabilities: Capabilities::NONE }
        }

        async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
            match name.as_str() {
                "absent" => Ok(None),
                "denied" => Err(Error::new(ErrorKind::Denied, "denied")),
                text => Ok(Some(SecretValue::text(text))),
            }
        }
    }

    #[tokio::test]
    async fn a_store_that_only_reads_one_leaves_many_to_others() {
        let store: &dyn Store = &Plain;
        let answers = store.get_many(&["a", "denied"].map(SecretName::from)).await;
        assert_eq!((answers.iter().flatten().count(), answers.len()), (0, 2));
        assert_eq!(store.batch_size(), NonZeroUsize::MIN);
    }

    #[tokio::test]
    async fn a_store_that_cannot_list_says_its_name() {
        let error = Plain.list("a", None).await.unwrap_err();
        assert_eq!((error.kind(), error.store()), (ErrorKind::Unsupported, Some("plain")));
        insta::assert_snapshot!(error, @"Plain cannot list its secrets (plain list)");
        let error = Plain.list_described("a", None).await.unwrap_err();
        insta::assert_snapshot!(error, @"Plain cannot list its secrets (plain list)");
    }

    #[tokio::test]
    async fn a_store_that_cannot_describe_says_its_name() {
        let error = Plain.describe(&"a".into()).await.unwrap_err();
        assert_eq!((error.kind(), Plain.identity()), (ErrorKind::Unsupported, None));
        insta::assert_snapshot!(error, @"Plain cannot describe a secret (plain describe)");
    }
}
