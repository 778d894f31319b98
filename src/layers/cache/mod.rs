//! Remembers the answers of a store, and lets callers of the same name share one read.
//!
//! | age of a value | the answer |
//! |---|---|
//! | under 80 % of its time to live | the value |
//! | up to its time to live | the value; one caller refreshes it first, if that takes no longer than 250 ms |
//! | past it, by less than `cache_max_stale` | one caller refreshes, the others wait; if the store does not answer, the old value |
//! | older | that of the store |
//!
//! A caller that needs a read joins the *flight* for that name: the first one reads the store, the others
//! wait for it, each within its own deadline. If the reader gives up (deadline, cancellation, panic), the
//! next waiting caller takes over. With a time to live of zero nothing is kept and nothing stale is served,
//! but flights are still shared.
//!
//! An answer of the store overrides what is remembered: denied, absent and malformed drop the entry at once,
//! and an identity that is not accepted drops every entry, including reads under way when they end. Absences
//! are remembered in the same way, with a limit of their own, so that many of them never evict a value.
//!
//! Ages count from the end of the read that returned the value, on [`Clock`].

mod alone;
mod answer;
mod entry;
mod flight;
#[cfg(test)]
mod outage_tests;
#[cfg(test)]
mod race_tests;
mod reason;
mod settings;
mod shelf;
mod store;
#[cfg(test)]
mod tests;
mod together;
mod warm;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::layers::breaker::Breaker;
use crate::layers::limit::is_own_limit;
use crate::process::{Clock, Timestamp, is_outside};
use crate::store::{SecretName, Store};
use crate::value::SecretValue;

pub use self::answer::{Cached, Origin};
use self::entry::{Ages, Entry};
use self::flight::{Board, Boarding};
use self::reason::Reason;
pub use self::settings::{Ahead, CacheSettings};
pub(crate) use self::shelf::Shelf;

/// The approximate size of an entry besides its value and its name, in bytes.
const ENTRY_OVERHEAD: usize = 200;

/// A store with a memory.
#[derive(Debug)]
pub struct Cache {
    inner: Arc<dyn Store>,
    /// What the store says of itself, asked once: each read needs to know.
    reads_together: bool,
    settings: CacheSettings,
    clock: Clock,
    state: Mutex<State>,
    board: Board,
    breaker: Breaker,
    epoch: AtomicU64,
}

#[derive(Debug)]
struct State {
    values: Shelf<SecretName, Entry>,
    absent: Shelf<SecretName, Entry>,
}

/// What memory knows about a name.
enum Known {
    Fresh(Cached),
    /// Fresh, and this caller should refresh it.
    Due(Cached),
    /// Past its time to live, but no attempt is due.
    Resting(Entry),
    Expired(Entry),
    Nothing,
}

