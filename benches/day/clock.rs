//! Virtual time: nothing waits, and random numbers are the same at every run.

use std::future::Future;

use _native::process::seed_jitter;
use tokio::task::LocalSet;

use crate::{Outcome, SEED};

/// Runs `work` on a separate runtime whose clock moves to the next event whenever nothing is left to do.
pub(crate) fn virtual_time<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    seed_jitter(SEED);
    fastrand::seed(SEED);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    LocalSet::new().block_on(&runtime, work)
}
