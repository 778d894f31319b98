//! Wrappers around a store, each a [`Store`] itself.
//!
//! The order, from the outside: `cache > retry > timeout > store`.
//!
//! ```text
//! right:  cache(retry(timeout(store)))    one refresh may take several attempts, each cut by itself;
//!                                          all callers of one name share it
//! wrong:  timeout(retry(..))               a hanging first attempt uses up the time of the second
//! wrong:  retry(cache(..))                 every retry would find the entry it is meant to refresh
//! ```
//!
//! The deadline of the whole lookup stands above all of them, in [`crate::backend`].

mod cache;
mod options;
mod retry;
mod timeout;

use std::sync::Arc;

pub use cache::{Cache, Cached};
pub use options::{LayerSettings, OPTIONS};
pub use retry::Retry;
pub use timeout::Timeout;

use crate::process::Clock;
use crate::store::Store;

/// Puts every layer around `store`.
pub fn stack(store: Arc<dyn Store>, settings: &LayerSettings, clock: Clock) -> Cache {
    let timed = Arc::new(Timeout::new(store, settings.attempt_timeout()));
    let retried = Arc::new(Retry::new(timed, settings.max_attempts));
    Cache::new(retried, settings.cache, clock)
}

#[cfg(test)]
pub(crate) mod testing;