impl Cache {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, settings: CacheSettings, clock: Clock) -> Self {
        let state = State {
            values: Shelf::new(settings.max_entries, settings.max_bytes),
            absent: Shelf::new(settings.max_entries, settings.max_bytes),
        };
        Self {
            reads_together: inner.reads_together(),
            inner,
            settings,
            clock,
            state: Mutex::new(state),
            board: Board::default(),
            breaker: Breaker::default(),
            epoch: AtomicU64::new(0),
        }
    }

    /// The answer for `name`, from memory or from the store.
    pub async fn fetch(&self, name: &SecretName) -> Result<Cached> {
        // Read before memory, so that a withdrawal in between is noticed.
        let epoch = self.epoch();
        match self.known(name) {
            Known::Fresh(cached) => Ok(cached),
            Known::Due(cached) => self.refresh_ahead(name, cached).await,
            Known::Resting(old) => Ok(self.stale(old, None)),
            Known::Expired(old) => self.refresh_or_stale(name, old, epoch).await,
            Known::Nothing => self.share(name, Reason::First, Timestamp::ORIGIN).await,
        }
    }

    /// What is held of `name`, if it may be served without waiting, and whether a refresh of it is due. Past
    /// its time to live a value may be served while it is being refreshed: `is_under_way` announces a read
    /// that has not reached the cache yet.
    pub fn held(&self, name: &SecretName, is_under_way: bool) -> Option<(Cached, bool)> {
        match self.known(name) {
            Known::Fresh(cached) => Some((cached, false)),
            Known::Due(cached) => Some((cached, !is_under_way)),
            Known::Resting(old) => Some((self.stale(old, None), false)),
            Known::Expired(old) => {
                let is_served =
                    old.value.is_some() && !old.is_unwanted && (is_under_way || self.board.has(name));
                is_served.then(|| (remembered(&old, self.clock.now()), false))
            }
            Known::Nothing => None,
        }
    }

    /// Drops what is remembered about `name`.
    pub fn forget(&self, name: &SecretName) {
        if self.lock().remove(name) {
            self.begin_epoch();
        }
    }

    /// Drops what is remembered about `name`, and what a read under way will answer: it was written.
    pub fn withdraw(&self, name: &SecretName) {
        let mut state = self.lock();
        state.remove(name);
        // With memory locked, as in `expire`.
        self.board.recall(name);
        self.begin_epoch();
    }

    /// Whether a value is remembered for `name`.
    pub fn holds(&self, name: &SecretName) -> bool {
        self.lock().values.contains(name)
    }

    /// Makes the next caller of `name` ask the store. The old value is still served if that fails.
    pub fn expire(&self, name: &SecretName) {
        let now = self.clock.now();
        let mut state = self.lock();
        if let Some(entry) = state.entry(name) {
            entry.expire(now);
        }
        // With memory locked, so that an answer under way is either expired above or not kept.
        self.board.recall(name);
        self.begin_epoch();
    }

    /// Like [`Self::expire`], for every name.
    pub fn expire_all(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.values.values_mut().for_each(|entry| entry.expire(now));
        state.absent.values_mut().for_each(|entry| entry.expire(now));
        self.board.recall_all();
        self.begin_epoch();
    }

    /// Changes whenever something that was remembered becomes invalid: answers that were derived from older
    /// ones must be dropped.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    fn begin_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    fn known(&self, name: &SecretName) -> Known {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(entry) = state.entry(name) else { return Known::Nothing };
        if now < entry.fresh_until {
            let is_due = entry.due <= now && entry.retry_at <= now;
            let attempts = is_due && !self.board.has(name) && self.breaker.allows(now);
            let cached = remembered(entry, now);
            return if attempts { Known::Due(cached) } else { Known::Fresh(cached) };
        }
        if entry.stale_until <= now {
            state.remove(name);
            return Known::Nothing;
        }
        let old = entry.clone();
        // Waiting for a read that is under way needs no attempt of its own, so the breaker is not asked.
        let attempts =
            old.is_unwanted || self.board.has(name) || (old.retry_at <= now && self.breaker.allows(now));
        if attempts { Known::Expired(old) } else { Known::Resting(old) }
    }

    /// Refreshes a value that is still fresh. Only an answer of the store counts; without one in time the
    /// value is served, and there is no other attempt before it expires.
    async fn refresh_ahead(&self, name: &SecretName, cached: Cached) -> Result<Cached> {
        let refresh = self.share(name, Reason::Ahead, cached.fetched);
        match Reason::Ahead.run(&self.settings.ahead, refresh).await {
            Err(error) if error.kind().is_outage() => {
                if let Some(entry) = self.lock().entry(name) {
                    // One attempt ahead of time is enough: the next one is made when the value expires.
                    entry.retry_at = entry.retry_at.max(entry.fresh_until);
                }
                Ok(Cached { ask_again: cached.ask_again.max(self.clock.now()), ..cached })
            }
            outcome => outcome,
        }
    }

    async fn refresh_or_stale(&self, name: &SecretName, old: Entry, epoch: u64) -> Result<Cached> {
        let refresh = self.share(name, Reason::Expired, old.fetched);
        match Reason::Expired.run(&self.settings.ahead, refresh).await {
            Err(error) if error.kind().is_outage() && self.still_holds(name, epoch) => {
                Ok(self.stale(old, Some(error)))
            }
            outcome => outcome,
        }
    }

    /// Whether nothing that was known about `name` in `epoch` has been withdrawn since.
    fn still_holds(&self, name: &SecretName, epoch: u64) -> bool {
        self.epoch() == epoch || self.lock().entry(name).is_some()
    }

    fn stale(&self, old: Entry, error: Option<Error>) -> Cached {
        let error = error.or(old.failure).unwrap_or_else(resting);
        let now = self.clock.now();
        Cached { value: old.value, origin: Origin::Stale(error), fetched: old.fetched, ask_again: now }
    }

    /// Reads `name`, or waits for the caller that does. An answer that was fetched after `seen` needs no
    /// read.
    async fn share(&self, name: &SecretName, reason: Reason, seen: Timestamp) -> Result<Cached> {
        if is_outside() {
            return self.read_alone(name).await;
        }
        loop {
            let boarding = self.board.join(name);
            let Some(flight) = boarding.flight() else { continue };
            let mut outcome = flight.lock().await;
            match &*outcome {
                // A refresh with an old value to fall back on has a short timeout, which must not fail a
                // first read.
                Some(Err(error)) if reason == Reason::First && is_timeout(error) => continue,
                Some(shared) => return shared.clone(),
                None => {}
            }
            // Another flight may have ended between the check of memory and this one.
            if let Some(cached) = self.landed(name, seen) {
                return Ok(cached);
            }
            let answer = reason.run(&self.settings.ahead, self.read(name)).await;
            // A slow store is not down: a timeout after such a short time means nothing.
            let answer = match answer {
                Err(error) if reason == Reason::Ahead && is_timeout(&error) => return Err(error),
                answer => answer,
            };
            let result = self.settle(&boarding, answer);
            // A reader whose own deadline has passed does not answer for the others, unless it has an old
            // value.
            if reason == Reason::Expired || !result.as_ref().is_err_and(is_timeout) {
                *outcome = Some(result.clone());
                boarding.land();
            }
            return result;
        }
    }

    /// The fresh answer that was fetched after `seen`, such as by a flight that has ended in the meantime.
    fn landed(&self, name: &SecretName, seen: Timestamp) -> Option<Cached> {
        let now = self.clock.now();
        let mut state = self.lock();
        let entry = state.entry(name)?;
        (now < entry.fresh_until && seen < entry.fetched).then(|| remembered(entry, now))
    }

    /// Updates memory and breaker after an answer.
    fn settle(&self, boarding: &Boarding<'_>, answer: Result<Option<SecretValue>>) -> Result<Cached> {
        let now = self.clock.now();
        match answer {
            Ok(value) => {
                self.breaker.note_success();
                Ok(self.keep(boarding, value, now))
            }
            Err(error) => {
                self.settle_error(boarding.name, &error, now);
                Err(error)
            }
        }
    }

    fn keep(&self, boarding: &Boarding<'_>, value: Option<SecretValue>, now: Timestamp) -> Cached {
        let (name, is_there) = (boarding.name, value.is_some());
        let ttl = if is_there { self.settings.ttl_of(name) } else { self.settings.negative_ttl };
        let entry = Entry::new(
            value,
            now,
            Ages { ttl, max_stale: self.settings.max_stale, ahead_at: self.settings.ahead.at },
        );
        let cached = Cached { origin: Origin::Store, ..remembered(&entry, now) };
        let mut state = self.lock();
        // A newer answer was requested, or the identity was refused, while this one was under way.
        if !boarding.is_listed() {
            return Cached { ask_again: now, ..cached };
        }
        let had_value = state.values.remove(name);
        state.absent.remove(name);
        // An evicted value can no longer be withdrawn, so no answer derived from it may outlive it.
        let dropped = !ttl.is_zero() && state.put(name, entry);
        if dropped || (had_value && !is_there) {
            self.begin_epoch();
        }
        cached
    }

    fn settle_error(&self, name: &SecretName, error: &Error, now: Timestamp) {
        // The store has answered, if only with a refusal.
        if !error.kind().is_outage() {
            self.breaker.note_success();
            return if concerns_identity(error) { self.forget_all() } else { self.forget(name) };
        }
        // A call that waited too long in our own queue has not reached the store.
        if !is_own_limit(error) {
            self.breaker.note_failure(now);
        }
        if let Some(entry) = self.lock().entry(name) {
            entry.note_failure(now, error);
        }
    }

    /// Drops everything that was read under an identity that is now refused, and what is being read under it.
    fn forget_all(&self) {
        let mut state = self.lock();
        state.values.clear();
        state.absent.clear();
        self.board.recall_all();
        self.begin_epoch();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The maps are consistent even if a thread panicked with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn entry(&mut self, name: &SecretName) -> Option<&mut Entry> {
        if self.values.contains(name) { self.values.get_mut(name) } else { self.absent.get_mut(name) }
    }

    /// Stores an entry, and returns whether values were evicted for it.
    fn put(&mut self, name: &SecretName, entry: Entry) -> bool {
        let weight = ENTRY_OVERHEAD + name.as_str().len() + entry.value.as_ref().map_or(0, SecretValue::len);
        if entry.value.is_some() {
            return self.values.put(name.clone(), entry, weight);
        }
        self.absent.put(name.clone(), entry, weight);
        false
    }

    fn remove(&mut self, name: &SecretName) -> bool {
        let had_value = self.values.remove(name);
        self.absent.remove(name) || had_value
    }
}

/// A fresh entry as an answer. Once it is due, every caller has to come back to the cache.
fn remembered(entry: &Entry, now: Timestamp) -> Cached {
    let ask_again = if now < entry.due { entry.due } else { entry.retry_at.min(entry.fresh_until) };
    Cached {
        value: entry.value.clone(),
        origin: Origin::Memory,
        fetched: entry.fetched,
        ask_again: ask_again.max(now),
    }
}

/// Why an old value is served without an attempt to refresh it.
fn resting() -> Error {
    Error::new(
        ErrorKind::Unreachable,
        "the store failed many times in a row, and the next attempt is not due yet",
    )
    .temporary(None)
}

/// Whether the store, or the issuer of credentials, does not accept our identity.
fn concerns_identity(error: &Error) -> bool {
    error.kind() == ErrorKind::Unauthenticated || error.is_login_failure()
}

fn is_timeout(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout
}
