//! Drives a lookup on the calling thread, without the GIL, and lets Python's signal handlers interrupt it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use tokio::time::{Instant, interval_at};

use crate::backend::closing;
use crate::error::{Error, Result};
use crate::process::{ForkCell, Runtime, between_forks, is_main_thread};
use crate::python::foreign::take_raised;
use crate::store::Store;

/// How long a signal may wait for its handler while a lookup runs.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

static RUNTIME: ForkCell<Runtime> = ForkCell::new();

/// Why a lookup did not finish.
pub(super) enum Interrupted {
    /// A Python signal handler raised; its exception goes through unchanged.
    Signal(PyErr),
    /// The runtime could not start.
    Runtime(Error),
    /// It panicked.
    Defect(Error),
    /// The caller no longer wants the answer.
    GivenUp,
}

/// Runs `future` to its end, or until a signal handler raises. Call it without the GIL.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> std::result::Result<T, Interrupted> {
    let runtime = runtime().map_err(Interrupted::Runtime)?;
    let _used = runtime.used();
    let output = runtime.block_on(until_signal(future)).map_err(Interrupted::Runtime)?;
    if closing::is_due() {
        let closed = runtime.block_on(until_signal(closing::close_replaced()));
        closed.map_err(Interrupted::Runtime)?.map_err(Interrupted::Signal)?;
    }
    // What a foreign class raised, such as a signal handler's exception, outweighs what became of the lookup.
    match take_raised() {
        Some(raised) => Err(Interrupted::Signal(raised)),
        None => output.map_err(Interrupted::Signal),
    }
}

/// Ends what services keep for `open`, at the end of the process: an exception would help no one there.
pub(super) fn close(open: Vec<Arc<dyn Store>>) {
    if !open.is_empty() {
        let _ = block_on(closing::close(open));
    }
}

/// The runtime of this process, built on first use. Call it without the GIL.
pub(super) fn runtime() -> Result<&'static Runtime> {
    RUNTIME.get_or_try(Runtime::new)
}

async fn until_signal<T>(future: impl Future<Output = T>) -> PyResult<T> {
    let mut future = pin!(between_forks(future));
    if !is_main_thread() {
        // Python runs signal handlers on its main thread only.
        return Ok(future.await);
    }
    let mut ticks = interval_at(Instant::now() + SIGNAL_INTERVAL, SIGNAL_INTERVAL);
    loop {
        tokio::select! {
            // The answer first, so that a lookup that has finished is not interrupted.
            biased;
            output = &mut future => return Ok(output),
            _ = ticks.tick() => check_signals()?,
        }
    }
}

#[allow(clippy::redundant_closure_for_method_calls)] // the method alone does not fit every lifetime
pub(super) fn check_signals() -> PyResult<()> {
    // `None` while the interpreter shuts down: no handler will run any more.
    Python::try_attach(|py| py.check_signals()).unwrap_or(Ok(()))
}
