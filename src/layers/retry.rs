//! Tries a read again when that may help. The only place that retries.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::process::Deadline;
use crate::store::{SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// Waits before the second attempt when the store asks for fewer calls, and when it merely failed. These are
/// the bases of botocore's standard mode (`botocore/retries/standard.py`): one second and a twentieth.
const THROTTLED_BASE: Duration = Duration::from_secs(1);
const FAILED_BASE: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A store whose reads are tried again after temporary errors.
#[derive(Debug)]
pub struct Retry {
    inner: Arc<dyn Store>,
    max_attempts: usize,
}

impl Retry {
    /// Wraps `inner`; a read is tried at most `max_attempts` times in all.
    pub fn new(inner: Arc<dyn Store>, max_attempts: usize) -> Self {
        Self { inner, max_attempts }
    }

    fn waits(&self, base: Duration) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_min_delay(base)
            .with_max_delay(LONGEST_WAIT)
            .with_max_times(self.max_attempts.saturating_sub(1))
            .with_jitter()
            .build()
    }
}

/// A wait that the deadline of the lookup leaves room for.
fn affordable(wait: Duration) -> bool {
    Deadline::current().is_none_or(|deadline| wait < deadline.remaining())
}

/// How long to wait after `error`: what the store asks for, or what the back-off has next.
fn wait_after(error: &Error, backoff: Duration) -> Duration {
    error.retry_after().map_or(backoff, |asked| asked.max(backoff))
}

#[async_trait]
impl Store for Retry {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let (mut throttled, mut failed) = (self.waits(THROTTLED_BASE), self.waits(FAILED_BASE));
        loop {
            let error = match self.inner.get(name).await {
                Err(error) if error.is_temporary() => error,
                outcome => return outcome,
            };
            // Both iterators move together: they count the same attempts.
            let (after_throttle, after_failure) = (throttled.next(), failed.next());
            let backoff = if error.kind() == ErrorKind::Throttled { after_throttle } else { after_failure };
            match backoff.map(|backoff| wait_after(&error, backoff)) {
                Some(wait) if affordable(wait) => {
                    tracing::debug!("{} `{name}`: {error}; trying again in {wait:?}", self.info().name);
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(error),
            }
        }
    }

    fn is_outdated(&self) -> bool {
        self.inner.is_outdated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Scripted, Step};

    fn throttled() -> Error {
        Error::new(ErrorKind::Throttled, "slow down").temporary(None)
    }

    async fn run(steps: Vec<Step>, attempts: usize) -> (Result<Option<SecretValue>>, usize) {
        let store = Arc::new(Scripted::new(steps));
        let outcome = Retry::new(store.clone(), attempts).get(&SecretName::from("a")).await;
        (outcome, store.calls())
    }

    #[tokio::test(start_paused = true)]
    async fn a_temporary_error_is_tried_again() {
        let (outcome, calls) = run(vec![Step::Error(throttled()), Step::Value("v")], 3).await;
        assert_eq!((outcome.unwrap().unwrap().expose(), calls), ("v", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded_and_the_last_error_is_kept() {
        let (outcome, calls) = run(vec![Step::Error(throttled()); 5], 3).await;
        assert_eq!((outcome.unwrap_err().kind(), calls), (ErrorKind::Throttled, 3));
        let (_, calls) = run(vec![Step::Error(throttled()); 5], 1).await;
        assert_eq!(calls, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_final() {
        let denied = Error::new(ErrorKind::Denied, "no");
        let (outcome, calls) = run(vec![Step::Error(denied), Step::Value("v")], 3).await;
        assert_eq!((outcome.unwrap_err().kind(), calls), (ErrorKind::Denied, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_store_may_ask_for_a_longer_wait() {
        let asked = Error::new(ErrorKind::Throttled, "slow down").temporary(Some(Duration::from_secs(7)));
        let start = tokio::time::Instant::now();
        let (outcome, _) = run(vec![Step::Error(asked), Step::Value("v")], 3).await;
        assert!(outcome.is_ok());
        assert!(start.elapsed() >= Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_runs_past_the_deadline() {
        let asked = Error::new(ErrorKind::Throttled, "slow down").temporary(Some(Duration::from_secs(60)));
        let start = tokio::time::Instant::now();
        let lookup = run(vec![Step::Error(asked), Step::Value("v")], 3);
        let (outcome, calls) =
            Deadline::after(Duration::from_secs(10)).run(async { Ok(lookup.await) }).await.unwrap();
        assert_eq!((outcome.unwrap_err().kind(), calls), (ErrorKind::Throttled, 1));
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}
