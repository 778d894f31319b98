//! Holding the token of a login: fetched by one caller for all, renewed before its end, replaced when it is
//! refused.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::process::{Clock, Timestamp};

/// If the replacement of a refused token is refused as well, the service does not accept this identity. For
/// this long no other token is requested, since that would double the requests of each lookup.
const SETTLED_FOR: Duration = Duration::from_secs(30);

/// What a login supplies.
pub trait Expiring: Clone {
    /// How much longer it works; `None` if it never expires.
    fn lifetime(&self) -> Option<Duration>;

    /// Takes one of its uses; false if none is left. Most tokens can be used any number of times.
    fn take_use(&self) -> bool {
        true
    }
}

/// How much longer something that ends at `end` works.
pub fn time_until(end: SystemTime) -> Duration {
    end.duration_since(SystemTime::now()).unwrap_or_default()
}

/// When a token is renewed, and what happens when renewal fails.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long before the end a token is renewed. A short-lived one is renewed after four fifths of its
    /// life, so that it is not renewed at every call.
    pub before: Duration,
    /// The delay of the next renewal after one that failed or was cut off while the old token still works.
    pub again: Duration,
    /// Whether a token that still works is also used when the login refuses to renew it, not only in an
    /// outage.
    pub outlives_refusal: bool,
    /// What is logged when a renewal fails and the old token is used.
    pub outage: &'static str,
}

/// Holds the present token of a login.
pub struct TokenHolder<T> {
    terms: Terms,
    clock: Clock,
    state: RwLock<State<T>>,
    /// How many logins have finished.
    finished: AtomicU64,
    /// Held by the caller who logs in. If that caller is cancelled, the next one takes over.
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
    /// When it stops working; `None` for never.
    ends: Option<Timestamp>,
    /// When to fetch another; `None` for never.
    due: Option<Timestamp>,
    /// The service does not accept it any longer.
    is_rejected: bool,
    /// It replaced a rejected one and has not been accepted since.
    is_unproven: bool,
}

/// The outcome of the last finished login, for those who waited for it.
#[derive(Default)]
struct Last {
    number: u64,
    failure: Option<Error>,
}

impl<T: Expiring> TokenHolder<T> {
    /// A holder without a token.
    pub fn new(terms: Terms, clock: Clock) -> Self {
        let state = RwLock::new(State { held: None, settled: None });
        Self { terms, clock, state, finished: AtomicU64::new(0), turn: tokio::sync::Mutex::default() }
    }

    /// The token that is held, if it is not due, or the result of `fetch`. One caller fetches; others wait
    /// only if there is no working token, and then a failure is the answer for all of them. `fetch` is given
    /// the token to be renewed, if it still works.
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

    /// A token in place of the refused one, which stays until there is a new one: for services whose refusal
    /// need not be about the token.
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

    /// The token that is held, due or not.
    pub fn held(&self) -> Option<T> {
        self.read().held.as_ref().map(|held| held.value.clone())
    }

    /// Notes that the service refused the token that `is_this` recognises, and says whether asking for
    /// another makes sense. Only the refused token is dropped: another one may be held already.
    pub fn refused(&self, is_this: impl FnOnce(&T) -> bool) -> bool {
        let now = self.clock.now();
        let is_recent = |moment: Timestamp| now.since(moment) < SETTLED_FOR;
        let mut state = self.write();
        if state.settled.is_some_and(is_recent) {
            return false;
        }
        let Some(held) = state.held.as_mut().filter(|held| is_this(&held.value)) else { return true };
        // The replacement was refused as well, so the identity is at fault and not the token.
        if held.is_unproven && is_recent(held.since) {
            held.is_unproven = false;
            state.settled = Some(now);
            return false;
        }
        held.is_rejected = true;
        true
    }

