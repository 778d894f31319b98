//! Holding a token and renewing it in time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderValue;

use crate::error::{Error, Result};
use crate::store::renewal::Schedule;
use crate::store::renewed::{Expiring, Renewed};

use super::token::{Token, TokenSource};

/// As early as google-auth (`_helpers.REFRESH_THRESHOLD`): the metadata server hands out another token four minutes before
/// the end at the latest.
const SCHEDULE: Schedule = Schedule { before: Duration::from_secs(225), again: Duration::from_secs(30) };

/// The tokens of one source, fetched within the lookup that needs them.
pub(in crate::store::google) struct TokenCache {
    /// Nobody's, for an emulator.
    source: Option<Box<dyn TokenSource>>,
    renewed: Renewed<Token>,
}

impl Expiring for Token {
    fn expires(&self) -> Option<SystemTime> {
        self.expires
    }
}

impl TokenCache {
    /// A cache in front of `source`; without one, requests are sent without a token.
    pub(super) fn new(source: Option<Box<dyn TokenSource>>) -> Arc<Self> {
        let outage = "The Google token could not be renewed and is used until it expires";
        Arc::new(Self { source, renewed: Renewed::new(SCHEDULE, outage) })
    }

    /// Makes sure that a token is held, and renews it where it is time.
    pub(in crate::store::google) async fn ensure(&self) -> Result<()> {
        match &self.source {
            Some(source) => self.renewed.ensure(|| source.fetch()).await,
            None => Ok(()),
        }
    }

    /// What goes into the header of a request; nothing without credentials.
    pub(in crate::store::google) fn header(&self) -> Option<HeaderValue> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", self.renewed.held()?.expose())).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Notes that the service refused what is held, so that the next call asks the source again.
    pub(in crate::store::google) fn reject(&self) {
        self.renewed.reject();
    }

    /// A valid token, for a source that exchanges it for another one.
    pub(super) async fn token(&self) -> Result<Option<HeaderValue>, Error> {
        self.ensure().await?;
        Ok(self.header())
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenCache").field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::error::ErrorKind;

    #[derive(Debug)]
    struct Scripted {
        calls: Arc<AtomicUsize>,
        fail_from: usize,
        temporary: bool,
    }

    #[async_trait]
    impl TokenSource for Scripted {
        async fn fetch(&self) -> Result<Token> {
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if call < self.fail_from {
                return Ok(Token::lasting("canary", Some(Duration::from_secs(3600))));
            }
            let error = Error::new(ErrorKind::Unauthenticated, "no");
            Err(if self.temporary { error.temporary(None) } else { error })
        }
    }

    fn cache(fail_from: usize, temporary: bool) -> (Arc<TokenCache>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let source = Scripted { calls: Arc::clone(&calls), fail_from, temporary };
        (TokenCache::new(Some(Box::new(source))), calls)
    }

    fn make_due(cache: &TokenCache) {
        cache.renewed.make_due();
    }

    #[tokio::test]
    async fn many_callers_make_one_call() {
        let (cache, calls) = cache(9, false);
        let tasks: Vec<_> = (0..8)
            .map(|_| Arc::clone(&cache))
            .map(|cache| tokio::spawn(async move { cache.ensure().await }))
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(cache.header().unwrap(), "Bearer canary");
        assert!(!format!("{cache:?} {:?}", cache.header()).contains("canary"));
    }

    #[tokio::test]
    async fn what_still_works_outlives_an_outage_but_not_a_refusal() {
        let (outage, calls) = cache(1, true);
        outage.ensure().await.unwrap();
        make_due(&outage);
        outage.ensure().await.unwrap();
        outage.ensure().await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2, "the next renewal waits");
        let (refusal, _) = cache(1, false);
        refusal.ensure().await.unwrap();
        make_due(&refusal);
        assert!(refusal.ensure().await.is_err());
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let (failing, calls) = cache(0, false);
        assert!(failing.ensure().await.is_err() && failing.ensure().await.is_err());
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_rejected_token_is_fetched_anew() {
        let (cache, calls) = cache(9, false);
        cache.ensure().await.unwrap();
        cache.reject();
        cache.ensure().await.unwrap();
        cache.ensure().await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn nobody_needs_no_token() {
        let nobody = TokenCache::new(None);
        nobody.ensure().await.unwrap();
        assert!(nobody.header().is_none());
    }

    #[test]
    fn renewal_leaves_time() {
        let now = SystemTime::now();
        let before = |lifetime: u64| {
            let expires = now + Duration::from_secs(lifetime);
            expires.duration_since(SCHEDULE.renew_at(now, expires)).unwrap().as_secs()
        };
        assert_eq!((before(3600), before(600), before(10)), (225, 120, 2));
        assert_eq!(SCHEDULE.renew_at(now, now - Duration::from_secs(5)), now - Duration::from_secs(5));
    }
}
