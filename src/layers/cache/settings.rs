//! Limits and ages of a cache.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::layers::options::{MAX_BYTES, MAX_ENTRIES, MAX_STALE, NEGATIVE_TTL, TTL};
use crate::store::SecretName;
use crate::store::options::{OptionSpec, Options};
use crate::store::pattern::Pattern;

/// When a value in use is refreshed before it expires.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    /// The fraction of the time to live after which it is refreshed.
    pub at: f64,
    /// How long the refresh may take.
    pub patience: Duration,
}

impl Ahead {
    /// For a process in which a caller waits for the refresh.
    pub const BY_A_CALLER: Self = Self { at: 0.8, patience: Duration::from_millis(250) };
}

/// The user's settings for the cache.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// How long a value is served without asking the store.
    pub ttl: Duration,
    /// Other times to live, by the name in the store; the first pattern that matches decides.
    pub ttl_patterns: Arc<[(Pattern, Duration)]>,
    /// How long an absent secret is remembered as absent.
    pub negative_ttl: Duration,
    /// How long after its time to live a value is still served while the store does not answer.
    pub max_stale: Duration,
    /// When a value in use is refreshed before it expires.
    pub ahead: Ahead,
    /// The most values that are kept, and also the most absent names.
    pub max_entries: usize,
    /// The most bytes that all kept values may have.
    pub max_bytes: usize,
}

impl CacheSettings {
    /// Reads the options of [`crate::layers::OPTIONS`] that concern the cache.
    pub fn from_options(options: &Options) -> Self {
        let ttl = options.duration_of(&TTL);
        let patterns = options.durations("cache_ttl_patterns").iter();
        // Without a cache absent names are not remembered either, and with a short one not longer than
        // values.
        let unless_off = |duration| if ttl.is_zero() { Duration::ZERO } else { duration };
        let negative = options.duration_of(&NEGATIVE_TTL);
        let is_written = options.get(NEGATIVE_TTL.key).is_some();
        Self {
            ttl,
            ttl_patterns: patterns.map(|(text, ttl)| (Pattern::new(text.as_str()), *ttl)).collect(),
            negative_ttl: unless_off(if is_written { negative } else { negative.min(ttl) }),
            max_stale: options.duration_of(&MAX_STALE),
            ahead: Ahead::BY_A_CALLER,
            max_entries: count(options, &MAX_ENTRIES),
            max_bytes: count(options, &MAX_BYTES),
        }
    }

    /// The time to live of a value under `name`.
    pub(super) fn ttl_of(&self, name: &SecretName) -> Duration {
        let matching = self.ttl_patterns.iter().find(|(pattern, _)| {
            // An invalid pattern has been refused with the configuration.
            pattern.matches(name.as_str()).unwrap_or(false)
        });
        // A pattern cannot enable a cache that is switched off.
        matching.filter(|_| !self.ttl.is_zero()).map_or(self.ttl, |(_, ttl)| *ttl)
    }

    /// Refuses patterns that can never work. Must not be called within [`crate::process::no_fork`].
    pub fn check(&self) -> Result<()> {
        if self.ttl_patterns.iter().all(|(pattern, _)| pattern.matches("").is_ok()) {
            return Ok(());
        }
        // The pattern is not shown: an option may contain anything.
        Err(Error::config("`cache_ttl_patterns` in backend_kwargs holds a pattern that does not work")
            .with_hint("Patterns are Python regular expressions, matched from the start of the name"))
    }
}

fn count(options: &Options, spec: &OptionSpec) -> usize {
    usize::try_from(options.count_of(spec)).unwrap_or(usize::MAX)
}
