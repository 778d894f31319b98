//! Why a name is read, and how long that may take.

use std::future::Future;
use std::time::Duration;

use crate::error::Result;
use crate::layers::cache::settings::Ahead;
use crate::process::Deadline;

/// Why a name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nothing is known about it.
    First,
    /// What is known has expired, and is served if the store does not answer.
    Expired,
    /// What is known will expire soon.
    Ahead,
}

impl Reason {
    /// How long the read may take, if the lookup's own deadline is not the limit.
    const fn patience(self, ahead: &Ahead) -> Option<Duration> {
        match self {
            Self::First => None,
            Self::Expired => Some(Duration::from_secs(2)),
            Self::Ahead => Some(ahead.patience),
        }
    }

    /// Runs `work` within the permitted time.
    pub(super) async fn run<T>(self, ahead: &Ahead, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.patience(ahead) {
            Some(patience) => Deadline::within(patience, "the time that a refresh may take").run(work).await,
            None => work.await,
        }
    }
}
