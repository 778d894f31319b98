//! Holding a token and renewing it in time.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind as SdkKind;

use crate::error::{Error, Result};
use crate::process::{Clock, Timestamp};
use crate::store::azure::caller;
use crate::store::azure::credentials::TokenSource;
use crate::store::renewal::Schedule;
use crate::store::tools::Finding;

/// As early as azure-core (1.41.0, `_authentication.py`). The SDK begins to ask at the same time.
const SCHEDULE: Schedule = Schedule { before: Duration::from_mins(5), again: Duration::from_mins(1) };

/// When the token that replaced a rejected one is rejected too, it is kept this long: the vault does not accept this
/// identity, and asking for a third would only double the requests.
const SETTLED_FOR: Duration = Duration::from_secs(30);

/// The token of one source. It is fetched when first needed, by one caller while the others wait.
pub(super) struct TokenCache {
    source: Box<dyn TokenSource>,
    held: RwLock<Option<Held>>,
    renewing: tokio::sync::Mutex<()>,
    clock: Clock,
}

struct Held {
    token: AccessToken,
    scope: String,
    fetched: Timestamp,
    renew_at: SystemTime,
    /// The vault does not accept it any more.
    rejected: bool,
    /// It came in place of one that was rejected, and has not been accepted since.
    unproven: bool,
}

impl Held {
    /// `now` is not the time of day, which may be set back: then a refused token would be kept until that is caught up.
    fn is_fresh(&self, scope: &str, now: Timestamp) -> bool {
        let settled = self.unproven && now.since(self.fetched) < SETTLED_FOR;
        self.scope == scope && SystemTime::now() < self.renew_at && (!self.rejected || settled)
    }

    fn still_works(&self, scope: &str) -> bool {
        self.scope == scope && !self.rejected && SystemTime::now() < SystemTime::from(self.token.expires_on)
    }
}

impl TokenCache {
    /// A cache in front of `source`.
    pub(super) fn new(source: Box<dyn TokenSource>) -> Arc<Self> {
        Self::on(Clock::System, source)
    }

    fn on(clock: Clock, source: Box<dyn TokenSource>) -> Arc<Self> {
        Arc::new(Self { source, held: RwLock::default(), renewing: tokio::sync::Mutex::new(()), clock })
    }

    /// The token for `scope`, from the source where it is time.
    ///
    /// When that fails for a moment and the one held still works, it is kept.
    async fn token(&self, scope: &str) -> Result<AccessToken> {
        if let Some(token) = self.fresh(scope) {
            return Ok(token);
        }
        let _alone = self.renewing.lock().await;
        if let Some(token) = self.fresh(scope) {
            return Ok(token);
        }
        match self.source.fetch(scope).await.map_err(|none| none.into_error(self.source.name())) {
            Ok(token) => Ok(self.hold(token, scope)),
            Err(error) => match self.postpone(scope).filter(|_| error.is_temporary()) {
                Some(token) => {
                    tracing::warn!(
                        "the Azure token could not be renewed and is used until it expires: {error}"
                    );
                    Ok(token)
                }
                None => Err(error.as_login_failure()),
            },
        }
    }

    /// What the token says of the caller; nothing before the first login.
    pub(super) fn caller(&self) -> Option<Finding> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        caller::finding(held.as_ref()?.token.token.secret())
    }

    /// Notes what the vault made of the token in the `authorization` header.
    pub(super) fn note(&self, authorization: &str, accepted: bool) {
        let is_this = |held: &Held| {
            authorization.strip_prefix("Bearer ").is_some_and(|token| token == held.token.token.secret())
        };
        let known = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let news =
            known.as_ref().is_some_and(|held| held.rejected == accepted || (accepted && held.unproven));
        drop(known);
        if !news {
            return;
        }
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_mut().filter(|held| is_this(held)) {
            held.rejected = !accepted;
            held.unproven &= !accepted;
        }
    }

    fn fresh(&self, scope: &str) -> Option<AccessToken> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        held.as_ref().filter(|held| held.is_fresh(scope, now)).map(|held| held.token.clone())
    }

    fn hold(&self, token: AccessToken, scope: &str) -> AccessToken {
        let fetched = self.clock.now();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let unproven = held.as_ref().is_some_and(|held| held.rejected);
        let renew_at = SCHEDULE.renew_at(SystemTime::now(), token.expires_on.into());
        let scope = scope.to_owned();
        *held = Some(Held { token: token.clone(), scope, fetched, renew_at, rejected: false, unproven });
        token
    }

    /// The token held, if it still works, with the next renewal put off.
    fn postpone(&self, scope: &str) -> Option<AccessToken> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let held = held.as_mut().filter(|held| held.still_works(scope))?;
        let expiry = SystemTime::from(held.token.expires_on);
        held.renew_at = (SystemTime::now() + SCHEDULE.again).min(expiry);
        Some(held.token.clone())
    }
}

/// What the SDK asks. Our error travels inside its own.
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

    fn make_due(cache: &TokenCache) {
        cache.held.write().unwrap().as_mut().unwrap().renew_at = SystemTime::now();
    }

    #[tokio::test]
    async fn many_callers_make_one_call() {
        let source = Scripted::default();
        let cache = cache(&source);
        let tasks: Vec<_> = (0..8)
            .map(|_| Arc::clone(&cache))
            .map(|cache| tokio::spawn(async move { text(&cache).await }))
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), "canary-1");
        }
        assert_eq!(source.calls(), 1);
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
    async fn another_token_is_asked_for_once_in_a_while() {
        let (source, clock) = (Scripted::default(), Clock::manual());
        let cache = TokenCache::on(clock.clone(), Box::new(source.clone()));
        for refused in ["", "Bearer canary-1", "Bearer canary-2"] {
            cache.note(refused, false);
            text(&cache).await;
        }
        clock.advance(Duration::from_secs(29));
        assert_eq!((text(&cache).await.as_str(), source.calls()), ("canary-2", 2));
        clock.advance(Duration::from_secs(1));
        assert_eq!(text(&cache).await, "canary-3");
    }

    #[tokio::test]
    async fn what_still_works_outlives_an_outage_but_not_a_refusal() {
        for (temporary, survives) in [(true, true), (false, false)] {
            let source = Scripted::default();
            let cache = cache(&source);
            text(&cache).await;
            make_due(&cache);
            source.fail(temporary);
            let second = cache.token(SCOPE).await;
            assert_eq!(second.is_ok(), survives);
            if let Err(error) = second {
                assert!(error.is_login_failure() && error.kind() == ErrorKind::Unauthenticated);
            }
        }
    }

    #[test]
    fn renewal_leaves_time() {
        let now = SystemTime::now();
        let before = |lifetime: u64| {
            let expiry = now + Duration::from_secs(lifetime);
            expiry.duration_since(SCHEDULE.renew_at(now, expiry)).unwrap().as_secs()
        };
        assert_eq!((before(86_400), before(3600), before(600)), (300, 300, 120));
    }
}
