//! Counts what happened in this process, for each store.
//!
//! Plain atomics in a static, so that counting takes no lock and a fork never finds anything half done. A
//! child starts at zero.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::process::generation;
use crate::store::registry::STORES;

/// The upper limits of the histogram's buckets; one more bucket counts longer calls.
pub const LATENCY_BOUNDS: [Duration; 14] = {
    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }
    [
        ms(1),
        ms(2),
        ms(5),
        ms(10),
        ms(20),
        ms(50),
        ms(100),
        ms(200),
        ms(500),
        ms(1000),
        ms(2000),
        ms(5000),
        ms(10_000),
        ms(30_000),
    ]
};

/// A number that only grows.
#[derive(Debug)]
pub struct Counter {
    count: AtomicU64,
    reported: AtomicU64,
}

impl Counter {
    const fn zero() -> Self {
        Self { count: AtomicU64::new(0), reported: AtomicU64::new(0) }
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.count.fetch_add(count, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// What was counted since the previous call, for metrics that take increments.
    pub fn increment(&self) -> u64 {
        let count = self.get();
        count.saturating_sub(self.reported.swap(count, Ordering::Relaxed))
    }

    fn reset(&self) {
        self.count.store(0, Ordering::Relaxed);
        self.reported.store(0, Ordering::Relaxed);
    }
}

/// The counters of one store.
#[derive(Debug)]
pub struct Counters {
    generation: AtomicU64,
    /// Requests to the store; every attempt counts.
    pub calls: Counter,
    /// Lookups answered from memory with a value.
    pub hits: Counter,
    /// Lookups answered from memory with "absent".
    pub negative: Counter,
    /// Lookups answered with an expired value, since the store did not answer.
    pub stale: Counter,
    /// Lookups answered by the store.
    pub loads: Counter,
    /// Lookups that ended with an error.
    pub errors: Counter,
    /// Calls that waited for the rate limit.
    pub waits: Counter,
    /// Attempts after the first.
    pub retries: Counter,
    /// Calls that the store throttled.
    pub throttles: Counter,
    /// Lookups that the agent of the host answered.
    pub agent_answers: Counter,
    /// Lookups that wanted an agent and found none that answers.
    pub agent_absences: Counter,
    /// How long calls took: one counter for each of [`LATENCY_BOUNDS`] and one for the rest.
    latency: [Counter; LATENCY_BOUNDS.len() + 1],
    /// The sum of all latencies, in microseconds.
    latency_sum: Counter,
}

static COUNTERS: [Counters; STORES.len()] = [const { Counters::zero() }; STORES.len()];
/// For stores that are not in the registry, such as those of tests.
static OTHERS: Counters = Counters::zero();

impl Counters {
    pub(super) const fn zero() -> Self {
        Self {
            generation: AtomicU64::new(0),
            calls: Counter::zero(),
            hits: Counter::zero(),
            negative: Counter::zero(),
            stale: Counter::zero(),
            loads: Counter::zero(),
            errors: Counter::zero(),
            waits: Counter::zero(),
            retries: Counter::zero(),
            throttles: Counter::zero(),
            agent_answers: Counter::zero(),
            agent_absences: Counter::zero(),
            latency: [const { Counter::zero() }; LATENCY_BOUNDS.len() + 1],
            latency_sum: Counter::zero(),
        }
    }

    /// The counters of the store with this registry name, at zero if this process has not used them yet.
    pub fn of(store: &str) -> &'static Self {
        let index = STORES.iter().position(|entry| entry.info.name == store);
        let counters = index.and_then(|index| COUNTERS.get(index)).unwrap_or(&OTHERS);
        // The first use in a child resets what it inherited from its parent.
        if counters.generation.swap(generation(), Ordering::AcqRel) != generation() {
            counters.all().for_each(|(_, counter)| counter.reset());
            counters.latency.iter().chain([&counters.latency_sum]).for_each(Counter::reset);
        }
        counters
    }

    /// The counter for lookups that memory answers, with a value or with "absent".
    #[inline]
    pub fn of_memory(&self, has_value: bool) -> &Counter {
        if has_value { &self.hits } else { &self.negative }
    }

    /// Every plain counter with its name in statistics and metrics.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Counter)> {
        [
            ("calls", &self.calls),
            ("hits", &self.hits),
            ("negative", &self.negative),
            ("stale", &self.stale),
            ("loads", &self.loads),
            ("errors", &self.errors),
            ("waits", &self.waits),
            ("retries", &self.retries),
            ("throttles", &self.throttles),
            ("agent_answers", &self.agent_answers),
            ("agent_absences", &self.agent_absences),
        ]
        .into_iter()
    }

    /// Notes a call and how long it took.
    pub fn note_call(&self, took: Duration) {
        self.calls.add(1);
        let bucket = LATENCY_BOUNDS.iter().position(|bound| took <= *bound);
        if let Some(counter) = self.latency.get(bucket.unwrap_or(LATENCY_BOUNDS.len())) {
            counter.add(1);
        }
        self.latency_sum.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// The buckets of the histogram, in the order of [`LATENCY_BOUNDS`], and the sum of all latencies.
    pub fn latency(&self) -> (Vec<u64>, Duration) {
        let buckets = self.latency.iter().map(Counter::get).collect();
        (buckets, Duration::from_micros(self.latency_sum.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_fall_into_buckets() {
        let counters = Counters::zero();
        for milliseconds in [0, 1, 7, 60_000] {
            counters.note_call(Duration::from_millis(milliseconds));
        }
        let (buckets, sum) = counters.latency();
        assert_eq!(counters.calls.get(), 4);
        assert_eq!((buckets[0], buckets[3], buckets[LATENCY_BOUNDS.len()]), (2, 1, 1));
        assert_eq!(sum, Duration::from_millis(60_008));
    }

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = OTHERS.all().map(|(name, _)| name).collect();
        assert_eq!(names.len(), OTHERS.all().count());
    }
}
