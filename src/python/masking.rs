//! Registers secrets with Airflow's log maskers, and is the matcher with which they hide them.
//!
//! What is secret in an answer is decided by `crate::masking`, and whether it is hidden by Airflow's own
//! rule. A failing masker never fails a lookup.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyString};

use crate::masking::{self, Stamp, answer, unescape_pattern};
use crate::python::convert::{text_from_python, text_to_python};
use crate::python::guard::unless_raised_by_handler;
use crate::store::convention::Lookup;
use crate::value::{SecretValue, Text};

/// Counts what makes maskers forget: resets, new maskers, texts that could not be reported yet.
static EPOCH: AtomicU64 = AtomicU64::new(1);

/// Everything registered so far is to be registered again when it is next looked up.
#[pyfunction]
pub(super) fn masking_changed() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

/// Registers `value`, the answer to `lookup`. The result is to be compared with [`stamp`] before the next
/// time; `None` if a masker or the supervisor could not be reached. An error is one that a signal handler
/// raised meanwhile.
pub(super) fn register(py: Python<'_>, lookup: Lookup<'_>, value: &SecretValue) -> PyResult<Option<Stamp>> {
    if !airflow_is_loaded(py) {
        return Ok(None);
    }
    let stamp = stamp(py);
    let entries: Vec<(String, Option<String>)> =
        answer::entries(lookup, value).into_iter().map(|(text, key)| (text.to_string(), key)).collect();
    let reached = py
        .import("strongroom._masking")
        .and_then(|module| module.call_method1("register", (entries,))?.extract::<bool>());
    match reached {
        Ok(reached) => Ok(reached.then_some(stamp)),
        Err(error) => unless_raised_by_handler(py, Err(error)).map(|()| None),
    }
}

/// Where a secret has to be registered now: the maskers, in their current state, and the supervisor of a
/// task.
pub(super) fn stamp(py: Python<'_>) -> Stamp {
    Stamp { epoch: EPOCH.load(Ordering::Relaxed), channel: channel(py).unwrap_or_default() }
}

fn airflow_is_loaded(py: Python<'_>) -> bool {
    WORDS.get(py).is_none_or(|words| words.modules.bind(py).contains(&words.airflow).unwrap_or(true))
}

/// The address of the object through which a task talks to its supervisor.
fn channel(py: Python<'_>) -> Option<usize> {
    let words = WORDS.get(py)?;
    let module = words.modules.bind(py).get_item(&words.task_runner).ok()??;
    let channel = module.cast::<PyModule>().ok()?.dict().get_item(&words.channel).ok()??;
    Some(channel.as_ptr().addr())
}

/// What [`stamp`] looks up, as Python objects.
struct Words {
    modules: Py<PyDict>,
    airflow: Py<PyString>,
    task_runner: Py<PyString>,
    channel: Py<PyString>,
}

/// Makes what [`stamp`] needs. Call it when the module is imported: its lock releases the GIL, and a child
/// that another thread forks at that moment would find the lock held forever.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?.unbind();
    let word = |text| PyString::intern(py, text).unbind();
    let words = Words {
        modules,
        airflow: word("airflow"),
        task_runner: word("airflow.sdk.execution_time.task_runner"),
        channel: word("SUPERVISOR_COMMS"),
    };
    let _ = WORDS.set(py, words);
    Ok(())
}

static WORDS: PyOnceLock<Words> = PyOnceLock::new();

/// Whether texts are still to be reported to the supervisor of a task.
static KEPT: AtomicBool = AtomicBool::new(false);

/// Sets whether texts are still to be reported.
#[pyfunction]
pub(super) fn keep_masks(are_kept: bool) {
    KEPT.store(are_kept, Ordering::Relaxed);
}

/// Reports what could not be reported before, if anything. An error is one that a signal handler raised
/// meanwhile.
pub(super) fn report_kept(py: Python<'_>) -> PyResult<()> {
    if !KEPT.load(Ordering::Relaxed) {
        return Ok(());
    }
    let done = py.import("strongroom._reporting").and_then(|module| module.call_method0("retry"));
    unless_raised_by_handler(py, done.map(drop))
}

/// The texts that a log masker hides.
#[pyclass(frozen, subclass, module = "strongroom._native")]
#[derive(Default)]
pub(super) struct Masks {
    masks: Mutex<masking::Masks>,
}

#[pymethods]
impl Masks {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Hides the text that an escaped pattern matches; False if it is not a single text.
    fn add_pattern(&self, pattern: &Bound<'_, PyString>) -> PyResult<bool> {
        let text = unescape_pattern(text_from_python(pattern)?.as_bytes());
        Ok(text.inspect(|text| locked(&self.masks).add(text)).is_some())
    }

    /// Hides what `other` hides now, as well.
    fn extend(&self, other: &Bound<'_, Self>) {
        let copy = locked(&other.get().masks).clone();
        locked(&self.masks).extend(copy);
    }

    /// How many texts are searched for.
    fn count(&self) -> usize {
        locked(&self.masks).len()
    }

    /// `string` with `repl` in place of what is hidden; the same object if nothing is. Any other arguments
    /// that a pattern of `re` accepts are passed on to one.
    #[pyo3(signature = (repl, string, count=0))]
    fn sub(
        slf: &Bound<'_, Self>,
        repl: &Bound<'_, PyAny>,
        string: &Bound<'_, PyAny>,
        count: usize,
    ) -> PyResult<Py<PyAny>> {
        let (Ok(replacement), Ok(text), 0) = (repl.cast::<PyString>(), string.cast::<PyString>(), count)
        else {
            return Ok(slf.call_method1("sub_by_pattern", (repl, string, count))?.unbind());
        };
        slf.get().replace(replacement, text)
    }
}

impl Masks {
    fn replace(&self, repl: &Bound<'_, PyString>, string: &Bound<'_, PyString>) -> PyResult<Py<PyAny>> {
        let replacement = text_from_python(repl)?;
        let replaced = match string.to_str() {
            Ok(text) => locked(&self.masks).replace(text.as_bytes(), replacement.as_bytes()),
            Err(_) => {
                locked(&self.masks).replace(text_from_python(string)?.as_bytes(), replacement.as_bytes())
            }
        };
        match replaced.map(Text::from_utf8_surrogatepass) {
            Some(Ok(text)) => text_to_python(string.py(), &text),
            Some(Err(_)) => Ok(repl.clone().into_any().unbind()),
            None => Ok(string.clone().into_any().unbind()),
        }
    }
}

/// Taken with the GIL and released before the GIL is, so that a fork never finds it held.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
