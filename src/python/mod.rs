//! The boundary to Python: kwargs in; values, exceptions and log records out. The only folder with PyO3.
//!
//! Every entry point takes the same four steps: read the arguments, release the GIL, drive the lookup on the
//! calling thread, and translate the outcome for Python. No panic crosses: each becomes an `InternalError`.

mod agent;
mod asked;
mod backend;
mod connection;
mod convert;
mod error;
mod foreign;
mod guard;
mod kwargs;
mod later;
mod log;
mod masking;
mod passed_over;
mod registry;
mod run;
mod stores_file;
mod watch;

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::backend::chain::{CHAIN, FOREIGN};
use crate::backend::closing;
use crate::config::options_of;
use crate::layers::{Counters, LATENCY_BOUNDS};
use crate::store::StoreEntry;
use crate::store::options::{OptionKind, OptionSpec};
use crate::store::registry::STORES;

/// The native half of the `strongroom` package.
#[pymodule(gil_used = true)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::agent::run_agent;
    #[pymodule_export]
    use super::backend::Backend;
    #[pymodule_export]
    use super::chain;
    #[pymodule_export]
    use super::connection::{build_connection_uri, parse_connection};
    #[pymodule_export]
    use super::later::{Begun, Ended, drive};
    #[pymodule_export]
    use super::masking::{Masks, keep_masks, masking_changed};
    #[cfg(feature = "cli")]
    #[pymodule_export]
    use super::run_command_line;
    #[pymodule_export]
    use super::stats;
    #[pymodule_export]
    use super::stores;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::set_up(module)
    }
}

fn set_up(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // Before anything exists that a fork must not interrupt.
    crate::process::install_fork_handlers();
    guard::silence_panics();
    log::install();
    foreign::install();
    kwargs::prepare(module.py());
    masking::prepare(module.py())?;
    let at_exit = wrap_pyfunction!(close_stores, module)?;
    module.py().import("atexit")?.call_method1("register", (at_exit,))?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}

/// Ends the sessions of this process.
#[pyfunction]
fn close_stores(py: Python<'_>) -> PyResult<()> {
    guard::guarded(py, || {
        let open = closing::all_open();
        py.detach(|| run::close(open));
        Ok(())
    })
}

/// The stores of this build: `name`, `title`, `python_class` and the `options` of each.
#[pyfunction]
fn stores(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    STORES.iter().map(|entry| describe(py, entry)).collect()
}

fn describe<'py>(py: Python<'py>, entry: &StoreEntry) -> PyResult<Bound<'py, PyDict>> {
    let store = PyDict::new(py);
    store.set_item("name", entry.info.name)?;
    store.set_item("title", entry.info.title)?;
    store.set_item("python_class", entry.python_class)?;
    let options: PyResult<Vec<_>> = options_of(entry).map(|spec| describe_option(py, spec)).collect();
    store.set_item("options", options?)?;
    Ok(store)
}

fn describe_option<'py>(py: Python<'py>, spec: &OptionSpec) -> PyResult<Bound<'py, PyDict>> {
    let option = PyDict::new(py);
    option.set_item("key", spec.key)?;
    option.set_item("kind", spec.kind.as_str())?;
    option.set_item("default", spec.default.to_string())?;
    option.set_item("secret", spec.kind.is_secret())?;
    option.set_item("doc", spec.doc)?;
    let OptionKind::Ignored(why) = spec.kind else { return Ok(option) };
    option.set_item("why_ignored", why)?;
    Ok(option)
}

/// The options of a chain of stores, like those of a store.
#[pyfunction]
fn chain(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    describe(py, &CHAIN)
}

/// What this process counted, by the registry name of each store.
#[pyfunction]
fn stats(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let all = PyDict::new(py);
    for entry in STORES {
        all.set_item(entry.info.name, with_members(py, entry.info.name)?)?;
    }
    // Classes of other packages are no store of this build, and are there as members only.
    if Counters::of_members(FOREIGN.info.name).next().is_some() {
        all.set_item(FOREIGN.info.name, with_members(py, FOREIGN.info.name)?)?;
    }
    Ok(all)
}

/// The sum for a store, and what each member of a chain has of it.
fn with_members<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
    let own = STORES.iter().any(|entry| entry.info.name == name).then(|| Counters::of(name));
    let members: Vec<_> = Counters::of_members(name).collect();
    let parts: Vec<_> = own.into_iter().chain(members.iter().map(|(_, counters)| *counters)).collect();
    let store = counted(py, &parts)?;
    if !members.is_empty() {
        let by_name = PyDict::new(py);
        for (member, counters) in members {
            by_name.set_item(member, counted(py, &[counters])?)?;
        }
        store.set_item("members", by_name)?;
    }
    Ok(store)
}

fn counted<'py>(py: Python<'py>, parts: &[&Counters]) -> PyResult<Bound<'py, PyDict>> {
    let store = PyDict::new(py);
    let mut counts: Vec<(&str, u64)> = Vec::new();
    let (mut buckets, mut sum) = (vec![0; LATENCY_BOUNDS.len() + 1], Duration::ZERO);
    for counters in parts {
        for (place, (name, counter)) in counters.all().enumerate() {
            match counts.get_mut(place) {
                Some((_, count)) => *count += counter.get(),
                None => counts.push((name, counter.get())),
            }
        }
        let (own, took) = counters.latency();
        buckets.iter_mut().zip(own).for_each(|(all, own): (&mut u64, u64)| *all += own);
        sum += took;
    }
    for (name, count) in counts {
        store.set_item(name, count)?;
    }
    let latency = PyDict::new(py);
    latency.set_item("bounds", LATENCY_BOUNDS.map(|bound| bound.as_secs_f64()))?;
    latency.set_item("counts", buckets)?;
    latency.set_item("sum", sum.as_secs_f64())?;
    store.set_item("latency", latency)?;
    Ok(store)
}

/// Runs the command line with `arguments` (the program's name first) and returns its exit code.
#[cfg(feature = "cli")]
#[pyfunction]
fn run_command_line(py: Python<'_>, arguments: Vec<String>) -> PyResult<u8> {
    guard::guarded(py, || Ok(py.detach(|| crate::cli::run(arguments))))
}
