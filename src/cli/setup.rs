//! From Airflow's configuration to a backend that can be asked.

use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::chain::CHAIN;
use crate::backend::{Backend, Settings};
use crate::cli::heard;
use crate::cli::near::near_class;
use crate::config::airflow::{AirflowConfig, Chosen, Component, SERVER_CLASS, shown_class};
use crate::config::{Configured, Kwargs, configure_from, with_stores_file};
use crate::error::{Error, ErrorKind, Result};
use crate::process::{Clock, Runtime, no_fork};
use crate::store::StoreEntry;
use crate::store::environment::Environment;
use crate::store::registry::STORES;

/// The configuration that a command uses.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Source {
    /// The airflow.cfg to read, in place of that in `AIRFLOW_CONFIG` or `AIRFLOW_HOME`. Variables still go
    /// before it.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Take the backend of tasks, where `[workers] secrets_backend` names one of their own, and else that of
    /// `[secrets]`.
    #[arg(long)]
    pub(super) workers: bool,
}

impl Source {
    /// Reads Airflow's configuration.
    pub(super) fn airflow(&self) -> Result<AirflowConfig> {
        AirflowConfig::of_process(self.config.as_deref())
    }

    /// The component whose backend is meant.
    pub(super) fn component(&self) -> Component {
        if self.workers { Component::Worker } else { Component::Server }
    }
}

/// A configured backend, before anything is built.
#[derive(Debug)]
pub(super) struct Setup {
    /// The written configuration.
    pub(super) chosen: Chosen,
    /// The store of this build.
    pub(super) entry: &'static StoreEntry,
    /// The interpreted options.
    pub(super) settings: Arc<Settings>,
    /// What the user should know about the options.
    pub(super) warnings: Vec<String>,
}

impl Setup {
    /// The backend that `source` names.
    pub(super) fn read(source: &Source) -> Result<Self> {
        Self::of(&source.airflow()?, source.component())
    }

    /// The backend of `component`.
    pub(super) fn of(airflow: &AirflowConfig, component: Component) -> Result<Self> {
        let chosen = airflow.chosen(component)?.ok_or_else(|| none(airflow))?;
        Self::from_chosen(chosen)
    }

    /// The backend of a written configuration.
    pub(super) fn from_chosen(chosen: Chosen) -> Result<Self> {
        let entry = entry_of(&chosen.class)?;
        let unread = unread(&chosen);
        let kwargs = if unread.is_some() { Kwargs::Unread } else { Kwargs::Read };
        // Logged for the case of a later error; a successful command shows its own list of warnings.
        log(unread.as_slice());
        // The warnings that the constructor of the Python class would log.
        let environment = Environment::of_process();
        let options = with_stores_file(entry, &chosen.options, &environment)?;
        let (configured, mut warnings) =
            heard::listen(|| configure_from(entry, &options, environment, kwargs));
        let Configured { settings, warnings: more } = configured?;
        // Every command fails with the faults that a lookup would fail with.
        let plays_no_part = |key: &str| (entry.rules.plays_no_part)(&settings.options, key);
        settings.options.check_faults(plays_no_part).map_err(|fault| fault.with_store(entry.info.name))?;
        warnings.extend(more);
        log(&warnings);
        warnings.extend(unread);
        Ok(Self { chosen, entry, settings, warnings })
    }

    /// Builds the client. Makes no call.
    pub(super) fn open(&self) -> Result<Client> {
        let held = no_fork();
        let runtime = Runtime::new()?;
        let backend = Backend::open(Arc::clone(&self.settings), Clock::System)?;
        drop(held);
        Ok(Client { runtime, backend })
    }

    /// The members of a chain that can be asked, each with its name and as a backend of its own.
    pub(super) fn members(&self) -> Vec<(String, Self)> {
        let members = self.settings.chain.iter().flat_map(|chain| &chain.members);
        let own = members.filter_map(|member| {
            let settings = Arc::clone(member.settings.as_ref().ok()?);
            let (chosen, entry, warnings) = (self.chosen.clone(), settings.entry, Vec::new());
            Some((member.name.clone(), Self { chosen, entry, settings, warnings }))
        });
        own.collect()
    }

    /// For commands that look at one store: an error for a chain.
    pub(super) fn of_one_store(self, command: &str) -> Result<Self> {
        if self.settings.chain.is_none() {
            return Ok(self);
        }
        let message = format!("`strongroom {command}` looks at a single store, and the backend is a chain");
        Err(Error::config(message).with_hint(
            "Give it an airflow.cfg that names the class and the options of one of the stores: --config FILE",
        ))
    }

