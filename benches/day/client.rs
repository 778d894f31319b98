//! The compared classes, as used in one process.

use std::sync::Arc;

use _native::backend::{Backend, Plan, Settings, plan};
use _native::config::{RawOptions, RawValue, configure};
use _native::process::Clock;
use _native::store::convention::Lookup;
use _native::store::environment::Environment;

use crate::agent::{Agent, Asking};
use crate::official::{self, Official};
use crate::server::Server;
use crate::tally::{End, Part};
use crate::{Outcome, store};

/// A class and how it is configured.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) label: &'static str,
    how: How,
}

#[derive(Debug)]
enum How {
    /// The official class, with so many attempts.
    Official(u32),
    /// Ours, with these options.
    Ours(Words),
    /// Ours, with one agent for all processes.
    Agent(Words),
    /// Ours, in the processes of Airflow's server, which the others ask.
    OnTheServer(Words),
}

type Words = &'static [(&'static str, &'static str)];

const BUNDLE: &str = r#"{"connections": "bundles/connections", "variables": "bundles/variables"}"#;
/// Twenty names, so that one request reads them.
const PREFETCH: &str = r#"{"variables": ["environment", "v0", "v1", "v2", "v3", "v4", "v6", "v7", "v8", "v9"],
    "connections": ["c0", "c1", "c2", "c3", "c4", "c6", "c7", "c8", "c9", "c10"]}"#;

const TEN_MINUTES: Words = &[("cache_ttl", "10m"), ("cache_negative_ttl", "10m")];

/// The effect of one option shows where attempts alone do not carry a process over a rush.
const THREE: (&str, &str) = ("max_attempts", "3");

pub(crate) const VARIANTS: [&Variant; 11] = [
    &Variant { label: "official class", how: How::Official(official::STANDARD) },
    &Variant { label: "official class, legacy retries", how: How::Official(official::LEGACY) },
    &Variant { label: "Strongroom, `max_attempts: 3`", how: How::Ours(&[THREE]) },
    &Variant { label: "Strongroom, defaults", how: How::Ours(&[]) },
    &Variant { label: "Strongroom, `rate_limit: 1/s`", how: How::Ours(&[THREE, ("rate_limit", "1/s")]) },
    &Variant { label: "Strongroom, `bundle`", how: How::Ours(&[THREE, ("bundle", BUNDLE)]) },
    &Variant { label: "Strongroom, `prefetch`", how: How::Ours(&[THREE, ("prefetch", PREFETCH)]) },
    &Variant { label: "Strongroom, `agent`", how: How::Agent(&[]) },
    &Variant { label: "Strongroom, `agent`, ttls of 10 minutes", how: How::Agent(TEN_MINUTES) },
    &Variant { label: "Strongroom on the server", how: How::OnTheServer(&[]) },
    &Variant { label: "Strongroom on the server, ttls of 10 minutes", how: How::OnTheServer(TEN_MINUTES) },
];

/// A configured variant.
#[derive(Clone, Debug)]
pub(crate) enum Class {
    Official(u32),
    Ours(Arc<Settings>),
    Agent(Agent),
    /// One backend for each part of Airflow: the API server asks for its tasks, the manager of the DAG
    /// processor for its files.
    OnTheServer(Arc<Settings>, [Arc<Backend>; Part::ALL.len()]),
}

/// The class in one process, which starts with an empty cache.
#[derive(Debug)]
pub(crate) enum Client {
    Official(Official),
    Ours(Arc<Backend>, Arc<Settings>),
    Agent(Asking),
}

impl Class {
    /// Configures a variant. Call it within the day.
    pub(crate) fn of(variant: &Variant, server: &Arc<Server>) -> Outcome<Self> {
        Ok(match variant.how {
            How::Official(attempts) => Self::Official(attempts),
            How::Ours(words) => Self::Ours(settings(words)?),
            How::Agent(words) => Self::Agent(Agent::start(settings(words)?, server)?),
            How::OnTheServer(words) => {
                let settings = settings(words)?;
                let mut backends = Vec::new();
                for part in Part::ALL {
                    backends.push(backend(&settings, server, part)?);
                }
                Self::OnTheServer(settings, backends.try_into().map_err(|_| "a part is missing")?)
            }
        })
    }

    /// A new process.
    pub(crate) fn process(&self, server: &Arc<Server>, part: Part) -> Outcome<Client> {
        match self {
            Self::Official(attempts) => {
                Ok(Client::Official(Official::new(Arc::clone(server), part, *attempts)))
            }
            Self::Ours(settings) => Ok(Client::Ours(backend(settings, server, part)?, Arc::clone(settings))),
            Self::Agent(agent) => Ok(Client::Agent(agent.process())),
            Self::OnTheServer(settings, backends) => {
                Ok(Client::Ours(Arc::clone(&backends[part as usize]), Arc::clone(settings)))
            }
        }
    }
}

fn settings(words: Words) -> Outcome<Arc<Settings>> {
    let words = words.iter().map(|(key, value)| ((*key).to_owned(), RawValue::Text((*value).to_owned())));
    let raw: RawOptions = words.collect();
    Ok(configure(&store::ENTRY, &raw, Environment::default())?.settings)
}

/// The backend of a new process.
fn backend(settings: &Arc<Settings>, server: &Arc<Server>, part: Part) -> Outcome<Arc<Backend>> {
    store::prepare(server, part);
    Ok(Arc::new(Backend::open(Arc::clone(settings), Clock::tokio())?))
}

impl Client {
    /// Looks up as the getters of the Python classes do.
    pub(crate) async fn look_up(&self, lookup: Lookup<'_>) -> Outcome<End> {
        match self {
            Self::Official(client) => {
                Ok(if client.look_up(lookup.id).await { End::Answered } else { End::Failed })
            }
            Self::Ours(backend, settings) => ask(backend, settings, lookup).await,
            Self::Agent(asking) => asking.look_up(lookup).await,
        }
    }
}

/// As `src/python/backend.rs`: memory, plan, store.
async fn ask(backend: &Backend, settings: &Settings, lookup: Lookup<'_>) -> Outcome<End> {
    if backend.remembered(lookup).is_some() {
        return Ok(End::Answered);
    }
    let Plan::Ask(names) = plan(settings, lookup, || false)? else {
        return Err("the plan leaves out what the store is asked for".into());
    };
    Ok(match backend.ask(lookup, &names).await {
        Ok(reply) if reply.outcome == "stale" => End::Stale,
        Ok(_) => End::Answered,
        Err(_) => End::Failed,
    })
}
