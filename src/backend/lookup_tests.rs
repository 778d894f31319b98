//! Lookups on a store with scripted answers.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::agent::AgentSettings;
use crate::backend::bundle::BundleNames;
use crate::backend::lookup::Backend;
use crate::backend::on_error::OnError;
use crate::backend::pattern::Patterns;
use crate::backend::plan::Route;
use crate::backend::prefetch::Prefetch;
use crate::backend::reply::Reply;
use crate::backend::settings::Settings;
use crate::backend::telemetry::Metrics;
use crate::error::{Error, ErrorKind};
use crate::layers::LayerSettings;
use crate::layers::testing::{Act, Scripted};
use crate::process::Clock;
use crate::store::SecretName;
use crate::store::convention::{Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::store::registry::find;

const LOOKUP: Lookup<'static> = Lookup { kind: Kind::Connection, id: "db", team: None };

fn backend(store: &Arc<Scripted>, on_error: OnError, clock: &Clock) -> Backend {
    let (entry, options) = (find("memory").unwrap(), Options::default());
    let settings = Settings {
        references: crate::backend::ReferenceSettings::default(),
        writes: crate::backend::WriteSettings::default(),
        is_alone: true,
        entry,
        convention: (entry.convention)(&options).unwrap(),
        patterns: Patterns::from_options(&options),
        on_error,
        log_misses: false,
        layers: LayerSettings::default(),
        routing: Arc::default(),
        chain: None,
        bundles: BundleNames::default(),
        prefetch: Prefetch::default(),
        audit: None,
        metrics: Metrics::Off,
        agent: AgentSettings::from_options(&Options::default()).unwrap(),
        options,
        environment: Environment::default(),
    };
    Backend::on(store.clone(), Arc::new(settings), clock.clone())
}

fn names(names: &[&str]) -> Route {
    Route::from(names.iter().map(|name| SecretName::from(*name)).collect::<Vec<_>>())
}

fn text(reply: Reply) -> Option<String> {
    Some(reply.value?.expose().to_owned())
}

#[tokio::test]
async fn the_first_existing_name_answers_and_the_answer_is_remembered() {
    let store = Arc::new(Scripted::new(vec![Act::Absent, Act::Value("global")]));
    let (clock, lookup) = (Clock::manual(), Lookup { team: Some("t"), ..LOOKUP });
    let backend = backend(&store, OnError::Official, &clock);
    assert!(backend.remembered(lookup).is_none());
    let names = names(&["p/t--db", "p/db"]);
    assert_eq!(text(backend.ask(lookup, &names).await.unwrap()).as_deref(), Some("global"));
    assert_eq!(store.names(), ["p/t--db", "p/db"]);
    assert_eq!(text(backend.remembered(lookup).unwrap()).as_deref(), Some("global"));
    assert!(backend.remembered(LOOKUP).is_none());
    // The absent name of the team becomes doubtful first.
    clock.advance(Duration::from_secs(15));
    assert!(backend.remembered(lookup).is_none());
}

#[tokio::test]
async fn an_error_on_the_teams_name_is_never_answered_by_the_global_one() {
    let denied = Error::new(ErrorKind::Denied, "no");
    let store = Arc::new(Scripted::new(vec![Act::Error(denied), Act::Value("global")]));
    let backend = backend(&store, OnError::Official, &Clock::manual());
    let failure = backend.ask(LOOKUP, &names(&["p/t--db", "p/db"])).await.unwrap_err();
    assert_eq!((failure.error.kind(), store.calls()), (ErrorKind::Denied, 1));
    assert!(backend.remembered(LOOKUP).is_none());
}

#[cfg(feature = "google")]
#[tokio::test]
async fn a_bundle_answers_for_names_that_the_store_cannot_have() {
    use crate::config::{RawOptions, RawValue, configure};
    let none = || Act::Error(Error::new(ErrorKind::InvalidName, "no name").as_upstream_miss());
    for (prefix, separator) in [("airflow-connections", "-"), ("", "")] {
        let kwargs = [("connections_prefix", prefix), ("sep", separator), ("bundle", "all")];
        let text_of = |(key, value): (&str, &str)| (key.to_owned(), RawValue::Text(value.to_owned()));
        let raw: RawOptions = kwargs.into_iter().map(text_of).collect();
        let entry = find("google_secret_manager").unwrap();
        let settings = configure(entry, &raw, Environment::default()).unwrap().settings;
        let bundle = r#"{"a.b": "shared", "t--c.d": "of the team", "c.d": "shared"}"#;
        let store = Arc::new(Scripted::new(vec![Act::Value(bundle), none(), none()]));
        let backend = Backend::on(store.clone(), settings, Clock::manual());
        for (id, expected) in [("c.d", Some("of the team")), ("a.b", Some("shared")), ("e.f", None)] {
            let lookup = Lookup { kind: Kind::Connection, id, team: Some("t") };
            let names = Route::from(backend.settings.convention.names(lookup).into_names());
            assert_eq!(text(backend.ask(lookup, &names).await.unwrap()).as_deref(), expected, "{id}");
        }
    }
}

#[tokio::test]
async fn what_the_official_class_considers_a_miss_is_never_remembered_as_one() {
    let pending_deletion = Error::new(ErrorKind::Malformed, "scheduled for deletion").as_upstream_miss();
    let store = Arc::new(Scripted::new(vec![Act::Error(pending_deletion), Act::Value("back")]));
    let backend = backend(&store, OnError::Official, &Clock::manual());
    assert_eq!(text(backend.ask(LOOKUP, &names(&["p/db"])).await.unwrap()), None);
    assert_eq!(text(backend.ask(LOOKUP, &names(&["p/db"])).await.unwrap()).as_deref(), Some("back"));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_ends_with_the_deadline() {
    let store = Arc::new(Scripted::hanging());
    let backend = backend(&store, OnError::Stop, &Clock::System);
    let start = tokio::time::Instant::now();
    let failure = backend.ask(LOOKUP, &names(&["p/db"])).await.unwrap_err();
    assert!(failure.stops_airflow);
    assert_eq!(failure.error.kind(), ErrorKind::Timeout);
    assert!(start.elapsed() <= Duration::from_secs(11), "{:?}", start.elapsed());
}
