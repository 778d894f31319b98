//! The tokio runtime of one generation of the process.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};

use crate::error::{Error, Result};
use crate::process::outside::{do_work, until_work};
use crate::process::{ThreadNumber, generation, thread_number, until_gone};

/// How long the end of the blocking pool's threads (DNS, files) is awaited after the last lookup. They end
/// with their work, some microseconds later; one that hangs in the resolver is not waited for.
const LAST_STEPS: Duration = Duration::from_millis(5);

/// A current-thread runtime: the thread that waits for a lookup also drives it.
#[derive(Debug)]
pub struct Runtime {
    /// Set until it is dropped.
    tokio: Option<tokio::runtime::Runtime>,
    /// Threads of the blocking pool that may still exist.
    helpers: Arc<Helpers>,
    users: AtomicUsize,
}

type Helpers = Mutex<Vec<ThreadNumber>>;

/// A use of the runtime, by a thread that drives it.
#[derive(Debug)]
pub struct Used<'runtime>(&'runtime Runtime);

impl Runtime {
    /// Builds the runtime. Call it under [`super::no_fork`].
    pub fn new() -> Result<Self> {
        let helpers = Arc::<Helpers>::default();
        let started = Arc::clone(&helpers);
        let tokio = Builder::new_current_thread()
            .enable_all()
            // Idle threads of the pool end at once: Python 3.12 and newer warn when a process with threads
            // forks.
            .thread_keep_alive(Duration::ZERO)
            .thread_name("strongroom-io")
            .on_thread_start(move || lock(&started).push(thread_number()))
            .build()
            .map_err(|error| Error::internal("the runtime could not start").with_source(error))?;
        Ok(Self { tokio: Some(tokio), helpers, users: AtomicUsize::new(0) })
    }

    /// Notes that the calling thread drives the runtime from now on. The last thread that stops waits until
    /// every helper thread is gone: Python 3.12 and newer warn when a process with threads forks. Release the
    /// GIL before.
    pub fn used(&self) -> Used<'_> {
        self.users.fetch_add(1, Ordering::SeqCst);
        Used(self)
    }

    /// Runs `future` on the calling thread, which leaves the runtime for the work that has to be done
    /// outside of it. Several threads may do so at the same time.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output> {
        let Some(runtime) = &self.tokio else {
            return Err(Error::internal("the runtime has been shut down"));
        };
        let mut future = pin!(future);
        loop {
            if let Some(output) = runtime.block_on(until_work(future.as_mut())) {
                return Ok(output);
            }
            let born = generation();
            do_work();
            // A child that was forked within the work, and returned from it, has no use of this runtime.
            if born != generation() {
                return Err(Error::internal("the process was forked within a call of foreign code"));
            }
        }
    }

    /// The handle of the runtime, for code that spawns.
    pub fn handle(&self) -> Option<&Handle> {
        self.tokio.as_ref().map(tokio::runtime::Runtime::handle)
    }
}

impl Drop for Runtime {
    /// Does not wait for a blocking call that has not returned, such as a stuck `getaddrinfo`.
    fn drop(&mut self) {
        if let Some(runtime) = self.tokio.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        if self.0.users.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        let threads = std::mem::take(&mut *lock(&self.0.helpers));
        if !threads.is_empty() {
            let left = until_gone(threads, LAST_STEPS);
            lock(&self.0.helpers).extend(left);
        }
    }
}

fn lock(helpers: &Helpers) -> std::sync::MutexGuard<'_, Vec<ThreadNumber>> {
    // The list is consistent even if a thread panicked with the lock held.
    helpers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_user_waits_for_the_threads_that_helped() {
        let runtime = Runtime::new().unwrap();
        let (first, last) = (runtime.used(), runtime.used());
        let work = async { tokio::task::spawn_blocking(thread_number).await.unwrap() };
        let helper = runtime.block_on(work).unwrap();
        drop(first);
        drop(last);
        assert!(lock(&runtime.helpers).is_empty());
        assert!(until_gone(vec![helper], Duration::ZERO).is_empty());
    }

    #[test]
    fn one_that_hangs_is_not_waited_for() {
        let runtime = Runtime::new().unwrap();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let used = runtime.used();
        let hangs = async {
            let hung = tokio::task::spawn_blocking(move || stopped.recv().is_err());
            tokio::time::timeout(Duration::from_millis(20), hung).await.is_err()
        };
        assert!(runtime.block_on(hangs).unwrap());
        drop(used);
        assert_eq!(lock(&runtime.helpers).len(), 1);
        drop(stop);
        drop(runtime.used());
        assert!(lock(&runtime.helpers).is_empty());
    }

    #[test]
    fn several_threads_share_one_runtime() {
        let runtime = Runtime::new().unwrap();
        std::thread::scope(|scope| {
            for number in 0..4 {
                let runtime = &runtime;
                scope.spawn(move || {
                    let sleep = async move {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        number
                    };
                    assert_eq!(runtime.block_on(sleep).unwrap(), number);
                });
            }
        });
    }
}
