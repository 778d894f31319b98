//! `strongroom.connection`: Airflow's connection rules without Airflow.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::python::convert::{text_from_python, text_to_python, value_from_python, value_to_python};
use crate::python::guard::guarded;
use crate::value::connection::{self, Connection, Dialect, UnknownDialect, build_uri_from_fields};

/// The connection that Airflow reads from `value`, as a dict.
#[pyfunction]
pub(super) fn parse_connection<'py>(
    py: Python<'py>,
    value: &Bound<'py, PyString>,
    dialect: &str,
) -> PyResult<Bound<'py, PyDict>> {
    guarded(py, || {
        let dialect = read_dialect(py, dialect)?;
        let (connection, extra) = connection::parse_with_extra(&text_from_python(value)?, dialect)
            .map_err(|error| malformed(py, &error.to_string()))?;
        let fields = fields_to_python(py, &connection)?;
        // Airflow's property may raise when it is read, which is no reason to lose the other fields.
        let extra = extra.ok().map(|extra| value_to_python(py, &extra)).transpose()?;
        fields.set_item(intern!(py, "extra_dejson"), extra)?;
        Ok(fields)
    })
}

/// The URI that Airflow's `get_uri` gives for a connection with these fields.
#[pyfunction]
pub(super) fn build_connection_uri(
    py: Python<'_>,
    fields: &Bound<'_, PyDict>,
    dialect: &str,
) -> PyResult<Py<PyAny>> {
    guarded(py, || {
        let dialect = read_dialect(py, dialect)?;
        let fields = value_from_python(fields)?.into_object().unwrap_or_default();
        let uri =
            build_uri_from_fields(&fields, dialect).map_err(|error| malformed(py, &error.to_string()))?;
        text_to_python(py, &uri)
    })
}

pub(super) fn parse(py: Python<'_>, value: &Bound<'_, PyString>, dialect: &str) -> PyResult<Connection> {
    let dialect = read_dialect(py, dialect)?;
    connection::parse(&text_from_python(value)?, dialect).map_err(|error| malformed(py, &error.to_string()))
}

/// The arguments of Airflow's `Connection`: all but `extra_dejson`.
pub(super) fn fields_to_python<'py>(
    py: Python<'py>,
    connection: &Connection,
) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    for (key, value) in [
        (intern!(py, "conn_type"), &connection.conn_type),
        (intern!(py, "login"), &connection.login),
        (intern!(py, "password"), &connection.password),
        (intern!(py, "host"), &connection.host),
        (intern!(py, "port"), &connection.port),
        (intern!(py, "schema"), &connection.schema),
        (intern!(py, "description"), &connection.description),
        (intern!(py, "extra"), &connection.extra),
    ] {
        fields.set_item(key, value_to_python(py, value)?)?;
    }
    Ok(fields)
}

fn read_dialect(py: Python<'_>, dialect: &str) -> PyResult<Dialect> {
    dialect.parse().map_err(|error: UnknownDialect| malformed(py, &error.to_string()))
}

fn malformed(py: Python<'_>, message: &str) -> PyErr {
    let made = py
        .import("strongroom.exceptions")
        .and_then(|module| module.getattr("ConnectionFormatError")?.call1((message,)));
    made.map_or_else(|failed| failed, PyErr::from_value)
}
