//! Values across the boundary. The only place that copies a secret into Python's memory.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::error::{Error, ErrorKind, Result};
use crate::value::json::{self, Int, Object};
use crate::value::{SecretValue, Text, Value};

/// The depth beyond which a Python value is refused; JSON that deep is not configuration.
const DEEPEST: usize = 64;

/// A secret as Airflow gets it: text, or the object that a structured value describes.
pub(super) fn secret_to_python(py: Python<'_>, value: Option<&SecretValue>) -> PyResult<Py<PyAny>> {
    match value {
        None => Ok(py.None()),
        Some(value) if value.is_structured() => {
            let parsed =
                parse_structured(value).map_err(|error| super::error::to_python(py, &error, false))?;
            value_to_python(py, &parsed)
        }
        Some(value) => Ok(PyString::new(py, value.expose()).into_any().unbind()),
    }
}

fn parse_structured(value: &SecretValue) -> Result<Value> {
    json::parse(&Text::from(value.expose())).map_err(|error| {
        Error::new(ErrorKind::Malformed, "a structured value is not JSON").with_source(error)
    })
}

/// `text` as a Python `str`, lone surrogates included.
pub(super) fn text_to_python(py: Python<'_>, text: &Text) -> PyResult<Py<PyAny>> {
    match text.to_str() {
        // The common case needs no codec.
        Some(text) => Ok(PyString::new(py, text).into_any().unbind()),
        None => {
            Ok(PyBytes::new(py, text.as_bytes()).call_method1("decode", ("utf-8", "surrogatepass"))?.unbind())
        }
    }
}

/// A Python `str` as [`Text`], lone surrogates included.
pub(super) fn text_from_python(text: &Bound<'_, PyString>) -> PyResult<Text> {
    if let Ok(text) = text.to_str() {
        return Ok(Text::from(text));
    }
    let encoded = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    let bytes = encoded.cast::<PyBytes>()?.as_bytes().to_vec();
    Text::from_utf8_surrogatepass(bytes).map_err(|_| PyValueError::new_err("the text is not valid"))
}

/// A list or dict that is being filled, and its members that are still to come.
enum Open<'py, 'value> {
    List(Bound<'py, PyList>, std::slice::Iter<'value, Value>),
    Dict(Bound<'py, PyDict>, std::slice::Iter<'value, (Text, Value)>),
}

impl<'value> Open<'_, 'value> {
    /// The next member that is still to come, and its key in a dict.
    fn take_member(&mut self) -> Option<(Option<&'value Text>, &'value Value)> {
        match self {
            Self::List(_, items) => items.next().map(|item| (None, item)),
            Self::Dict(_, members) => members.next().map(|(key, member)| (Some(key), member)),
        }
    }

    /// Puts a finished member in its place.
    fn put(&self, py: Python<'_>, key: Option<&Text>, made: Py<PyAny>) -> PyResult<()> {
        match (self, key) {
            (Self::Dict(dict, _), Some(key)) => dict.set_item(text_to_python(py, key)?, made),
            (Self::Dict(..), None) => Ok(()),
            (Self::List(list, _), _) => list.append(made),
        }
    }
}

/// What `json.loads` would have given. It does not recurse: a thread may have a small stack.
pub(super) fn value_to_python(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    let (made, opened) = begin(py, value)?;
    let mut open: Vec<Open<'_, '_>> = opened.into_iter().collect();
    while let Some(container) = open.last_mut() {
        let Some((key, member)) = container.take_member() else {
            open.pop();
            continue;
        };
        let (made, opened) = begin(py, member)?;
        container.put(py, key, made)?;
        open.extend(opened);
    }
    Ok(made)
}

/// A scalar, or a container that is still to be filled.
fn begin<'py, 'value>(
    py: Python<'py>,
    value: &'value Value,
) -> PyResult<(Py<PyAny>, Option<Open<'py, 'value>>)> {
    let scalar = match value {
        Value::Null => py.None(),
        Value::Bool(boolean) => PyBool::new(py, *boolean).to_owned().into_any().unbind(),
        Value::Int(integer) => int_to_python(py, integer)?,
        Value::Float(float) => PyFloat::new(py, *float).into_any().unbind(),
        Value::String(text) => text_to_python(py, text)?,
        Value::Array(items) => {
            let list = PyList::empty(py);
            return Ok((list.clone().into_any().unbind(), Some(Open::List(list, items.iter()))));
        }
        Value::Object(members) => {
            let dict = PyDict::new(py);
            return Ok((dict.clone().into_any().unbind(), Some(Open::Dict(dict, members.iter()))));
        }
    };
    Ok((scalar, None))
}

fn int_to_python(py: Python<'_>, integer: &Int) -> PyResult<Py<PyAny>> {
    match integer.as_i64() {
        Some(small) => Ok(small.into_pyobject(py)?.into_any().unbind()),
        None => Ok(py.get_type::<PyInt>().call1((integer.to_decimal().as_ref(),))?.unbind()),
    }
}

/// A Python value that JSON can express; anything else is a `TypeError`.
pub(super) fn value_from_python(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    read(value, 0)
}

fn read(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > DEEPEST {
        return Err(PyValueError::new_err("the value is nested too deeply"));
    }
    if value.is_none() {
        Ok(Value::Null)
    // Before `int`: Python's `bool` is a subclass of it.
    } else if let Ok(boolean) = value.cast::<PyBool>() {
        Ok(Value::Bool(boolean.is_true()))
    } else if let Ok(integer) = value.cast::<PyInt>() {
        // Through text, since Python's `int` has no limit of size.
        let decimal: String = integer.str()?.extract()?;
        Int::from_decimal(&decimal)
            .map(Value::Int)
            .ok_or_else(|| PyValueError::new_err("an integer is too long"))
    } else if let Ok(float) = value.cast::<PyFloat>() {
        Ok(Value::Float(float.value()))
    } else if let Ok(text) = value.cast::<PyString>() {
        Ok(Value::String(text_from_python(text)?))
    } else if let Ok(dict) = value.cast::<PyDict>() {
        read_dict(dict, depth)
    } else if let Ok(list) = value.cast::<PyList>() {
        read_array(list.iter(), depth)
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        read_array(tuple.iter(), depth)
    } else {
        Err(PyTypeError::new_err("the value is nothing that JSON can express"))
    }
}

/// By index and not by Python's iteration: to guess a length PyO3 imports `operator.length_hint` behind a
/// lock that releases the GIL, and a child that another thread forks at that moment would find the lock held
/// forever.
fn read_array<'py>(items: impl Iterator<Item = Bound<'py, PyAny>>, depth: usize) -> PyResult<Value> {
    Ok(Value::Array(items.map(|item| read(&item, depth + 1)).collect::<PyResult<_>>()?))
}

fn read_dict(dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<Value> {
    let mut object = Object::new();
    for (key, value) in dict.iter() {
        let key = key.cast::<PyString>().map_err(|_| PyTypeError::new_err("a key is no text"))?;
        object.insert(text_from_python(key)?, read(&value, depth + 1)?);
    }
    Ok(Value::Object(object))
}
