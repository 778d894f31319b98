//! `strongroom explain`: one search of Airflow's from its beginning to its end, and what decided it.

mod absent;
mod places;
mod remedy;
mod shown;

use crate::backend::Explained;
use crate::cli::output::{CONFIGURATION, DONE, NO, Report, STORE};
use crate::cli::setup::{Setup, Source};
use crate::cli::subject::{Answer, Subject, look_up};
use crate::config::airflow::{AirflowConfig, Component};
use crate::error::{Error, ErrorKind, Result};
use crate::store::convention::{Kind, Lookup};
use crate::value::Dialect;
use crate::value::Text;
use crate::value::connection::parse;

use self::absent::{Absence, absences};
use self::places::{Place, variables};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: Subject,
}

/// A backend's part of the search.
#[derive(Debug)]
struct Asked {
    /// Whose backend it is.
    component: Component,
    /// The class path.
    class: String,
    /// Where the configuration names it.
    configured: String,
    /// Who the store is asked as.
    identity: Option<String>,
    /// What it answered, or why nothing was asked; `None` if the search had ended before.
    answer: Option<Answer>,
    /// Why the names of a miss are not there, as far as the store tells.
    absences: Vec<Absence>,
    /// Why Airflow cannot use the value, if it cannot.
    unusable: Option<String>,
    /// How long the whole lookup may take, and how long a value and an absence are kept, in milliseconds.
    times: [u128; 3],
    /// What would be in the log.
    warnings: Vec<String>,
}

/// The whole search.
#[derive(Debug)]
struct Search<'lookup> {
    lookup: Lookup<'lookup>,
    backends: Vec<Asked>,
    variables: Vec<Place>,
}

/// Makes the calls of exactly one lookup for each backend that Airflow would reach; after a miss, stores that can tell why
/// are asked, too.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let airflow = source.airflow()?;
    let lookup = arguments.subject.lookup();
    let mut search = Search { lookup, backends: Vec::new(), variables: variables(&airflow, lookup) };
    for component in components(&airflow)? {
        let asked = ask(&airflow, component, lookup, search.is_over())?;
        search.backends.push(asked);
    }
    let code = search.code();
    Ok(Report { code, ..Report::done(shown::text(&search), shown::json(&search)) })
}

/// The workers' own backend first, where there is one: a task asks it, and on a miss the API server asks its own.
fn components(airflow: &AirflowConfig) -> Result<Vec<Component>> {
    let mut components = Vec::new();
    if airflow.workers_differ()? {
        components.push(Component::Worker);
    }
    if airflow.chosen(Component::Server)?.is_some() || components.is_empty() {
        components.push(Component::Server);
    }
    Ok(components)
}

fn ask(airflow: &AirflowConfig, component: Component, lookup: Lookup<'_>, is_over: bool) -> Result<Asked> {
    let setup = Setup::of(airflow, component)?;
    let client = setup.open()?;
    let mut warnings = setup.warnings.clone();
    let answer = if is_over {
        None
    } else {
        let (answer, heard) = look_up(&setup, &client, airflow, lookup)?;
        warnings.extend(heard);
        Some(answer)
    };
    let absences = answer.as_ref().map_or_else(Vec::new, |answer| absences(&client, answer));
    let layers = &setup.settings.layers;
    Ok(Asked {
        component,
        class: setup.chosen.class.clone(),
        configured: setup.chosen.class_place.clone(),
        identity: client.backend.identity(),
        unusable: answer.as_ref().and_then(|answer| unusable(lookup, answer)),
        answer,
        absences,
        times: [layers.timeout, layers.cache.ttl, layers.cache.negative_ttl].map(|time| time.as_millis()),
        warnings,
    })
}

/// A connection that Airflow cannot parse, or of which it cannot make a URI, is a miss to it without a word. So is an
/// empty one.
fn unusable(lookup: Lookup<'_>, answer: &Answer) -> Option<String> {
    let value = answer.value().filter(|_| lookup.kind == Kind::Connection)?;
    if value.is_empty() {
        return Some("the secret is empty".to_owned());
    }
    let parsed = parse(&Text::from(value.expose()), Dialect::default());
    parsed.and_then(|connection| connection.get_uri()).err().map(|error| error.to_string())
}

impl Asked {
    /// Whether Airflow gets its value here.
    fn answers(&self) -> bool {
        self.unusable.is_none() && self.answer.as_ref().is_some_and(|answer| answer.value().is_some())
    }

    /// Whether Airflow is told to ask nobody else.
    fn stops(&self) -> bool {
        match &self.answer {
            Some(Answer::Asked(Explained { outcome: Err(failure), .. })) => failure.stops_airflow,
            _ => false,
        }
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
    fn backend(&self) -> Option<&Asked> {
        self.backends.iter().find(|asked| asked.answers())
    }

    /// The variable that answers where no backend does.
    fn variable(&self) -> Option<&Place> {
        let is_reached = self.backend().is_none() && !self.backends.iter().any(Asked::stops);
        self.variables.iter().find(|place| place.is_set).filter(|_| is_reached)
    }

    /// The first thing that went wrong.
    fn error(&self) -> Option<&Error> {
        self.backends.iter().find_map(Asked::error)
    }

    /// Found is 0 even where only a variable answers, unless a backend failed on the way.
    fn code(&self) -> u8 {
        match self.error() {
            Some(error) if error.kind() == ErrorKind::Config => CONFIGURATION,
            Some(_) => STORE,
            None if self.backend().is_some() || self.variable().is_some() => DONE,
            None => NO,
        }
    }
}
