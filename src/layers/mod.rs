//! Wrappers around a store, each a [`Store`] itself.
//!
//! The order, from the outside: `observe > cache > limit > retry > timeout > store`.
//!
//! ```text
//! right:  observe(cache(limit(retry(timeout(store)))))
//!
//! wrong:  limit(cache(..))      what memory could answer would wait for its turn
//! wrong:  retry(cache(..))      every retry would find the entry it is meant to refresh, and each of the callers who
//!                               share a read would retry by itself
//! wrong:  timeout(retry(..))    an attempt that hangs uses up the time of the next one
//! wrong:  cache(observe(..))    a hit would not be counted
//! ```
//!
//! A further attempt is a call like any other: [`Retry`] waits for it in the queue of [`Limit`]. The deadline of the
//! whole lookup stands above all of them, in [`crate::backend`].

mod breaker;
mod budget;
pub(crate) mod cache;
mod counters;
mod limit;
mod observe;
mod options;
mod retry;
mod timeout;

use std::sync::Arc;

pub use cache::{Cache, CacheSettings, Cached, Origin};
pub use counters::{Counter, Counters, LATENCY_BOUNDS};
pub use limit::{Limit, LimitSettings, Queue};
pub use observe::Observe;
pub use options::{LayerSettings, OPTIONS};
pub use retry::Retry;
pub use timeout::Timeout;

use crate::process::Clock;
use crate::store::Store;

/// Puts every layer around `store`.
pub fn stack(store: Arc<dyn Store>, settings: &LayerSettings, clock: Clock) -> Observe {
    let counters = Counters::of(store.info().name);
    counted_stack(store, settings, clock, counters)
}

fn counted_stack(
    store: Arc<dyn Store>,
    settings: &LayerSettings,
    clock: Clock,
    counters: &'static Counters,
) -> Observe {
    let queue = Arc::new(Queue::new(store.info().name, settings.limit, counters));
    let timed = Arc::new(Timeout::new(store, settings.attempt_timeout(), counters));
    let retried = Arc::new(Retry::new(timed, settings.max_attempts, Arc::clone(&queue), counters));
    let limited = Arc::new(Limit::new(retried, queue));
    Observe::new(Cache::new(limited, settings.cache.clone(), clock), counters)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
