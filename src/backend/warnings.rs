//! One warning per kind and id per minute, so that a DAG that is parsed every few seconds does not flood the
//! log.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;

use crate::process::{Clock, Timestamp};
use crate::store::convention::{Kind, Lookup};
use crate::store::short_key;

const QUIET: Duration = Duration::from_secs(60);
const MOST_REMEMBERED: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// Remembers recent warnings.
#[derive(Debug)]
pub struct Warnings(Mutex<LruCache<String, Timestamp>>);

impl Default for Warnings {
    fn default() -> Self {
        Self::new()
    }
}

impl Warnings {
    /// No warnings yet.
    pub fn new() -> Self {
        Self(Mutex::new(LruCache::new(MOST_REMEMBERED)))
    }

    /// Logs `text` about `lookup`: as a warning, or at DEBUG if there was one within the last minute.
    pub fn say(&self, lookup: Lookup<'_>, clock: &Clock, text: &str) {
        self.say_as(key(lookup), clock, text);
    }

    /// Like [`Self::say`], for all ids of the kind together: `fault` is what is wrong with them.
    pub fn say_of_kind(&self, kind: Kind, fault: &str, clock: &Clock, text: &str) {
        self.say_as(key_of_kind(kind, fault), clock, text);
    }

    /// Like [`Self::say`], for what concerns no single lookup: `topic` identifies the warning.
    pub fn say_of(&self, topic: &'static str, clock: &Clock, text: &str) {
        self.say_as(topic.to_owned(), clock, text);
    }

    fn say_as(&self, key: String, clock: &Clock, text: &str) {
        if self.note(key, clock) {
            tracing::warn!("{text}");
        } else {
            // Repetitions remain visible at the debug level.
            tracing::debug!("{text}");
        }
    }

    /// Whether to warn about `lookup` now; within the next minute the answer is no.
    pub fn is_due(&self, lookup: Lookup<'_>, clock: &Clock) -> bool {
        self.note(key(lookup), clock)
    }

    fn note(&self, key: String, clock: &Clock) -> bool {
        let now = clock.now();
        let mut warned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.get(&key).is_some_and(|at| now.since(*at) < QUIET) {
            return false;
        }
        warned.put(key, now);
        true
    }
}

fn key_of_kind(kind: Kind, fault: &str) -> String {
    format!("{kind}\0{fault}")
}

fn key(lookup: Lookup<'_>) -> String {
    format!("{}\0{}\0{}", lookup.kind, short_key(lookup.team.unwrap_or_default()), short_key(lookup.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ids_are_distinguished_and_not_kept() {
        let (clock, warnings) = (Clock::manual(), Warnings::new());
        let (one, other) = ("x".repeat(2_000_000), format!("{}y", "x".repeat(1_999_999)));
        let due = |id| warnings.is_due(Lookup { kind: Kind::Variable, id, team: Some(&one) }, &clock);
        assert!(due(&one) && due(&other) && !due(&one) && !due(&other));
        let kept = warnings.0.lock().unwrap();
        assert!(kept.iter().all(|(key, _)| key.len() < 200));
    }

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

    #[test]
    fn ids_of_a_kind_share_a_warning() {
        let (clock, warnings) = (Clock::manual(), Warnings::new());
        let asked = [Kind::Connection, Kind::Variable, Kind::Connection];
        let said = asked.map(|kind| warnings.note(key_of_kind(kind, "invalid_name"), &clock));
        assert_eq!(said, [true, true, false]);
    }
}
