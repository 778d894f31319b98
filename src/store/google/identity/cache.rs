//! Holding a token and renewing it in time.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderValue;

use crate::error::{Error, Result};
use crate::process::{Clock, Timestamp};
use crate::store::renewal::Schedule;
use crate::store::renewed::{Expiring, Renewed};

use super::token::{Token, TokenSource};
use crate::store::kit::answer::Answer;

/// As early as google-auth (`_helpers.REFRESH_THRESHOLD`): the metadata server hands out another token four minutes before
/// the end at the latest.
const SCHEDULE: Schedule = Schedule { before: Duration::from_secs(225), again: Duration::from_secs(30) };

/// When the token that replaced a refused one is refused, too, the service does not accept this identity: for so long no other
/// token is asked for, since that would double the requests of each lookup.
const SETTLED_FOR: Duration = Duration::from_secs(30);

const UNAUTHORIZED: u16 = 401;

/// The tokens of one source, fetched within the lookup that needs them.
pub(in crate::store::google) struct TokenCache {
    /// Nobody's, for an emulator.
    source: Option<Box<dyn TokenSource>>,
    renewed: Renewed<Token>,
    /// When a replacement was last refused.
    vain: Mutex<Option<Timestamp>>,
    clock: Clock,
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
        let renewed = Renewed::new(SCHEDULE, outage);
        Arc::new(Self { source, renewed, vain: Mutex::default(), clock: Clock::System })
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
        self.renewed.held()?.header()
    }

    /// Has `ask` send a request with the token that is held, and once more with another one if that is refused (401).
    pub(in crate::store::google) async fn accepted<E, F>(
        &self,
        ask: impl Fn(Option<HeaderValue>) -> F + Send + Sync,
    ) -> Result<Answer, E>
    where
        E: From<Error>,
        F: Future<Output = Result<Answer, E>> + Send,
    {
        let token = self.header();
        let first = ask(token.clone()).await?;
        let Some(refused) = token.filter(|_| first.status == UNAUTHORIZED && !self.is_settled()) else {
            return Ok(first);
        };
        tracing::debug!("Google refused the token. Asking for another one and trying once more.");
        self.renewed.reject_if(|held| held.header().as_ref() == Some(&refused));
        self.ensure().await.map_err(Error::as_login_failure)?;
        let second = ask(self.header()).await?;
        if second.status == UNAUTHORIZED {
            *self.vain.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
        }
        Ok(second)
    }

    fn is_settled(&self) -> bool {
        let vain = self.vain.lock().unwrap_or_else(PoisonError::into_inner);
        vain.is_some_and(|moment| self.clock.now().since(moment) < SETTLED_FOR)
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
                return Ok(Token::lasting(format!("canary-{call}"), Some(Duration::from_secs(3600))));
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
        assert_eq!(cache.header().unwrap(), "Bearer canary-0");
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

    /// A service that refuses the tokens of the list; what it was shown.
    async fn asked(cache: &TokenCache, refused: &[&str]) -> (u16, Vec<String>) {
        let shown = Mutex::new(Vec::new());
        let ask = |token: Option<HeaderValue>| {
            let token = token.unwrap().to_str().unwrap().trim_start_matches("Bearer ").to_owned();
            let status = if refused.contains(&token.as_str()) { UNAUTHORIZED } else { 200 };
            shown.lock().unwrap().push(token);
            async move { Ok::<_, Error>(Answer::of(status, &[], "")) }
        };
        cache.ensure().await.unwrap();
        let answer = cache.accepted(ask).await.unwrap();
        (answer.status, shown.into_inner().unwrap())
    }

    fn shown(status: u16, tokens: &[&str]) -> (u16, Vec<String>) {
        (status, tokens.iter().map(|token| (*token).to_owned()).collect())
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced_within_the_call() {
        let (cache, calls) = cache(9, false);
        let first = asked(&cache, &["canary-0"]).await;
        assert_eq!(first, shown(200, &["canary-0", "canary-1"]));
        assert_eq!(asked(&cache, &["canary-0"]).await, shown(200, &["canary-1"]));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_identity_that_is_not_accepted_costs_one_more_token_in_a_while() {
        let (cache, calls) = cache(9, false);
        let mut cache = Arc::into_inner(cache).unwrap();
        cache.clock = Clock::manual();
        let all = ["canary-0", "canary-1", "canary-2"];
        assert_eq!(asked(&cache, &all).await, shown(401, &["canary-0", "canary-1"]));
        assert_eq!(asked(&cache, &all).await, shown(401, &["canary-1"]));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        cache.clock.advance(SETTLED_FOR);
        assert_eq!(asked(&cache, &all).await, shown(401, &["canary-1", "canary-2"]));
    }

    #[tokio::test]
    async fn only_the_token_that_was_refused_is_dropped() {
        let (cache, calls) = cache(9, false);
        cache.ensure().await.unwrap();
        let meanwhile = async |token: HeaderValue| {
            // Somebody else has the token replaced while the answer to this call is under way.
            if token == "Bearer canary-0" {
                cache.renewed.reject_if(|held| held.header().as_ref() == Some(&token));
                cache.ensure().await.unwrap();
                UNAUTHORIZED
            } else {
                200
            }
        };
        let ask = |token: Option<HeaderValue>| async {
            let status = meanwhile(token.unwrap()).await;
            Ok::<_, Error>(Answer::of(status, &[], ""))
        };
        assert_eq!(cache.accepted(ask).await.unwrap().status, 200);
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
