//! Counts what happened in this process, for each store.
//!
//! Plain atomics in a static, so that counting takes no lock and a fork never finds anything half done. A
//! child starts at zero. A member of a chain has counters of its own; the sum for its store includes them.

use std::sync::OnceLock;
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

/// The most members that have counters of their own; what further ones do counts for their store alone.
const MOST_MEMBERS: usize = 64;

static MEMBERS: [OnceLock<OfMember>; MOST_MEMBERS] = [const { OnceLock::new() }; MOST_MEMBERS];

/// A member of a chain.
#[derive(Debug)]
struct OfMember {
    store: &'static str,
    name: String,
    counters: Counters,
}

/// Where something is counted: for a store, or for a member of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account(Option<usize>);

impl Account {
    /// That of a member of a chain, which all chains with a member of this name and store share.
    /// Configurations are read with the GIL held, so no fork finds a slot half filled.
    pub fn of_member(store: &'static str, name: &str) -> Self {
        let new = || OfMember { store, name: name.to_owned(), counters: Counters::zero() };
        let is_it = |slot: &OnceLock<OfMember>| {
            let known = slot.get_or_init(new);
            known.store == store && known.name == name
        };
        Self(MEMBERS.iter().position(is_it))
    }

    /// Its counters; those of `store` where it is that of no member.
    pub fn counters(self, store: &str) -> &'static Counters {
        match self.0.and_then(|index| MEMBERS.get(index)?.get()) {
            Some(member) => member.counters.of_this_process(),
            None => Counters::of(store),
        }
    }
}

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
        index.and_then(|index| COUNTERS.get(index)).unwrap_or(&OTHERS).of_this_process()
    }

    /// The members that this store has had in this process, by name, and their counters.
    pub fn of_members(store: &str) -> impl Iterator<Item = (&'static str, &'static Self)> {
        let known = MEMBERS.iter().map_while(OnceLock::get).filter(move |member| member.store == store);
        known.map(|member| (member.name.as_str(), member.counters.of_this_process()))
    }

    /// The first use in a child resets what it inherited from its parent.
    fn of_this_process(&'static self) -> &'static Self {
        if self.generation.swap(generation(), Ordering::AcqRel) != generation() {
            self.all().for_each(|(_, counter)| counter.reset());
            self.latency.iter().chain([&self.latency_sum]).for_each(Counter::reset);
        }
        self
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
    fn a_member_has_counters_of_its_own() {
        let near = Account::of_member("memory", "counted-near");
        assert_eq!(near, Account::of_member("memory", "counted-near"));
        assert_ne!(near, Account::of_member("memory", "counted-far"));
        near.counters("memory").hits.add(2);
        let of = |wanted| Counters::of_members("memory").find(|(name, _)| *name == wanted).unwrap().1;
        assert_eq!((of("counted-near").hits.get(), of("counted-far").hits.get()), (2, 0));
        assert!(std::ptr::eq(Account::default().counters("memory"), Counters::of("memory")));
    }

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = OTHERS.all().map(|(name, _)| name).collect();
        assert_eq!(names.len(), OTHERS.all().count());
    }
}
