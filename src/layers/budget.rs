//! Bounds the retries of a store, so that an outage is not multiplied by them.
//!
//! The figures are those of botocore's standard mode (`botocore/retries/quota.py` and `standard.py`): 500 to
//! spend, 5 for a retry and 10 for one after a timeout; a retry that helps gives its price back, any other
//! success 1.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::ErrorKind;

const CAPACITY: u32 = 500;
const AFTER_ERROR: u32 = 5;
const AFTER_TIMEOUT: u32 = 10;
const REWARD: u32 = 1;

/// What is left to spend on retries.
#[derive(Debug)]
pub(super) struct RetryBudget(AtomicU32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicU32::new(CAPACITY))
    }
}

impl RetryBudget {
    /// Whether a retry after an error of `kind` can be paid.
    pub(super) fn allows(&self, kind: ErrorKind) -> bool {
        self.0.load(Ordering::Acquire) >= price(kind)
    }

    /// Pays for a retry after an error of `kind`; `None` if there is not enough left, else the price.
    pub(super) fn pay(&self, kind: ErrorKind) -> Option<u32> {
        let price = price(kind);
        let paid = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(price));
        paid.ok().map(|_| price)
    }

    /// A read succeeded, after retries for `paid` in all.
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
