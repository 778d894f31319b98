//! What is asked of a store beside lookups, through the same layers: for the command line.

use std::future::Future;
use std::num::NonZeroUsize;

use crate::backend::lookup::Backend;
use crate::error::Result;
use crate::process::Deadline;
use crate::store::convention::Kind;
use crate::store::tools::{Finding, Unread};
use crate::store::{Description, Descriptions, Page, SecretName, Store};

impl Backend {
    /// What the store tells of the names that begin with `prefix`, one page of them.
    pub async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        let stack = self.up_to_date()?;
        self.in_time(stack.store.list_described(prefix, page)).await
    }

    /// What the store tells of `name` without its value.
    pub async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let stack = self.up_to_date()?;
        self.in_time(stack.store.describe(name)).await
    }

    /// Why `name`, which a lookup did not find, is not there, as far as the store can tell.
    pub async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        let stack = self.up_to_date()?;
        self.in_time(stack.store.why_absent(name)).await
    }

    /// The answer within the time of one lookup.
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let deadline = Deadline::after(self.settings.layers.timeout);
        deadline.run(answer).await.map_err(|error| error.with_store(self.settings.entry.info.name))
    }

    /// How many secrets one request of the store reads at present.
    pub fn batch_size(&self) -> NonZeroUsize {
        self.current().store.batch_size()
    }

    /// Has the cache read `names` in as few requests as the store allows, within the time of one lookup. What fails is
    /// read again when it is looked up.
    pub async fn read_ahead(&self, names: &[SecretName]) {
        let deadline = Deadline::within(self.settings.layers.timeout, "the time for reading ahead");
        let read = deadline.run(async {
            let stack = self.up_to_date()?;
            Ok(stack.store.cache().warm(names).await.len())
        });
        match read.await {
            Ok(failed) => tracing::debug!("read {} secrets ahead, {failed} failed", names.len()),
            Err(error) => tracing::debug!("not all of {} secrets were read ahead: {error}", names.len()),
        }
    }

    /// What is noteworthy of the store as it answers.
    pub async fn diagnose(&self) -> Vec<Finding> {
        self.current().store.diagnose().await
    }

    /// Fields of the secret `name` that Airflow does not get, each with what to do. Looks at what the cache holds; nothing is
    /// said without one.
    pub async fn dropped(&self, kind: Kind, name: &SecretName) -> Result<Vec<String>> {
        let is_kept = !self.settings.layers.cache.ttl.is_zero();
        if !is_kept || self.settings.bundles.of(kind) == Some(name) {
            return Ok(Vec::new());
        }
        let stack = self.up_to_date()?;
        let cached = self.in_time(stack.store.fetch(name)).await?;
        Ok(cached.value.map(|value| self.settings.convention.dropped(kind, &value)).unwrap_or_default())
    }

    /// What the store holds and no lookup gets.
    pub async fn unread(&self) -> Result<Vec<Unread>> {
        let stack = self.up_to_date()?;
        self.in_time(stack.store.unread()).await
    }

    /// Who the store is asked as, without a call.
    pub fn identity(&self) -> Option<String> {
        self.current().store.identity()
    }
}
