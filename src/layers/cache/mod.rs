//! Remembers what a store answered, and lets callers of one name share one read.
//!
//! | age of a value | what a caller gets |
//! |---|---|
//! | under 80 % of its time to live | the value |
//! | up to its time to live | the value; one caller refreshes it first, if that takes no longer than 250 ms |
//! | past it, by less than `cache_max_stale` | one caller refreshes, the others wait; if the store does not answer, the old value |
//! | older | what the store says |
//!
//! A caller who needs a read joins the *flight* of that name: the first reads the store, the others wait for it, each
//! within its own deadline. If the reader gives up (deadline, cancellation, panic), the next waiter takes over. With a
//! time to live of zero nothing is kept, nothing stale is served, and flights are still shared.
//!
//! A store that answers is believed: denied, absent and malformed drop the entry at once, and an identity that is not
//! accepted drops every entry. Absent names have a bound of their own, so that a flood of them never evicts a value.
//!
//! Ages count from the end of the read that brought the value, on [`Clock`].

mod answer;
mod entry;
mod flight;
#[cfg(test)]
mod outage_tests;
mod reason;
mod settings;
mod shelf;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::layers::breaker::Breaker;
use crate::process::{Clock, Timestamp};
use crate::store::{Names, Page, SecretName, Store, StoreInfo};
use crate::value::SecretValue;

pub use self::answer::{Cached, Origin};
use self::entry::Entry;
use self::flight::Board;
use self::reason::Reason;
pub use self::settings::CacheSettings;
pub(crate) use self::shelf::Shelf;

/// What an entry weighs beside its value and its name, in bytes: about.
const ENTRY_OVERHEAD: usize = 200;

/// A store that remembers.
#[derive(Debug)]
pub struct Cache {
    inner: Arc<dyn Store>,
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
    /// When each absent name was asked for.
    absent: Shelf<SecretName, Timestamp>,
}

