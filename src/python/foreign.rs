//! Calls backend classes of other packages, between the steps of a lookup.

use std::cell::RefCell;

use pyo3::prelude::*;

use crate::backend::chain::{Class, Question, install_caller};
use crate::error::{Error, ErrorKind, Result};
use crate::python::convert::{value_from_python, value_to_python};
use crate::redact::Shown;
use crate::store::kit::from_json::secret_from_json;
use crate::value::SecretValue;

thread_local! {
    /// What a class raised that is no `Exception`: it goes through the lookup unchanged.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Makes the classes reachable for lookups.
pub(super) fn install() {
    install_caller(call);
}

/// What a class raised on this thread, if that must reach the caller of the lookup.
pub(super) fn take_raised() -> Option<PyErr> {
    RAISED.with_borrow_mut(Option::take)
}

fn call(class: &Class, question: &Question) -> Result<Option<SecretValue>> {
    let called = Python::try_attach(|py| ask(py, class, question).map_err(|error| refused(py, class, error)));
    called.unwrap_or_else(|| Err(Error::internal("the interpreter shuts down")))
}

fn ask(py: Python<'_>, class: &Class, question: &Question) -> PyResult<Option<SecretValue>> {
    let kwargs = value_to_python(py, &class.kwargs)?;
    let (kind, team) = (question.kind.as_str(), question.team.as_deref());
    let foreign = py.import("strongroom._foreign")?;
    let answer = foreign.call_method1("ask", (&class.path, &class.key, kwargs, kind, &question.id, team))?;
    Ok(secret_from_json(&value_from_python(&answer)?))
}

/// The text of the exception may hold a secret, so only its class is named.
fn refused(py: Python<'_>, class: &Class, error: PyErr) -> Error {
    let path = Shown(&class.path).to_string();
    let verdict = py.import("strongroom._foreign").and_then(|foreign| {
        foreign.call_method1("verdict", (error.value(py),))?.extract::<(String, String)>()
    });
    let Ok((kind, name)) = verdict else { return Error::internal("an exception that could not be read") };
    match kind.as_str() {
        "passes" => {
            RAISED.set(Some(error));
            Error::internal(format!("`{path}` was ended by {name}"))
        }
        "denied" => Error::new(ErrorKind::Denied, format!("`{path}` denied the access: {name}"))
            .with_hint("See what that class logs"),
        "config" => Error::new(ErrorKind::Config, format!("`{path}` cannot be used: {name}")),
        // Whether it helps to ask again is not known; but an old value is better than none.
        _ => Error::new(ErrorKind::Unreachable, format!("`{path}` raised {name}"))
            .with_hint("See what that class logs; its message is left out, since it may hold a secret")
            .temporary(None),
    }
}
