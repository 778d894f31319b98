//! Lookups of event loops: answered at once from memory, or from the store while the loop continues.
//!
//! One thread drives them all, within their deadlines, which count from the call. It exists while lookups are
//! under way and ends when the last of them is answered. The Python work for a lookup (logging, metrics,
//! masking, making a connection) runs on that thread as well, within the context of the caller.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use pyo3::prelude::*;

use crate::agent::Reached;
use crate::backend::{Failure, Plan, Reply, Route, misses};
use crate::process::{Deadline, Driver, ForkCell, Interest, Shift};
use crate::python::backend::finish;
use crate::python::error::to_python;
use crate::python::guard::{defect, guarded};
use crate::python::log::{Records, collect_all};
use crate::python::registry::Shared;
use crate::python::run::{Interrupted, runtime};
use crate::python::watch::{Outcome, Start, Watch};
use crate::store::convention::{Kind, Lookup};

static DRIVER: ForkCell<Driver<Answered>> = ForkCell::new();

/// A lookup that has ended, and who receives it.
type Answered = (Ended, Recipient);

/// Who receives the end of a lookup: `deliver`, called within `context`, if anything.
pub(super) struct Recipient {
    pub(super) context: Py<PyAny>,
    pub(super) deliver: Option<Py<PyAny>>,
}

/// A lookup that outlives the call that asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    kind: Kind,
    id: Box<str>,
    team: Option<Box<str>>,
}

impl Question {
    fn lookup(&self) -> Lookup<'_> {
        Lookup { kind: self.kind, id: &self.id, team: self.team.as_deref() }
    }
}

impl From<Lookup<'_>> for Question {
    fn from(lookup: Lookup<'_>) -> Self {
        Self { kind: lookup.kind, id: lookup.id.into(), team: lookup.team.map(Into::into) }
    }
}

/// How many times each question is under way.
#[derive(Debug, Default)]
pub(super) struct Questions(Mutex<HashMap<Question, usize>>);

impl Questions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Question, usize>> {
        // The map is consistent even if a thread panicked with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `lookup` is under way on the driver's thread.
pub(super) fn is_under_way(shared: &Shared, lookup: Lookup<'_>) -> bool {
    shared.questions.get().is_some_and(|questions| questions.lock().contains_key(&lookup.into()))
}

/// A lookup under way, and its owner.
pub(super) struct Inquiry {
    shared: Arc<Shared>,
    logger: String,
    question: Question,
    start: Start,
    /// Whether Airflow has teams, if the plan had to know.
    teams: Option<bool>,
    /// Whether a caller waits for the answer.
    is_asked: bool,
    /// Whether the outcome is still to be recorded.
    is_open: bool,
}

impl Inquiry {
    pub(super) fn new(
        py: Python<'_>,
        shared: &Arc<Shared>,
        logger: &str,
        lookup: Lookup<'_>,
        teams: Option<bool>,
    ) -> Self {
        let (question, start) = (Question::from(lookup), Start::now(py, shared));
        let questions = shared.questions.get_or_init(Questions::default);
        *questions.lock().entry(question.clone()).or_default() += 1;
        Self {
            shared: Arc::clone(shared),
            logger: logger.to_owned(),
            question,
            start,
            teams,
            is_asked: true,
            is_open: true,
        }
    }

    fn watch(&self) -> Watch<'_> {
        let (lookup, start) = (self.question.lookup(), &self.start);
        Watch { shared: &self.shared, lookup, start, is_asked: self.is_asked }
    }

    async fn ask(&self, route: Route, deadline: Deadline) -> Result<Reply, Failure> {
        let lookup = self.question.lookup();
        let reached = self.shared.reach_later(lookup, &route, self.teams).await;
        let reply = if let Reached::Settled(outcome) = reached {
            outcome
        } else {
            match self.shared.backend() {
                // A lookup for the audit file did not stop at what is in memory.
                Ok(backend) => match backend.remembered(lookup) {
                    Some(reply) => Ok(reply),
                    None => backend.ask_until(deadline, lookup, &route).await,
                },
                Err(error) => self.shared.settle(lookup, error),
            }
        };
        let plan = Plan::Ask(route);
        reply.inspect(|reply| misses::say(&self.shared.settings, lookup, Some(&plan), reply))
    }

