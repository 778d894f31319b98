//! Holding a token and renewing it in time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;

use crate::error::{Error, Result};
use crate::process::Clock;
use crate::store::kit::token::{Expiring, Terms, TokenHolder, time_until};

use super::token::{Token, TokenSource};
use crate::store::kit::answer::Answer;

/// As early as google-auth (`_helpers.REFRESH_THRESHOLD`): the metadata server returns a new token at least
/// four minutes before the end.
const TERMS: Terms = Terms {
    before: Duration::from_secs(225),
    again: Duration::from_secs(30),
    outlives_refusal: false,
    outage: "The Google token could not be renewed and is used until it expires",
};

const UNAUTHORIZED: u16 = 401;

/// The tokens of one source, fetched within the lookup that needs them.
pub(in crate::store::google) struct TokenCache {
    /// `None` for an emulator that needs no token.
    source: Option<Box<dyn TokenSource>>,
    holder: TokenHolder<Token>,
}

impl Expiring for Token {
    fn lifetime(&self) -> Option<Duration> {
        self.expires.map(time_until)
    }
}

impl TokenCache {
    /// A cache in front of `source`; without one, requests are sent without a token.
    pub(super) fn new(source: Option<Box<dyn TokenSource>>) -> Arc<Self> {
        Arc::new(Self::on(Clock::System, source))
    }

    fn on(clock: Clock, source: Option<Box<dyn TokenSource>>) -> Self {
        Self { source, holder: TokenHolder::new(TERMS, clock) }
    }

    /// Makes sure that a token is held, and renews it when it is due.
    pub(in crate::store::google) async fn ensure(&self) -> Result<()> {
        match &self.source {
            Some(source) => self.holder.get(|_| source.fetch()).await.map(drop),
            None => Ok(()),
        }
    }

    /// The header of a request; nothing without credentials.
    pub(in crate::store::google) fn header(&self) -> Option<HeaderValue> {
        self.holder.held()?.header()
    }

    /// Sends a request by `ask` with the token that is held, and once more with another one if it is refused
    /// (401).
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
        let is_this = |sent: &Option<HeaderValue>, held: &Token| held.header() == *sent;
        let is_refused = token.is_some() && first.status == UNAUTHORIZED;
        if !is_refused || !self.holder.refused(|held| is_this(&token, held)) {
            return Ok(first);
        }
        tracing::debug!("Google refused the token. Asking for another one and trying once more.");
        self.ensure().await.map_err(Error::as_login_failure)?;
        let token = self.header();
        let second = ask(token.clone()).await?;
        // The new token is refused, too, so the identity is at fault: the holder then stops replacing for a
        // while.
        if second.status == UNAUTHORIZED {
            self.holder.refused(|held| is_this(&token, held));
        } else {
            self.holder.accepted(|held| is_this(&token, held));
        }
        Ok(second)
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenCache").field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
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

    #[tokio::test]
    async fn a_token_is_renewed_as_early_as_google_auth_does() {
        let (cache, calls) = cache(9, false);
        let (mut cache, clock) = (Arc::into_inner(cache).unwrap(), Clock::manual());
        cache.holder = TokenHolder::new(TERMS, clock.clone());
        for (seconds, expected) in [(0, 1), (3374, 1), (2, 2)] {
            clock.advance(Duration::from_secs(seconds));
            cache.ensure().await.unwrap();
            assert_eq!(calls.load(Ordering::SeqCst), expected);
        }
        assert_eq!(cache.header().unwrap(), "Bearer canary-1");
        assert!(!format!("{cache:?} {:?}", cache.header()).contains("canary"));
    }

    /// A service that refuses the tokens of the list; returns which tokens it received.
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
        let (mut cache, clock) = (Arc::into_inner(cache).unwrap(), Clock::manual());
        cache.holder = TokenHolder::new(TERMS, clock.clone());
        let all = ["canary-0", "canary-1", "canary-2"];
        assert_eq!(asked(&cache, &all).await, shown(401, &["canary-0", "canary-1"]));
        assert_eq!(asked(&cache, &all).await, shown(401, &["canary-1"]));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        clock.advance(Duration::from_secs(30));
        assert_eq!(asked(&cache, &all).await, shown(401, &["canary-1", "canary-2"]));
    }

    #[tokio::test]
    async fn only_the_token_that_was_refused_is_dropped() {
        let (cache, calls) = cache(9, false);
        cache.ensure().await.unwrap();
        let meanwhile = async |token: HeaderValue| {
            // Another caller replaces the token while the answer to this call is under way.
            if token == "Bearer canary-0" {
                cache.holder.refused(|held| held.header().as_ref() == Some(&token));
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
    async fn without_credentials_no_token_is_needed() {
        let anonymous = TokenCache::new(None);
        anonymous.ensure().await.unwrap();
        assert!(anonymous.header().is_none());
    }
}
