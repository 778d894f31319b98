//! From [`Error`] to the exceptions that `strongroom.exceptions` defines in Python.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Error;

/// The exception for `error`; `stops_airflow` requests the class that ends Airflow's search.
pub(super) fn to_python(py: Python<'_>, error: &Error, stops_airflow: bool) -> PyErr {
    build(py, error, stops_airflow).unwrap_or_else(|failed| {
        // The package is broken if its own exceptions cannot be made; the text is still useful.
        PyRuntimeError::new_err(format!("{error} (and its exception could not be built: {failed})"))
    })
}

fn build(py: Python<'_>, error: &Error, stops_airflow: bool) -> PyResult<PyErr> {
    let details = PyDict::new(py);
    details.set_item("store", error.store())?;
    details.set_item("operation", error.operation())?;
    details.set_item("code", error.code())?;
    details.set_item("hint", error.hint())?;
    details.set_item("temporary", error.is_temporary())?;
    details.set_item("retry_after", error.retry_after().map(|wait| wait.as_secs_f64()))?;
    let make = py.import("strongroom.exceptions")?.getattr("_from_native")?;
    let exception = make.call1((error.kind().as_str(), error.to_string(), details, stops_airflow))?;
    Ok(PyErr::from_value(exception))
}
