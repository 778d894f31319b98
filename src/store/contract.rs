//! What a store has to be able to do: [`Store`] for lookups, [`Inspect`] for tools that look at it from
//! outside; [`Write`] for changes is in a file of its own.

use std::fmt::Debug;
use std::num::NonZeroUsize;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::store::description::Description;
use crate::store::listing::{Listing, Page};
use crate::store::name::SecretName;
use crate::store::tags::TagRule;
use crate::store::tools::{Finding, Unread};
use crate::store::write::Write;
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
/// which also puts the store's name on each error) and may be called from several threads at once. A
/// cancelled call (a dropped future) leaves them usable.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// What this store is.
    fn info(&self) -> &StoreInfo;

    /// Reads one secret by its physical name. `Ok(None)` means absent and nothing else.
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>>;

    /// Reads at most [`Self::batch_size`] secrets with one request. There is one answer for each name, in the
    /// order of `names`, and an error for one does not affect the others. `None` means that the request did
    /// not answer for this name, and the caller reads it with [`Self::get`]; a store without such a request
    /// returns `None` for every name.
    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        vec![None; names.len()]
    }

    /// How many names [`Self::get_many`] takes at present: one where a batch gains nothing.
    fn batch_size(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    /// Whether one request for several names costs no more than one for a single name, in quota and in
    /// permissions. Then what a lookup may need, and what is due to be read again, is read together.
    fn reads_together(&self) -> bool {
        false
    }

    /// Whether a file that this store was built from (a profile, a key) has changed since, so that the caller
    /// should rebuild it. Checked before each uncached read, so it costs a few `stat` calls at most.
    fn is_outdated(&self) -> bool {
        false
    }

    /// Whether the service keeps something for this store that [`Self::close`] ends, such as a session.
    fn is_open(&self) -> bool {
        false
    }

    /// Ends that, as far as the service lets it happen: when the process or the agent ends, and when another
    /// store has taken the place of this one. The caller limits the time. A store that is asked again opens
    /// again.
    async fn close(&self) {}

    /// What the store can report about itself and its secrets, if it can. Returning it is the capability; no
    /// separate flag repeats it.
    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }

    /// How secrets are changed in it, if they can be. Returning it is the capability.
    fn write(&self) -> Option<&dyn Write> {
        None
    }
}

/// What a store reports about itself and about its secrets, never their values: for the command line. No
/// lookup waits for it.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// The secrets whose names begin with `prefix`, one page of them, with what the store reports of each in
    /// the same answer; never values. `page` is the [`Listing::next`] of the previous page, `None` for the
    /// first one. A store that cannot list answers [`StoreInfo::cannot`].
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing>;

    /// Like [`Self::list`], of secrets that have all of `tags`. A store whose API filters leaves out others,
    /// as far as it can; callers check the tags in any case.
    async fn list_tagged(&self, prefix: &str, _tags: &[TagRule], page: Option<&Page>) -> Result<Listing> {
        self.list(prefix, page).await
    }

    /// What the store reports about one secret without its value; `None` if it does not exist. A store that
    /// cannot describe secrets answers [`StoreInfo::cannot`].
    async fn describe(&self, name: &SecretName) -> Result<Option<Description>>;

    /// The tags of one secret; `None` if it does not exist. For a store that reports them only when it is
    /// asked for them; all others have them in the description.
    async fn tags(&self, name: &SecretName) -> Result<Option<Vec<(String, String)>>> {
        Ok(self.describe(name).await?.map(|described| described.tags))
    }

    /// Why a secret that a lookup did not find is absent: it may be deleted and recoverable, for example.
    /// `None` if the store has nothing to report. `strongroom explain` asks after a miss, so this may make a
    /// few calls.
    async fn why_absent(&self, _name: &SecretName) -> Result<Option<Finding>> {
        Ok(None)
    }

    /// Which identity the store is asked with and where, in words that hold no secret. Makes no call; `None`
    /// where there is no identity.
    fn identity(&self) -> Option<String> {
        None
    }

    /// What is noteworthy about the running store: its clock, its certificates, its version. May make a few
    /// calls.
    async fn diagnose(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// What the store holds although no lookup returns it, such as a misspelt field of a file.
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
        assert!(store.inspect().is_none() && store.write().is_none());
    }

    #[test]
    fn a_store_that_cannot_says_what_it_cannot() {
        let error = PLAIN.cannot("list", "list its secrets");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        insta::assert_snapshot!(error, @"Plain cannot list its secrets (list)");
    }
}
