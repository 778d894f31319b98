//! The native half of every backend class.

use std::fmt::Display;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::agent::Reached;
use crate::backend::chain::entry_of;
use crate::backend::{Held, Plan, Reply, Route, misses, plan, plan_odd};
use crate::error::Error;
use crate::python::asked::{Asked, team};
use crate::python::connection::{fields_to_python, parse};
use crate::python::convert::secret_to_python;
use crate::python::error::to_python;
use crate::python::guard::{guarded, unless_raised_by_handler};
use crate::python::later::{self, Begun, Inquiry, Recipient, is_under_way};
use crate::python::registry::{self, Shared};
use crate::python::run::{Interrupted, block_on, runtime};
use crate::python::stores_file::{Current, FromFile};
use crate::python::watch::{Outcome, Start, Watch};
use crate::python::{kwargs, log, masking, passed_over, stores_file};
use crate::redact::Quoted;
use crate::store::convention::{Kind, Lookup, OddId};

/// A handle on the shared client and cache of one configuration.
///
/// Holds no credential of its own, has no `__dict__` and cannot be pickled.
#[pyclass(frozen, module = "strongroom._native")]
pub(super) struct Backend(Source);

/// Where the configuration is.
enum Source {
    /// In the kwargs.
    Fixed(Handle),
    /// In a file that may change.
    File(Arc<FromFile>),
}

/// One configuration, and the logger of the class.
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) logger: String,
}

#[pymethods]
impl Backend {
    /// `store` is a registry name, `logger` the name of the Python logger, `options` the user's kwargs.
    #[new]
    fn new(py: Python<'_>, store: &str, logger: String, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        guarded(py, || {
            let entry = entry_of(store).ok_or_else(|| {
                to_python(py, &Error::config(format!("this build has no store `{store}`")), false)
            })?;
            let raw = kwargs::read_kwargs(options, entry)?;
            let environment = kwargs::read_environment(py)?;
            if let Some(file) = stores_file::open(py, entry, &raw, &environment, &logger)? {
                return Ok(Self(Source::File(file)));
            }
            // A signal handler may raise within the callback, which cannot return a `PyErr`; it is raised
            // afterwards.
            let mut interrupted = Ok(());
            let unread = || unread_kwargs(options, &mut interrupted);
            let shared = registry::share(py, entry, raw, environment, unread);
            // Before the result: the handler's exception outweighs an error that it may have caused.
            interrupted?;
            let (shared, warnings) =
                shared.map_err(|error| to_python(py, &error.with_store(entry.info.name), false))?;
            if !warnings.is_empty() {
                log::warn(py, &logger, warnings)?;
            }
            Ok(Self(Source::Fixed(Handle { shared, logger })))
        })
    }

    /// The connection's URI or JSON, or None.
    #[pyo3(signature = (conn_id, team_name=None))]
    fn get_conn_value(
        &self,
        py: Python<'_>,
        conn_id: &Bound<'_, PyAny>,
        team_name: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        self.get(py, Kind::Connection, conn_id, team_name)
    }

    /// The variable's value, or None.
    #[pyo3(signature = (key, team_name=None))]
    fn get_variable(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        team_name: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        self.get(py, Kind::Variable, key, team_name)
    }

    /// The configuration option's value, or None.
    fn get_config(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.get(py, Kind::Config, key, None)
    }

    /// `(True, value)` if the answer is known and fresh, else `(False, None)`; never waits.
    #[pyo3(signature = (kind, id, team_name=None))]
    fn remembered(
        &self,
        py: Python<'_>,
        kind: &str,
        id: &Bound<'_, PyAny>,
        team_name: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(bool, Py<PyAny>)> {
        guarded(py, || {
            let (asked, team, handle) = (Asked::read(id)?, team(team_name)?, self.current());
            let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind && asked.odd.is_none());
            let known = kind.and_then(|kind| {
                let lookup = Lookup { kind, id: &asked.text, team: team.as_deref() };
                Some((lookup, handle.known(lookup)?))
            });
            match known {
                Some((lookup, reply)) => {
                    hide(py, &handle.shared, lookup, &reply)?;
                    Ok((true, secret_to_python(py, reply.value.as_ref())?))
                }
                None => Ok((false, py.None())),
            }
        })
    }

    /// Like a lookup, but without waiting: `(True, value, _)` from memory, else `(False, None, begun)`.
    /// `deliver` is called with the end of the lookup, within `context`, on the thread that calls `drive`.
    fn begin(
        &self,
        py: Python<'_>,
        kind: &str,
        id: &Bound<'_, PyAny>,
        team_name: Option<&Bound<'_, PyAny>>,
        context: Py<PyAny>,
        deliver: Py<PyAny>,
    ) -> PyResult<(bool, Py<PyAny>, Option<Begun>)> {
        guarded(py, || {
            // The package's own Python code passes only known kinds.
            let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).unwrap_or(Kind::Variable);
            let recipient = Recipient { context, deliver: Some(deliver) };
            let (asked, team) = (Asked::read(id)?, team(team_name)?);
            let lookup = Lookup { kind, id: &asked.text, team: team.as_deref() };
            self.renewed(py)?.begin_lookup(py, lookup, asked.odd, recipient)
        })
    }

    /// The arguments of Airflow's `Connection` for a value. Logs a warning once a minute about what Airflow
    /// will not be able to use, since Airflow itself silently treats it as a miss.
    fn connection_fields<'py>(
        &self,
        py: Python<'py>,
        conn_id: &Bound<'py, PyAny>,
        value: &Bound<'py, PyString>,
        dialect: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        guarded(py, || {
            let conn_id = &Asked::read(conn_id)?.text;
            let connection = match parse(py, value, dialect) {
                Ok(connection) => connection,
                Err(error) => return self.current().warn_of(py, conn_id, &error).and(Err(error)),
            };
            // `get_uri` can fail for fields that could be read.
            if let Err(error) = connection.get_uri() {
                self.current().warn_of(py, conn_id, &error)?;
            }
            fields_to_python(py, &connection)
        })
    }

    /// Makes the next lookup ask the store: for `id` in every kind, or for everything. Does not wait.
    #[pyo3(signature = (id=None, team_name=None))]
    fn refresh(&self, py: Python<'_>, id: Option<&str>, team_name: Option<&str>) -> PyResult<()> {
        guarded(py, || {
            let handle = self.current();
            py.detach(|| handle.shared.refresh(id, team_name));
            Ok(())
        })
    }

    fn __repr__(&self) -> String {
        format!("<strongroom backend of {}>", self.current().shared.settings.entry.info.name)
    }
}