/// What memory says of a name.
enum Known {
    Fresh(Cached),
    /// Fresh, and this caller should refresh it.
    Due(Cached),
    /// Past its time to live, and no attempt is due.
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
        match self.known(name) {
            Known::Fresh(cached) => Ok(cached),
            Known::Due(cached) => self.refresh_ahead(name, cached).await,
            Known::Resting(old) => Ok(self.stale(old, None)),
            Known::Expired(old) => self.refresh_or_stale(name, old).await,
            Known::Nothing => self.share(name, Reason::First).await,
        }
    }

    /// Reads what memory does not know of `names` in as few calls as the store allows, and remembers it.
    ///
    /// Names that somebody else is reading are left to them. The errors are those of the names that could not be read.
    pub async fn warm(&self, names: &[SecretName]) -> Vec<(SecretName, Error)> {
        let unknown = names.iter().filter(|name| matches!(self.known(name), Known::Nothing));
        let boardings: Vec<_> = unknown.map(|name| (name, self.board.join(name))).collect();
        let (mut wanted, mut flights) = (Vec::new(), Vec::new());
        for (name, boarding) in &boardings {
            // One guard for each name: a name that stands twice in the list is boarded once.
            if let Ok(flight) = boarding.flight.try_lock() {
                wanted.push((*name).clone());
                flights.push(flight);
            }
        }
        if wanted.is_empty() {
            return Vec::new();
        }
        let answers = self.inner.get_many(&wanted).await;
        let mut failed = Vec::new();
        for ((name, answer), flight) in wanted.into_iter().zip(answers).zip(&mut flights) {
            let settled = self.settle(&name, answer);
            failed.extend(settled.as_ref().err().map(|error| (name.clone(), error.clone())));
            **flight = Some(settled);
            self.board.close(&name);
        }
        failed
    }

    /// Drops what is known of `name`.
    pub fn forget(&self, name: &SecretName) {
        let mut state = self.lock();
        let was_known = state.values.remove(name);
        if state.absent.remove(name) || was_known {
            self.begin_epoch();
        }
    }

    /// Makes the next caller of `name` ask the store. The old value still serves if that fails.
    pub fn expire(&self, name: &SecretName) {
        let now = self.clock.now();
        let mut state = self.lock();
        if let Some(entry) = state.values.get_mut(name) {
            entry.expire(now);
        }
        state.absent.remove(name);
        self.begin_epoch();
    }

    /// As [`Self::expire`], for every name.
    pub fn expire_all(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.values.values_mut().for_each(|entry| entry.expire(now));
        state.absent.clear();
        self.begin_epoch();
    }

    /// Changes whenever something that was remembered stops being true: what was made of older answers must go.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    fn begin_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// What a flight that has landed meanwhile brought.
    fn landed(&self, name: &SecretName) -> Option<Cached> {
        let now = self.clock.now();
        let mut state = self.lock();
        match state.values.get(name) {
            Some(entry) => (now < entry.fresh_until).then(|| remembered(entry, now)),
            None => state.absent(name, now, self.settings.negative_ttl),
        }
    }

    fn known(&self, name: &SecretName) -> Known {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(entry) = state.values.get(name) else {
            return state.absent(name, now, self.settings.negative_ttl).map_or(Known::Nothing, Known::Fresh);
        };
        if now < entry.fresh_until {
            let is_due = entry.due <= now && entry.retry_at <= now;
            return if is_due && !self.board.has(name) && self.breaker.allows(now) {
                Known::Due(remembered(entry, now))
            } else {
                Known::Fresh(remembered(entry, now))
            };
        }
        let entry = entry.clone();
        if entry.stale_until <= now || self.settings.ttl.is_zero() {
            state.values.remove(name);
            return Known::Nothing;
        }
        // Who waits for a read under way needs no attempt of its own.
        let attempts = self.board.has(name) || (entry.retry_at <= now && self.breaker.allows(now));
        if attempts { Known::Expired(entry) } else { Known::Resting(entry) }
    }

    /// Refreshes a value that is still fresh. Only what the store says counts; if it says nothing in time, the value
    /// is served, and nobody tries again before it expires.
    async fn refresh_ahead(&self, name: &SecretName, cached: Cached) -> Result<Cached> {
        match Reason::Ahead.run(self.share(name, Reason::Ahead)).await {
            Err(error) if is_outage(&error) => {
                let mut state = self.lock();
                if let Some(entry) = state.values.get_mut(name) {
                    entry.retry_at = entry.retry_at.max(entry.fresh_until);
                }
                Ok(Cached { ask_again: cached.ask_again.max(self.clock.now()), ..cached })
            }
            outcome => outcome,
        }
    }

    async fn refresh_or_stale(&self, name: &SecretName, old: Entry) -> Result<Cached> {
        match Reason::Expired.run(self.share(name, Reason::Expired)).await {
            Err(error) if is_outage(&error) => Ok(self.stale(old, Some(error))),
            outcome => outcome,
        }
    }

    fn stale(&self, old: Entry, error: Option<Error>) -> Cached {
        Cached {
            value: Some(old.value),
            origin: Origin::Stale(error),
            fetched: old.fetched,
            ask_again: self.clock.now(),
        }
    }

    /// Reads `name`, or waits for the caller who does.
    async fn share(&self, name: &SecretName, reason: Reason) -> Result<Cached> {
        let boarding = self.board.join(name);
        let mut outcome = boarding.flight.lock().await;
        if let Some(shared) = &*outcome {
            return shared.clone();
        }
        // Another flight may have landed between the look into memory and this one.
        if reason == Reason::First
            && let Some(cached) = self.landed(name)
        {
            return Ok(cached);
        }
        let answer = reason.run(self.inner.get(name)).await;
        // A slow store is not one that is down: an attempt that is cut after so short a time says nothing.
        let answer = match answer {
            Err(error) if reason == Reason::Ahead && is_timeout(&error) => return Err(error),
            answer => answer,
        };
        let result = self.settle(name, answer);
        // A reader whose own time was up speaks for itself only, unless all who wait have a value to fall back on.
        let is_shared = reason == Reason::Expired || !result.as_ref().is_err_and(is_timeout);
        if is_shared {
            *outcome = Some(result.clone());
            self.board.close(name);
        }
        result
    }

    /// Draws the consequences of an answer.
    fn settle(&self, name: &SecretName, answer: Result<Option<SecretValue>>) -> Result<Cached> {
        let now = self.clock.now();
        match &answer {
            Err(error) if is_outage(error) => self.breaker.note_failure(now),
            _ => self.breaker.note_success(),
        }
        match answer {
            Ok(Some(value)) => Ok(self.keep_value(name, value, now)),
            Ok(None) => Ok(self.keep_absent(name, now)),
            Err(error) => {
                self.settle_error(name, &error, now);
                Err(error)
            }
        }
    }

    fn keep_value(&self, name: &SecretName, value: SecretValue, now: Timestamp) -> Cached {
        let ttl = self.settings.ttl_of(name);
        let entry = Entry::new(value, now, ttl, self.settings.max_stale);
        let cached = Cached { origin: Origin::Store, ..remembered(&entry, now) };
        let mut state = self.lock();
        state.absent.remove(name);
        if ttl.is_zero() {
            state.values.remove(name);
        } else {
            let weight = entry.value.len() + name.as_str().len() + ENTRY_OVERHEAD;
            state.values.put(name.clone(), entry, weight);
        }
        cached
    }

    fn keep_absent(&self, name: &SecretName, now: Timestamp) -> Cached {
        let mut state = self.lock();
        if state.values.remove(name) {
            self.begin_epoch();
        }
        if !self.settings.negative_ttl.is_zero() {
            state.absent.put(name.clone(), now, name.as_str().len() + ENTRY_OVERHEAD);
        }
        Cached {
            value: None,
            origin: Origin::Store,
            fetched: now,
            ask_again: now.plus(self.settings.negative_ttl),
        }
    }

    fn settle_error(&self, name: &SecretName, error: &Error, now: Timestamp) {
        if is_outage(error) {
            if let Some(entry) = self.lock().values.get_mut(name) {
                entry.note_failure(now, error);
            }
        } else if concerns_identity(error) {
            let mut state = self.lock();
            state.values.clear();
            state.absent.clear();
            self.begin_epoch();
        } else {
            self.forget(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held leaves maps that are still maps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The answer of a name that was absent a short while ago.
    fn absent(&mut self, name: &SecretName, now: Timestamp, negative_ttl: Duration) -> Option<Cached> {
        let asked = *self.absent.get(name)?;
        let ask_again = asked.plus(negative_ttl);
        (now < ask_again).then_some(Cached { value: None, origin: Origin::Memory, fetched: asked, ask_again })
    }
}

/// A fresh entry as an answer. Once it is due, every caller has to come here.
fn remembered(entry: &Entry, now: Timestamp) -> Cached {
    let ask_again = if now < entry.due { entry.due } else { entry.retry_at.min(entry.fresh_until) };
    Cached {
        value: Some(entry.value.clone()),
        origin: Origin::Memory,
        fetched: entry.fetched,
        ask_again: ask_again.max(now),
    }
}

/// Whether the store did not answer, or only to say that it cannot.
fn is_outage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Timeout)
}

/// Whether the store, or the place that issues credentials, does not accept who we are.
fn concerns_identity(error: &Error) -> bool {
    error.kind() == ErrorKind::Unauthenticated || error.is_login_failure()
}

fn is_timeout(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout
}

#[async_trait]
impl Store for Cache {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        Ok(self.fetch(name).await?.value)
    }

    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        self.inner.list(prefix, page).await
    }

    fn is_outdated(&self) -> bool {
        self.inner.is_outdated()
    }
}
