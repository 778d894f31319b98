//! The hot paths, each in a form that can be repeated: `instructions.rs` counts them and
//! `criterion.rs` times.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use _native::backend::{Backend, Plan, Route, Settings, plan};
use _native::config::{RawOptions, RawValue, configure};
use _native::error::{Error, Result};
use _native::layers;
use _native::process::{Clock, Runtime};
use _native::store::SecretName;
use _native::store::convention::{Kind, Lookup};
use _native::store::environment::Environment;
use _native::store::registry::find;
use _native::value::connection::{self, Dialect};
use _native::value::fields::normalize_connection;
use _native::value::{FieldAliases, Text};

/// A URI as people write them.
const URI: &str = "postgresql://user:pass@host:5432/db?sslmode=require";
/// The same connection as the AWS console writes it.
const JSON: &str = r#"{"username": "user", "password": "pass", "engine": "postgres", "host": "host", "port": 5432, "dbname": "db"}"#;
/// The number of secrets. The maps hash with a seed that differs in each process; over so many names the
/// differences even out.
const NAMES: usize = 256;

/// A hot path.
pub(crate) struct HotPath {
    /// Its name in the baseline.
    pub(crate) name: &'static str,
    /// Runs it once.
    pub(crate) walk: Box<dyn FnMut()>,
}

/// Every hot path, ready to be run.
pub(crate) fn hot_paths() -> Result<Vec<HotPath>> {
    Ok(vec![
        path("warm lookup", warm_lookup()?),
        path("lookup through the layers", lookup_through_layers()?),
        path("cache hit", cache_hit()?),
        path("store read", store_read()?),
        path("URI, Airflow core", parse(URI, Dialect::Airflow33)),
        path("URI, Task SDK", parse(URI, Dialect::TaskSdk13)),
        path("JSON connection, normalized", normalize()),
    ])
}

fn path(name: &'static str, walk: impl FnMut() + 'static) -> HotPath {
    HotPath { name, walk: Box::new(walk) }
}

/// A lookup with a fresh answer in the cache.
fn warm_lookup() -> Result<impl FnMut()> {
    let (settings, runtime) = (settings("1h")?, Runtime::new()?);
    let backend = Backend::open(Arc::clone(&settings), Clock::System)?;
    for id in ids() {
        ask(&backend, &runtime, &id, &route(&settings, &id)?);
    }
    Ok(in_turn(ids(), move |id| {
        black_box(backend.remembered(black_box(lookup(id))));
    }))
}

/// Everything between Airflow's call and the store: runtime, deadline, cache (which keeps nothing), retries,
/// timeout.
fn lookup_through_layers() -> Result<impl FnMut()> {
    let (settings, runtime) = (settings("0")?, Runtime::new()?);
    let backend = Backend::open(Arc::clone(&settings), Clock::System)?;
    Ok(in_turn(ids(), move |id| {
        if let Ok(route) = route(&settings, id) {
            ask(&backend, &runtime, id, &route);
        }
    }))
}

fn cache_hit() -> Result<impl FnMut()> {
    let settings = settings("1h")?;
    let store = (settings.entry.open)(&settings.options, &settings.environment)?;
    let (layers, runtime) = (layers::stack(store, &settings.layers, Clock::System), Runtime::new()?);
    let cache = layers.lookups;
    let names = physical_names();
    for name in &names {
        runtime.block_on(cache.fetch(name))??;
    }
    Ok(in_turn(names, move |name| poll_once(cache.fetch(name))))
}

/// The innermost call, without everything around it.
fn store_read() -> Result<impl FnMut()> {
    let settings = settings("0")?;
    let store = (settings.entry.open)(&settings.options, &settings.environment)?;
    Ok(in_turn(physical_names(), move |name| poll_once(store.get(name))))
}

fn parse(value: &str, dialect: Dialect) -> impl FnMut() + use<> {
    let value = Text::from(value);
    move || {
        let _ = black_box(connection::parse(black_box(&value), dialect));
    }
}

fn normalize() -> impl FnMut() {
    let (value, aliases) = (Text::from(JSON), FieldAliases::new());
    move || {
        let _ = black_box(normalize_connection(black_box(&value), &aliases));
    }
}

fn ids() -> Vec<String> {
    (0..NAMES).map(|number| format!("warehouse_{number}")).collect()
}

fn physical_names() -> Vec<SecretName> {
    ids().into_iter().map(|id| SecretName::from(format!("airflow/connections/{id}"))).collect()
}

fn lookup(id: &str) -> Lookup<'_> {
    Lookup { kind: Kind::Connection, id, team: None }
}

/// The memory store with all secrets in it, and a cache of `cache_ttl`.
fn settings(cache_ttl: &str) -> Result<Arc<Settings>> {
    let entry = find("memory").ok_or_else(|| Error::internal("this build has no memory store"))?;
    let members: Vec<_> = physical_names().iter().map(|name| format!("\"{name}\": \"{URI}\"")).collect();
    let secrets = format!("{{{}}}", members.join(", "));
    let raw = [("secrets", secrets), ("cache_ttl", cache_ttl.to_owned())];
    let raw: RawOptions =
        raw.into_iter().map(|(key, value)| (key.to_owned(), RawValue::Text(value))).collect();
    Ok(configure(entry, &raw, Environment::default())?.settings)
}

fn route(settings: &Settings, id: &str) -> Result<Route> {
    match plan(settings, lookup(id), || false)? {
        Plan::Ask(route) => Ok(route),
        Plan::Skip(_) => Err(Error::internal("the lookup is not asked")),
    }
}

fn ask(backend: &Backend, runtime: &Runtime, id: &str, route: &Route) {
    let _ = black_box(runtime.block_on(backend.ask(lookup(id), route)));
}

/// Polls a future that is ready at once, without a runtime that would be measured too.
fn poll_once(future: impl Future) {
    let _ = black_box(pin!(future).poll(&mut Context::from_waker(Waker::noop())));
}

/// Calls `work` with one item after the other, again from the first after the last.
fn in_turn<T>(items: Vec<T>, mut work: impl FnMut(&T)) -> impl FnMut() {
    let mut next = 0;
    move || {
        if let Some(item) = items.get(next) {
            work(item);
        }
        next = (next + 1) % items.len();
    }
}
