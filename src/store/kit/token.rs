//! Holding what a login hands out: fetched by one caller for all, renewed before its end, replaced when it is refused.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::process::{Clock, Timestamp};

/// When what replaced a refused one is refused, too, the service does not accept this identity: for so long no other is asked
/// for, since that would double the requests of each lookup.
const SETTLED_FOR: Duration = Duration::from_secs(30);

/// What a login hands out.
pub(in crate::store) trait Expiring: Clone {
    /// How much longer it works; for ever, without it.
    fn lifetime(&self) -> Option<Duration>;

    /// Takes one of its uses; false if none is left. Most can be used any number of times.
    fn take_use(&self) -> bool {
        true
    }
}

/// How much longer something works that ends at `end`.
pub(in crate::store) fn time_until(end: SystemTime) -> Duration {
    end.duration_since(SystemTime::now()).unwrap_or_default()
}

/// When what expires is renewed, and what becomes of it when that fails.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Terms {
    /// So long before the end; of a short life, after four fifths, so that it is not renewed at every call.
    pub(in crate::store) before: Duration,
    /// After a renewal that failed or was cut off while the old one still works, the next one is tried this much later.
    pub(in crate::store) again: Duration,
    /// Whether what still works is also used when the login refuses to renew it, not only in an outage.
    pub(in crate::store) outlives_refusal: bool,
    /// What is logged when a renewal fails and the old one is used.
    pub(in crate::store) outage: &'static str,
}

/// The present one of what a login hands out.
pub(in crate::store) struct TokenHolder<T> {
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
    pub(in crate::store) fn new(terms: Terms, clock: Clock) -> Self {
        let state = RwLock::new(State { held: None, settled: None });
        Self { terms, clock, state, finished: AtomicU64::new(0), turn: tokio::sync::Mutex::default() }
    }

    /// What is held, if it is not due, or what `fetch` brings. One caller fetches; others wait only if nothing that works is
    /// held, and then a failure is for all of them. `fetch` is given what is to be renewed, if it still works.
    pub(in crate::store) async fn get<F>(&self, fetch: impl FnOnce(Option<T>) -> F + Send) -> Result<T>
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

