//! How often a read may send its request again.
//!
//! A read has so many attempts, the first included. They are spent in two places: by the layer that retries,
//! and by `http::send`, which sends a request again at once when an idle connection turns out to be dead.
//! Both take from one store, so that together they never make more.

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
    /// So many.
    pub fn new(attempts: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(attempts)))
    }

    /// Takes one; whether there was one.
    pub fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Runs `future`, whose requests take from here.
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        SPARE.scope(self.clone(), future).await
    }

    /// Takes one of the read that the calling code runs in. What is no read, such as a look at a metadata
    /// service, may always be sent once more.
    pub fn take_one() -> bool {
        SPARE.try_with(Self::take).unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_taken_anywhere_is_gone_everywhere() {
        let spare = Spare::new(2);
        assert!(spare.run(async { Spare::take_one() }).await && spare.take());
        assert!(!spare.take() && !spare.run(async { Spare::take_one() }).await);
        assert!(Spare::take_one(), "without a read there is no bound");
    }
}
