//! What a lookup is answered, and what the answer is made of.

use std::time::Duration;

use crate::error::Error;
use crate::layers::{Cached, Origin};
use crate::process::Timestamp;
use crate::value::SecretValue;

/// What Airflow is answered, and how we came to know it.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The secret, or `None` if there is none.
    pub value: Option<SecretValue>,
    /// How old the answer is, where the store gave one.
    pub age: Option<Duration>,
    /// `value`, `absent`, `stale`, `skipped`, `refused`, or the kind of the error that counts as a miss.
    pub outcome: &'static str,
}

impl Reply {
    /// The answer of the store, `age` ago.
    pub(super) fn known(value: Option<SecretValue>, age: Duration, is_stale: bool) -> Self {
        let outcome = match &value {
            Some(_) if is_stale => "stale",
            Some(_) => "value",
            None => "absent",
        };
        Self { value, age: Some(age), outcome }
    }

    /// None, for another reason than the store's answer.
    pub fn none(outcome: &'static str) -> Self {
        Self { value: None, age: None, outcome }
    }
}

/// What an answer is made of: it is as old as its oldest part and as fresh as the first that ends.
pub(super) struct Trail {
    pub(super) fetched: Timestamp,
    pub(super) ask_again: Timestamp,
    pub(super) epoch: u64,
    pub(super) is_stale: bool,
    /// A name that was absent once, and of which nobody knows whether it still is.
    pub(super) doubt: Option<Error>,
}

impl Trail {
    pub(super) fn new(epoch: u64) -> Self {
        let end = Timestamp::ORIGIN.plus(Duration::MAX);
        Self { fetched: end, ask_again: end, epoch, is_stale: false, doubt: None }
    }

    pub(super) fn add(&mut self, cached: &Cached) {
        self.fetched = self.fetched.min(cached.fetched);
        self.ask_again = self.ask_again.min(cached.ask_again);
        if let Origin::Stale(error) = &cached.origin {
            self.is_stale = true;
            if cached.value.is_none() {
                self.doubt = Some(error.clone());
            }
        }
    }
}
