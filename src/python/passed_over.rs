//! A refusal that Airflow's server would hide, and go on as after a miss.

use pyo3::prelude::*;
use tracing::Level;

use crate::error::Error;
use crate::python::log;
use crate::redact::Quoted;
use crate::store::convention::{Kind, Lookup};

/// Whether this is a server of Airflow that would hide the refusal of a lookup and go on. What reads an
/// option is no route of it, and fails.
pub(super) fn happens(py: Python<'_>, lookup: Lookup<'_>) -> PyResult<bool> {
    if lookup.kind == Kind::Config {
        return Ok(false);
    }
    py.import("strongroom._airflow")?.call_method0("passes_refusals_over")?.extract()
}

/// Says what the task will not hear of: at ERROR where a warning was due, at DEBUG in the minute after it.
pub(super) fn say(
    py: Python<'_>,
    logger: &str,
    lookup: Lookup<'_>,
    error: &Error,
    records: &log::Records,
) -> PyResult<()> {
    let is_due = records.iter().any(|(level, _)| *level <= Level::WARN);
    let text = format!(
        "{} {}: {error}. `on_error` cannot stop a server of this Airflow (3.2.2 and newer pass a refusal \
        on to the task): returning None, and the environment and the metastore are asked.",
        lookup.kind.title(),
        Quoted(lookup.id)
    );
    log::emit(py, logger, &[(if is_due { Level::ERROR } else { Level::DEBUG }, text)])
}