impl Backend {
    /// The configuration that was last read.
    fn current(&self) -> Current<'_> {
        match &self.0 {
            Source::Fixed(handle) => Current::Fixed(handle),
            Source::File(file) => Current::Read(file.current()),
        }
    }

    /// The present configuration, for a lookup that memory does not answer.
    fn renewed(&self, py: Python<'_>) -> PyResult<Current<'_>> {
        match &self.0 {
            Source::Fixed(handle) => Ok(Current::Fixed(handle)),
            Source::File(file) => file.renewed(py).map(Current::Read),
        }
    }

    fn get(
        &self,
        py: Python<'_>,
        kind: Kind,
        id: &Bound<'_, PyAny>,
        team_name: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        guarded(py, || {
            let (asked, team) = (Asked::read(id)?, team(team_name)?);
            let lookup = Lookup { kind, id: &asked.text, team: team.as_deref() };
            let handle = self.current();
            if asked.odd.is_none()
                && let Some(reply) = handle.known(lookup)
            {
                hide(py, &handle.shared, lookup, &reply)?;
                return secret_to_python(py, reply.value.as_ref());
            }
            let (handle, mut interrupted) = (self.renewed(py)?, Ok(()));
            let found = handle.look_up(py, lookup, || handle.plan(py, lookup, asked.odd, &mut interrupted));
            interrupted.and(found)
        })
    }
}

impl Handle {
    /// What can be answered at once. A lookup to record (in the audit file, or as a logged miss) takes the
    /// longer way.
    fn known(&self, lookup: Lookup<'_>) -> Option<Reply> {
        let settings = &self.shared.settings;
        if settings.audit.is_some() {
            return None;
        }
        let known = self.shared.remembered(lookup)?;
        (known.value.is_some() || !settings.log_misses).then_some(known)
    }

