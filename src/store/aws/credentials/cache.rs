//! Holding credentials and renewing them in time.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};

use crate::error::Result;
use crate::store::aws::credentials::CredentialSource;

/// Credentials are renewed this long before they expire (botocore/credentials.py, advisory refresh).
const RENEW_BEFORE: Duration = Duration::from_mins(15);

/// After a failed renewal of credentials that still work, the next one is tried this much later.
const RENEW_AGAIN: Duration = Duration::from_mins(1);

/// Credentials of one source. They are fetched when first needed, by one caller while the others wait.
///
/// [`CredentialCache::ensure`] is called before each request, so that a failure keeps its own words; the SDK then only
/// picks up what is held.
pub(in crate::store::aws) struct CredentialCache {
    source: Box<dyn CredentialSource>,
    held: RwLock<Held>,
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Held {
    credentials: Option<Credentials>,
    /// When to ask for others; never, without it.
    renew_at: Option<SystemTime>,
    /// The service does not accept these any more.
    rejected: bool,
}

impl CredentialCache {
    /// A cache in front of `source`.
    pub(in crate::store::aws) fn new(source: Box<dyn CredentialSource>) -> Arc<Self> {
        Arc::new(Self { source, held: RwLock::default(), renewing: tokio::sync::Mutex::new(()) })
    }

    /// Makes sure that credentials are held, and renews them where it is time.
    ///
    /// When that fails for a moment and those held still work, they are kept.
    pub(in crate::store::aws) async fn ensure(&self) -> Result<()> {
        if self.is_fresh() {
            return Ok(());
        }
        let _alone = self.renewing.lock().await;
        if self.is_fresh() {
            return Ok(());
        }
        match self.source.load().await {
            Ok(credentials) => self.hold(credentials),
            Err(error) if error.is_temporary() && self.still_work() => {
                tracing::warn!(
                    "AWS credentials could not be renewed and are used until they expire: {error}"
                );
                self.postpone();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Where the credentials come from, in words that hold none.
    pub(in crate::store::aws) fn origin(&self) -> String {
        self.source.origin()
    }

    /// Notes that the service refused what is held, so that the next call asks the source again.
    pub(in crate::store::aws) fn reject(&self) {
        if self.source.is_renewable() {
            self.held.write().unwrap_or_else(PoisonError::into_inner).rejected = true;
        }
    }

    fn is_fresh(&self) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let due = held.renew_at.is_some_and(|moment| moment <= SystemTime::now());
        held.credentials.is_some() && !held.rejected && !due
    }

    fn still_work(&self) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let expiry = held.credentials.as_ref().map(Credentials::expiry);
        !held.rejected && expiry.is_some_and(|expiry| expiry.is_none_or(|moment| moment > SystemTime::now()))
    }

    fn hold(&self, credentials: Credentials) {
        let renew_at = credentials.expiry().map(|expiry| renew_at(SystemTime::now(), expiry));
        let held = Held { credentials: Some(credentials), renew_at, rejected: false };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
    }

    fn postpone(&self) {
        self.held.write().unwrap_or_else(PoisonError::into_inner).renew_at =
            Some(SystemTime::now() + RENEW_AGAIN);
    }

    fn credentials(&self) -> Option<Credentials> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).credentials.clone()
    }
}

/// A quarter of an hour before the end; for sessions shorter than an hour and a quarter, after four fifths of them, so
/// that a session of fifteen minutes is not renewed at every call, as botocore does.
fn renew_at(now: SystemTime, expiry: SystemTime) -> SystemTime {
    let lifetime = expiry.duration_since(now).unwrap_or_default();
    expiry.checked_sub(RENEW_BEFORE.min(lifetime / 5)).unwrap_or(expiry)
}

/// What the SDK asks: it gets what is held, at once.
impl ProvideCredentials for CredentialCache {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let held = self.credentials();
        future::ProvideCredentials::ready(held.ok_or_else(CredentialsError::not_loaded_no_source))
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
                return Ok(Credentials::new("id", "canary", Some("canary".into()), Some(expiry), "test"));
            }
            let error = Error::new(ErrorKind::Unauthenticated, "no");
            Err(if self.temporary { error.temporary(None) } else { error })
        }
    }

    fn cache(lifetime: u64, fail_from: usize, temporary: bool) -> (Arc<CredentialCache>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let lifetime = Duration::from_secs(lifetime);
        let source = Scripted { calls: Arc::clone(&calls), lifetime, fail_from, temporary };
        (CredentialCache::new(Box::new(source)), calls)
    }

    fn make_due(cache: &CredentialCache) {
        cache.held.write().unwrap().renew_at = Some(SystemTime::now());
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
        cache.reject();
        cache.ensure().await.unwrap();
        cache.ensure().await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn renewal_leaves_time() {
        let now = SystemTime::now();
        let before = |lifetime: u64| {
            let expiry = now + Duration::from_secs(lifetime);
            expiry.duration_since(renew_at(now, expiry)).unwrap().as_secs()
        };
        assert_eq!((before(21_600), before(4500), before(900)), (900, 900, 180));
        assert_eq!(renew_at(now, now - Duration::from_secs(5)), now - Duration::from_secs(5));
    }
}
