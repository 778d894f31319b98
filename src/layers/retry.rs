//! Repeats a call when that may help. The only place that retries.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::layers::budget::RetryBudget;
use crate::layers::counters::Counters;
use crate::layers::limit::Queue;
use crate::process::{Deadline, Spare, full_jitter};
use crate::store::{SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// The longest delays before the second attempt if the store asks for fewer calls, and if it merely failed.
/// These are the bases of botocore's standard mode (`botocore/retries/standard.py`): one second and a
/// twentieth of a second.
const THROTTLED_BASE: Duration = Duration::from_secs(1);
const FAILED_BASE: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How the calls to one store are repeated after temporary errors.
///
/// Each further attempt waits in the same queue as every other call, and is paid from a budget that only
/// successes refill: while the store is down, most calls have one attempt.
#[derive(Debug)]
pub struct Attempts {
    store: &'static str,
    most: usize,
    queue: Arc<Queue>,
    counters: &'static Counters,
    budget: RetryBudget,
}

/// The delays of one call; both iterators count the same attempts.
struct Waits<I> {
    throttled: I,
    failed: I,
}

impl<I: Iterator<Item = Duration>> Waits<I> {
    /// The next delay, if another attempt is left: the one that the store asks for, or a random part of the
    /// back-off.
    fn after(&mut self, error: &Error) -> Option<Duration> {
        let (throttled, failed) = (self.throttled.next()?, self.failed.next()?);
        let longest = if error.kind() == ErrorKind::Throttled { throttled } else { failed };
        Some(full_jitter(longest).max(error.retry_after().unwrap_or_default()))
    }
}

impl Attempts {
    /// At most `most` attempts for each call to `store`, each in `queue`.
    pub fn new(store: &'static str, most: usize, queue: Arc<Queue>, counters: &'static Counters) -> Self {
        Self { store, most, queue, counters, budget: RetryBudget::default() }
    }

    /// Makes `call`, and repeats it while that may help. `subject` describes it, for the log.
    pub(super) async fn run<T, F: Future<Output = Result<T>>>(
        &self,
        subject: impl Fn() -> String,
        call: impl Fn() -> F,
    ) -> Result<T> {
        let (mut waits, mut paid) = (self.waits(), 0);
        // `http::send` may use up attempts as well, when it resends on a dead connection.
        let spare = self.spare(1);
        loop {
            let error = match spare.run(call()).await {
                Err(error) => error,
                found => {
                    self.budget.note_success(paid);
                    return found;
                }
            };
            self.note(&error);
            if !error.is_temporary() {
                return Err(error);
            }
            let wait = waits.after(&error).filter(|_| spare.take());
            paid += self.prepare(&subject(), error, wait).await?;
        }
    }

    fn waits(&self) -> Waits<impl Iterator<Item = Duration> + use<>> {
        let backoff = |base| {
            ExponentialBuilder::default()
                .with_min_delay(base)
                .with_max_delay(LONGEST_WAIT)
                .with_max_times(self.most.saturating_sub(1))
                .build()
        };
        Waits { throttled: backoff(THROTTLED_BASE), failed: backoff(FAILED_BASE) }
    }

    /// The number of requests that `reads` reads may resend, in all their attempts.
    fn spare(&self, reads: usize) -> Spare {
        Spare::new(self.most.saturating_sub(1).saturating_mul(reads))
    }

    /// Waits for the next attempt and returns its price, or returns the error if there is none.
    async fn prepare(&self, subject: &str, error: Error, wait: Option<Duration>) -> Result<u32> {
        let Some(wait) = wait.filter(|wait| is_affordable(*wait)) else { return Err(error) };
        let store = self.store;
        if !self.budget.allows(error.kind()) {
            tracing::debug!("{store} {subject}: {error}; not tried again, as most retries failed");
            return Err(error);
        }
        tracing::debug!("{store} {subject}: {error}; trying again in {wait:?}");
        tokio::time::sleep(wait).await;
        // The queue's own error would hide the reason for the retry.
        if self.queue.wait().await.is_err() {
            return Err(error);
        }
        // Paid once it is certain that the attempt will be made.
        let price = self.budget.pay(error.kind()).ok_or(error)?;
        self.counters.retries.add(1);
        Ok(price)
    }

    fn note(&self, error: &Error) {
        if error.kind() == ErrorKind::Throttled {
            self.queue.note_throttle(error.retry_after());
        }
    }
}

/// A store whose reads are tried again after temporary errors.
#[derive(Debug)]
pub struct Retry {
    inner: Arc<dyn Store>,
    attempts: Arc<Attempts>,
}

impl Retry {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, attempts: Arc<Attempts>) -> Self {
        Self { inner, attempts }
    }
}

/// Whether the deadline of the lookup leaves enough time for it.
fn is_affordable(wait: Duration) -> bool {
    Deadline::current().is_none_or(|deadline| wait < deadline.remaining())
}

/// The error of an answer that may be different a moment later.
fn temporary(answers: &[Option<Result<Option<SecretValue>>>], index: usize) -> Option<&Error> {
    answers.get(index)?.as_ref()?.as_ref().err().filter(|error| error.is_temporary())
}

