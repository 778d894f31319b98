//! From Python's kwargs and `os.environ` to plain data.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::config::{RawOptions, RawValue, option_of};
use crate::python::convert::value_from_python;
use crate::store::StoreEntry;
use crate::store::environment::Environment;
use crate::store::options::OptionKind;
use crate::store::registry::variables;
use crate::value::Value;

/// Reads `kwargs`. Values that JSON cannot express (such as objects) are refused by name, except for keys
/// that have no effect.
pub(super) fn read_kwargs(kwargs: &Bound<'_, PyDict>, entry: &StoreEntry) -> PyResult<RawOptions> {
    kwargs
        .iter()
        .map(|(key, value)| {
            let key = key.extract::<String>()?;
            let value = match read_value(&value) {
                Ok(value) => value,
                Err(_) if has_no_effect(entry, &key) => RawValue::Json(Value::Null),
                Err(_) => return Err(inexpressible(&key)),
            };
            Ok((key, value))
        })
        .collect()
}

fn inexpressible(key: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "`{key}` in backend_kwargs is nothing that JSON can express: write a text, a number, true, false, \
        null, a list or an object"
    ))
}

fn has_no_effect(entry: &StoreEntry, key: &str) -> bool {
    let spec = option_of(entry, key);
    spec.is_none_or(|spec| matches!(spec.kind, OptionKind::Ignored(_)))
}

/// A text that UTF-8 cannot hold is kept: JSON can express it, and the reader of the option refuses it.
fn read_value(value: &Bound<'_, PyAny>) -> PyResult<RawValue> {
    match value.cast::<PyString>().map(|text| text.to_str().map(str::to_owned)) {
        Ok(Ok(text)) => Ok(RawValue::Text(text)),
        // Such as a `pathlib.Path`, for options that name a file.
        _ if value.hasattr("__fspath__")? => Ok(RawValue::Text(value.call_method0("__fspath__")?.extract()?)),
        _ => Ok(RawValue::Json(value_from_python(value)?)),
    }
}

/// Copies the identity-bearing variables out of `os.environ`, with the GIL held.
///
/// `os.environ.get` costs about a microsecond per name, the dictionary of bytes behind it a fiftieth of that;
/// a constructor reads twenty names. The public way is the fallback where that dictionary is missing.
pub(super) fn read_environment(py: Python<'_>) -> PyResult<Environment> {
    let environ = py.import("os")?.getattr("environ")?;
    match environ.getattr("_data").and_then(|data| Ok(data.cast_into::<PyDict>()?)) {
        Ok(data) => Ok(Environment::copied(variables(), |name| from_data(&data, name))),
        Err(_) => Ok(Environment::copied(variables(), |name| {
            environ.call_method1("get", (name,)).ok()?.extract().ok()
        })),
    }
}

fn from_data(data: &Bound<'_, PyDict>, name: &'static str) -> Option<String> {
    let key = variable_keys(data.py()).iter().find(|(known, _)| *known == name)?.1.bind(data.py());
    let value = data.get_item(key).ok()??;
    // A value that is not UTF-8 counts as unset: it cannot be an address, a name or a token.
    String::from_utf8(value.cast::<PyBytes>().ok()?.as_bytes().to_vec()).ok()
}

/// Makes what [`read_environment`] needs. Call it when the module is imported: its lock releases the GIL, and
/// a child that another thread forks at that moment would find the lock held forever.
pub(super) fn prepare(py: Python<'_>) {
    variable_keys(py);
}

/// The names as Python bytes, made once.
fn variable_keys(py: Python<'_>) -> &'static [(&'static str, Py<PyBytes>)] {
    static KEYS: PyOnceLock<Vec<(&'static str, Py<PyBytes>)>> = PyOnceLock::new();
    KEYS.get_or_init(py, || {
        variables().iter().map(|name| (*name, PyBytes::new(py, name.as_bytes()).unbind())).collect()
    })
}
