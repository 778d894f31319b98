//! Keeps the calls of this process within a rate.
//!
//! A limiter is a bucket of as many tokens as the rate has calls; each token returns as soon as the rate's
//! period has passed since it was taken. So no more calls than that begin within any such period, and unused
//! tokens do not accumulate. All backends of the process with the same rate for the same store share one
//! bucket. A bucket that is only started by a throttle belongs to one backend's connection to the store: the
//! quota of one account means nothing for another.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::layers::counters::Counters;
use crate::process::{Deadline, ForkCell};
use crate::store::options::Rate;
use crate::store::{SecretName, Store, StoreInfo, one_by_one};
use crate::value::SecretValue;

type Limiters = Mutex<HashMap<(&'static str, LimitSettings), Arc<Limiter>>>;

/// The operation of errors that come from our own queue and not from the store.
const OPERATION: &str = "rate_limit";
/// The longest pause that a store can request, so that one strange answer does not silence a process.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Whether `error` means that a call was not made, since its turn would have come too late.
pub(super) fn is_own_limit(error: &Error) -> bool {
    error.operation() == Some(OPERATION)
}

/// The limiters of this process. A child builds its own, since a lock may have been held at the fork.
static LIMITERS: ForkCell<Limiters> = ForkCell::new();

/// When and how much a store is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LimitSettings {
    /// The user's rate, which applies from the first call.
    pub rate: Option<Rate>,
    /// The rate that applies once the store has throttled a call, if the user set none.
    pub after_throttle: Option<Rate>,
}

/// Issues tokens in the order of the requests.
#[derive(Debug)]
struct Limiter {
    settings: LimitSettings,
    tokens: Mutex<Tokens>,
}

#[derive(Debug, Default)]
struct Tokens {
    /// Set from the first call on, or from the first throttle on.
    rate: Option<Rate>,
    /// When the last calls began or will begin, oldest first: at most as many as the rate allows.
    taken: VecDeque<Instant>,
    /// The store asked for a pause until this moment.
    not_before: Option<Instant>,
}

impl Limiter {
    fn new(settings: LimitSettings) -> Self {
        let tokens = Tokens { rate: settings.rate, ..Tokens::default() };
        Self { settings, tokens: Mutex::new(tokens) }
    }

    /// Takes the next token if it is available within `patience`, and returns when; otherwise returns the
    /// wait.
    fn take(&self, now: Instant, patience: Duration) -> Result<Instant, Duration> {
        let mut tokens = self.lock();
        let begin = tokens.next(now);
        let wait = begin.saturating_duration_since(now);
        if wait > patience {
            // The token is not taken, so that the calls behind this one do not wait for it.
            return Err(wait);
        }
        tokens.note(begin, now);
        Ok(begin)
    }

