//! What Airflow asks for: an id and a team, which are nearly always texts.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::store::convention::OddId;

/// An id as text, and whether it was something else.
pub(super) struct Asked<'py> {
    /// The text; for anything else, what Python's `str` makes of it.
    pub(super) text: Cow<'py, str>,
    /// What it was, if not a text that can be part of a name.
    pub(super) odd: Option<OddId>,
}

impl<'py> Asked<'py> {
    /// Reads an id.
    pub(super) fn read(id: &'py Bound<'py, PyAny>) -> PyResult<Self> {
        let Ok(text) = id.cast::<PyString>() else {
            let text = id.str()?.to_string_lossy().into_owned();
            let odd = if id.is_none() { OddId::Nothing } else { OddId::Object };
            return Ok(Self { text: Cow::Owned(text), odd: Some(odd) });
        };
        Ok(match text.to_str() {
            Ok(text) => Self { text: Cow::Borrowed(text), odd: None },
            Err(_) => Self { text: text.to_string_lossy(), odd: Some(OddId::Surrogate) },
        })
    }
}

/// The team of a caller. Like the official classes: only its truth matters, and it goes into the name
/// unchanged.
pub(super) fn team<'py>(team: Option<&'py Bound<'py, PyAny>>) -> PyResult<Option<Cow<'py, str>>> {
    let Some(team) = team else { return Ok(None) };
    match team.cast::<PyString>() {
        Ok(text) => Ok(Some(text.to_string_lossy())),
        Err(_) if team.is_truthy()? => Ok(Some(Cow::Owned(team.str()?.to_string_lossy().into_owned()))),
        Err(_) => Ok(None),
    }
}
