//! Holding credentials and renewing them in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};

use crate::error::Result;
use crate::process::Clock;
use crate::store::aws::credentials::{CredentialSource, no_credentials};
use crate::store::kit::token::{Expiring, Terms, TokenHolder, time_until};

/// A quarter of an hour before the end (botocore/credentials.py, advisory refresh). Unlike in botocore, a
/// session of fifteen minutes is not renewed at every call.
const TERMS: Terms = Terms {
    before: Duration::from_mins(15),
    again: Duration::from_mins(1),
    outlives_refusal: false,
    outage: "AWS credentials could not be renewed and are used until they expire",
};

/// The credentials of one source.
///
/// [`CredentialCache::ensure`] is called before each request, so that a failure keeps its own error; the SDK
/// then only takes the credentials that are held.
pub(in crate::store::aws) struct CredentialCache {
    source: Box<dyn CredentialSource>,
    holder: TokenHolder<Credentials>,
}

impl Expiring for Credentials {
    fn lifetime(&self) -> Option<Duration> {
        self.expiry().map(time_until)
    }
}

impl CredentialCache {
    /// A cache in front of `source`.
    pub(in crate::store::aws) fn new(source: Box<dyn CredentialSource>) -> Arc<Self> {
        Self::on(Clock::System, source)
    }

    fn on(clock: Clock, source: Box<dyn CredentialSource>) -> Arc<Self> {
        Arc::new(Self { source, holder: TokenHolder::new(TERMS, clock) })
    }

    /// Makes sure that credentials are held, and renews them when they are due.
    pub(in crate::store::aws) async fn ensure(&self) -> Result<()> {
        self.holder.get(|_| self.load()).await.map(drop)
    }

    /// The credentials of the source, if a request can carry them: the SDK panics on a key that contains a
    /// line break.
    async fn load(&self) -> Result<Credentials> {
        let key = self.source.load().await?;
        if is_sendable(key.access_key_id()) && key.session_token().is_none_or(is_sendable) {
            return Ok(key);
        }
        let origin = self.origin();
        Err(no_credentials(format!(
            "the key id or the session token of {origin} has a character that no request can carry"
        ))
        .with_hint("Write it without a line break, also at its end"))
    }

    /// Where the credentials come from, in words that hold none.
    pub(in crate::store::aws) fn origin(&self) -> String {
        self.source.origin()
    }

    /// The credentials that requests are signed with at present.
    pub(in crate::store::aws) fn held(&self) -> Option<Credentials> {
        self.holder.held()
    }

    /// Asks the source again after the service refused the credentials that were `used`, if the source may
    /// have others. Returns whether it answered. Of many callers only one asks.
    pub(in crate::store::aws) async fn replace(&self, used: Option<Credentials>) -> bool {
        // Written keys have no successor, and a refusal of older credentials does not concern those now held.
        if !self.source.is_renewable() || !self.refused(used) {
            return false;
        }
        // If the source has no others, the service's refusal says more than that failure.
        self.ensure().await.is_ok()
    }

    /// Notes what the service answered to the credentials that were `used` in place of refused ones: if it
    /// refuses these as well, the credentials are not to blame.
    pub(in crate::store::aws) fn note_replacement(&self, used: Option<Credentials>, is_refused: bool) {
        if is_refused {
            self.refused(used);
        } else {
            self.holder.accepted(|held| used.is_some_and(|used| is_same(held, &used)));
        }
    }

    fn refused(&self, used: Option<Credentials>) -> bool {
        self.holder.refused(|held| used.is_some_and(|used| is_same(held, &used)))
    }
}

/// Whether both are the same credentials.
fn is_same(one: &Credentials, other: &Credentials) -> bool {
    one.access_key_id() == other.access_key_id()
        && one.session_token() == other.session_token()
        && one.expiry() == other.expiry()
}

