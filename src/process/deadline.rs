//! The one deadline of a lookup.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "programs")]
use crate::process::kept;

tokio::task_local! {
    static CURRENT: Deadline;
}

/// The moment at which a lookup ends, whatever it waits for. Measured in tokio's time, like the waits.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Instant,
    budget: Duration,
    /// Its description, for the error.
    name: &'static str,
}

const LOOKUP: &str = "the deadline of the lookup";

impl Deadline {
    /// A deadline `budget` from now.
    pub fn after(budget: Duration) -> Self {
        let now = Instant::now();
        // A budget beyond the range of the clock is replaced by a year.
        let end = now.checked_add(budget).unwrap_or(now + Duration::from_secs(31_536_000));
        Self { end, budget, name: LOOKUP }
    }

    /// A deadline `budget` from now, or that of the calling code if it is earlier. `name` describes it, such
    /// as "the time for a prefetch".
    pub fn within(budget: Duration, name: &'static str) -> Self {
        let own = Self { name, ..Self::after(budget) };
        // The earlier end counts, and the error then names that deadline.
        Self::current().filter(|outer| outer.end <= own.end).unwrap_or(own)
    }

    /// The remaining time, zero once the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// The deadline of the lookup that the calling code runs in, if any.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|deadline| *deadline).ok()
    }

    /// Runs `future` until the deadline; then it is dropped and the error is [`ErrorKind::Timeout`].
    pub async fn run<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        // Pinned here and borrowed from now on: a future that is passed by value takes up its size twice.
        let cut = pin!(tokio::time::timeout_at(self.end, CURRENT.scope(*self, future)));
        #[cfg(feature = "programs")]
        let cut = kept::until_the_end_of(cut);
        match cut.await {
            Ok(result) => result,
            Err(_elapsed) => Err(self.error()),
        }
    }

    /// Like [`Self::run`], for a part of a lookup that says in its own error what was waited for. Polled
    /// within the whole, it ends before that does.
    pub async fn cut<T>(&self, part: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout_at(self.end, pin!(part)).await.unwrap_or_else(|_elapsed| Err(self.error()))
    }

    fn error(&self) -> Error {
        let hint = if self.name == LOOKUP {
            "Check the network path to the store, or raise `timeout`"
        } else {
            "Check the network path to the store"
        };
        let text = format!("no answer within {:?}, {}", self.budget, self.name);
        Error::new(ErrorKind::Timeout, text).with_hint(hint).temporary(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_future_that_never_ends_is_cut() {
        let deadline = Deadline::after(Duration::from_secs(2));
        let error = deadline.run(std::future::pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        insta::assert_snapshot!(error, @"no answer within 2s, the deadline of the lookup. Check the network \
        path to the store, or raise `timeout`");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_within_another_is_never_later() {
        let outer = Deadline::after(Duration::from_secs(2));
        let remaining =
            |budget| async move { Ok(Deadline::within(Duration::from_secs(budget), "x").remaining()) };
        assert!(outer.run(remaining(9)).await.unwrap() <= Duration::from_secs(2));
        assert!(outer.run(remaining(1)).await.unwrap() <= Duration::from_secs(1));
        let inner = async {
            Deadline::within(Duration::from_secs(1), "the time for tea")
                .run(std::future::pending::<Result<()>>())
                .await
        };
        insta::assert_snapshot!(outer.run(inner).await.unwrap_err(), @"no answer within 1s, the time for \
        tea. Check the network path to the store");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_follows_the_time_of_the_runtime() {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let deadline = Deadline::after(Duration::from_secs(2));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(deadline.remaining(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_result_passes_through() {
        let deadline = Deadline::after(Duration::MAX);
        assert_eq!(deadline.run(async { Ok(7) }).await.unwrap(), 7);
        assert!(deadline.remaining() > Duration::from_secs(1));
    }
}