    /// Another than the refused one that is held, which stays until there is a new one: for services whose refusal need not be
    /// about the token.
    pub(in crate::store) async fn instead_of<F>(
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
    pub(in crate::store) fn held(&self) -> Option<T> {
        self.read().held.as_ref().map(|held| held.value.clone())
    }

    /// Notes that the service refused what `is_this` recognises, and says whether asking for another makes sense. Only what was
    /// refused is dropped: there may be another already.
    pub(in crate::store) fn refused(&self, is_this: impl FnOnce(&T) -> bool) -> bool {
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
    pub(in crate::store) fn accepted(&self, is_this: impl FnOnce(&T) -> bool) {
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
    pub(in crate::store) fn forget(&self, is_this: impl FnOnce(&T) -> bool) {
        let mut state = self.write();
        if state.held.as_ref().is_some_and(|held| is_this(&held.value)) {
            state.held = None;
        }
    }

    /// What is `usable` when it is this caller's turn, the failure of the login that was waited for, or what `work` brings.
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

    /// Puts the next renewal off, until the end at the latest: to be refused for an old one is worse than an outage.
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
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::ErrorKind;

    /// Its number, and its lifetime in seconds.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Pass(u32, u64);

    impl Expiring for Pass {
        fn lifetime(&self) -> Option<Duration> {
            Some(Duration::from_secs(self.1))
        }
    }

    const TERMS: Terms = Terms {
        before: Duration::from_mins(5),
        again: Duration::from_mins(1),
        outlives_refusal: false,
        outage: "x",
    };

    fn holder(terms: Terms) -> (TokenHolder<Pass>, Clock) {
        let clock = Clock::manual();
        (TokenHolder::new(terms, clock.clone()), clock)
    }

    fn error(is_temporary: bool) -> Error {
        let error = Error::new(ErrorKind::Unauthenticated, "no");
        if is_temporary { error.temporary(None) } else { error }
    }

    /// The number of what is held after a call in which the login would hand out `next`.
    async fn number(holder: &TokenHolder<Pass>, next: u32) -> u32 {
        holder.get(|_| async move { Ok(Pass(next, 3600)) }).await.unwrap().0
    }

    async fn failure(holder: &TokenHolder<Pass>, is_temporary: bool) -> Result<Pass> {
        holder.get(|_| async move { Err(error(is_temporary)) }).await
    }

    #[tokio::test]
    async fn renewal_leaves_time() {
        for (lifetime, due) in [(86_400, 86_100), (3600, 3300), (600, 480), (10, 8), (0, 0)] {
            let (holder, clock) = holder(TERMS);
            holder.get(|_| async { Ok(Pass(1, lifetime)) }).await.unwrap();
            clock.advance(Duration::from_secs(due).saturating_sub(Duration::from_nanos(1)));
            assert_eq!(number(&holder, 2).await, if lifetime == 0 { 2 } else { 1 }, "{lifetime}");
            clock.advance(Duration::from_nanos(1));
            assert_eq!(number(&holder, 2).await, 2, "{lifetime}");
        }
    }

    #[tokio::test]
    async fn what_still_works_outlives_an_outage_but_not_its_end() {
        for (left, kept) in [(20, 20), (290, 60)] {
            let (holder, clock) = holder(TERMS);
            assert_eq!(number(&holder, 1).await, 1);
            clock.advance(Duration::from_secs(3600 - left));
            assert_eq!(failure(&holder, true).await.unwrap().0, 1);
            clock.advance(Duration::from_secs(kept - 1));
            assert_eq!(number(&holder, 2).await, 1, "the next renewal waits");
            clock.advance(Duration::from_secs(1));
            assert_eq!(failure(&holder, true).await.is_ok(), left > kept);
        }
    }

    #[tokio::test]
    async fn only_where_the_terms_say_so_it_outlives_a_refusal() {
        for outlives_refusal in [false, true] {
            let (holder, clock) = holder(Terms { outlives_refusal, ..TERMS });
            number(&holder, 1).await;
            clock.advance(Duration::from_secs(3400));
            assert_eq!(failure(&holder, false).await.is_ok(), outlives_refusal);
            assert_eq!(number(&holder, 2).await, if outlives_refusal { 1 } else { 2 });
        }
    }

    #[tokio::test]
    async fn a_renewal_that_is_cut_off_leaves_the_old_one_to_the_others() {
        let (holder, clock) = holder(TERMS);
        number(&holder, 1).await;
        clock.advance(Duration::from_secs(3400));
        tokio::select! {
            biased;
            _ = holder.get(|_| std::future::pending()) => unreachable!("the login hangs"),
            other = number(&holder, 2) => assert_eq!(other, 1),
        }
        assert_eq!(number(&holder, 2).await, 1);
        clock.advance(TERMS.again);
        assert_eq!(number(&holder, 2).await, 2);
    }

    #[tokio::test]
    async fn one_login_is_for_all_who_wait_and_so_is_its_failure() {
        for fails in [false, true] {
            let (holder, calls) = (Arc::new(holder(TERMS).0), Arc::new(AtomicU64::new(0)));
            let ask = |holder: Arc<TokenHolder<Pass>>, calls: Arc<AtomicU64>| async move {
                let fetch = |_| async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    if fails { Err(error(false)) } else { Ok(Pass(1, 3600)) }
                };
                holder.get(fetch).await.is_err()
            };
            let tasks: Vec<_> =
                (0..8).map(|_| tokio::spawn(ask(Arc::clone(&holder), Arc::clone(&calls)))).collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), fails);
            }
            assert_eq!(calls.load(Ordering::SeqCst), 1);
            assert_eq!(ask(Arc::clone(&holder), Arc::clone(&calls)).await, fails);
            assert_eq!(calls.load(Ordering::SeqCst), 1 + u64::from(fails), "a failure is not remembered");
        }
    }

    #[tokio::test]
    async fn only_what_was_refused_is_dropped() {
        let (holder, _) = holder(TERMS);
        number(&holder, 1).await;
        assert!(holder.refused(|pass| pass.0 == 1));
        assert_eq!(number(&holder, 2).await, 2);
        assert!(holder.refused(|pass| pass.0 == 1), "there is another already");
        assert_eq!(number(&holder, 3).await, 2);
    }

    #[tokio::test]
    async fn a_refused_one_does_not_outlive_an_outage() {
        let (holder, _) = holder(Terms { outlives_refusal: true, ..TERMS });
        number(&holder, 1).await;
        holder.refused(|_| true);
        assert!(failure(&holder, true).await.is_err());
    }

    #[tokio::test]
    async fn an_identity_that_is_not_accepted_is_left_alone_for_a_while() {
        let (holder, clock) = holder(TERMS);
        number(&holder, 1).await;
        assert!(holder.refused(|_| true));
        number(&holder, 2).await;
        assert!(!holder.refused(|_| true) && !holder.refused(|_| true));
        assert_eq!(number(&holder, 3).await, 2);
        clock.advance(SETTLED_FOR);
        assert!(holder.refused(|_| true));
        assert_eq!(number(&holder, 3).await, 3);
    }

    #[tokio::test]
    async fn one_that_was_accepted_is_replaced_again() {
        let (holder, _) = holder(TERMS);
        for round in [1, 2] {
            number(&holder, round).await;
            holder.accepted(|pass| pass.0 == round);
            assert!(holder.refused(|pass| pass.0 == round));
        }
        assert_eq!(number(&holder, 3).await, 3);
    }

    #[tokio::test]
    async fn what_is_replaced_stays_until_there_is_another() {
        let (holder, _) = holder(TERMS);
        let first = number(&holder, 1).await;
        let is_first = |pass: &Pass| pass.0 == first;
        assert!(holder.instead_of(is_first, || async { Err(error(true)) }).await.is_err());
        assert_eq!(number(&holder, 2).await, 1);
        for next in [2, 3] {
            let second = holder.instead_of(is_first, || async move { Ok(Pass(next, 3600)) }).await;
            assert_eq!(second.unwrap().0, 2);
        }
        holder.forget(is_first);
        assert_eq!(holder.held(), Some(Pass(2, 3600)));
        holder.forget(|pass| pass.0 == 2);
        assert_eq!(holder.held(), None);
    }
}
