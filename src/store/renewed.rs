//! Holding what a login hands out, and renewing it in time.

use std::fmt;
use std::future::Future;
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use crate::error::Result;
use crate::store::renewal::Schedule;

/// What a login hands out.
pub(crate) trait Expiring: Clone {
    /// When it stops to work; never, without it.
    fn expires(&self) -> Option<SystemTime>;
}

/// The present one of what a login hands out. It is fetched when first needed, by one caller while the others wait.
pub(crate) struct Renewed<T> {
    schedule: Schedule,
    /// What is said when a renewal fails and the old one still works.
    outage: &'static str,
    held: RwLock<Held<T>>,
    renewing: tokio::sync::Mutex<()>,
}

struct Held<T> {
    value: Option<T>,
    /// When to ask for another; never, without it.
    renew_at: Option<SystemTime>,
    /// The service does not accept it any more.
    rejected: bool,
}

impl<T: Expiring> Renewed<T> {
    /// Nothing is held yet.
    pub(crate) fn new(schedule: Schedule, outage: &'static str) -> Self {
        let held = RwLock::new(Held { value: None, renew_at: None, rejected: false });
        Self { schedule, outage, held, renewing: tokio::sync::Mutex::new(()) }
    }

    /// Makes sure that something is held, and has `fetch` bring another where it is time.
    ///
    /// When that fails for a moment and what is held still works, it is kept.
    pub(crate) async fn ensure<F>(&self, fetch: impl FnOnce() -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<T>> + Send,
    {
        if self.is_fresh() {
            return Ok(());
        }
        let _alone = self.renewing.lock().await;
        if self.is_fresh() {
            return Ok(());
        }
        match fetch().await {
            Ok(value) => self.hold(value),
            Err(error) if error.is_temporary() && self.still_works() => {
                tracing::warn!("{}: {error}", self.outage);
                self.postpone();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What is held.
    pub(crate) fn held(&self) -> Option<T> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).value.clone()
    }

    /// Notes that the service refused what is held, so that the next call fetches again.
    #[cfg(feature = "aws")]
    pub(crate) fn reject(&self) {
        self.held.write().unwrap_or_else(PoisonError::into_inner).rejected = true;
    }

    /// The same, if what is held is still what was refused: somebody may have brought another meanwhile.
    #[cfg(feature = "google")]
    pub(crate) fn reject_if(&self, is_refused: impl FnOnce(&T) -> bool) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.rejected |= held.value.as_ref().is_some_and(is_refused);
    }

    fn is_fresh(&self) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let due = held.renew_at.is_some_and(|moment| moment <= SystemTime::now());
        held.value.is_some() && !held.rejected && !due
    }

    fn still_works(&self) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let expires = held.value.as_ref().map(Expiring::expires);
        !held.rejected
            && expires.is_some_and(|expires| expires.is_none_or(|moment| moment > SystemTime::now()))
    }

    fn hold(&self, value: T) {
        let renew_at = value.expires().map(|expires| self.schedule.renew_at(SystemTime::now(), expires));
        let held = Held { value: Some(value), renew_at, rejected: false };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
    }

    fn postpone(&self) {
        let again = SystemTime::now() + self.schedule.again;
        self.held.write().unwrap_or_else(PoisonError::into_inner).renew_at = Some(again);
    }

    /// As if its time had come.
    #[cfg(test)]
    pub(crate) fn make_due(&self) {
        self.held.write().unwrap().renew_at = Some(SystemTime::now());
    }
}

/// Without what is held.
impl<T> fmt::Debug for Renewed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Renewed").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}