    /// The end of the lookup, recorded. A panic within it counts as one of its errors.
    async fn answered(mut self, route: Route, deadline: Deadline) -> Ended {
        let work = AssertUnwindSafe(self.ask(route, deadline)).catch_unwind();
        let (outcome, mut records) = collect_all(work).await;
        let outcome = outcome.map_err(|_message| Interrupted::Defect(defect()));
        let (outcome, more) = collect_all(async { self.close(outcome) }).await;
        records.extend(more);
        Ended { inquiry: self, left: Mutex::new(Some((outcome, records))) }
    }

    fn close(&mut self, outcome: Outcome) -> Outcome {
        self.is_open = false;
        if let Some(questions) = self.shared.questions.get() {
            let mut questions = questions.lock();
            if let Some(times) = questions.get_mut(&self.question).filter(|times| **times > 1) {
                *times -= 1;
            } else {
                questions.remove(&self.question);
            }
        }
        self.watch().record(outcome)
    }
}

impl Drop for Inquiry {
    /// A lookup that was given up is recorded as well.
    fn drop(&mut self) {
        if self.is_open {
            let _ = self.close(Err(Interrupted::GivenUp));
        }
    }
}

/// A lookup that has ended. What remains to be done needs Python.
#[pyclass(frozen, module = "strongroom._native")]
pub(super) struct Ended {
    inquiry: Inquiry,
    left: Mutex<Option<(Outcome, Records)>>,
}

#[pymethods]
impl Ended {
    /// The answer, as for a blocking lookup: it logs, counts, masks and raises in the same way. Only once.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        guarded(py, || {
            let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some((outcome, records)) = left else { return Ok(py.None()) };
            finish(py, &self.inquiry.logger, self.inquiry.watch(), outcome, &records)
        })
    }
}

/// A caller's interest in a lookup that is under way.
#[pyclass(frozen, module = "strongroom._native")]
pub(super) struct Begun {
    place: Mutex<Option<Interest<Answered>>>,
    /// The shift for which the caller has to start a thread, if any.
    #[pyo3(get)]
    shift: Option<Shift>,
}

#[pymethods]
impl Begun {
    /// Gives the lookup up, unless it has ended. If it was the last one, its thread is gone afterwards.
    fn leave(&self, py: Python<'_>) {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(place));
    }
}

/// Begins `inquiry`, which asks along `route`. It continues even if there is no `deliver` to call.
pub(super) fn begin(mut inquiry: Inquiry, route: Route, recipient: Recipient) -> Begun {
    let deadline = Deadline::after(inquiry.shared.settings.layers.timeout);
    inquiry.is_asked = recipient.deliver.is_some();
    let is_alone = !inquiry.is_asked;
    let work = async move { (inquiry.answered(route, deadline).await, recipient) };
    let driver = DRIVER.get_or_init(Driver::default);
    let (place, shift) = if is_alone {
        (None, driver.begin_alone(work))
    } else {
        let (place, shift) = driver.begin(work);
        (Some(place), shift)
    };
    Begun { place: Mutex::new(place), shift }
}

/// Drives lookups until the shift is over: the body of its thread.
#[pyfunction]
pub(super) fn drive(py: Python<'_>, shift: Shift) -> PyResult<()> {
    guarded(py, || {
        let Some(driver) = DRIVER.get() else { return Ok(()) };
        let outcome = py.detach(|| driver.drive(shift, runtime()?, deliver_all));
        outcome.map_err(|error| to_python(py, &error, false))
    })
}

/// Delivers each answer. There are no recipients left once the interpreter shuts down.
fn deliver_all(answered: Vec<Answered>) {
    Python::try_attach(|py| {
        for (ended, recipient) in answered {
            // It fails if an event loop was closed meanwhile, or a masker or a metric fails with no recipient
            // to report it to.
            let _ = deliver(py, ended, &recipient);
        }
    });
}

fn deliver(py: Python<'_>, ended: Ended, recipient: &Recipient) -> PyResult<()> {
    let ended = Py::new(py, ended)?;
    let run = recipient.context.getattr(py, "run")?;
    match &recipient.deliver {
        Some(deliver) => run.call1(py, (deliver, ended))?,
        None => run.call1(py, (ended.getattr(py, "result")?,))?,
    };
    Ok(())
}
