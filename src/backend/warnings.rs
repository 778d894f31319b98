//! One warning per kind and id per minute, so that a DAG that is parsed every few seconds does not flood the log.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;

use crate::process::{Clock, Timestamp};
use crate::store::convention::Lookup;

const QUIET: Duration = Duration::from_secs(60);
const MOST_REMEMBERED: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// Remembers what was warned of.
#[derive(Debug)]
pub struct Warnings(Mutex<LruCache<String, Timestamp>>);

impl Default for Warnings {
    fn default() -> Self {
        Self::new()
    }
}

impl Warnings {
    /// Nothing was warned of yet.
    pub fn new() -> Self {
        Self(Mutex::new(LruCache::new(MOST_REMEMBERED)))
    }

    /// Whether to warn of `lookup` now; the next minute says no.
    pub fn is_due(&self, lookup: Lookup<'_>, clock: &Clock) -> bool {
        let key = format!("{}\0{}\0{}", lookup.kind, lookup.team.unwrap_or_default(), lookup.id);
        let now = clock.now();
        let mut warned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.get(&key).is_some_and(|at| now.since(*at) < QUIET) {
            return false;
        }
        warned.put(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::Kind;

    #[test]
    fn once_a_minute() {
        let (clock, warnings) = (Clock::manual(), Warnings::new());
        let lookup = Lookup { kind: Kind::Connection, id: "a", team: None };
        assert!(warnings.is_due(lookup, &clock));
        assert!(!warnings.is_due(lookup, &clock));
        assert!(warnings.is_due(Lookup { id: "b", ..lookup }, &clock));
        clock.advance(Duration::from_secs(60));
        assert!(warnings.is_due(lookup, &clock));
    }
}
