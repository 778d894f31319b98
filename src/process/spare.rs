//! How often a read may resend its request.
//!
//! A read has a number of attempts, including the first. They are spent in two places: by the layer that
//! retries, and by `http::send`, which resends a request at once when an idle connection turns out to be
//! dead. Both take from the same supply, so that together they never exceed the number.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

tokio::task_local! {
    static SPARE: Spare;
}

/// The attempts that are left after the first.
#[derive(Clone, Debug)]
pub struct Spare(Arc<AtomicUsize>);

impl Spare {
    /// A supply of this many attempts.
    pub fn new(attempts: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(attempts)))
    }

    /// Takes one; returns whether there was one.
    pub fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Runs `future`, whose requests take from this supply.
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        SPARE.scope(self.clone(), future).await
    }

    /// Takes one from the read of the calling code. Requests outside a read, such as one to a metadata
    /// service, may always be resent once.
    pub fn take_one() -> bool {
        SPARE.try_with(Self::take).unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_is_taken_anywhere_is_gone_everywhere() {
        let spare = Spare::new(2);
        assert!(spare.run(async { Spare::take_one() }).await && spare.take());
        assert!(!spare.take() && !spare.run(async { Spare::take_one() }).await);
        assert!(Spare::take_one(), "without a read there is no bound");
    }
}
