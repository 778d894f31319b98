//! Values that are kept until a lookup has ended, even if the attempt that created them was abandoned.

use std::cell::RefCell;
use std::future::Future;

use tokio::time::error::Elapsed;

use crate::error::Result;

/// A kept value. After a lookup that failed or was cancelled it is dropped.
pub(super) trait Kept: Send {
    /// The lookup has succeeded without it, so the next one may still need it.
    fn leave(self: Box<Self>);
}

type All = RefCell<Vec<Box<dyn Kept>>>;

tokio::task_local! {
    static KEPT: All;
}

/// Keeps `value` until the lookup of the calling code has ended. Outside a lookup it is dropped at once.
pub(super) fn keep(value: impl Kept + 'static) {
    // Fails only outside a lookup.
    let _ = KEPT.try_with(|kept| kept.borrow_mut().push(Box::new(value)));
}

/// Runs the lookup, or a part of it: then the whole lookup decides.
pub(super) async fn until_the_end_of<T>(
    lookup: impl Future<Output = Result<Result<T>, Elapsed>>,
) -> Result<Result<T>, Elapsed> {
    let run = async { (lookup.await, KEPT.with(RefCell::take)) };
    let (ended, mut kept) = KEPT.scope(All::default(), run).await;
    // Within another deadline, the outermost one decides.
    let is_part = KEPT.try_with(|outer| outer.borrow_mut().append(&mut kept)).is_ok();
    if !is_part && matches!(ended, Ok(Ok(_))) {
        kept.into_iter().for_each(Kept::leave);
    }
    ended
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::error::Error;
    use crate::process::Deadline;

    #[derive(Clone, Default)]
    struct Counted {
        alive: Arc<()>,
        left: Arc<AtomicUsize>,
    }

    impl Kept for Counted {
        fn leave(self: Box<Self>) {
            self.left.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Counted {
        /// How many values are kept, and how many were left.
        fn counts(&self) -> (usize, usize) {
            (Arc::strong_count(&self.alive) - 1, self.left.load(Ordering::SeqCst))
        }
    }

    fn seconds(number: u64) -> Deadline {
        Deadline::within(Duration::from_secs(number), "the time for tea")
    }

    #[tokio::test(start_paused = true)]
    async fn kept_values_live_as_long_as_the_outer_deadline() {
        let kept = Counted::default();
        let inner = async {
            keep(kept.clone());
            pending::<Result<()>>().await
        };
        let outer = async {
            assert!(seconds(1).run(inner).await.is_err());
            assert_eq!(kept.counts(), (1, 0));
            pending::<Result<()>>().await
        };
        assert!(seconds(2).run(outer).await.is_err());
        assert_eq!(kept.counts(), (0, 0));
        keep(kept.clone());
        assert_eq!(kept.counts(), (0, 0), "there is no lookup");
    }

    #[tokio::test]
    async fn only_a_successful_lookup_leaves_kept_values() {
        let kept = Counted::default();
        let lookup = async |end: Result<()>| {
            let part = async {
                keep(kept.clone());
                end
            };
            seconds(60).run(part).await
        };
        assert!(lookup(Err(Error::internal("x"))).await.is_err());
        assert_eq!(kept.counts(), (0, 0));
        lookup(Ok(())).await.unwrap();
        assert_eq!(kept.counts(), (0, 1));
        let whole = async {
            lookup(Ok(())).await.unwrap();
            Err::<(), _>(Error::internal("x"))
        };
        assert!(seconds(60).run(whole).await.is_err());
        assert_eq!(kept.counts(), (0, 1), "the whole lookup failed");
    }
}
