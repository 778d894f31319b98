//! Work that must not run within a step of a lookup: calls of foreign code, which takes the GIL, forks and
//! waits as it likes.
//!
//! A step that needs such work leaves it on the board of its thread and ends. The thread then leaves the
//! runtime, does the work, and returns for the next step. So other threads drive their lookups meanwhile, and
//! a fork never waits for foreign code.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

thread_local! {
    static BOARD: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
    static IS_OUTSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The result of `work`, which the thread that polls does between two steps; `None` if it panicked.
pub async fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (hand_in, result) = oneshot::channel();
    let work: Work = Box::new(move || {
        // A caller that has given up needs no result.
        let _ = hand_in.send(work());
    });
    BOARD.with_borrow_mut(|board| board.push(work));
    result.await.ok()
}

/// Whether the calling thread is doing such work. A lookup that begins within it must not wait for it.
pub fn is_outside() -> bool {
    IS_OUTSIDE.get()
}

/// The output of `future`, or `None` once a step has left work: do it, then poll again.
pub(super) async fn until_work<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if BOARD.with_borrow(Vec::is_empty) => Poll::Pending,
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Does the work that was left on this thread. Call it outside of the runtime.
pub(super) fn do_work() {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            IS_OUTSIDE.set(self.0);
        }
    }
    let work = BOARD.with_borrow_mut(std::mem::take);
    let _back = Back(IS_OUTSIDE.replace(true));
    for work in work {
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Runtime;

    #[test]
    fn the_polling_thread_does_the_work_outside_of_the_runtime() {
        let runtime = Runtime::new().unwrap();
        let caller = std::thread::current().id();
        let work = move || {
            // Within the runtime this would panic.
            Runtime::new().unwrap().block_on(async {}).unwrap();
            (std::thread::current().id() == caller, is_outside())
        };
        assert_eq!(runtime.block_on(outside(work)).unwrap(), Some((true, true)));
        assert!(!is_outside());
    }

    #[test]
    fn several_pieces_come_in_turn_and_what_is_given_up_is_harmless() {
        let runtime = Runtime::new().unwrap();
        let one_after_the_other = async { (outside(|| 1).await, outside(|| 2).await) };
        assert_eq!(runtime.block_on(one_after_the_other).unwrap(), (Some(1), Some(2)));
        let given_up = async {
            tokio::select! { biased; _ = outside(|| 3) => 3, () = std::future::ready(()) => 4 }
        };
        assert_eq!(runtime.block_on(given_up).unwrap(), 4);
        assert_eq!(runtime.block_on(async { 5 }).unwrap(), 5);
    }
}
