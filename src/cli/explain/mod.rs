//! `strongroom explain`: a complete search as Airflow makes it, and what decided it.

mod absent;
mod ask;
mod json;
mod places;
mod remedy;
mod shown;
#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;

use crate::backend::Explained;
use crate::cli::coordinates::Coordinates;
use crate::cli::output::{CONFIGURATION, DONE, NO, Report, STORE};
use crate::cli::setup::{Source, none};
use crate::cli::subject::{LookedUp, Subject};
use crate::config::airflow::{AirflowConfig, Component, NamedBy};
use crate::error::{Error, ErrorKind, Result};
use crate::store::convention::{Kind, Lookup};

use self::absent::Absence;
use self::ask::ask;
use self::places::{EnvironmentVariable, variables};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    coordinates: Coordinates,
}

/// The part of the search in one backend.
#[derive(Debug)]
struct BackendSearch {
    /// The component whose backend it is.
    component: Component,
    /// The class path.
    class: String,
    /// Where the configuration names it.
    configured: String,
    /// The identity that the store is asked with.
    identity: Option<String>,
    /// Its answer, or why it was not asked; `None` if the search had ended before.
    answer: Option<LookedUp>,
    /// Why the names of a miss are absent, as far as the store knows.
    absences: Vec<Absence>,
    /// Ids in the store that are similar to an absent one.
    near: Vec<String>,
    /// Why Airflow cannot use the value, if it cannot.
    unusable: Option<String>,
    /// The time limit of the whole lookup, and how long a value and an absence are cached, in milliseconds;
    /// `None` for a foreign class.
    times: Option<[u128; 3]>,
    /// The warnings that would be logged.
    warnings: Vec<String>,
    /// Whether the class is foreign, so that its answer is not known here.
    is_foreign: bool,
    /// Whether Airflow's lookups ask the agent of the host, and which members of a chain it is not asked for.
    agent: Option<Vec<String>>,
    /// Whether it holds no store, so that Airflow's server is asked.
    is_left_to_the_server: bool,
}

/// The whole search.
#[derive(Debug)]
struct Search<'lookup> {
    lookup: Lookup<'lookup>,
    /// Whether references to other secrets are shown.
    coordinates: Coordinates,
    backends: Vec<BackendSearch>,
    variables: Vec<EnvironmentVariable>,
    /// The options that read a config value.
    options: Vec<NamedBy>,
    /// Whether code in tasks asks another backend for config values.
    tasks_differ: bool,
    /// Set if no backend is configured at all.
    unconfigured: Option<Error>,
}

/// Makes the calls of exactly one lookup for each backend that Airflow would reach; after a miss, stores that
/// can report a reason are asked for it.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let airflow = source.airflow()?;
    let mut search = search(&airflow, source.component(), arguments.subject.lookup())?;
    search.coordinates = arguments.coordinates;
    let code = search.code();
    Ok(Report { code, ..Report::done(shown::text(&search), json::json(&search)) })
}

fn search<'lookup>(
    airflow: &AirflowConfig,
    component: Component,
    lookup: Lookup<'lookup>,
) -> Result<Search<'lookup>> {
    let is_config = lookup.kind == Kind::Config;
    let mut search = Search {
        lookup,
        coordinates: Coordinates::default(),
        backends: Vec::new(),
        variables: variables(airflow, lookup),
        options: if is_config { airflow.named_by(lookup.id) } else { Vec::new() },
        tasks_differ: is_config && component == Component::Server && airflow.workers_differ()?,
        unconfigured: None,
    };
    for component in components(airflow, component, lookup.kind)? {
        let asked = ask(airflow, component, lookup, search.is_over())?;
        search.backends.extend(asked);
    }
    search.unconfigured = search.backends.is_empty().then(|| none(airflow));
    Ok(search)
}

/// Connections and variables are searched as in a task: first in the workers' own backend, if there is one,
/// and after a miss the API server asks its own. The search for a config value never continues from one
/// backend to the other.
fn components(airflow: &AirflowConfig, component: Component, kind: Kind) -> Result<Vec<Component>> {
    let differ = airflow.workers_differ()?;
    if kind == Kind::Config {
        return Ok(vec![if differ { component } else { Component::Server }]);
    }
    let workers = differ.then_some(Component::Worker);
    Ok(workers.into_iter().chain([Component::Server]).collect())
}

impl BackendSearch {
    /// Whether Airflow gets its value here.
    fn answers(&self) -> bool {
        self.unusable.is_none() && self.answer.as_ref().is_some_and(|answer| answer.value().is_some())
    }

    /// Whether it makes Airflow end its search.
    fn stops(&self) -> bool {
        match &self.answer {
            Some(LookedUp::Asked(Explained { outcome: Err(failure), .. })) => failure.stops_airflow,
            _ => false,
        }
    }

    /// Whether an error reaches Airflow.
    fn raises(&self) -> bool {
        matches!(&self.answer, Some(LookedUp::Asked(Explained { outcome: Err(_), .. })))
    }

    /// Whether it is asked although its answer is not known here.
    fn may_answer(&self) -> bool {
        self.is_foreign && self.answer.is_some()
    }

    fn error(&self) -> Option<&Error> {
        self.answer.as_ref()?.error()
    }
}

impl Search<'_> {
    /// Whether the backends asked so far have ended it.
    fn is_over(&self) -> bool {
        let by_backend = self.backends.iter().any(|asked| asked.answers() || asked.stops());
        // A task reads its own environment before the API server is asked.
        by_backend || (!self.backends.is_empty() && self.variables.iter().any(|place| place.is_set))
    }

    /// The backend that answers.
    fn backend(&self) -> Option<&BackendSearch> {
        self.backends.iter().find(|asked| asked.answers())
    }

    /// The variable that answers if no backend does.
    fn variable(&self) -> Option<&EnvironmentVariable> {
        let is_reached = self.backend().is_none() && !self.backends.iter().any(BackendSearch::stops);
        self.variables.iter().find(|place| place.is_set).filter(|_| is_reached)
    }

    /// What Airflow reads in place of a config value from the backend, if all options that would ask for it
    /// are set otherwise.
    fn option(&self) -> Option<&str> {
        let hidden: Option<Vec<_>> = self.options.iter().map(|named| named.hidden_by.as_deref()).collect();
        hidden?.into_iter().next()
    }

    /// Whether everything configured here leaves the answer to Airflow's server.
    fn is_left_to_the_server(&self) -> bool {
        !self.backends.is_empty() && self.backends.iter().all(|asked| asked.is_left_to_the_server)
    }

    /// The first error.
    fn error(&self) -> Option<&Error> {
        self.backends.iter().find_map(BackendSearch::error)
    }

    /// Whether any of the examined places has the value.
    fn is_answered(&self) -> bool {
        self.backend().is_some() || self.variable().is_some() || self.option().is_some()
    }

    /// A found value means 0 even if only a variable answers, unless a backend failed on the way. A backend
    /// that was not asked, because no secret can have the name, has not failed.
    fn code(&self) -> u8 {
        match self.error().map(Error::kind) {
            Some(ErrorKind::Config) => CONFIGURATION,
            None | Some(ErrorKind::InvalidName) if self.is_answered() => DONE,
            Some(_) => STORE,
            None => NO,
        }
    }
}
