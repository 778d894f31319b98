//! Cuts one attempt that takes too long.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::store::{SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// A store whose single reads end after a fixed time.
#[derive(Debug)]
pub struct Timeout {
    inner: Arc<dyn Store>,
    limit: Duration,
}

impl Timeout {
    /// Wraps `inner`; each read ends after `limit` at the latest.
    pub fn new(inner: Arc<dyn Store>, limit: Duration) -> Self {
        Self { inner, limit }
    }

    fn error(&self) -> Error {
        Error::new(ErrorKind::Timeout, format!("no answer to one attempt within {:?}", self.limit))
            .with_store(self.info().name)
            .with_hint("Check the network path to the store, or raise `timeout`")
            .temporary(None)
    }
}

#[async_trait]
impl Store for Timeout {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        match tokio::time::timeout(self.limit, self.inner.get(name)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(self.error()),
        }
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
        let store = Timeout::new(Arc::new(Scripted::hanging()), Duration::from_secs(5));
        let error = store.get(&SecretName::from("a")).await.unwrap_err();
        assert!(error.is_temporary());
        insta::assert_snapshot!(error, @"no answer to one attempt within 5s (scripted). Check the network path to the store, or raise `timeout`");
    }
}
