//! Wrappers around a store, each a [`Store`] itself.
//!
//! The order, from the outermost: `observe > cache > limit > retry > timeout > filter > store`; `filter` is
//! there only where something is left out.
//!
//! ```text
//! right:  observe(cache(limit(retry(timeout(store)))))
//!
//! wrong:  limit(cache(..))      answers from memory would wait in the queue
//! wrong:  retry(cache(..))      every retry would find the entry it is meant to refresh, and each
//!                               of the callers who share a read would retry on its own
//! wrong:  timeout(retry(..))    an attempt that hangs uses up the time of the next one
//! wrong:  cache(observe(..))    a hit would not be counted
//! ```
//!
//! A further attempt is a call like any other: [`Retry`] waits for it in the queue of [`Limit`]. The deadline
//! of the whole lookup is outside all of them, in [`crate::backend`].
//!
//! They wrap lookups only. [`Inspected`] is the only wrapper of a store's [`crate::store::Inspect`], and
//! [`Written`] that of its [`crate::store::Write`]: they have the deadline, the attempts and the queue of the
//! lookups, but no cache.

mod breaker;
mod budget;
pub(crate) mod cache;
mod counters;
mod filter;
mod inspect;
mod limit;
mod observe;
mod options;
mod retry;
mod timeout;
mod write;

use std::sync::Arc;

pub use cache::{Ahead, Cache, CacheSettings, Cached, Origin};
pub use counters::{Account, Counter, Counters, LATENCY_BOUNDS};
pub use filter::{Filter, FilterRules};
pub use inspect::Inspected;
pub use limit::{Limit, LimitSettings, Queue};
pub use observe::Observe;
pub use options::{ASKED_EACH_TIME, LayerSettings, OPTIONS};
pub use retry::{Attempts, Retry};
pub use timeout::Timeout;
pub use write::Written;

use crate::process::Clock;
use crate::store::Store;

/// A store with its layers.
#[derive(Debug)]
pub struct Layered {
    /// For lookups.
    pub lookups: Observe,
    /// For tools that look at the store from outside.
    pub inspect: Inspected,
    /// For changes.
    pub write: Written,
}

/// Puts every layer around `store`.
pub fn stack(store: Arc<dyn Store>, settings: &LayerSettings, clock: Clock) -> Layered {
    let counters = settings.account.counters(store.info().name);
    counted_stack(store, settings, clock, counters)
}

fn counted_stack(
    store: Arc<dyn Store>,
    settings: &LayerSettings,
    clock: Clock,
    counters: &'static Counters,
) -> Layered {
    let name = store.info().name;
    let queue = Arc::new(Queue::new(name, settings.limit, counters));
    let timed = Arc::new(Timeout::new(store, settings.attempt_timeout(), counters));
    let attempts = Arc::new(Attempts::new(name, settings.max_attempts, Arc::clone(&queue), counters));
    let inspect =
        Inspected::new(Arc::clone(&timed), Arc::clone(&attempts), Arc::clone(&queue), settings.timeout);
    let write = Written::new(Arc::clone(&timed), Arc::clone(&attempts), Arc::clone(&queue), settings.timeout);
    let limited = Arc::new(Limit::new(Arc::new(Retry::new(timed, attempts)), queue));
    let lookups = Observe::new(Cache::new(limited, settings.cache.clone(), clock), counters);
    Layered { lookups, inspect, write }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
