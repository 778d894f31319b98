//! The store in its layers, and when it is built anew.

use std::sync::{Arc, PoisonError};

use crate::backend::bundle::Bundles;
use crate::backend::lookup::Backend;
use crate::backend::memo::Memo;
use crate::backend::settings::Settings;
use crate::error::Result;
use crate::layers::{self, Inspected, Layered, Observe};
use crate::process::{Clock, no_fork};
use crate::store::Store;

/// A store in its layers, and the answers made of what it said.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) store: Observe,
    pub(super) inspect: Inspected,
    pub(super) memo: Memo,
    pub(super) bundles: Bundles,
    /// Whether the prefetch is over; held by the caller who does it.
    pub(super) prefetched: tokio::sync::Mutex<bool>,
}

impl Stack {
    /// Builds the store. Call it under [`no_fork`].
    pub(super) fn open(settings: &Settings, clock: &Clock) -> Result<Self> {
        let (entry, options) = (settings.entry, &settings.options);
        let store = options
            .check_faults(|key| key.ends_with("_lookup_pattern") || (entry.plays_no_part)(options, key))
            .and_then(|()| (entry.open)(options, &settings.environment))
            .map_err(|error| error.with_store(entry.info.name))?;
        Ok(Self::around(store, settings, clock))
    }

    pub(super) fn around(store: Arc<dyn Store>, settings: &Settings, clock: &Clock) -> Self {
        let cache = &settings.layers.cache;
        let Layered { lookups, inspect } = layers::stack(store, &settings.layers, clock.clone());
        Self {
            memo: Memo::new(cache.max_entries, cache.max_bytes),
            store: lookups,
            inspect,
            bundles: Bundles::default(),
            // Nothing can be kept without a cache.
            prefetched: tokio::sync::Mutex::new(settings.prefetch.is_empty() || cache.ttl.is_zero()),
        }
    }
}

impl Backend {
    pub(super) fn current(&self) -> Arc<Stack> {
        Arc::clone(&self.stack.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stack, built anew if a file beneath it has changed.
    pub(super) fn up_to_date(&self) -> Result<Arc<Stack>> {
        let stack = self.current();
        if !stack.store.is_outdated() {
            return Ok(stack);
        }
        tracing::debug!(
            "{}: a configuration file has changed; building the client anew",
            self.settings.entry.info.title
        );
        let _held = no_fork();
        // Somebody else may have built it while we waited.
        let current = self.current();
        if !Arc::ptr_eq(&current, &stack) {
            return Ok(current);
        }
        let fresh = Arc::new(Stack::open(&self.settings, &self.clock)?);
        *self.stack.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}
