//! No panic crosses the boundary: `PanicException` is not an `Exception`, so Airflow would not catch it.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use pyo3::prelude::*;

use crate::error::Error;
use crate::python::error::to_python;

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics off stderr, where their message could show a value; the location is kept for the exception.
pub(super) fn silence_panics() {
    // Rust's standard library is linked into this library, so the hook sees no other extension's panics.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|location| format!("{}:{}", location.file(), location.line()));
        PLACE.with_borrow_mut(|kept| *kept = place);
    }));
}

/// Returns an error only if a signal handler raised it: for calls whose own failure must not fail a lookup.
pub(super) fn unless_raised_by_handler(py: Python<'_>, result: PyResult<()>) -> PyResult<()> {
    let Err(error) = result else { return Ok(()) };
    let raised_by_handler = py
        .import("strongroom._signals")
        .and_then(|module| module.call_method1("raised_by_handler", (error.value(py),))?.extract());
    // If in doubt the exception is passed on: a lost KeyboardInterrupt is worse than a failed lookup.
    if raised_by_handler.unwrap_or(true) { Err(error) } else { Ok(()) }
}

/// Runs `work`; a panic becomes an `InternalError` that names only the location.
pub(super) fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_message| Err(to_python(py, &defect(), false)))
}

/// The panic that the calling thread has just caught, as an error.
pub(super) fn defect() -> Error {
    let place = PLACE.with_borrow_mut(Option::take).unwrap_or_else(|| "an unknown place".to_owned());
    Error::internal(format!("a defect of Strongroom at {place}"))
        .with_hint("Please report it with this line; it holds no secret")
}
