//! From Python's kwargs and `os.environ` to plain data.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::config::{RawOptions, RawValue};
use crate::python::convert::value_from_python;
use crate::store::environment::{Environment, IDENTITY_VARIABLES};

/// Reads `kwargs`. Values that JSON cannot say (such as objects) are refused by name.
pub(super) fn read_kwargs(kwargs: &Bound<'_, PyDict>) -> PyResult<RawOptions> {
    kwargs
        .iter()
        .map(|(key, value)| {
            let key = key.extract::<String>()?;
            let value = read_value(&value).map_err(|_| {
                PyTypeError::new_err(format!("`{key}` in backend_kwargs is nothing that JSON can express"))
            })?;
            Ok((key, value))
        })
        .collect()
}

fn read_value(value: &Bound<'_, PyAny>) -> PyResult<RawValue> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(RawValue::Text(text.to_str()?.to_owned())),
        Err(_) => Ok(RawValue::Json(value_from_python(value)?)),
    }
}

/// Copies the identity-bearing variables out of `os.environ`, with the GIL held.
///
/// `os.environ.get` costs about a microsecond a name, the dictionary of bytes behind it a fiftieth of that;
/// a constructor has twenty in all. The public way is the fallback where there is no such dictionary.
pub(super) fn read_environment(py: Python<'_>) -> PyResult<Environment> {
    let environ = py.import("os")?.getattr("environ")?;
    match environ.getattr("_data").and_then(|data| Ok(data.cast_into::<PyDict>()?)) {
        Ok(data) => Ok(Environment::read(|name| from_data(&data, name))),
        Err(_) => Ok(Environment::read(|name| environ.call_method1("get", (name,)).ok()?.extract().ok())),
    }
}

fn from_data(data: &Bound<'_, PyDict>, name: &'static str) -> Option<String> {
    let key = variable_keys(data.py()).iter().find(|(known, _)| *known == name)?.1.bind(data.py());
    let value = data.get_item(key).ok()??;
    String::from_utf8(value.cast::<PyBytes>().ok()?.as_bytes().to_vec()).ok()
}

/// Makes what [`read_environment`] needs. Call it when the module is imported: the lock in it lets go of the GIL, and a
/// child that another thread forks in that moment would find it taken for ever.
pub(super) fn prepare(py: Python<'_>) {
    variable_keys(py);
}

/// The names as Python bytes, made once.
fn variable_keys(py: Python<'_>) -> &'static [(&'static str, Py<PyBytes>)] {
    static KEYS: PyOnceLock<Vec<(&'static str, Py<PyBytes>)>> = PyOnceLock::new();
    KEYS.get_or_init(py, || {
        IDENTITY_VARIABLES.iter().map(|name| (*name, PyBytes::new(py, name.as_bytes()).unbind())).collect()
    })
}
