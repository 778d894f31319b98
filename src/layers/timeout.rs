//! Limits the time of one attempt, counts the calls that reach the store, and adds the store's name to its
//! errors.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::layers::counters::Counters;
use crate::store::{SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// A store whose single calls end after a fixed time. The innermost layer, so that it sees every attempt.
#[derive(Debug)]
pub struct Timeout {
    inner: Arc<dyn Store>,
    limit: Duration,
    counters: &'static Counters,
}

impl Timeout {
    /// The store itself, without a time limit.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.inner
    }

    /// Wraps `inner`; each call ends after `limit` at the latest.
    pub fn new(inner: Arc<dyn Store>, limit: Duration, counters: &'static Counters) -> Self {
        Self { inner, limit, counters }
    }

    /// The result of `call` within the limit; it counts as one call.
    pub(super) async fn run<T>(&self, call: impl Future<Output = T>) -> Result<T> {
        let _measured = Measured { counters: self.counters, started: Instant::now() };
        tokio::time::timeout(self.limit, call).await.map_err(|_elapsed| self.error())
    }

    /// One attempt that can fail.
    pub(super) async fn attempt<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.note(self.run(call).await.flatten())
    }

    /// Counts throttled calls. The only place where an error of a store gets the store's name.
    fn note<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| {
            if error.kind() == ErrorKind::Throttled {
                self.counters.throttles.add(1);
            }
            error.with_store(self.inner.info().name)
        })
    }

    fn error(&self) -> Error {
        Error::new(ErrorKind::Timeout, format!("no answer to one attempt within {:?}", self.limit))
            .with_hint("Check the network path to the store, or raise `timeout`")
            .temporary(None)
    }
}

/// A call under way. It counts as one however it ends, even if the caller gives up.
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
        self.attempt(self.inner.get(name)).await
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        match self.run(self.inner.get_many(names)).await {
            Ok(answers) => answers.into_iter().map(|answer| Some(self.note(answer?))).collect(),
            Err(error) => vec![Some(self.note(Err(error))); names.len()],
        }
    }

    fn batch_size(&self) -> NonZeroUsize {
        self.inner.batch_size()
    }

    fn reads_together(&self) -> bool {
        self.inner.reads_together()
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
        insta::assert_snapshot!(error, @"no answer to one attempt within 5s (scripted). Check the network \
        path to the store, or raise `timeout`");
    }
}
