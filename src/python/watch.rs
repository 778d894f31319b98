//! What is reported about a lookup once it has ended: the audit file and metrics, if the operator enabled
//! them.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::backend::audit::{Access, Claims};
use crate::backend::chain::Member;
use crate::backend::{Failure, Reply};
use crate::layers::Counters;
use crate::python::guard::unless_raised_by_handler;
use crate::python::registry::Shared;
use crate::python::run::Interrupted;
use crate::store::convention::Lookup;

/// The outcome of a lookup.
pub(super) type Outcome = Result<Result<Reply, Failure>, Interrupted>;

/// When a lookup began, and who asked.
pub(super) struct Start {
    at: Instant,
    claims: Claims,
}

impl Start {
    /// Now. Who asks is read here, while the GIL is held.
    pub(super) fn now(py: Python<'_>, shared: &Shared) -> Self {
        let claims = if shared.settings.audit.is_some() { claims(py) } else { Claims::default() };
        Self { at: Instant::now(), claims }
    }
}

/// A lookup under way.
#[derive(Clone, Copy)]
pub(super) struct Watch<'lookup> {
    pub(super) shared: &'lookup Shared,
    pub(super) lookup: Lookup<'lookup>,
    pub(super) start: &'lookup Start,
    /// Whether a caller asked, as opposed to the refresh of a value in use.
    pub(super) is_asked: bool,
}

impl Watch<'_> {
    /// Records the lookup. If the operator requires it, there is no value without a line. Call it without the
    /// GIL.
    pub(super) fn record(&self, outcome: Outcome) -> Outcome {
        let Some(audit) = &self.shared.settings.audit else { return outcome };
        let member = self.member(&outcome);
        let access = Access {
            lookup: self.lookup,
            store: member.map_or(self.shared.settings.entry.info.name, Member::store),
            member: member.map(|member| &*member.name),
            outcome: slug(&outcome),
            age: outcome.as_ref().ok().and_then(|settled| settled.as_ref().ok()?.age),
            took: self.took(),
            claims: &self.start.claims,
        };
        match audit.record(&access) {
            Ok(()) => outcome,
            Err(error) if audit.is_required() && outcome.is_ok() => {
                Ok(self.shared.settle(self.lookup, error))
            }
            Err(error) => {
                self.shared.warn_of("audit", &format!("An access could not be written down: {error}"));
                outcome
            }
        }
    }

    /// Updates the metrics. An error is one that a signal handler raised meanwhile.
    pub(super) fn publish(&self, py: Python<'_>, outcome: &Outcome) -> PyResult<()> {
        let target = self.shared.settings.metrics.target().filter(|_| self.is_asked);
        let Some(target) = target else { return Ok(()) };
        let published = self.described(py, outcome).and_then(|(counts, lookup)| {
            let store = self.shared.settings.entry.info.name;
            let given = (target, store, counts, lookup, self.members(py)?);
            py.import("strongroom._telemetry")?.call_method1("publish", given)
        });
        unless_raised_by_handler(py, published.map(drop))
    }

    fn described<'py>(
        &self,
        py: Python<'py>,
        outcome: &Outcome,
    ) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
        let lookup = PyDict::new(py);
        let is_chain = self.shared.settings.chain.is_some();
        let counts =
            if is_chain { PyDict::new(py) } else { increments(py, self.shared.settings.counters())? };
        if let Some(member) = self.member(outcome) {
            lookup.set_item("member", &member.name)?;
        }
        lookup.set_item("kind", self.lookup.kind.as_str())?;
        lookup.set_item("outcome", slug(outcome))?;
        lookup.set_item("seconds", self.took().as_secs_f64())?;
        Ok((counts, lookup))
    }

    /// What was counted for each member of a chain: its store, its name and the counts.
    fn members<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let all = PyList::empty(py);
        for member in self.shared.settings.chain.iter().flat_map(|chain| &chain.members) {
            if let Some(counters) = member.counters() {
                all.append((member.store(), &member.name, increments(py, counters)?))?;
            }
        }
        Ok(all)
    }

    /// The member of a chain that has the value.
    fn member(&self, outcome: &Outcome) -> Option<&Member> {
        let Ok(Ok(reply)) = outcome else { return None };
        self.shared.settings.chain.as_ref()?.members.get(usize::try_from(reply.member?).ok()?)
    }

    fn took(&self) -> Duration {
        self.start.at.elapsed()
    }
}

/// What was counted since the previous call.
fn increments<'py>(py: Python<'py>, counters: &Counters) -> PyResult<Bound<'py, PyDict>> {
    let counts = PyDict::new(py);
    for (name, counter) in counters.all() {
        counts.set_item(name, counter.increment())?;
    }
    Ok(counts)
}

fn slug(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(Ok(reply)) => reply.outcome,
        Ok(Err(failure)) => failure.error.kind().as_str(),
        Err(Interrupted::Signal(_) | Interrupted::GivenUp) => "interrupted",
        Err(Interrupted::Runtime(error) | Interrupted::Defect(error)) => error.kind().as_str(),
    }
}

/// Who asks, according to the environment of a task. What cannot be read is not claimed.
fn claims(py: Python<'_>) -> Claims {
    let environment = py.import("os").and_then(|os| os.getattr("environ"));
    let claim = |name: &str| {
        let value = environment.as_ref().ok()?.call_method1("get", (name,)).ok()?;
        value.extract::<Option<String>>().ok()?
    };
    Claims {
        dag: claim("AIRFLOW_CTX_DAG_ID"),
        task: claim("AIRFLOW_CTX_TASK_ID"),
        run: claim("AIRFLOW_CTX_DAG_RUN_ID"),
        attempt: claim("AIRFLOW_CTX_TRY_NUMBER"),
    }
}
