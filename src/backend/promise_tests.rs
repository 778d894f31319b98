//! Guarantees of a complete backend, on a store whose secrets change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::{Backend, Plan, plan};
use crate::backend::Settings;
use crate::config::{RawOptions, RawValue, configure};
use crate::error::{Error, ErrorKind, Result};
use crate::process::Clock;
use crate::store::convention::{Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::registry::find;
use crate::store::{Description, Inspect, Names, Page, SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// Secrets by name, and a list of the names that were asked for.
#[derive(Default)]
struct Changing {
    secrets: Mutex<BTreeMap<String, Result<String>>>,
    asked: Mutex<Vec<String>>,
    delay: Duration,
    outage: Mutex<bool>,
}

impl std::fmt::Debug for Changing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Changing")
    }
}

impl Changing {
    fn with(ids: &[&str]) -> Self {
        let secrets = ids.iter().map(|id| (name(id), Ok(format!("value of {id}"))));
        Self { secrets: Mutex::new(secrets.collect()), ..Self::default() }
    }

    fn set(&self, name: &str, outcome: Result<&str>) {
        self.secrets.lock().unwrap().insert(name.to_owned(), outcome.map(str::to_owned));
    }

    /// The names that were asked for since the previous call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Store for Changing {
    fn info(&self) -> &StoreInfo {
        &StoreInfo { name: "changing", title: "Changing" }
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.asked.lock().unwrap().push(name.as_str().to_owned());
        tokio::time::sleep(self.delay).await;
        if *self.outage.lock().unwrap() {
            return Err(Error::new(ErrorKind::Unreachable, "down").temporary(None));
        }
        let found = self.secrets.lock().unwrap().get(name.as_str()).cloned();
        found.transpose().map(|value| value.map(SecretValue::text))
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Changing {
    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Names> {
        let names = self.secrets.lock().unwrap();
        Ok(Names::only_page(names.keys().map(String::as_str), prefix))
    }

    async fn describe(&self, _name: &SecretName) -> Result<Option<Description>> {
        Err(self.info().cannot("describe", "describe a secret"))
    }
}

fn name(id: &str) -> String {
    format!("airflow/connections/{id}")
}

struct Opened(Backend, Arc<Settings>);

fn open(store: &Arc<Changing>, clock: &Clock, kwargs: &[(&str, &str)]) -> Opened {
    let words = kwargs.iter().map(|(key, value)| ((*key).to_owned(), RawValue::Text((*value).to_owned())));
    let raw: RawOptions = words.collect();
    let settings = configure(find("memory").unwrap(), &raw, Environment::default()).unwrap().settings;
    Opened(Backend::on(store.clone(), Arc::clone(&settings), clock.clone()), settings)
}

impl Opened {
    async fn ask(&self, id: &str, team: Option<&str>) -> Result<Option<String>, ErrorKind> {
        let lookup = Lookup { kind: Kind::Connection, id, team };
        let text = |value: Option<SecretValue>| value.map(|value| value.expose().to_owned());
        if let Some(reply) = self.0.remembered(lookup) {
            return Ok(text(reply.value));
        }
        let Plan::Ask(names) = plan(&self.1, lookup, || true).unwrap() else { return Ok(None) };
        let outcome = self.0.ask(lookup, &names).await;
        outcome.map(|reply| text(reply.value)).map_err(|failure| failure.error.kind())
    }
}

#[tokio::test]
async fn a_prefetch_leaves_the_secrets_of_teams_alone_and_those_that_no_lookup_reaches() {
    let store = Arc::new(Changing::with(&["prod_a", "dev_b", "blue--prod_c"]));
    let kwargs = [("prefetch", r#"["*"]"#), ("connections_lookup_pattern", "prod_|blue")];
    let backend = open(&store, &Clock::manual(), &kwargs);
    backend.ask("prod_a", Some("green")).await.unwrap();
    assert_eq!(store.asked(), [name("prod_a"), name("green--prod_a")]);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_that_runs_out_of_time_keeps_what_it_has_read() {
    let ids: Vec<String> = (0..24).map(|number| format!("n{number:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let store = Arc::new(Changing { delay: Duration::from_millis(400), ..Changing::with(&ids) });
    let backend = open(&store, &Clock::System, &[("prefetch", r#"["n*"]"#), ("timeout", "2")]);
    backend.ask("n00", None).await.unwrap();
    store.asked();
    backend.ask("n01", None).await.unwrap();
    assert_eq!(store.asked(), [""; 0]);
}

#[tokio::test]
async fn without_a_cache_nothing_is_prefetched() {
    let store = Arc::new(Changing::with(&["a", "b"]));
    let backend = open(&store, &Clock::manual(), &[("prefetch", r#"["a", "b"]"#), ("cache_ttl", "0")]);
    backend.ask("a", None).await.unwrap();
    assert_eq!(store.asked(), [name("a")]);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_stops_when_the_store_refuses_everything() {
    let ids: Vec<String> = (0..1000).map(|number| format!("n{number}")).collect();
    let store = Arc::new(Changing::default());
    for id in &ids {
        store.set(&name(id), Err(Error::new(ErrorKind::Unauthenticated, "no")));
    }
    let backend = open(&store, &Clock::System, &[("prefetch", r#"["n*"]"#)]);
    backend.ask("other", None).await.unwrap();
    assert_eq!(store.asked().len(), 64 + 1);
}

#[tokio::test]
async fn what_the_cache_has_dropped_is_not_repeated() {
    for outcome in [Err(Error::new(ErrorKind::Denied, "no")), Ok("new")] {
        let store = Arc::new(Changing::with(&["db", "a", "b"]));
        let backend = open(&store, &Clock::manual(), &[("cache_max_entries", "2")]);
        for id in ["db", "a", "b"] {
            backend.ask(id, None).await.unwrap();
        }
        store.set(&name("db"), outcome);
        let of_team = backend.ask("db", Some("blue")).await;
        assert_eq!(backend.ask("db", None).await, of_team);
        assert_ne!(of_team, Ok(Some("value of db".to_owned())));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_bridged_for_teams_and_with_an_absent_bundle() {
    for (kwargs, team) in [(&[][..], Some("blue")), (&[("bundle", "all")][..], None)] {
        let (store, clock) = (Arc::new(Changing::with(&["db"])), Clock::manual());
        let backend = open(&store, &clock, kwargs);
        let expected = Ok(Some("value of db".to_owned()));
        assert_eq!(backend.ask("db", team).await, expected);
        assert_eq!(backend.ask("none", team).await, Ok(None));
        *store.outage.lock().unwrap() = true;
        for seconds in [20, 70, 500] {
            clock.advance(Duration::from_secs(seconds));
            assert_eq!(backend.ask("db", team).await, expected, "{seconds}");
        }
        // That a secret was absent earlier does not mean that it still is.
        assert_eq!(backend.ask("none", team).await, Err(ErrorKind::Unreachable));
    }
}

#[tokio::test]
async fn a_bundle_leaves_nothing_behind() {
    for (ttl, expected) in [("60", Err(ErrorKind::Denied)), ("0", Err(ErrorKind::Denied))] {
        let (store, clock) = (Arc::new(Changing::default()), Clock::manual());
        store.set("all", Ok(r#"{"db": "secret"}"#));
        let backend = open(&store, &clock, &[("bundle", "all"), ("cache_ttl", ttl)]);
        assert_eq!(backend.ask("db", None).await, Ok(Some("secret".to_owned())));
        assert_eq!(format!("{:?}", backend.0).contains("\"db\""), ttl == "60");
        store.set("all", Err(Error::new(ErrorKind::Denied, "no")));
        clock.advance(Duration::from_secs(61));
        assert_eq!(backend.ask("db", None).await, expected);
        assert!(!format!("{:?}", backend.0).contains("\"db\""));
    }
}

/// Google's answer for a name on which this identity has no role, whether or not the secret exists.
fn denied() -> Result<&'static str> {
    Err(Error::new(ErrorKind::Denied, "no").as_upstream_absence())
}

#[tokio::test]
async fn a_possible_absence_continues_with_the_shared_name_and_is_not_remembered() {
    for policy in ["official", "miss"] {
        let store = Arc::new(Changing::with(&["db"]));
        store.set(&name("blue--db"), denied());
        store.set(&name("blue--none"), denied());
        let backend = open(&store, &Clock::manual(), &[("on_error", policy)]);
        assert_eq!(backend.ask("db", Some("blue")).await, Ok(Some("value of db".to_owned())));
        assert_eq!(backend.ask("none", Some("blue")).await, Ok(None));
        assert_eq!(
            store.asked(),
            [name("blue--db"), name("db"), name("blue--none"), name("none")],
            "{policy}"
        );
        // The role was granted: no earlier answer prevents the read.
        store.set(&name("blue--db"), Ok("of the team"));
        store.set(&name("blue--none"), Ok("of the team, too"));
        assert_eq!(backend.ask("db", Some("blue")).await, Ok(Some("of the team".to_owned())));
        assert_eq!(backend.ask("none", Some("blue")).await, Ok(Some("of the team, too".to_owned())));
    }
}

#[tokio::test]
async fn a_denial_is_reported_if_the_shared_name_is_absent_too() {
    let store = Arc::new(Changing::default());
    store.set(&name("blue--db"), denied());
    let backend = open(&store, &Clock::manual(), &[]);
    let lookup = Lookup { kind: Kind::Connection, id: "db", team: Some("blue") };
    let Plan::Ask(names) = plan(&backend.1, lookup, || true).unwrap() else { panic!() };
    let explained = backend.0.explain(lookup, &names).await;
    assert_eq!(explained.error.unwrap().kind(), ErrorKind::Denied);
    assert_eq!(explained.outcome.unwrap().outcome, "denied");
    assert_eq!(explained.steps.iter().map(|step| step.outcome).collect::<Vec<_>>(), ["denied", "absent"]);
}

#[tokio::test]
async fn a_possible_absence_ends_the_search_where_errors_count() {
    for policy in ["raise", "deny", "stop"] {
        let store = Arc::new(Changing::with(&["db"]));
        store.set(&name("blue--db"), denied());
        let backend = open(&store, &Clock::manual(), &[("on_error", policy)]);
        assert_eq!(backend.ask("db", Some("blue")).await, Err(ErrorKind::Denied), "{policy}");
        assert_eq!(store.asked(), [name("blue--db")]);
    }
}

#[tokio::test]
async fn an_error_of_the_shared_name_is_an_error_whatever_came_before() {
    let store = Arc::new(Changing::default());
    store.set(&name("blue--db"), denied());
    store.set(&name("db"), Err(Error::new(ErrorKind::Malformed, "disabled")));
    let backend = open(&store, &Clock::manual(), &[]);
    assert_eq!(backend.ask("db", Some("blue")).await, Err(ErrorKind::Malformed));
}
