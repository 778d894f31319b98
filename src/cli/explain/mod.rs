//! `strongroom explain`: one search of Airflow's from its beginning to its end, and what decided it.

mod absent;
mod ask;
mod places;
mod remedy;
mod shown;
#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;

use crate::backend::Explained;
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
}

/// A backend's part of the search.
#[derive(Debug)]
struct BackendSearch {
    /// Whose backend it is.
    component: Component,
    /// The class path.
    class: String,
    /// Where the configuration names it.
    configured: String,
    /// Who the store is asked as.
    identity: Option<String>,
    /// What it answered, or why nothing was asked; `None` if the search had ended before.
    answer: Option<LookedUp>,
    /// Why the names of a miss are not there, as far as the store tells.
    absences: Vec<Absence>,
    /// Ids in the store that are near one that is not there.
    near: Vec<String>,
    /// Why Airflow cannot use the value, if it cannot.
    unusable: Option<String>,
    /// How long the whole lookup may take, and how long a value and an absence are kept, in milliseconds;
    /// `None` for a class that is not ours.
    times: Option<[u128; 3]>,
    /// What would be in the log.
    warnings: Vec<String>,
    /// Whether the class is not ours, so that nobody here knows what it answers.
    is_foreign: bool,
    /// Whether it holds no store, so that Airflow's server is asked.
    is_left_to_the_server: bool,
}

/// The whole search.
#[derive(Debug)]
struct Search<'lookup> {
    lookup: Lookup<'lookup>,
    backends: Vec<BackendSearch>,
    variables: Vec<EnvironmentVariable>,
    /// The options that ask for a config value.
    options: Vec<NamedBy>,
    /// Whether code of tasks asks another backend for config values.
    tasks_differ: bool,
    /// Set where no backend is configured at all.
    unconfigured: Option<Error>,
}

/// Makes the calls of exactly one lookup for each backend that Airflow would reach; after a miss, stores that
/// can tell why are asked, too.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let airflow = source.airflow()?;
    let search = search(&airflow, source.component(), arguments.subject.lookup())?;
    let code = search.code();
    Ok(Report { code, ..Report::done(shown::text(&search), shown::json(&search)) })
}

fn search<'lookup>(
    airflow: &AirflowConfig,
    component: Component,
    lookup: Lookup<'lookup>,
) -> Result<Search<'lookup>> {
    let is_config = lookup.kind == Kind::Config;
    let mut search = Search {
        lookup,
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

/// Connections and variables are looked for as a task does: the workers' own backend first, where there is
/// one, and on a miss the API server asks its own. Nobody goes on from one backend to the other for a config
/// value.
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

    /// Whether Airflow is told to ask nobody else.
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

    /// Whether it is asked, and nobody here knows what it answers.
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
        // A task looks at its own environment before the API server is asked.
        by_backend || (!self.backends.is_empty() && self.variables.iter().any(|place| place.is_set))
    }

    /// The backend that answers.
    fn backend(&self) -> Option<&BackendSearch> {
        self.backends.iter().find(|asked| asked.answers())
    }

    /// The variable that answers where no backend does.
    fn variable(&self) -> Option<&EnvironmentVariable> {
        let is_reached = self.backend().is_none() && !self.backends.iter().any(BackendSearch::stops);
        self.variables.iter().find(|place| place.is_set).filter(|_| is_reached)
    }

    /// What Airflow takes before it asks a backend for a config value, where no option is left that asks.
    fn option(&self) -> Option<&str> {
        let hidden: Option<Vec<_>> = self.options.iter().map(|named| named.hidden_by.as_deref()).collect();
        hidden?.into_iter().next()
    }

    /// Whether all that is configured here leaves the answer to Airflow's server.
    fn is_left_to_the_server(&self) -> bool {
        !self.backends.is_empty() && self.backends.iter().all(|asked| asked.is_left_to_the_server)
    }

    /// The first thing that went wrong.
    fn error(&self) -> Option<&Error> {
        self.backends.iter().find_map(BackendSearch::error)
    }

    /// Whether anything that is looked into has the value.
    fn is_answered(&self) -> bool {
        self.backend().is_some() || self.variable().is_some() || self.option().is_some()
    }

    /// Found is 0 even where only a variable answers, unless a backend failed on the way. One that was not
    /// asked, since no secret can have the name, has not failed.
    fn code(&self) -> u8 {
        match self.error().map(Error::kind) {
            Some(ErrorKind::Config) => CONFIGURATION,
            None | Some(ErrorKind::InvalidName) if self.is_answered() => DONE,
            Some(_) => STORE,
            None => NO,
        }
    }
}
