//! What a store has to be able to do: [`Store`] for lookups, [`Inspect`] for those who look at it from
//! outside.

use std::fmt::Debug;
use std::num::NonZeroUsize;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::store::description::Description;
use crate::store::listing::{Listing, Page};
use crate::store::name::SecretName;
use crate::store::tools::{Finding, Unread};
use crate::value::SecretValue;

/// What a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// The stable name in errors, logs and statistics, such as `aws_secrets_manager`.
    pub name: &'static str,
    /// The name people use, such as `AWS Secrets Manager`.
    pub title: &'static str,
}

impl StoreInfo {
    /// The error of a store that has no such operation; `what` completes the sentence.
    pub fn cannot(&self, operation: &'static str, what: &str) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{} cannot {what}", self.title)).with_operation(operation)
    }
}

/// A place where secrets live, as lookups need it.
///
/// Implementations classify their own errors, know nothing of caches and retries (see [`crate::layers`],
/// which also puts the store's name on each error) and may be asked from several threads at once. A cancelled
/// call (a dropped future) leaves them usable.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// What this store is.
    fn info(&self) -> &StoreInfo;

    /// Reads one secret by its physical name. `Ok(None)` means absent and nothing else.
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>>;

    /// Reads at most [`Self::batch_size`] secrets with one request. The answers are in the order of `names`,
    /// one for each, and each by itself: an error of one does not lose the others. `None` is for a name that
    /// the request did not answer: the caller reads it by [`Self::get`]. So is every name, in a store without
    /// such a request.
    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        vec![None; names.len()]
    }

    /// How many names [`Self::get_many`] is asked for at present: one where it is of no use.
    fn batch_size(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    /// Whether a file that this store was built from (a profile, a key) has changed since, so that the
    /// caller should build it anew. Asked before each uncached read: at most a few `stat` calls.
    fn is_outdated(&self) -> bool {
        false
    }

    /// What it says of itself and of its secrets, if it can: having it is the capability, and no flag repeats
    /// it.
    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }
}

/// What a store says of itself and of its secrets, never their values: for the command line, and no lookup
/// waits for it.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// The secrets whose names begin with `prefix`, one page of them, with what the store reports of each in
    /// the same answer; never values. `page` is what the page before named as the next one, `None` for the
    /// first. A store that cannot list answers [`StoreInfo::cannot`].
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing>;

    /// What the store reports of one secret without its value; `None` if there is none. A store that cannot
    /// describe answers [`StoreInfo::cannot`].
    async fn describe(&self, name: &SecretName) -> Result<Option<Description>>;

    /// Why a secret that a lookup did not find is not there, such as one that is deleted and can be brought
    /// back; `None` if the store has nothing to report. Asked by `strongroom explain` after a miss: it may
    /// make a few calls.
    async fn why_absent(&self, _name: &SecretName) -> Result<Option<Finding>> {
        Ok(None)
    }

    /// Who the store is asked as and where, in words that hold no secret. Makes no call; `None` where there
    /// is no identity.
    fn identity(&self) -> Option<String> {
        None
    }

    /// What is noteworthy of the store as it answers: its clock, its certificates, its version. May make a
    /// few calls.
    async fn diagnose(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// What the store holds and no lookup gets, such as a misspelt field of a file.
    async fn unread(&self) -> Result<Vec<Unread>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Plain;

    const PLAIN: StoreInfo = StoreInfo { name: "plain", title: "Plain" };

    #[async_trait]
    impl Store for Plain {
        fn info(&self) -> &StoreInfo {
            &PLAIN
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
        assert!(store.inspect().is_none());
    }

    #[test]
    fn a_store_that_cannot_says_what_it_cannot() {
        let error = PLAIN.cannot("list", "list its secrets");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        insta::assert_snapshot!(error, @"Plain cannot list its secrets (list)");
    }
}
