//! Holding what a login hands out: fetched by one caller for all, renewed before its end, replaced when it is
//! refused.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::process::{Clock, Timestamp};

/// When what replaced a refused one is refused, too, the service does not accept this identity: for so long
/// no other is asked for, since that would double the requests of each lookup.
const SETTLED_FOR: Duration = Duration::from_secs(30);

/// What a login hands out.
pub trait Expiring: Clone {
    /// How much longer it works; for ever, without it.
    fn lifetime(&self) -> Option<Duration>;

    /// Takes one of its uses; false if none is left. Most can be used any number of times.
    fn take_use(&self) -> bool {
        true
    }
}

/// How much longer something works that ends at `end`.
pub fn time_until(end: SystemTime) -> Duration {
    end.duration_since(SystemTime::now()).unwrap_or_default()
}

/// When what expires is renewed, and what becomes of it when that fails.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// So long before the end; of a short life, after four fifths, so that it is not renewed at every call.
    pub before: Duration,
    /// After a renewal that failed or was cut off while the old one still works, the next one is tried this
    /// much later.
    pub again: Duration,
    /// Whether what still works is also used when the login refuses to renew it, not only in an outage.
    pub outlives_refusal: bool,
    /// What is logged when a renewal fails and the old one is used.
    pub outage: &'static str,
}

/// The present one of what a login hands out.
pub struct TokenHolder<T> {
    terms: Terms,
    clock: Clock,
    state: RwLock<State<T>>,
    /// How many logins are over.
    finished: AtomicU64,
    /// Held by the caller who logs in. A caller who is cancelled leaves it to the next.
    turn: tokio::sync::Mutex<Last>,
}

struct State<T> {
    held: Option<Held<T>>,
    /// When a replacement was last refused.
    settled: Option<Timestamp>,
}

struct Held<T> {
    value: T,
    since: Timestamp,
    /// When it stops to work; never, without it.
    ends: Option<Timestamp>,
    /// When to ask for another; never, without it.
    due: Option<Timestamp>,
    /// The service does not accept it any more.
    is_rejected: bool,
    /// It came in place of one that was rejected, and has not been accepted since.
    is_unproven: bool,
}

/// What the last login that is over came to, for those who waited for it.
#[derive(Default)]
struct Last {
    number: u64,
    failure: Option<Error>,
}

impl<T: Expiring> TokenHolder<T> {
    /// Nothing is held yet.
    pub fn new(terms: Terms, clock: Clock) -> Self {
        let state = RwLock::new(State { held: None, settled: None });
        Self { terms, clock, state, finished: AtomicU64::new(0), turn: tokio::sync::Mutex::default() }
    }

    /// What is held, if it is not due, or what `fetch` brings. One caller fetches; others wait only if
    /// nothing that works is held, and then a failure is for all of them. `fetch` is given what is to be
    /// renewed, if it still works.
    pub async fn get<F>(&self, fetch: impl FnOnce(Option<T>) -> F + Send) -> Result<T>
    where
        T: Send + Sync,
        F: Future<Output = Result<T>> + Send,
    {
        let usable = || self.usable(|_| false);
        match usable() {
            Some(value) => Ok(value),
            None => self.in_turn(usable, || self.renew(fetch)).await,
        }
    }

