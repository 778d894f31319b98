//! Counts the answers to callers. The outermost layer, so that it sees every answer exactly once.

use std::num::NonZeroUsize;

use async_trait::async_trait;

use crate::error::Result;
use crate::layers::cache::{Cache, Cached, Origin};
use crate::layers::counters::{Counter, Counters};
use crate::store::{SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// A cached store whose answers are counted.
#[derive(Debug)]
pub struct Observe {
    cache: Cache,
    counters: &'static Counters,
}

impl Observe {
    /// Wraps `cache`.
    pub fn new(cache: Cache, counters: &'static Counters) -> Self {
        Self { cache, counters }
    }

    /// The cache below, for what is not a read: expiring, warming, forgetting.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Like [`Cache::fetch`], counted.
    pub async fn fetch(&self, name: &SecretName) -> Result<Cached> {
        let outcome = self.cache.fetch(name).await;
        self.counter(&outcome).add(1);
        outcome
    }

    /// The counter for `outcome`.
    pub fn counter(&self, outcome: &Result<Cached>) -> &'static Counter {
        match outcome {
            Err(_) => &self.counters.errors,
            Ok(Cached { origin: Origin::Store, .. }) => &self.counters.loads,
            Ok(Cached { origin: Origin::Stale(_), .. }) => &self.counters.stale,
            Ok(Cached { origin: Origin::Memory, value, .. }) => self.counters.of_memory(value.is_some()),
        }
    }
}

#[async_trait]
impl Store for Observe {
    fn info(&self) -> &StoreInfo {
        self.cache.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        Ok(self.fetch(name).await?.value)
    }

    fn batch_size(&self) -> NonZeroUsize {
        self.cache.batch_size()
    }

    fn reads_together(&self) -> bool {
        self.cache.reads_together()
    }

    fn is_outdated(&self) -> bool {
        self.cache.is_outdated()
    }
}
