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

    /// Notes that the service refused what is held, so that the next call fetches again; if what is held is still what was
    /// refused: somebody may have brought another meanwhile.
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

    /// Until the end of what is held at the latest: to be refused for an old one is worse than an outage.
    fn postpone(&self) {
        let again = SystemTime::now() + self.schedule.again;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let end = held.value.as_ref().and_then(Expiring::expires);
        held.renew_at = Some(end.map_or(again, |end| end.min(again)));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{Error, ErrorKind};

    #[derive(Clone)]
    struct Pass(SystemTime);

    impl Expiring for Pass {
        fn expires(&self) -> Option<SystemTime> {
            Some(self.0)
        }
    }

    #[tokio::test]
    async fn what_is_kept_in_an_outage_is_not_used_beyond_its_end() {
        let schedule = Schedule { before: Duration::from_secs(60), again: Duration::from_secs(60) };
        for (left, postponed) in [(5, 5), (600, 60)] {
            let renewed = Renewed::new(schedule, "x");
            let start = SystemTime::now();
            let end = start + Duration::from_secs(left);
            renewed.ensure(|| async { Ok(Pass(end)) }).await.unwrap();
            renewed.make_due();
            let outage = || async { Err(Error::new(ErrorKind::Unreachable, "no").temporary(None)) };
            renewed.ensure(outage).await.unwrap();
            let renew_at = renewed.held.read().unwrap().renew_at.unwrap();
            assert!(renew_at >= start + Duration::from_secs(postponed));
            assert!(renew_at <= end && renewed.is_fresh());
        }
    }
}