#[async_trait]
impl Store for Retry {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.attempts.run(|| format!("`{name}`"), || self.inner.get(name)).await
    }

    /// Names with temporary errors are read again together.
    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        let attempts = &*self.attempts;
        let (mut waits, mut paid) = (attempts.waits(), 0);
        let spare = attempts.spare(names.len());
        let mut answers = spare.run(self.inner.get_many(names)).await;
        loop {
            let again: Vec<usize> =
                (0..answers.len()).filter(|index| temporary(&answers, *index).is_some()).collect();
            let Some(error) = again.first().and_then(|index| temporary(&answers, *index)).cloned() else {
                // One answered name shows that the store works, even if others failed.
                if answers.iter().flatten().any(Result::is_ok) {
                    attempts.budget.note_success(paid);
                }
                return answers;
            };
            attempts.note(&error);
            let wait = waits.after(&error);
            match attempts.prepare(&format!("{} names", again.len()), error, wait).await {
                Ok(price) => paid += price,
                // Not to be tried again, so the answers so far count.
                Err(_) => return answers,
            }
            let names: Vec<_> = again.iter().filter_map(|index| names.get(*index).cloned()).collect();
            for (index, answer) in again.into_iter().zip(spare.run(self.inner.get_many(&names)).await) {
                answers[index] = answer;
            }
        }
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
    use super::*;
    use crate::layers::limit::LimitSettings;
    use crate::layers::testing::{Act, Scripted};

    fn throttled() -> Error {
        Error::new(ErrorKind::Throttled, "slow down").temporary(None)
    }

    fn retry(store: &Arc<Scripted>, attempts: usize) -> Retry {
        let counters = Counters::of("memory");
        let queue = Arc::new(Queue::new("retry-test", LimitSettings::default(), counters));
        Retry::new(store.clone(), Arc::new(Attempts::new("scripted", attempts, queue, counters)))
    }

    async fn run(steps: Vec<Act>, attempts: usize) -> (Result<Option<SecretValue>>, usize) {
        let store = Arc::new(Scripted::new(steps));
        let outcome = retry(&store, attempts).get(&SecretName::from("a")).await;
        (outcome, store.calls())
    }

    #[tokio::test(start_paused = true)]
    async fn a_temporary_error_is_tried_again() {
        let (outcome, calls) = run(vec![Act::Error(throttled()), Act::Value("v")], 3).await;
        assert_eq!((outcome.unwrap().unwrap().expose(), calls), ("v", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded_and_the_last_error_is_kept() {
        let (outcome, calls) = run(vec![Act::Error(throttled()); 5], 3).await;
        assert_eq!((outcome.unwrap_err().kind(), calls), (ErrorKind::Throttled, 3));
        let (_, calls) = run(vec![Act::Error(throttled()); 5], 1).await;
        assert_eq!(calls, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_final() {
        let denied = Error::new(ErrorKind::Denied, "no");
        let (outcome, calls) = run(vec![Act::Error(denied), Act::Value("v")], 3).await;
        assert_eq!((outcome.unwrap_err().kind(), calls), (ErrorKind::Denied, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_store_may_ask_for_a_longer_wait() {
        let asked = Error::new(ErrorKind::Throttled, "slow down").temporary(Some(Duration::from_secs(7)));
        let start = tokio::time::Instant::now();
        let (outcome, _) = run(vec![Act::Error(asked), Act::Value("v")], 3).await;
        assert!(outcome.is_ok());
        assert!(start.elapsed() >= Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_runs_past_the_deadline() {
        let asked = Error::new(ErrorKind::Throttled, "slow down").temporary(Some(Duration::from_secs(60)));
        let start = tokio::time::Instant::now();
        let lookup = run(vec![Act::Error(asked), Act::Value("v")], 3);
        let (outcome, calls) =
            Deadline::after(Duration::from_secs(10)).run(async { Ok(lookup.await) }).await.unwrap();
        assert_eq!((outcome.unwrap_err().kind(), calls), (ErrorKind::Throttled, 1));
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn in_an_outage_most_reads_have_one_attempt() {
        let down = Error::new(ErrorKind::Unreachable, "down").temporary(None);
        let store = Arc::new(Scripted::new(vec![Act::Error(down); 10_000]));
        let retry = retry(&store, 3);
        for _ in 0..1000 {
            retry.get(&SecretName::from("a")).await.unwrap_err();
        }
        assert_eq!(store.calls(), 1000 + 100);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_not_made_costs_nothing() {
        let down = Error::new(ErrorKind::Unreachable, "down").temporary(None);
        let store = Arc::new(Scripted::new(vec![Act::Error(down); 10_000]));
        let per = Duration::from_secs(3600);
        let rate = crate::store::options::Rate { calls: std::num::NonZeroU32::MIN, per };
        let limit = LimitSettings { rate: Some(rate), after_throttle: None };
        let queue = Arc::new(Queue::new("budget-test", limit, Counters::of("memory")));
        queue.wait().await.unwrap();
        let attempts = Arc::new(Attempts::new("scripted", 3, queue, Counters::of("memory")));
        let retry = Retry::new(store.clone(), attempts);
        for _ in 0..200 {
            let deadline = Deadline::after(Duration::from_secs(10));
            deadline.run(retry.get(&SecretName::from("a"))).await.unwrap_err();
        }
        assert!(retry.attempts.budget.allows(ErrorKind::Timeout));
    }
}
