//! Detects that a store is down, so that not every expired value causes an attempt.
//!
//! Only refreshes of values that can still be served ask the breaker; a first read is always made.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::process::Timestamp;

/// This many failures in a row, within this time, open the breaker.
const FAILURES: usize = 10;
const WITHIN: Duration = Duration::from_secs(10);
/// While it is open, one attempt is allowed per period.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// Counts failures in a row; one success closes the breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    /// The last failures, oldest first.
    recent: VecDeque<Timestamp>,
    /// Set while the breaker is open.
    next_probe: Option<Timestamp>,
}

impl Breaker {
    /// Whether an attempt may be made now. While the breaker is open, the allowed attempt is a probe.
    pub(super) fn allows(&self, now: Timestamp) -> bool {
        let mut failures = self.lock();
        match failures.next_probe {
            Some(moment) if now < moment => false,
            Some(_) => {
                // Set before the outcome is known, so that only one caller probes.
                failures.next_probe = Some(now.plus(PROBE_EVERY));
                true
            }
            None => true,
        }
    }

    /// Notes that the store did not answer.
    pub(super) fn note_failure(&self, now: Timestamp) {
        let mut failures = self.lock();
        failures.recent.push_back(now);
        if failures.recent.len() > FAILURES {
            failures.recent.pop_front();
        }
        let is_burst = failures.recent.len() == FAILURES
            && failures.recent.front().is_some_and(|first| now.since(*first) <= WITHIN);
        // Failures while it is open do not postpone the next probe.
        if is_burst && failures.next_probe.is_none() {
            failures.next_probe = Some(now.plus(PROBE_EVERY));
        }
    }

    /// Notes that the store answered.
    pub(super) fn note_success(&self) {
        let mut failures = self.lock();
        failures.recent.clear();
        failures.next_probe = None;
    }

    fn lock(&self) -> MutexGuard<'_, Failures> {
        // The record is consistent even if a thread panicked with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Clock;

    fn fail(breaker: &Breaker, clock: &Clock, times: usize, step: Duration) {
        for _ in 0..times {
            breaker.note_failure(clock.now());
            clock.advance(step);
        }
    }

    #[test]
    fn ten_failures_in_ten_seconds_open_it_and_one_success_closes_it() {
        let (clock, breaker) = (Clock::manual(), Breaker::default());
        fail(&breaker, &clock, 9, Duration::from_secs(1));
        assert!(breaker.allows(clock.now()));
        breaker.note_failure(clock.now());
        assert!(!breaker.allows(clock.now()));
        breaker.note_success();
        assert!(breaker.allows(clock.now()));
    }

    #[test]
    fn slow_failures_do_not_open_it() {
        let (clock, breaker) = (Clock::manual(), Breaker::default());
        fail(&breaker, &clock, 50, Duration::from_secs(2));
        assert!(breaker.allows(clock.now()));
    }

    #[test]
    fn while_it_is_open_one_attempt_is_allowed_every_five_seconds() {
        let (clock, breaker) = (Clock::manual(), Breaker::default());
        fail(&breaker, &clock, 10, Duration::ZERO);
        let mut passed = 0;
        for _ in 0..600 {
            passed += usize::from(breaker.allows(clock.now()));
            clock.advance(Duration::from_millis(100));
        }
        assert_eq!(passed, 11);
    }
}