/// Whether an HTTP header can hold the text unchanged.
fn is_sendable(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// What the SDK calls: it gets the held credentials at once.
impl ProvideCredentials for CredentialCache {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The SDK asks while it signs; `ensure` has loaded them before that.
        future::ProvideCredentials::ready(
            self.holder.held().ok_or_else(CredentialsError::not_loaded_no_source),
        )
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CredentialCache").field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::SystemTime;

    use async_trait::async_trait;

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::store::aws::credentials::StaticKeys;

    #[derive(Debug)]
    struct Scripted {
        calls: Arc<AtomicUsize>,
        lifetime: Duration,
        fail_from: usize,
        temporary: bool,
    }

    #[async_trait]
    impl CredentialSource for Scripted {
        fn origin(&self) -> String {
            "a script".to_owned()
        }

        async fn load(&self) -> Result<Credentials> {
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if call < self.fail_from {
                let expiry = SystemTime::now() + self.lifetime;
                let id = format!("id{call}");
                return Ok(Credentials::new(id, "canary", Some("canary".into()), Some(expiry), "test"));
            }
            let error = Error::new(ErrorKind::Unauthenticated, "no");
            Err(if self.temporary { error.temporary(None) } else { error })
        }
    }

    #[derive(Debug)]
    struct Written(&'static str, Option<&'static str>);

    #[async_trait]
    impl CredentialSource for Written {
        fn origin(&self) -> String {
            "a test".to_owned()
        }

        async fn load(&self) -> Result<Credentials> {
            Ok(Credentials::new(self.0, "canary", self.1.map(str::to_owned), None, "test"))
        }
    }

    #[tokio::test]
    async fn a_key_that_no_request_can_carry_is_an_error_without_it() {
        for (id, token, is_fine) in [
            ("AKIA", None, true),
            ("AKIA", Some("a+/= b"), true),
            ("canary\n", None, false),
            ("canary\u{e9}", None, false),
            ("AKIA", Some("canary\r\n"), false),
        ] {
            let outcome = CredentialCache::new(Box::new(Written(id, token))).ensure().await;
            assert_eq!(outcome.is_ok(), is_fine, "{id}");
            if let Err(error) = outcome {
                assert_eq!(error.kind(), ErrorKind::Unauthenticated);
                assert!(!format!("{error:?}").contains("canary"), "{error:?}");
            }
        }
    }

    fn cache(lifetime: u64, fail_from: usize, temporary: bool) -> (Arc<CredentialCache>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let lifetime = Duration::from_secs(lifetime);
        let source = Scripted { calls: Arc::clone(&calls), lifetime, fail_from, temporary };
        (CredentialCache::new(Box::new(source)), calls)
    }

    #[tokio::test]
    async fn credentials_are_renewed_in_the_last_fifth_of_an_hour() {
        let (source, clock) = (cache(3600, 9, false), Clock::manual());
        let (mut cache, calls) = (Arc::into_inner(source.0).unwrap(), source.1);
        cache.holder = TokenHolder::new(TERMS, clock.clone());
        for (seconds, expected) in [(0, 1), (2870, 1), (11, 2)] {
            clock.advance(Duration::from_secs(seconds));
            cache.ensure().await.unwrap();
            assert_eq!(calls.load(Ordering::SeqCst), expected);
        }
        assert!(!format!("{cache:?}").contains("canary"));
    }

    #[tokio::test]
    async fn rejected_credentials_are_fetched_anew() {
        let (cache, calls) = cache(3600, 9, false);
        cache.ensure().await.unwrap();
        let first = cache.held();
        assert!(cache.replace(first.clone()).await);
        assert!(!is_same(&cache.held().unwrap(), first.as_ref().unwrap()));
        assert!(cache.replace(first).await, "another caller has replaced them");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        cache.note_replacement(cache.held(), true);
        assert!(!cache.replace(cache.held()).await);
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_source_that_has_no_others_leaves_the_refusal() {
        let keys = CredentialCache::new(Box::new(StaticKeys::new("AKIA", "canary", None, "a test")));
        keys.ensure().await.unwrap();
        assert!(!keys.replace(keys.held()).await, "keys stay what they are");
        let (failing, _) = cache(3600, 1, true);
        failing.ensure().await.unwrap();
        assert!(!failing.replace(failing.held()).await);
    }
}
