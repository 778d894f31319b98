//! The compared classes, as used in one process.

use std::sync::Arc;

use _native::backend::{Backend, Plan, Settings, plan};
use _native::config::{RawOptions, RawValue, configure};
use _native::process::Clock;
use _native::store::convention::Lookup;
use _native::store::environment::Environment;

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
    Ours(&'static [(&'static str, &'static str)]),
}

const BUNDLE: &str = r#"{"connections": "bundles/connections", "variables": "bundles/variables"}"#;
/// Twenty names, so that one request reads them.
const PREFETCH: &str = r#"{"variables": ["environment", "v0", "v1", "v2", "v3", "v4", "v6", "v7", "v8", "v9"],
    "connections": ["c0", "c1", "c2", "c3", "c4", "c6", "c7", "c8", "c9", "c10"]}"#;

/// The effect of one option shows where attempts alone do not carry a process over a rush.
const THREE: (&str, &str) = ("max_attempts", "3");

pub(crate) const VARIANTS: [&Variant; 7] = [
    &Variant { label: "official class", how: How::Official(official::STANDARD) },
    &Variant { label: "official class, legacy retries", how: How::Official(official::LEGACY) },
    &Variant { label: "Strongroom, `max_attempts: 3`", how: How::Ours(&[THREE]) },
    &Variant { label: "Strongroom, defaults", how: How::Ours(&[]) },
    &Variant { label: "Strongroom, `rate_limit: 1/s`", how: How::Ours(&[THREE, ("rate_limit", "1/s")]) },
    &Variant { label: "Strongroom, `bundle`", how: How::Ours(&[THREE, ("bundle", BUNDLE)]) },
    &Variant { label: "Strongroom, `prefetch`", how: How::Ours(&[THREE, ("prefetch", PREFETCH)]) },
];

/// A configured variant.
#[derive(Clone, Debug)]
pub(crate) enum Class {
    Official(u32),
    Ours(Arc<Settings>),
}

/// The class in one process, which starts with an empty cache.
#[derive(Debug)]
pub(crate) enum Client {
    Official(Official),
    Ours(Box<Backend>, Arc<Settings>),
}

impl Class {
    /// Configures a variant.
    pub(crate) fn of(variant: &Variant) -> Outcome<Self> {
        let options = match variant.how {
            How::Official(attempts) => return Ok(Self::Official(attempts)),
            How::Ours(options) => options,
        };
        let words =
            options.iter().map(|(key, value)| ((*key).to_owned(), RawValue::Text((*value).to_owned())));
        let raw: RawOptions = words.collect();
        Ok(Self::Ours(configure(&store::ENTRY, &raw, Environment::default())?.settings))
    }

    /// A new process.
    pub(crate) fn process(&self, server: &Arc<Server>, part: Part) -> Outcome<Client> {
        match self {
            Self::Official(attempts) => {
                Ok(Client::Official(Official::new(Arc::clone(server), part, *attempts)))
            }
            Self::Ours(settings) => {
                store::prepare(server, part);
                let backend = Backend::open(Arc::clone(settings), Clock::tokio())?;
                Ok(Client::Ours(Box::new(backend), Arc::clone(settings)))
            }
        }
    }
}

impl Client {
    /// Looks up as the getters of the Python classes do.
    pub(crate) async fn look_up(&self, lookup: Lookup<'_>) -> Outcome<End> {
        match self {
            Self::Official(client) => {
                Ok(if client.look_up(lookup.id).await { End::Answered } else { End::Failed })
            }
            Self::Ours(backend, settings) => ask(backend, settings, lookup).await,
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
