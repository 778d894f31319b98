//! Sources and answers for the tests of this store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use azure_core::credentials::AccessToken;

use crate::error::{Error, ErrorKind};
use crate::store::azure::credentials::{NoToken, TokenSource};

/// What a source does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It issues `canary-1`, `canary-2`, and so on.
    Issue,
    /// It is not set up here.
    NotHere,
    /// It gives no answer.
    Silent,
    /// It does not answer in time.
    Late,
    /// It fails, temporarily or permanently.
    Fail { temporary: bool },
}

/// A source with scripted answers; clones are the same source.
#[derive(Clone, Debug)]
pub(super) struct Scripted {
    next: Arc<Mutex<Next>>,
    calls: Arc<AtomicUsize>,
}

impl Default for Scripted {
    fn default() -> Self {
        Self::new(Next::Issue)
    }
}

impl Scripted {
    pub(super) fn new(next: Next) -> Self {
        Self { next: Arc::new(Mutex::new(next)), calls: Arc::default() }
    }

    /// How often it was asked.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(super) fn fail(&self, temporary: bool) {
        self.then(Next::Fail { temporary });
    }

    pub(super) fn then(&self, next: Next) {
        *self.next.lock().unwrap() = next;
    }
}

#[async_trait]
impl TokenSource for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn fetch(&self, _scope: &str) -> Result<AccessToken, NoToken> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::task::yield_now().await;
        let next = *self.next.lock().unwrap();
        match next {
            Next::Issue => {
                let expiry = SystemTime::now() + Duration::from_secs(3600);
                Ok(AccessToken::new(format!("canary-{call}"), expiry.into()))
            }
            Next::NotHere => Err(NoToken::not_here("is not set up")),
            Next::Late => Err(NoToken::Late("was late".to_owned())),
            Next::Silent => {
                let error = Error::new(ErrorKind::Unreachable, "no answer").temporary(None);
                Err(NoToken::Silent(error))
            }
            Next::Fail { temporary } => {
                let error = Error::new(ErrorKind::Unauthenticated, "no");
                Err(NoToken::Failed(if temporary { error.temporary(None) } else { error }))
            }
        }
    }
}