    /// Another than the refused one that is held, which stays until there is a new one: for services whose
    /// refusal need not be about the token.
    pub async fn instead_of<F>(
        &self,
        is_refused: impl Fn(&T) -> bool + Send + Sync,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<T>
    where
        T: Send + Sync,
        F: Future<Output = Result<T>> + Send,
    {
        self.in_turn(|| self.usable(&is_refused), || self.load(fetch)).await
    }

    /// What is held, due or not.
    pub fn held(&self) -> Option<T> {
        self.read().held.as_ref().map(|held| held.value.clone())
    }

    /// Notes that the service refused what `is_this` recognises, and says whether asking for another makes
    /// sense. Only what was refused is dropped: there may be another already.
    pub fn refused(&self, is_this: impl FnOnce(&T) -> bool) -> bool {
        let now = self.clock.now();
        let is_recent = |moment: Timestamp| now.since(moment) < SETTLED_FOR;
        let mut state = self.write();
        if state.settled.is_some_and(is_recent) {
            return false;
        }
        let Some(held) = state.held.as_mut().filter(|held| is_this(&held.value)) else { return true };
        if held.is_unproven && is_recent(held.since) {
            held.is_unproven = false;
            state.settled = Some(now);
            return false;
        }
        held.is_rejected = true;
        true
    }

    /// Notes that the service accepted what `is_this` recognises.
    pub fn accepted(&self, is_this: impl FnOnce(&T) -> bool) {
        let known = self.read();
        let is_news = known.settled.is_some()
            || known.held.as_ref().is_some_and(|held| held.is_unproven || held.is_rejected);
        drop(known);
        if !is_news {
            return;
        }
        let mut state = self.write();
        if let Some(held) = state.held.as_mut().filter(|held| is_this(&held.value)) {
            (held.is_rejected, held.is_unproven) = (false, false);
            state.settled = None;
        }
    }

    /// Holds nothing any more, if that is what is held.
    pub fn forget(&self, is_this: impl FnOnce(&T) -> bool) {
        let mut state = self.write();
        if state.held.as_ref().is_some_and(|held| is_this(&held.value)) {
            state.held = None;
        }
    }

    /// What is `usable` when it is this caller's turn, the failure of the login that was waited for, or what
    /// `work` brings.
    async fn in_turn<F>(&self, usable: impl Fn() -> Option<T>, work: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let seen = self.finished.load(Ordering::Acquire);
        let mut last = self.turn.lock().await;
        if let Some(value) = usable() {
            return Ok(value);
        }
        if last.number > seen
            && let Some(error) = &last.failure
        {
            return Err(error.clone());
        }
        let outcome = work().await;
        last.number = self.finished.fetch_add(1, Ordering::AcqRel) + 1;
        last.failure = outcome.as_ref().err().cloned();
        outcome
    }

    async fn renew<F>(&self, fetch: impl FnOnce(Option<T>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let old = self.still_good();
        if old.is_some() {
            // Meanwhile the others go on with it, also if the caller who renews it is cancelled.
            self.renew_in(self.terms.again);
        }
        let renewing = old.clone();
        match (self.load(|| fetch(renewing)).await, old) {
            (Err(error), Some(old)) if self.terms.outlives_refusal || error.is_temporary() => {
                tracing::warn!("{}: {error}", self.terms.outage);
                Ok(old)
            }
            (Err(error), Some(_)) => {
                self.renew_in(Duration::ZERO);
                Err(error)
            }
            (outcome, _) => outcome,
        }
    }

    async fn load<F>(&self, fetch: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let since = self.clock.now();
        let value = fetch().await?;
        self.hold(value.clone(), since);
        Ok(value)
    }

    fn hold(&self, value: T, since: Timestamp) {
        let margin = |lifetime: Duration| self.terms.before.min(lifetime / 5);
        let lifetime = value.lifetime();
        let ends = lifetime.map(|lifetime| since.plus(lifetime));
        let due = lifetime.map(|lifetime| since.plus(lifetime.saturating_sub(margin(lifetime))));
        let mut state = self.write();
        let is_unproven = state.held.as_ref().is_some_and(|held| held.is_rejected);
        state.held = Some(Held { value, since, ends, due, is_rejected: false, is_unproven });
    }

    /// What is held, with one of its uses, unless it is due or refused.
    fn usable(&self, is_refused: impl Fn(&T) -> bool) -> Option<T> {
        let state = self.read();
        let held = state.held.as_ref()?;
        let is_due = held.due.is_some_and(|due| due <= self.clock.now());
        let is_usable = !is_due && !held.is_rejected && !is_refused(&held.value) && held.value.take_use();
        is_usable.then(|| held.value.clone())
    }

    /// What is held, with one of its uses, unless it has ended or was refused.
    fn still_good(&self) -> Option<T> {
        let state = self.read();
        let held = state.held.as_ref()?;
        let lives = held.ends.is_none_or(|ends| ends > self.clock.now());
        (lives && !held.is_rejected && held.value.take_use()).then(|| held.value.clone())
    }

    /// Puts the next renewal off, until the end at the latest: to be refused for an old one is worse than an
    /// outage.
    fn renew_in(&self, delay: Duration) {
        let moment = self.clock.now().plus(delay);
        if let Some(held) = self.write().held.as_mut() {
            held.due = held.ends.map(|ends| ends.min(moment));
        }
    }
}

impl<T> TokenHolder<T> {
    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without what is held.
impl<T> fmt::Debug for TokenHolder<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenHolder").field("terms", &self.terms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