    /// The lines for the standard error.
    pub(super) fn warned(&self) -> Vec<String> {
        self.warnings.iter().map(|warning| format!("warning: {warning}")).collect()
    }
}

/// A running backend, and the runtime that drives it.
#[derive(Debug)]
pub(super) struct Client {
    runtime: Runtime,
    /// The backend.
    pub(super) backend: Backend,
}

impl Client {
    /// Runs `future` to its end; returns the warnings that it logged as well.
    pub(super) fn run<F: Future>(&self, future: F) -> Result<(F::Output, Vec<String>)> {
        let (output, heard) = heard::listen(|| self.runtime.block_on(future));
        Ok((output?, heard))
    }
}

/// Ends the sessions that the command began.
impl Drop for Client {
    fn drop(&mut self) {
        // Best effort: the outcome of the command is known.
        let _ = self.runtime.block_on(self.backend.close());
    }
}

/// Several stores in one backend.
static OF_CHAINS: StoreEntry = CHAIN;

/// The store for a class path: our own class, or the official one that it replaces.
pub(super) fn entry_of(class: &str) -> Result<&'static StoreEntry> {
    let is_meant =
        |entry: &&StoreEntry| entry.python_class == class || entry.tools.official_class == Some(class);
    STORES.iter().chain([&OF_CHAINS]).find(is_meant).ok_or_else(|| {
        if class == SERVER_CLASS {
            return without_store();
        }
        let known: Vec<_> = STORES.iter().map(|entry| entry.python_class).collect();
        let meant = near_class(class).map(|near| format!("Did you mean `{near}`? ")).unwrap_or_default();
        Error::config(format!("this build does not know the backend `{}`", shown_class(class))).with_hint(
            format!("{meant}It knows {}, and the official classes whose place they take", known.join(", ")),
        )
    })
}

/// The class that holds no store has nothing that could be asked, listed or measured.
fn without_store() -> Error {
    let message = format!("`{SERVER_CLASS}` holds no store: Airflow's server asks its own backend");
    Error::config(message).with_hint(
        "Run this where the API server runs, without --workers; for DAG files at the DAG processor, for \
        triggers at the triggerer",
    )
}

/// No backend is configured.
pub(super) fn none(airflow: &AirflowConfig) -> Error {
    let file = airflow.file().display();
    let state = if airflow.has_file() { "sets none" } else { "is not there" };
    Error::new(
        ErrorKind::Config,
        format!("no secrets backend is configured: AIRFLOW__SECRETS__BACKEND is not set, and {file} {state}"),
    )
    .with_hint(
        "Set AIRFLOW__SECRETS__BACKEND, AIRFLOW_HOME, AIRFLOW_CONFIG or --config, as the Airflow \
        in question has them",
    )
}

fn log(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// The fault that Airflow itself reports in a single line of its log.
fn unread(chosen: &Chosen) -> Option<String> {
    let place = chosen.kwargs_place.as_deref()?;
    let problem = chosen.unread.as_deref()?;
    Some(format!("{place} {problem}, so Airflow passes no kwargs and the defaults apply"))
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;

    #[test]
    fn our_classes_and_the_official_ones_are_known() {
        for entry in STORES {
            assert_eq!(entry_of(entry.python_class).unwrap().info.name, entry.info.name);
            if let Some(official) = entry.tools.official_class {
                assert_eq!(entry_of(official).unwrap().info.name, entry.info.name);
            }
        }
        let error = entry_of("a.B").unwrap_err().to_string();
        assert!(
            error.starts_with("this build does not know the backend `a.B`. It knows strongroom."),
            "{error}"
        );
        for secret in
            ["postgres://u:canary@h", "hvs.canary", "s.canary", "eyJhbGciOiJIUzI1NiJ9.canary.canary"]
        {
            let error = entry_of(secret).unwrap_err().to_string();
            assert!(error.contains("(not shown: no class path)"), "{error}");
        }
    }

    #[test]
    fn without_a_backend_the_place_is_named() {
        let airflow =
            AirflowConfig::read([("AIRFLOW_HOME".to_owned(), "/nonexistent".to_owned())], None).unwrap();
        let error = Setup::of(&airflow, Component::Server).unwrap_err();
        insta::assert_snapshot!(error, @"no secrets backend is configured: AIRFLOW__SECRETS__BACKEND is not \
        set, and /nonexistent/airflow.cfg is not there. Set AIRFLOW__SECRETS__BACKEND, AIRFLOW_HOME, \
        AIRFLOW_CONFIG or --config, as the Airflow in question has them");
    }
}
