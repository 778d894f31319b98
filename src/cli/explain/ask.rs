//! The part of the search in one backend.

use crate::backend::{AgentMode, Explained, settle};
use crate::cli::explain::BackendSearch;
use crate::cli::explain::absent::absences;
use crate::cli::near::{near_class, near_ids};
use crate::cli::setup::{Client, Setup, entry_of};
use crate::cli::subject::{LookedUp, look_up, route};
use crate::config::airflow::{AirflowConfig, Chosen, Component};
use crate::error::{Error, Result};
use crate::store::convention::{Kind, Lookup};
use crate::value::connection::parse;
use crate::value::{Dialect, Text};

/// Why a foreign backend is not examined.
pub(super) const FOREIGN: &str = "this is not a class that Strongroom knows";

/// Why a backend without a store is not examined.
const NO_STORE: &str = "it holds no store and answers None by design, so that Airflow's server is asked";

/// Asks the backend of `component`, unless the search is over; `None` if none is configured.
pub(super) fn ask(
    airflow: &AirflowConfig,
    component: Component,
    lookup: Lookup<'_>,
    is_over: bool,
) -> Result<Option<BackendSearch>> {
    let Some(chosen) = airflow.chosen(component)? else { return Ok(None) };
    if chosen.leaves_it_to_the_server() {
        return Ok(Some(left_to_the_server(component, &chosen, is_over)));
    }
    if entry_of(&chosen.class).is_err() {
        return Ok(Some(foreign(component, &chosen, is_over)));
    }
    let setup = Setup::from_chosen(chosen)?;
    let unasked = unasked(component, &setup.chosen, None);
    let mut search = BackendSearch {
        times: cached_for(&setup),
        agent: left_out_of_the_agent(&setup),
        warnings: setup.warnings.clone(),
        class: setup.chosen.class.clone(),
        ..unasked
    };
    let client = setup.open();
    search.identity = client.as_ref().ok().and_then(|client| client.backend.identity());
    match client {
        _ if is_over => {}
        Err(error) => search.answer = Some(unopened(&setup, airflow, lookup, &error)),
        Ok(client) => asked(&mut search, &setup, &client, airflow, lookup)?,
    }
    search.unusable = search.answer.as_ref().and_then(|answer| unusable(lookup, answer));
    Ok(Some(search))
}

/// Asks the store, and adds what explains an absence.
fn asked(
    search: &mut BackendSearch,
    setup: &Setup,
    client: &Client,
    airflow: &AirflowConfig,
    lookup: Lookup<'_>,
) -> Result<()> {
    let (answer, heard) = look_up(setup, client, airflow, lookup)?;
    search.warnings.extend(heard);
    search.absences = absences(client, &answer);
    if is_missing(&answer) {
        search.near = near_ids(setup, client, lookup);
    }
    search.answer = Some(answer);
    Ok(())
}

/// The deadline of a lookup and the times of the cache, in milliseconds. It is not known what the processes
/// of another class cache.
fn cached_for(setup: &Setup) -> Option<[u128; 3]> {
    let layers = &setup.settings.layers;
    (setup.chosen.class == setup.entry.python_class)
        .then(|| [layers.timeout, layers.cache.ttl, layers.cache.negative_ttl].map(|time| time.as_millis()))
}

/// Whether the store was asked and answered that there is no such secret.
fn is_missing(answer: &LookedUp) -> bool {
    matches!(answer, LookedUp::Asked(Explained { outcome: Ok(_), error: None, .. }))
        && answer.value().is_none()
}

/// A backend whose answer is not known here.
fn foreign(component: Component, chosen: &Chosen, is_over: bool) -> BackendSearch {
    let meant = near_class(&chosen.class).map(|near| format!(". Did you mean `{near}`?")).unwrap_or_default();
    let unasked = unasked(component, chosen, (!is_over).then(|| format!("{FOREIGN}{meant}")));
    BackendSearch { is_foreign: true, ..unasked }
}

/// The class that holds no store: it answers None, and there is nothing to be found out here.
fn left_to_the_server(component: Component, chosen: &Chosen, is_over: bool) -> BackendSearch {
    let unasked = unasked(component, chosen, (!is_over).then(|| NO_STORE.to_owned()));
    BackendSearch { is_left_to_the_server: true, ..unasked }
}

fn unasked(component: Component, chosen: &Chosen, reason: Option<String>) -> BackendSearch {
    BackendSearch {
        component,
        class: chosen.shown_class(),
        configured: chosen.class_place.clone(),
        identity: None,
        answer: reason.map(LookedUp::NotAsked),
        absences: Vec::new(),
        near: Vec::new(),
        unusable: None,
        times: None,
        warnings: Vec::new(),
        is_foreign: false,
        agent: None,
        is_left_to_the_server: false,
    }
}

/// The members that each process asks itself, if lookups ask the agent for the others.
fn left_out_of_the_agent(setup: &Setup) -> Option<Vec<String>> {
    if setup.settings.agent.mode == AgentMode::Off {
        return None;
    }
    let members = setup.settings.chain.iter().flat_map(|chain| &chain.members);
    Some(members.filter(|member| member.is_foreign()).map(|member| member.name.clone()).collect())
}

/// The outcome of a lookup if the client cannot be built, such as without a region: the error policy applies
/// as usual.
fn unopened(setup: &Setup, airflow: &AirflowConfig, lookup: Lookup<'_>, error: &Error) -> LookedUp {
    match route(setup, airflow, lookup) {
        Err(unasked) => unasked.into(),
        Ok(route) => {
            let outcome = settle(setup.settings.on_error, lookup, Some(&route), error.clone(), |_| ());
            LookedUp::Asked(Explained {
                outcome,
                error: Some(error.clone()),
                steps: Vec::new(),
                members: Vec::new(),
            })
        }
    }
}

/// A connection that Airflow cannot parse, or cannot convert to a URI, is silently treated as a miss, and so
/// is an empty one.
fn unusable(lookup: Lookup<'_>, answer: &LookedUp) -> Option<String> {
    let value = answer.value().filter(|_| lookup.kind == Kind::Connection)?;
    if value.is_empty() {
        return Some("the secret is empty".to_owned());
    }
    let parsed = parse(&Text::from(value.expose()), Dialect::default());
    parsed.and_then(|connection| connection.get_uri()).err().map(|error| error.to_string())
}
