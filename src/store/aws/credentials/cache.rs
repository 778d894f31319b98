//! Holding credentials and renewing them in time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};

use crate::error::Result;
use crate::store::aws::credentials::{CredentialSource, no_credentials};
use crate::store::renewal::Schedule;
use crate::store::renewed::{Expiring, Renewed};

/// A quarter of an hour before the end (botocore/credentials.py, advisory refresh); a session of fifteen minutes is not
/// renewed at every call, as botocore does.
const SCHEDULE: Schedule = Schedule { before: Duration::from_mins(15), again: Duration::from_mins(1) };

/// How long a refusal of new credentials stands.
const SETTLED: Duration = Duration::from_mins(1);

/// Credentials of one source.
///
/// [`CredentialCache::ensure`] is called before each request, so that a failure keeps its own words; the SDK then only
/// picks up what is held.
pub(in crate::store::aws) struct CredentialCache {
    source: Box<dyn CredentialSource>,
    renewed: Renewed<Credentials>,
    /// When credentials that had just been replaced were refused.
    settled: Mutex<Option<Instant>>,
}

impl Expiring for Credentials {
    fn expires(&self) -> Option<SystemTime> {
        self.expiry()
    }
}

impl CredentialCache {
    /// A cache in front of `source`.
    pub(in crate::store::aws) fn new(source: Box<dyn CredentialSource>) -> Arc<Self> {
        let outage = "AWS credentials could not be renewed and are used until they expire";
        let renewed = Renewed::new(SCHEDULE, outage);
        Arc::new(Self { source, renewed, settled: Mutex::new(None) })
    }

    /// Makes sure that credentials are held, and renews them where it is time.
    pub(in crate::store::aws) async fn ensure(&self) -> Result<()> {
        self.renewed.ensure(|| self.load()).await
    }

    /// What the source gives, if a request can carry it: the SDK ends in a panic with a key that has a line break.
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

    /// What requests are signed with at present.
    pub(in crate::store::aws) fn held(&self) -> Option<Credentials> {
        self.renewed.held()
    }

    /// The service refused what was `used`: asks the source anew, if it may have others. Whether it answered. Of many callers
    /// only one asks.
    pub(in crate::store::aws) async fn replace(&self, used: Option<Credentials>) -> bool {
        if !self.source.is_renewable() || self.is_settled() {
            return false;
        }
        self.renewed.reject_if(|held| used.as_ref().is_some_and(|used| is_same(held, used)));
        // If the source has none, the refusal says more than that.
        self.ensure().await.is_ok()
    }

    /// Others were refused, too: the credentials are not to blame, and the source has a minute's peace.
    pub(in crate::store::aws) fn settle(&self) {
        *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_settled(&self) -> bool {
        let settled = *self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.is_some_and(|at| at.elapsed() < SETTLED)
    }
}

/// Whether both were handed out together.
fn is_same(one: &Credentials, other: &Credentials) -> bool {
    one.access_key_id() == other.access_key_id()
        && one.session_token() == other.session_token()
        && one.expiry() == other.expiry()
}

/// Whether a header of HTTP takes the text as it is.
fn is_sendable(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// What the SDK asks: it gets what is held, at once.
impl ProvideCredentials for CredentialCache {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(
            self.renewed.held().ok_or_else(CredentialsError::not_loaded_no_source),
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

    fn make_due(cache: &CredentialCache) {
        cache.renewed.make_due();
    }

    #[tokio::test]
    async fn many_callers_make_one_call() {
        let (cache, calls) = cache(3600, 9, false);
        let tasks: Vec<_> = (0..8)
            .map(|_| Arc::clone(&cache))
            .map(|cache| tokio::spawn(async move { cache.ensure().await }))
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(!format!("{cache:?}").contains("canary"));
    }

    #[tokio::test]
    async fn what_still_works_outlives_an_outage_but_not_a_refusal() {
        let (outage, calls) = cache(3600, 1, true);
        outage.ensure().await.unwrap();
        make_due(&outage);
        outage.ensure().await.unwrap();
        outage.ensure().await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2, "the next renewal waits");
        let (refusal, _) = cache(3600, 1, false);
        refusal.ensure().await.unwrap();
        make_due(&refusal);
        assert!(refusal.ensure().await.is_err());
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
        cache.settle();
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

    #[test]
    fn renewal_leaves_time() {
        let now = SystemTime::now();
        let before = |lifetime: u64| {
            let expiry = now + Duration::from_secs(lifetime);
            expiry.duration_since(SCHEDULE.renew_at(now, expiry)).unwrap().as_secs()
        };
        assert_eq!((before(21_600), before(4500), before(900)), (900, 900, 180));
        assert_eq!(SCHEDULE.renew_at(now, now - Duration::from_secs(5)), now - Duration::from_secs(5));
    }
}
