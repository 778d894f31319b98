//! Holding a token and renewing it in time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind as SdkKind;

use crate::error::{Error, Result};
use crate::process::Clock;
use crate::store::azure::caller;
use crate::store::azure::credentials::TokenSource;
use crate::store::kit::token::{Expiring, Terms, TokenHolder, time_until};
use crate::store::tools::Finding;

/// As early as azure-core (1.41.0, `_authentication.py`). The SDK begins to renew at the same time.
const TERMS: Terms = Terms {
    before: Duration::from_mins(5),
    again: Duration::from_mins(1),
    outlives_refusal: false,
    outage: "the Azure token could not be renewed and is used until it expires",
};

/// The tokens of one source.
pub(super) struct TokenCache {
    source: Box<dyn TokenSource>,
    /// The scope that the vault named last, and the token for it.
    present: Mutex<(String, Arc<TokenHolder<AccessToken>>)>,
    clock: Clock,
}

impl Expiring for AccessToken {
    fn lifetime(&self) -> Option<Duration> {
        Some(time_until(self.expires_on.into()))
    }
}

impl TokenCache {
    /// A cache in front of `source`.
    pub(super) fn new(source: Box<dyn TokenSource>) -> Arc<Self> {
        Self::on(Clock::System, source)
    }

    fn on(clock: Clock, source: Box<dyn TokenSource>) -> Arc<Self> {
        let present = Mutex::new((String::new(), Arc::new(TokenHolder::new(TERMS, clock.clone()))));
        Arc::new(Self { source, present, clock })
    }

    /// The token for `scope`, from the source if it is due.
    async fn token(&self, scope: &str) -> Result<AccessToken> {
        let holder = self.holder(scope);
        let fetch =
            async |_| self.source.fetch(scope).await.map_err(|none| none.into_error(self.source.name()));
        holder.get(fetch).await.map_err(Error::as_login_failure)
    }

    /// What the token says about the caller; nothing before the first login.
    pub(super) fn caller(&self) -> Option<Finding> {
        caller::finding(self.present().held()?.token.secret())
    }

    /// Notes whether the vault accepted the token in the `authorization` header.
    pub(super) fn note(&self, authorization: &str, accepted: bool) {
        let sent = authorization.strip_prefix("Bearer ");
        let is_this = |held: &AccessToken| sent.is_some_and(|sent| sent == held.token.secret());
        if accepted {
            self.present().accepted(is_this);
        } else {
            self.present().refused(is_this);
        }
    }

    fn present(&self) -> Arc<TokenHolder<AccessToken>> {
        Arc::clone(&self.present.lock().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// The holder of the token for `scope`. The previous scope's token is dropped: a vault always names the
    /// same one.
    fn holder(&self, scope: &str) -> Arc<TokenHolder<AccessToken>> {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if present.0 != scope {
            *present = (scope.to_owned(), Arc::new(TokenHolder::new(TERMS, self.clock.clone())));
        }
        Arc::clone(&present.1)
    }
}

/// What the SDK calls. Our error is passed inside its own.
#[async_trait]
impl TokenCredential for TokenCache {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let scope = scopes.first().copied().unwrap_or_default();
        let wrap = |error: Error| azure_core::Error::with_error(SdkKind::Credential, error, "no token");
        self.token(scope).await.map_err(wrap)
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenCache").field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::azure::testing::Scripted;

    const SCOPE: &str = "https://vault.azure.net/.default";

    fn cache(source: &Scripted) -> Arc<TokenCache> {
        TokenCache::new(Box::new(source.clone()))
    }

    async fn text(cache: &TokenCache) -> String {
        cache.token(SCOPE).await.unwrap().token.secret().to_owned()
    }

    #[tokio::test]
    async fn a_token_is_renewed_as_early_as_azure_core_does() {
        let (source, clock) = (Scripted::default(), Clock::manual());
        let cache = TokenCache::on(clock.clone(), Box::new(source.clone()));
        for (seconds, expected) in [(0, "canary-1"), (3299, "canary-1"), (2, "canary-2")] {
            clock.advance(Duration::from_secs(seconds));
            assert_eq!(text(&cache).await, expected);
        }
        assert!(!format!("{cache:?}").contains("canary"));
    }

    #[tokio::test]
    async fn another_scope_is_another_token() {
        let source = Scripted::default();
        let cache = cache(&source);
        cache.token("a").await.unwrap();
        cache.token("b").await.unwrap();
        assert_eq!(source.calls(), 2);
    }

    #[tokio::test]
    async fn a_rejected_token_is_replaced_once() {
        let source = Scripted::default();
        let cache = cache(&source);
        text(&cache).await;
        cache.note("Bearer canary-1", false);
        assert_eq!(text(&cache).await, "canary-2");
        cache.note("Bearer canary-2", false);
        assert_eq!((text(&cache).await.as_str(), source.calls()), ("canary-2", 2));
        cache.note("Bearer canary-2", true);
        cache.note("Bearer canary-1", false);
        assert_eq!(text(&cache).await, "canary-2", "an old token says nothing of the new one");
        cache.note("Bearer canary-2", false);
        assert_eq!(text(&cache).await, "canary-3");
    }

    #[tokio::test]
    async fn another_token_is_requested_once_in_a_while() {
        let (source, clock) = (Scripted::default(), Clock::manual());
        let cache = TokenCache::on(clock.clone(), Box::new(source.clone()));
        for refused in ["", "Bearer canary-1", "Bearer canary-2"] {
            cache.note(refused, false);
            text(&cache).await;
        }
        clock.advance(Duration::from_secs(29));
        assert_eq!((text(&cache).await.as_str(), source.calls()), ("canary-2", 2));
        clock.advance(Duration::from_secs(1));
        cache.note("Bearer canary-2", false);
        assert_eq!(text(&cache).await, "canary-3");
    }

    #[tokio::test]
    async fn what_still_works_outlives_an_outage_but_not_a_refusal() {
        for (temporary, survives) in [(true, true), (false, false)] {
            let (source, clock) = (Scripted::default(), Clock::manual());
            let cache = TokenCache::on(clock.clone(), Box::new(source.clone()));
            text(&cache).await;
            clock.advance(Duration::from_mins(56));
            source.fail(temporary);
            let second = cache.token(SCOPE).await;
            assert_eq!(second.is_ok(), survives);
            if let Err(error) = second {
                assert!(error.is_login_failure() && error.kind() == ErrorKind::Unauthenticated);
            }
        }
    }
}
