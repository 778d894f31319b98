//! The store with its layers, and the answers derived from it.

use std::sync::Arc;

use crate::backend::bundle::Bundles;
use crate::backend::closing::InUse;
use crate::backend::memo::Memo;
use crate::backend::settings::Settings;
use crate::error::Result;
use crate::layers::{self, Filter, Inspected, Layered, Observe, Written};
use crate::process::Clock;
use crate::store::Store;

/// The store with its layers, and the answers derived from it.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) store: Observe,
    pub(super) inspect: Inspected,
    pub(super) write: Written,
    pub(super) memo: Memo,
    pub(super) bundles: Bundles,
    /// Whether the prefetch is over; locked by the caller who does it.
    pub(super) prefetched: tokio::sync::Mutex<bool>,
    pub(super) in_use: InUse,
}

impl Stack {
    /// Builds the store. Call it under [`crate::process::no_fork`].
    pub(super) fn open(settings: &Settings, clock: &Clock) -> Result<Self> {
        let (entry, options) = (settings.entry, &settings.options);
        // A faulty pattern fails only the lookups of its kind; a faulty option without effect fails nothing.
        let store = options
            .check_faults(|key| key.ends_with("_lookup_pattern") || (entry.rules.plays_no_part)(options, key))
            .and_then(|()| (entry.open)(options, &settings.environment))
            .map_err(|error| error.with_store(entry.info.name))?;
        let in_use = InUse::new(Arc::clone(&store));
        let store = match &settings.layers.filter {
            None => store,
            Some(rules) => Arc::new(Filter::new(store, rules.clone(), entry.tools.lists_tags)),
        };
        Ok(Self::on(in_use, store, settings, clock))
    }

    #[cfg(test)]
    pub(super) fn around(store: Arc<dyn Store>, settings: &Settings, clock: &Clock) -> Self {
        let in_use = InUse::new(Arc::clone(&store));
        Self::on(in_use, store, settings, clock)
    }

    /// Puts the layers around `store`: `in_use`, or what is left of its secrets.
    fn on(in_use: InUse, store: Arc<dyn Store>, settings: &Settings, clock: &Clock) -> Self {
        let cache = &settings.layers.cache;
        let Layered { lookups, inspect, write } = layers::stack(store, &settings.layers, clock.clone());
        Self {
            memo: Memo::new(cache.max_entries, cache.max_bytes),
            store: lookups,
            inspect,
            write,
            bundles: Bundles::default(),
            // Nothing can be kept without a cache.
            prefetched: tokio::sync::Mutex::new(settings.prefetch.is_empty() || cache.ttl.is_zero()),
            in_use,
        }
    }
}
