//! The cache in the place of the store behind it.

use std::num::NonZeroUsize;

use async_trait::async_trait;

use crate::error::Result;
use crate::layers::cache::Cache;
use crate::store::{SecretName, Store, StoreInfo};
use crate::value::SecretValue;

#[async_trait]
impl Store for Cache {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        Ok(self.fetch(name).await?.value)
    }

    fn batch_size(&self) -> NonZeroUsize {
        self.inner.batch_size()
    }

    fn reads_together(&self) -> bool {
        self.reads_together
    }

    fn is_outdated(&self) -> bool {
        self.inner.is_outdated()
    }
}