    fn plan(
        &self,
        py: Python<'_>,
        lookup: Lookup<'_>,
        odd: Option<OddId>,
        interrupted: &mut PyResult<()>,
    ) -> Planned {
        let mut known = None;
        let teams =
            || *known.insert(multi_team(py).unwrap_or_else(|error| ambiguous(py, error, interrupted)));
        let plan = match odd {
            None => plan(&self.shared.settings, lookup, teams),
            Some(odd) => plan_odd(&self.shared.settings, lookup, odd, teams),
        };
        Planned { plan, teams: known }
    }

    /// Answers from memory, or begins. A lookup for the audit file is always answered on the other thread.
    fn begin_lookup(
        &self,
        py: Python<'_>,
        lookup: Lookup<'_>,
        odd: Option<OddId>,
        recipient: Recipient,
    ) -> PyResult<(bool, Py<PyAny>, Option<Begun>)> {
        let mut interrupted = Ok(());
        // Planned on the calling thread, since it may ask Airflow for `multi_team`.
        let planned = self.plan(py, lookup, odd, &mut interrupted);
        interrupted?;
        let teams = planned.teams;
        let Ok(Plan::Ask(route)) = planned.plan else {
            // It asks no store, so it does not block.
            return Ok((true, self.look_up(py, lookup, || planned)?, None));
        };
        // Without a runtime the driving thread could not even report that there is none.
        if let Err(error) = py.detach(runtime) {
            return Err(to_python(py, &error, false));
        }
        let open = |recipient| {
            later::begin(
                Inquiry::new(py, &self.shared, &self.logger, lookup, teams),
                route.clone(),
                recipient,
            )
        };
        let start = Start::now(py, &self.shared);
        let (held, records) = log::collect(|| self.held(lookup, &route));
        let Some(held) = held else { return Ok((false, py.None(), Some(open(recipient)))) };
        let refresh = held.is_due.then(|| open(Recipient { deliver: None, ..recipient }));
        let watch = Watch { shared: &self.shared, lookup, start: &start, is_asked: true };
        Ok((true, finish(py, &self.logger, watch, Ok(Ok(held.reply)), &records)?, refresh))
    }

    fn held(&self, lookup: Lookup<'_>, route: &Route) -> Option<Held> {
        if self.shared.settings.audit.is_some() {
            return None;
        }
        let held = self.shared.existing()?.held(lookup, route, is_under_way(&self.shared, lookup))?;
        (held.reply.value.is_some() || !self.shared.settings.log_misses).then_some(held)
    }

    /// A lookup that is not in memory: plan, release the GIL, ask, log, mask.
    fn look_up(
        &self,
        py: Python<'_>,
        lookup: Lookup<'_>,
        plan: impl FnOnce() -> Planned,
    ) -> PyResult<Py<PyAny>> {
        let start = Start::now(py, &self.shared);
        let watch = Watch { shared: &self.shared, lookup, start: &start, is_asked: true };
        let (outcome, records) = log::collect(|| {
            let plan = plan();
            py.detach(|| watch.record(self.ask(lookup, plan)))
        });
        finish(py, &self.logger, watch, outcome, &records)
    }

    fn ask(&self, lookup: Lookup<'_>, planned: Planned) -> Outcome {
        if !self.shared.settings.log_misses {
            return self.carry_out(lookup, planned);
        }
        let plan = planned.plan.as_ref().ok().cloned();
        let outcome = self.carry_out(lookup, planned);
        if let Ok(Ok(reply)) = &outcome {
            misses::say(&self.shared.settings, lookup, plan.as_ref(), reply);
        }
        outcome
    }

    fn carry_out(&self, lookup: Lookup<'_>, planned: Planned) -> Outcome {
        let route = match planned.plan {
            Ok(Plan::Skip(skipped)) => return Ok(Ok(self.shared.skip(lookup, &skipped))),
            Ok(Plan::Ask(route)) => route,
            Err(error) => return Ok(self.shared.settle(lookup, error)),
        };
        match self.shared.reach(lookup, &route, planned.teams) {
            Reached::Settled(outcome) => return Ok(outcome),
            Reached::Interrupted(interrupted) => return Err(interrupted),
            Reached::Direct => {}
        }
        match self.shared.backend() {
            // A lookup for the audit file did not stop at what is in memory.
            Ok(backend) => match backend.remembered(lookup) {
                Some(reply) => Ok(Ok(reply)),
                None => block_on(backend.ask(lookup, &route)),
            },
            Err(error) => Ok(self.shared.settle(lookup, error)),
        }
    }

