//! Cuts one attempt that takes too long, and counts what reaches the store.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::layers::counters::Counters;
use crate::store::tools::{Finding, Unread};
use crate::store::{Description, Descriptions, Names, Page, SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// A store whose single calls end after a fixed time. The innermost layer, so that it sees every attempt.
#[derive(Debug)]
pub struct Timeout {
    inner: Arc<dyn Store>,
    limit: Duration,
    counters: &'static Counters,
}

impl Timeout {
    /// Wraps `inner`; each call ends after `limit` at the latest.
    pub fn new(inner: Arc<dyn Store>, limit: Duration, counters: &'static Counters) -> Self {
        Self { inner, limit, counters }
    }

    async fn run<T>(&self, call: impl Future<Output = T>) -> Result<T> {
        let _measured = Measured { counters: self.counters, started: Instant::now() };
        tokio::time::timeout(self.limit, call).await.map_err(|_elapsed| self.error())
    }

    fn note<T>(&self, outcome: Result<T>) -> Result<T> {
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::Throttled) {
            self.counters.throttles.add(1);
        }
        outcome
    }

    fn error(&self) -> Error {
        Error::new(ErrorKind::Timeout, format!("no answer to one attempt within {:?}", self.limit))
            .with_store(self.info().name)
            .with_hint("Check the network path to the store, or raise `timeout`")
            .temporary(None)
    }
}

/// A call under way. It counts as one however it ends, also when the caller gives up.
struct Measured {
    counters: &'static Counters,
    started: Instant,
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.counters.note_call(self.started.elapsed());
    }
}

#[async_trait]
impl Store for Timeout {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.note(self.run(self.inner.get(name)).await.flatten())
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        match self.run(self.inner.get_many(names)).await {
            Ok(answers) => answers.into_iter().map(|answer| Some(self.note(answer?))).collect(),
            Err(error) => vec![Some(Err(error)); names.len()],
        }
    }

    fn batch_size(&self) -> NonZeroUsize {
        self.inner.batch_size()
    }

    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        self.note(self.run(self.inner.list(prefix, page)).await.flatten())
    }

    async fn list_described(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        self.note(self.run(self.inner.list_described(prefix, page)).await.flatten())
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        self.note(self.run(self.inner.describe(name)).await.flatten())
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        self.note(self.run(self.inner.why_absent(name)).await.flatten())
    }

    async fn unread(&self) -> Result<Vec<Unread>> {
        self.run(self.inner.unread()).await.flatten()
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.run(self.inner.diagnose()).await.unwrap_or_default()
    }

    fn identity(&self) -> Option<String> {
        self.inner.identity()
    }

    fn is_outdated(&self) -> bool {
        self.inner.is_outdated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::Scripted;

    #[tokio::test(start_paused = true)]
    async fn a_hanging_read_ends() {
        let store =
            Timeout::new(Arc::new(Scripted::hanging()), Duration::from_secs(5), Counters::of("memory"));
        let error = store.get(&SecretName::from("a")).await.unwrap_err();
        assert!(error.is_temporary());
        insta::assert_snapshot!(error, @"no answer to one attempt within 5s (scripted). Check the network path to the store, or raise `timeout`");
    }
}
