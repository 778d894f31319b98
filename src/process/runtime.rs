//! The tokio runtime of one generation of the process.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};

use crate::error::{Error, Result};

/// How long a thread of the blocking pool (DNS, files) stays after its work.
///
/// Short, so that a process is single-threaded again after a lookup: Python 3.12 and newer warn when a
/// process with threads forks.
const BLOCKING_THREAD_KEEP_ALIVE: Duration = Duration::from_millis(5);

/// A current-thread runtime: the thread that waits for a lookup is the one that drives it.
#[derive(Debug)]
pub struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    /// Builds the runtime. Call it under [`super::no_fork`].
    pub fn new() -> Result<Self> {
        Builder::new_current_thread()
            .enable_all()
            .thread_keep_alive(BLOCKING_THREAD_KEEP_ALIVE)
            .thread_name("strongroom-io")
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(|error| Error::internal("the runtime could not start").with_source(error))
    }

    /// Runs `future` on the calling thread. Several threads may do so at the same time.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output> {
        match &self.0 {
            Some(runtime) => Ok(runtime.block_on(future)),
            None => Err(Error::internal("the runtime has been shut down")),
        }
    }

    /// The handle of the runtime, for code that spawns.
    pub fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(tokio::runtime::Runtime::handle)
    }
}

impl Drop for Runtime {
    /// Does not wait for a blocking call that has not returned, such as a stuck `getaddrinfo`.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
