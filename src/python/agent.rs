//! The agent of the host: the half of a backend that asks it, and the process that is one.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::agent::{Order, Place, Program, Reached, Remote, run_part};
use crate::backend::{AgentMode, Settings};
use crate::config::RawOptions;
use crate::error::Result;
use crate::process::{ForkCell, is_main_thread};
use crate::python::guard::guarded;
use crate::python::run::{Interrupted, check_signals};
use crate::store::environment::Environment;

/// What asks the agent, if the configuration wants one.
#[derive(Debug)]
pub(super) struct Through {
    raw: RawOptions,
    /// How an agent is started, where that is allowed.
    program: Option<Program>,
    /// Why none is started here, if that is worth a word.
    why_not: Option<&'static str>,
    remote: ForkCell<Remote>,
}

impl Through {
    /// What asks the agent of `settings`, which were read from `raw`; `None` if each process asks for itself.
    pub(super) fn new(py: Python<'_>, settings: &Settings, raw: &RawOptions) -> Option<Self> {
        let mode = &settings.agent.mode;
        if *mode == AgentMode::Off {
            return None;
        }
        let (mut program, mut why_not) = (None, None);
        if !matches!(mode, AgentMode::At(_)) && (*mode == AgentMode::Always || !lives_elsewhere(py)) {
            program = own_program(py).ok().flatten();
            why_not = program.is_none().then_some(
                "`agent` starts no agent here, because this Python runs inside another program: run \
                `strongroom agent`.",
            );
        }
        Some(Self { raw: raw.clone(), program, why_not, remote: ForkCell::new() })
    }

    /// The client of this process, if it has asked before.
    pub(super) fn existing(&self) -> Option<&Remote> {
        self.remote.get()
    }

    /// The client of this process. Call it without the GIL.
    pub(super) fn remote(&self, settings: &Arc<Settings>) -> Result<&Remote> {
        self.remote.get_or_try(|| {
            let (name, environment) = (settings.entry.info.name, &settings.environment);
            let place = Place::for_settings(&settings.agent, name, &self.raw, environment)?;
            let order = |program: &Program| (program.clone(), self.order(settings, environment));
            Ok(Remote::new(Arc::clone(settings), place, self.program.as_ref().map(order), self.why_not))
        })
    }

    fn order(&self, settings: &Settings, environment: &Environment) -> Order {
        Order::new(settings.entry.info.name, &self.raw, environment, settings.agent.idle)
    }
}

/// Lets signal handlers run where Python runs them.
pub(super) fn check() -> std::result::Result<(), Interrupted> {
    if is_main_thread() { check_signals().map_err(Interrupted::Signal) } else { Ok(()) }
}

/// What came of asking.
pub(super) type Outcome = Reached<Interrupted>;

/// Whether an agent would serve no other process, or run as a user who did not ask for it: in a pod of the
/// `KubernetesExecutor`, and in a task with `run_as_user`.
fn lives_elsewhere(py: Python<'_>) -> bool {
    let is_set = |name: &str| -> PyResult<bool> { py.import("os")?.getattr("environ")?.contains(name) };
    ["AIRFLOW_IS_K8S_EXECUTOR_POD", "SUDO_UID", "_AIRFLOW__REEXECUTED_PROCESS"]
        .into_iter()
        .any(|name| is_set(name).unwrap_or(true))
}

/// The interpreter and this module; `None` where Python is part of another program.
fn own_program(py: Python<'_>) -> PyResult<Option<Program>> {
    let sys = py.import("sys")?;
    let python: Option<PathBuf> = sys.getattr("executable")?.extract()?;
    let module = sys.getattr("modules")?.get_item("strongroom._native")?.getattr("__file__")?.extract()?;
    let is_python = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("python") || name.starts_with("pypy")
    };
    Ok(python.filter(is_python).map(|python| Program { python, module }))
}

/// A part of starting an agent, or the agent itself, with its configuration on the standard input. Returns
/// the exit code.
#[pyfunction]
pub(super) fn run_agent(py: Python<'_>, part: &str, python: PathBuf, module: PathBuf) -> PyResult<u8> {
    guarded(py, || {
        let program = Program { python, module };
        Ok(py.detach(|| u8::from(run_part(part, &program).is_err())))
    })
}
