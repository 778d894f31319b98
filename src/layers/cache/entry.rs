//! One remembered value and its ages.

use std::time::Duration;

use crate::error::Error;
use crate::process::{Timestamp, full_jitter};
use crate::value::SecretValue;

/// The delays between attempts to refresh an expired value: doubling from the first to the last, with full
/// jitter.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long an answer lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ages {
    pub(super) ttl: Duration,
    pub(super) max_stale: Duration,
    /// The fraction of the time to live after which a value is refreshed ahead of time.
    pub(super) ahead_at: f64,
}

/// An answer of the store; its age counts from the end of the read that returned it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The secret, or `None` if it is absent.
    pub(super) value: Option<SecretValue>,
    pub(super) fetched: Timestamp,
    /// From this moment one caller refreshes it while the others are still served.
    pub(super) due: Timestamp,
    pub(super) fresh_until: Timestamp,
    /// Until this moment it is served while the store does not answer.
    pub(super) stale_until: Timestamp,
    /// Before this moment no refresh is attempted.
    pub(super) retry_at: Timestamp,
    /// A caller asked for a newer one: an attempt is due, whatever failed before.
    pub(super) is_unwanted: bool,
    /// Why the last refresh failed.
    pub(super) failure: Option<Error>,
    failures: u32,
}

impl Entry {
    pub(super) fn new(value: Option<SecretValue>, now: Timestamp, ages: Ages) -> Self {
        // If the end of the value is known, the entry ends with it.
        let end = value.as_ref().and_then(SecretValue::valid_for).unwrap_or(Duration::MAX);
        let ttl = ages.ttl.min(end);
        // Refreshing an absence ahead of time is not worth a call.
        let due = if value.is_some() { ttl.mul_f64(ages.ahead_at) } else { ttl };
        Self {
            fetched: now,
            due: now.plus(due),
            fresh_until: now.plus(ttl),
            stale_until: now.plus(ttl.saturating_add(ages.max_stale).min(end)),
            retry_at: Timestamp::ORIGIN,
            is_unwanted: false,
            failure: None,
            failures: 0,
            value,
        }
    }

    /// Makes the next caller ask the store.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.due = self.due.min(now);
        self.fresh_until = self.fresh_until.min(now);
        self.retry_at = Timestamp::ORIGIN;
        self.is_unwanted = true;
        self.failures = 0;
    }

    /// Notes that a refresh failed with `error`, and when the next one may be attempted.
    pub(super) fn note_failure(&mut self, now: Timestamp, error: &Error) {
        // The exponent is limited to 5, since 2^5 s exceeds the longest delay anyway.
        let longest = FIRST_WAIT.saturating_mul(1 << self.failures.min(5)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        let wait = full_jitter(longest).max(error.retry_after().unwrap_or_default());
        self.retry_at = now.plus(wait);
        self.is_unwanted = false;
        self.failure = Some(error.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::process::Clock;

    fn entry(value: SecretValue, now: Timestamp) -> Entry {
        let ages = Ages { ttl: Duration::from_secs(60), max_stale: Duration::from_secs(600), ahead_at: 0.8 };
        Entry::new(Some(value), now, ages)
    }

    #[test]
    fn a_known_end_limits_every_age() {
        let now = Clock::manual().now();
        let known = SecretValue::text("v").with_valid_for(Duration::from_secs(10));
        let entry = entry(known, now);
        assert_eq!(entry.fresh_until.since(now), Duration::from_secs(10));
        assert_eq!(entry.stale_until.since(now), Duration::from_secs(10));
    }

    #[test]
    fn delays_double_up_to_a_limit_and_the_store_may_ask_for_more() {
        let now = Clock::manual().now();
        let mut entry = entry(SecretValue::text("v"), now);
        let error = Error::new(ErrorKind::Throttled, "").temporary(None);
        for longest in [1, 2, 4, 8, 16, 30, 30, 30] {
            entry.note_failure(now, &error);
            assert!(entry.retry_at.since(now) <= Duration::from_secs(longest));
        }
        entry.note_failure(now, &error.temporary(Some(Duration::from_secs(100))));
        assert_eq!(entry.retry_at.since(now), Duration::from_secs(100));
    }
}