    /// Notes that the service accepted the token that `is_this` recognises.
    pub fn accepted(&self, is_this: impl FnOnce(&T) -> bool) {
        // Runs after every successful call, so the write lock is taken only where something changes.
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

    /// Drops the token if `is_this` recognises it.
    pub fn forget(&self, is_this: impl FnOnce(&T) -> bool) {
        let mut state = self.write();
        if state.held.as_ref().is_some_and(|held| is_this(&held.value)) {
            state.held = None;
        }
    }

    /// A `usable` token when it is this caller's turn, the failure of the login that this caller waited for,
    /// or the result of `work`.
    async fn in_turn<F>(&self, usable: impl Fn() -> Option<T>, work: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let seen = self.finished.load(Ordering::Acquire);
        let mut last = self.turn.lock().await;
        // The previous caller in the queue may have brought a token.
        if let Some(value) = usable() {
            return Ok(value);
        }
        // Only a login that began while this caller was waiting answers it: an older failure is not
        // remembered.
        if last.number > seen
            // Shared, so that a failing login is not repeated by each waiting caller.
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
            // Meanwhile the others keep using it, even if the caller who renews it is cancelled.
            self.renew_in(self.terms.again);
        }
        let renewing = old.clone();
        match (self.load(|| fetch(renewing)).await, old) {
            (Err(error), Some(old)) if self.terms.outlives_refusal || error.is_temporary() => {
                tracing::warn!("{}: {error}", self.terms.outage);
                Ok(old)
            }
            (Err(error), Some(_)) => {
                // The login was refused, not interrupted: the next caller tries again at once.
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
        // The clock is read before the request, so that the time of the request counts as part of the
        // lifetime.
        let since = self.clock.now();
        let value = fetch().await?;
        self.hold(value.clone(), since);
        Ok(value)
    }

    fn hold(&self, value: T, since: Timestamp) {
        // A short-lived token is renewed after four fifths of its life.
        let margin = |lifetime: Duration| self.terms.before.min(lifetime / 5);
        let lifetime = value.lifetime();
        let ends = lifetime.map(|lifetime| since.plus(lifetime));
        let due = lifetime.map(|lifetime| since.plus(lifetime.saturating_sub(margin(lifetime))));
        let mut state = self.write();
        // The replacement of a rejected token must be accepted before it counts as proven; see `refused`.
        let is_unproven = state.held.as_ref().is_some_and(|held| held.is_rejected);
        state.held = Some(Held { value, since, ends, due, is_rejected: false, is_unproven });
    }

    /// The token that is held, with one of its uses taken, unless it is due or refused.
    fn usable(&self, is_refused: impl Fn(&T) -> bool) -> Option<T> {
        let state = self.read();
        let held = state.held.as_ref()?;
        let is_due = held.due.is_some_and(|due| due <= self.clock.now());
        // `take_use` comes last: a token that is not handed out must not lose a use.
        let is_usable = !is_due && !held.is_rejected && !is_refused(&held.value) && held.value.take_use();
        is_usable.then(|| held.value.clone())
    }

    /// The token that is held, with one of its uses taken, unless it has ended or was refused.
    fn still_good(&self) -> Option<T> {
        let state = self.read();
        let held = state.held.as_ref()?;
        let lives = held.ends.is_none_or(|ends| ends > self.clock.now());
        (lives && !held.is_rejected && held.value.take_use()).then(|| held.value.clone())
    }

    /// Puts the next renewal off, to the end of the token at the latest: a refusal because of an expired
    /// token is worse than an outage.
    fn renew_in(&self, delay: Duration) {
        let moment = self.clock.now().plus(delay);
        if let Some(held) = self.write().held.as_mut() {
            held.due = held.ends.map(|ends| ends.min(moment));
        }
    }
}

impl<T> TokenHolder<T> {
    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        // The state is consistent even if a thread panicked with the lock held.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        // The state is consistent even if a thread panicked with the lock held.
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves out the token.
impl<T> fmt::Debug for TokenHolder<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenHolder").field("terms", &self.terms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
