//! Limits the retries of a store, so that they do not multiply the load of an outage.
//!
//! The figures are those of botocore's standard mode (`botocore/retries/quota.py` and `standard.py`): a
//! budget of 500, of which a retry costs 5, or 10 after a timeout; a successful retry returns its price, and
//! any other success 1.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::ErrorKind;

const CAPACITY: u32 = 500;
const AFTER_ERROR: u32 = 5;
const AFTER_TIMEOUT: u32 = 10;
const REWARD: u32 = 1;

/// The rest of the budget for retries.
#[derive(Debug)]
pub(super) struct RetryBudget(AtomicU32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicU32::new(CAPACITY))
    }
}

impl RetryBudget {
    /// Whether the budget has enough for a retry after an error of `kind`.
    pub(super) fn allows(&self, kind: ErrorKind) -> bool {
        self.0.load(Ordering::Acquire) >= price(kind)
    }

    /// Pays for a retry after an error of `kind`; returns the price, or `None` if the rest is not enough.
    pub(super) fn pay(&self, kind: ErrorKind) -> Option<u32> {
        let price = price(kind);
        let paid = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(price));
        paid.ok().map(|_| price)
    }

    /// Notes a successful read, whose retries cost `paid` in total.
    pub(super) fn note_success(&self, paid: u32) {
        let reward = paid.max(REWARD);
        // Always `Some`, so it cannot fail.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
            Some(left.saturating_add(reward).min(CAPACITY))
        });
    }
}

fn price(kind: ErrorKind) -> u32 {
    if kind == ErrorKind::Timeout { AFTER_TIMEOUT } else { AFTER_ERROR }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_spends_it_and_successes_earn_it_back() {
        let budget = RetryBudget::default();
        let spend = |kind| std::iter::from_fn(|| budget.pay(kind)).count();
        assert_eq!(spend(ErrorKind::Throttled), 100);
        assert_eq!(spend(ErrorKind::Timeout), 0);
        (0..9).for_each(|_| budget.note_success(0));
        assert_eq!((spend(ErrorKind::Timeout), spend(ErrorKind::Unreachable)), (0, 1));
        budget.note_success(10_000);
        assert_eq!(spend(ErrorKind::Timeout), 50);
    }
}
