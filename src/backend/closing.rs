//! Ending what services keep for stores, such as sessions: when a store has been replaced, and when the
//! process ends.
//!
//! What a parent opened is its own: a child neither ends nor drops it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;

use crate::process::{Generation, generation};
use crate::store::Store;

/// How long this may take for all stores together. A session that is not ended by then ends by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// The stores in use, and those that were replaced before their sessions ended. Only locked where no fork
/// can begin: under [`crate::process::no_fork`], within a step of a lookup, and with the GIL held.
static STORES: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// Whether a store in the list has been replaced.
static IS_DUE: AtomicBool = AtomicBool::new(false);

struct Known {
    generation: Generation,
    store: Weak<dyn Store>,
    /// Set once it has been replaced: no one else keeps it then.
    replaced: Option<Arc<dyn Store>>,
}

/// A store in use.
#[derive(Debug)]
pub(super) struct InUse(Arc<dyn Store>);

impl InUse {
    /// Notes that `store` is in use until this is dropped. Call it under [`crate::process::no_fork`].
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let known = Known { generation: generation(), store: Arc::downgrade(&store), replaced: None };
        with_own(|stores| {
            stores.retain(|known| known.store.strong_count() > 0);
            stores.push(known);
        });
        Self(store)
    }

    /// The store, if a service keeps something for it.
    pub(super) fn opened(&self) -> Option<Arc<dyn Store>> {
        self.0.is_open().then(|| Arc::clone(&self.0))
    }
}

/// Leaves a session to [`close_replaced`]: the thread that drops this may hold locks, or no runtime.
impl Drop for InUse {
    fn drop(&mut self) {
        let store = self.0.is_open().then(|| Arc::clone(&self.0));
        let own = Arc::downgrade(&self.0);
        with_own(|stores| {
            let known = stores.iter().position(|known| known.store.ptr_eq(&own));
            // What is not in the list of this process is another's.
            let Some(index) = known else { return };
            match store {
                None => drop(stores.swap_remove(index)),
                Some(store) => {
                    stores[index].replaced = Some(store);
                    IS_DUE.store(true, Ordering::Release);
                }
            }
        });
    }
}

/// Whether [`close_replaced`] has something to do. Costs one load.
pub fn is_due() -> bool {
    IS_DUE.load(Ordering::Acquire)
}

/// Ends what services keep for stores that have been replaced, within a short time.
pub async fn close_replaced() {
    if IS_DUE.swap(false, Ordering::AcqRel) {
        close(with_own(|stores| {
            stores
                .extract_if(.., |known| known.replaced.is_some())
                .filter_map(|known| opened(&known))
                .collect()
        }))
        .await;
    }
}

/// The stores of this process for which a service keeps something.
pub fn all_open() -> Vec<Arc<dyn Store>> {
    with_own(|stores| stores.iter().filter_map(opened).collect())
}

/// Ends what services keep for `stores`, within a short time and as far as they let that happen.
pub async fn close(stores: Vec<Arc<dyn Store>>) {
    let closing = join_all(stores.iter().map(|store| store.close()));
    if tokio::time::timeout(PATIENCE, closing).await.is_err() {
        tracing::debug!("A session could not be ended in time. It ends by itself.");
    }
}

fn opened(known: &Known) -> Option<Arc<dyn Store>> {
    known.store.upgrade().filter(|store| store.is_open())
}

/// Leaks what a parent opened instead of dropping it: it holds locks and sockets of the parent.
fn with_own<T>(use_list: impl FnOnce(&mut Vec<Known>) -> T) -> T {
    // The list is consistent even if a thread panicked with the lock held.
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    let present = generation();
    if stores.iter().any(|known| known.generation != present) {
        let (own, inherited) =
            std::mem::take(&mut *stores).into_iter().partition(|known| known.generation == present);
        *stores = own;
        let inherited: Vec<Known> = inherited;
        std::mem::forget(inherited);
    }
    use_list(&mut stores)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use async_trait::async_trait;

    use super::*;
    use crate::error::Result;
    use crate::process::no_fork;
    use crate::store::{SecretName, StoreInfo};
    use crate::value::SecretValue;

    /// A store with a session, which takes some time to end.
    #[derive(Debug, Default)]
    struct Session {
        is_open: AtomicBool,
        closed: AtomicUsize,
        takes: Duration,
    }

    #[async_trait]
    impl Store for Session {
        fn info(&self) -> &StoreInfo {
            &StoreInfo { name: "session", title: "Session" }
        }

        async fn get(&self, _name: &SecretName) -> Result<Option<SecretValue>> {
            Ok(None)
        }

        fn is_open(&self) -> bool {
            self.is_open.load(Ordering::SeqCst)
        }

        async fn close(&self) {
            tokio::time::sleep(self.takes).await;
            self.is_open.store(false, Ordering::SeqCst);
            self.closed.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn session(takes: Duration) -> (Arc<Session>, InUse) {
        let session = Arc::new(Session { is_open: AtomicBool::new(true), takes, ..Session::default() });
        let _held = no_fork();
        let in_use = InUse::new(Arc::<Session>::clone(&session));
        (session, in_use)
    }

    // One test, since the list belongs to the process.
    #[tokio::test(start_paused = true)]
    async fn a_session_ends_with_its_store_or_its_process_within_a_short_time() {
        let (replaced, in_use) = session(Duration::ZERO);
        close_replaced().await;
        assert_eq!(replaced.closed.load(Ordering::SeqCst), 0, "it is in use");
        drop(in_use);
        assert!(is_due());
        close_replaced().await;
        assert_eq!((replaced.closed.load(Ordering::SeqCst), is_due()), (1, false));

        let (never_opened, in_use) = session(Duration::ZERO);
        never_opened.is_open.store(false, Ordering::SeqCst);
        drop(in_use);
        assert!(!is_due());

        let (quick, _kept) = session(Duration::ZERO);
        let (hangs, _also_kept) = session(Duration::from_secs(3600));
        let own = |store: &Arc<dyn Store>| store.info().name == "session";
        let all = || all_open().into_iter().filter(own).collect::<Vec<_>>();
        assert_eq!(all().len(), 2);
        let began = tokio::time::Instant::now();
        close(all()).await;
        assert_eq!((began.elapsed(), quick.closed.load(Ordering::SeqCst)), (PATIENCE, 1));
        assert!(hangs.is_open() && all().len() == 1);
    }
}