    fn note_throttle(&self, now: Instant, retry_after: Option<Duration>) {
        let mut tokens = self.lock();
        // A store without a configured rate is slowed down only once it has throttled.
        tokens.rate = tokens.rate.or(self.settings.after_throttle);
        if tokens.rate.is_some()
            && let Some(pause) = retry_after
        {
            tokens.not_before = tokens.not_before.max(Some(now + pause.min(LONGEST_PAUSE)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tokens> {
        // The record is consistent even if a thread panicked with the lock held.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tokens {
    /// When the next call may begin.
    fn next(&self, now: Instant) -> Instant {
        let Some(rate) = self.rate else { return now };
        let oldest = usize::try_from(rate.calls.get())
            .ok()
            .and_then(|calls| self.taken.len().checked_sub(calls))
            .and_then(|index| self.taken.get(index));
        let refilled = oldest.map_or(now, |taken| *taken + rate.per);
        now.max(refilled).max(self.not_before.unwrap_or(now))
    }

    fn note(&mut self, begin: Instant, now: Instant) {
        let Some(rate) = self.rate else { return };
        self.taken.push_back(begin);
        // Drops entries that no later call has to wait for.
        let calls = usize::try_from(rate.calls.get()).unwrap_or(usize::MAX);
        while self.taken.len() > calls || self.taken.front().is_some_and(|taken| *taken + rate.per <= now) {
            self.taken.pop_front();
        }
    }
}

/// A place in the queue for one store, shared by the layers that call it.
#[derive(Debug)]
pub struct Queue {
    store: &'static str,
    settings: LimitSettings,
    counters: &'static Counters,
    limiter: OnceLock<Arc<Limiter>>,
}

impl Queue {
    /// The queue of `store` under `settings`.
    pub fn new(store: &'static str, settings: LimitSettings, counters: &'static Counters) -> Self {
        Self { store, settings, counters, limiter: OnceLock::new() }
    }

    /// Waits for a token, at most until the deadline of the lookup. Must not be called within
    /// [`crate::process::no_fork`].
    ///
    /// # Errors
    /// [`ErrorKind::Throttled`] at once, if the token would come too late.
    pub async fn wait(&self) -> Result<()> {
        let Some(limiter) = self.limiter() else { return Ok(()) };
        let patience = Deadline::current().map_or(Duration::MAX, |deadline| deadline.remaining());
        let now = Instant::now();
        match limiter.take(now, patience) {
            Ok(begin) if begin > now => {
                self.counters.waits.add(1);
                tokio::time::sleep_until(begin).await;
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(wait) => Err(Self::refusal(wait)),
        }
    }

    /// Notes that the store throttled a call.
    pub fn note_throttle(&self, retry_after: Option<Duration>) {
        if let Some(limiter) = self.limiter() {
            limiter.note_throttle(Instant::now(), retry_after);
        }
    }

    /// Most stores have no limit and need no bucket.
    fn limiter(&self) -> Option<&Arc<Limiter>> {
        if self.settings == LimitSettings::default() {
            return None;
        }
        Some(self.limiter.get_or_init(|| self.bucket()))
    }

    fn bucket(&self) -> Arc<Limiter> {
        if self.settings.rate.is_none() {
            return Arc::new(Limiter::new(self.settings));
        }
        let mut limiters =
            LIMITERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry((self.store, self.settings));
        Arc::clone(limiter.or_insert_with(|| Arc::new(Limiter::new(self.settings))))
    }

    fn refusal(wait: Duration) -> Error {
        Error::new(
            ErrorKind::Throttled,
            format!("the queue of this process is {wait:.1?} long, past the deadline of the lookup"),
        )
        .with_operation(OPERATION)
        .with_hint("Raise `rate_limit` or `timeout`, or ask less often (a longer `cache_ttl`)")
        .temporary(None)
    }
}

/// A store whose reads wait in the queue.
#[derive(Debug)]
pub struct Limit {
    inner: Arc<dyn Store>,
    queue: Arc<Queue>,
}

impl Limit {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, queue: Arc<Queue>) -> Self {
        Self { inner, queue }
    }
}

#[async_trait]
impl Store for Limit {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.queue.wait().await?;
        self.inner.get(name).await
    }

    /// One call for all names, and one more for each name that it does not answer.
    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        let mut answers = match self.queue.wait().await {
            Ok(()) => self.inner.get_many(names).await,
            Err(error) => vec![Some(Err(error)); names.len()],
        };
        // The names that the batch did not answer. Each is a call of its own, so each waits for a token.
        let open: Vec<usize> = (0..answers.len()).filter(|index| answers[*index].is_none()).collect();
        let alone: Vec<SecretName> = open.iter().map(|index| names[*index].clone()).collect();
        for (index, answer) in open.into_iter().zip(one_by_one(&alone, |name| self.get(name)).await) {
            answers[index] = Some(answer);
        }
        answers
    }

    fn batch_size(&self) -> NonZeroUsize {
        self.inner.batch_size()
    }

    fn reads_together(&self) -> bool {
        self.inner.reads_together()
    }

    fn is_outdated(&self) -> bool {
        self.inner.is_outdated()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rate(calls: u32, milliseconds: u64) -> Rate {
        Rate { calls: NonZeroU32::new(calls).unwrap(), per: Duration::from_millis(milliseconds) }
    }

    fn limited(rate: Rate) -> Limiter {
        Limiter::new(LimitSettings { rate: Some(rate), after_throttle: None })
    }

    const PATIENT: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_calls_than_the_rate() {
        let (limiter, now) = (limited(rate(40, 1000)), Instant::now());
        let begins: Vec<_> = (0..200).map(|_| limiter.take(now, PATIENT).unwrap()).collect();
        for (index, begin) in begins.iter().enumerate() {
            let within = begins[index..].iter().filter(|other| **other < *begin + Duration::from_secs(1));
            assert!(within.count() <= 40);
        }
        assert_eq!(begins[199].duration_since(now), Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_comes_too_late_is_not_taken() {
        let (limiter, now) = (limited(rate(1, 1000)), Instant::now());
        let second = Duration::from_secs(1);
        assert_eq!(limiter.take(now, second), Ok(now));
        assert_eq!(limiter.take(now, second), Ok(now + second));
        assert_eq!(limiter.take(now, second), Err(2 * second));
        assert_eq!(limiter.take(now + second, second), Ok(now + 2 * second));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_starts_the_bucket_and_its_pause_is_kept() {
        let settings = LimitSettings { rate: None, after_throttle: Some(rate(1, 1000)) };
        let (limiter, now) = (Limiter::new(settings), Instant::now());
        for _ in 0..100 {
            assert_eq!(limiter.take(now, PATIENT), Ok(now));
        }
        limiter.note_throttle(now, Some(Duration::from_secs(5)));
        assert_eq!(limiter.take(now, PATIENT), Ok(now + Duration::from_secs(5)));
        assert_eq!(limiter.take(now, PATIENT), Ok(now + Duration::from_secs(6)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_in_one_place_does_not_silence_another() {
        let settings = LimitSettings { rate: None, after_throttle: Some(rate(1, 60_000)) };
        let [throttled, other] =
            ["here", "there"].map(|_| Queue::new("limit-test-places", settings, Counters::of("memory")));
        throttled.note_throttle(Some(Duration::from_secs(30)));
        let deadline = Deadline::after(Duration::from_secs(1));
        deadline.run(other.wait()).await.unwrap();
        assert_eq!(deadline.run(throttled.wait()).await.unwrap_err().kind(), ErrorKind::Throttled);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_reported_at_once() {
        let settings = LimitSettings { rate: Some(rate(1, 60_000)), after_throttle: None };
        let queue = Queue::new("limit-test", settings, Counters::of("memory"));
        queue.wait().await.unwrap();
        let second = Queue::new("limit-test", settings, Counters::of("memory"));
        let error = Deadline::after(Duration::from_secs(10)).run(second.wait()).await.unwrap_err();
        insta::assert_snapshot!(error, @"the queue of this process is 60.0s long, past the deadline of the \
        lookup (rate_limit). Raise `rate_limit` or `timeout`, or ask less often (a longer `cache_ttl`)");
    }
}