    fn warn_of(&self, py: Python<'_>, conn_id: &str, error: &dyn Display) -> PyResult<()> {
        let lookup = Lookup { kind: Kind::Connection, id: conn_id, team: None };
        if py.detach(|| self.shared.warning_is_due(lookup)) {
            let text = format!(
                "Connection {}: {error}. Airflow takes this for a miss and asks its next backend.",
                Quoted(conn_id)
            );
            log::warn(py, &self.logger, vec![text])?;
        }
        Ok(())
    }
}

/// The plan of a lookup, and whether Airflow has teams, if the plan had to know.
struct Planned {
    plan: crate::error::Result<Plan>,
    teams: Option<bool>,
}

/// What remains of a lookup that has ended: log, count, mask, answer.
pub(super) fn finish(
    py: Python<'_>,
    logger: &str,
    watch: Watch<'_>,
    outcome: Outcome,
    records: &log::Records,
) -> PyResult<Py<PyAny>> {
    // A signal that arrived meanwhile is handled here, before any code that swallows errors.
    py.check_signals()?;
    log::emit(py, logger, records)?;
    watch.publish(py, &outcome)?;
    match outcome {
        Ok(Ok(reply)) => {
            hide(py, watch.shared, watch.lookup, &reply)?;
            secret_to_python(py, reply.value.as_ref())
        }
        Ok(Err(failure)) if failure.stops_airflow && passed_over::happens(py, watch.lookup)? => {
            passed_over::say(py, logger, watch.lookup, &failure.error, records)?;
            Ok(py.None())
        }
        Ok(Err(failure)) => Err(to_python(py, &failure.error, failure.stops_airflow)),
        Err(Interrupted::Signal(exception)) => Err(exception),
        Err(Interrupted::Runtime(error) | Interrupted::Defect(error)) => Err(to_python(py, &error, false)),
        // There is no caller that waits for this.
        Err(Interrupted::GivenUp) => Ok(py.None()),
    }
}

/// Passes the value to the log maskers, unless they and the supervisor know it from an earlier lookup.
fn hide(py: Python<'_>, shared: &Shared, lookup: Lookup<'_>, reply: &Reply) -> PyResult<()> {
    let Some(value) = &reply.value else { return Ok(()) };
    if reply.masked == masking::stamp(py) {
        return masking::report_kept(py);
    }
    // What came out of other secrets is secret, whatever it is called here.
    let of_secret = Lookup { kind: Kind::Config, ..lookup };
    for part in value.resolved() {
        if masking::register(py, of_secret, part)?.is_none() {
            return masking::register(py, lookup, value).map(drop);
        }
    }
    if let Some(stamp) = masking::register(py, lookup, value)? {
        shared.note_masked(lookup, value, stamp);
    }
    Ok(())
}

/// `[core] multi_team`, read only for ids that need it.
fn multi_team(py: Python<'_>) -> PyResult<bool> {
    py.import("strongroom._airflow")?.call_method0("multi_team")?.extract()
}

/// Where the setting cannot be read, the id counts as ambiguous; what a signal handler raised is kept.
fn ambiguous(py: Python<'_>, error: PyErr, interrupted: &mut PyResult<()>) -> bool {
    *interrupted = unless_raised_by_handler(py, Err(error));
    true
}

/// Warns if Airflow could not read the kwargs and passed none. Does nothing if that cannot be determined;
/// what a signal handler raised meanwhile is kept, and ends the constructor.
fn unread_kwargs(
    options: &Bound<'_, PyDict>,
    interrupted: &mut PyResult<()>,
) -> crate::error::Result<Vec<String>> {
    let py = options.py();
    let said = py
        .import("strongroom._airflow")
        .and_then(|module| module.call_method1("unread_kwargs", (options.keys(),))?.extract());
    let Err(error) = said else { return Ok(said.unwrap_or_default()) };
    *interrupted = unless_raised_by_handler(py, Err(error));
    if interrupted.is_ok() { Ok(Vec::new()) } else { Err(Error::internal("the constructor was interrupted")) }
}
