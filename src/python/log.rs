//! Log records: collected while the GIL is released, passed to Python's `logging` once it is held again.
//!
//! Nothing is written while a lookup runs, since a log handler may fork, block or take the GIL.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tracing::{Event, Level};

use crate::log::{Listener, text_of};
use crate::python::guard::unless_raised_by_handler;

/// What was logged, in order.
pub(super) type Records = Vec<(Level, String)>;

thread_local! {
    static RECORDS: RefCell<Option<Records>> = const { RefCell::new(None) };
}

/// Sends the crate's events to the thread that runs the lookup. Call it once, when the module is imported.
pub(super) fn install() {
    // It fails only if it ran before, in which case the same subscriber is in place.
    let _ = tracing::subscriber::set_global_default(Listener { level: Level::DEBUG, hear: note });
}

fn note(event: &Event<'_>) {
    RECORDS.with_borrow_mut(|records| {
        if let Some(records) = records {
            records.push((*event.metadata().level(), text_of(event)));
        }
    });
}

/// Runs `work` and collects what it logs on this thread.
pub(super) fn collect<T>(work: impl FnOnce() -> T) -> (T, Records) {
    // A collection may be nested in another, which continues afterwards.
    let outer = RECORDS.replace(Some(Vec::new()));
    let result = work();
    let records = RECORDS.replace(outer).unwrap_or_default();
    (result, records)
}

/// Like [`collect`], for work that proceeds step by step among other work, on any thread.
pub(super) async fn collect_all<F: Future>(work: F) -> (F::Output, Records) {
    let (mut work, mut records) = (pin!(work), Records::new());
    let output = poll_fn(|context| {
        let (poll, more) = collect(|| work.as_mut().poll(context));
        records.extend(more);
        poll
    });
    (output.await, records)
}

/// Passes `records` to the Python logger `name`. A failing log handler never fails a lookup; an error is one
/// that a signal handler raised meanwhile.
pub(super) fn emit(py: Python<'_>, name: &str, records: &[(Level, String)]) -> PyResult<()> {
    if records.is_empty() {
        return Ok(());
    }
    let emitted = match logger(py, name) {
        Ok(Some(logger)) => records
            .iter()
            .try_for_each(|(level, text)| logger.call_method1("log", (python_level(*level), text)).map(drop)),
        Ok(None) => to_standard_error(py, records),
        Err(error) => Err(error),
    };
    unless_raised_by_handler(py, emitted)
}

/// The logger, if `logging` is loaded. It is never imported here: a child that another thread forks while a
/// module is being imported finds the import lock held forever.
fn logger<'py>(py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    let logging = modules.get_item("logging")?;
    // Its attributes are missing while another thread imports it.
    let get_logger = logging.and_then(|logging| logging.getattr("getLogger").ok());
    get_logger.map(|get_logger| get_logger.call1((name,))).transpose()
}

/// What `logging` does when it is not configured: warnings go to standard error, the rest nowhere.
fn to_standard_error(py: Python<'_>, records: &[(Level, String)]) -> PyResult<()> {
    let stream = py.import("sys")?.getattr("stderr")?;
    // Python sets it to None if the descriptor was closed when it started.
    if stream.is_none() {
        return Ok(());
    }
    for (_, text) in records.iter().filter(|(level, _)| *level <= Level::WARN) {
        stream.call_method1("write", (format!("{text}\n"),))?;
    }
    Ok(())
}

/// Logs `warnings` to the Python logger `name`.
pub(super) fn warn(py: Python<'_>, name: &str, warnings: Vec<String>) -> PyResult<()> {
    let records: Vec<_> = warnings.into_iter().map(|warning| (Level::WARN, warning)).collect();
    emit(py, name, &records)
}

fn python_level(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        _ => 10,
    }
}
