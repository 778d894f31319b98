//! References in stores that note what they are asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;

use crate::backend::chain::{ChainSettings, Member, Routing};
use crate::backend::lookup::Backend;
use crate::backend::on_error::{Failure, OnError};
use crate::backend::plan::{Plan, plan};
use crate::backend::reply::{Explained, Reply};
use crate::backend::settings::Settings;
use crate::config::{RawOptions, RawValue, configure};
use crate::error::{Error, ErrorKind, Result};
use crate::process::Clock;
use crate::store::convention::{Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::registry::find;
use crate::store::{SecretName, Store, StoreInfo};
use crate::value::SecretValue;

const ALL: &str = r#"[{"name": ".*"}]"#;
const CONNECTION: Lookup<'static> = Lookup { kind: Kind::Connection, id: "c", team: None };
const VARIABLE: Lookup<'static> = Lookup { kind: Kind::Variable, id: "v", team: None };

/// Secrets by name, and the names that were asked for.
#[derive(Debug, Default)]
struct Noting {
    secrets: Mutex<HashMap<String, String>>,
    asked: Mutex<Vec<String>>,
}

impl Noting {
    fn new(secrets: &[(&str, &str)]) -> Arc<Self> {
        let store = Arc::new(Self::default());
        for (name, text) in secrets {
            store.put(name, text);
        }
        store
    }

    fn put(&self, name: &str, text: &str) {
        self.secrets.lock().unwrap().insert(name.to_owned(), text.to_owned());
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Store for Noting {
    fn info(&self) -> &StoreInfo {
        &StoreInfo { name: "noting", title: "Noting" }
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.asked.lock().unwrap().push(name.as_str().to_owned());
        let found = self.secrets.lock().unwrap().get(name.as_str()).cloned();
        match found.as_deref() {
            Some("denied") => Err(Error::new(ErrorKind::Denied, "no")),
            Some("outage") => Err(Error::new(ErrorKind::Unreachable, "away").temporary(None)),
            Some("hangs") => std::future::pending().await,
            found => Ok(found.map(SecretValue::text)),
        }
    }
}

fn settings(kwargs: &[(&str, &str)]) -> Result<Arc<Settings>> {
    let text_of = |(key, value): &(&str, &str)| ((*key).to_owned(), RawValue::Text((*value).to_owned()));
    let raw: RawOptions = kwargs.iter().map(text_of).collect();
    Ok(configure(find("memory").unwrap(), &raw, Environment::default())?.settings)
}

/// One store, and what a lookup of it needs.
struct Alone {
    store: Arc<Noting>,
    settings: Arc<Settings>,
    backend: Backend,
    clock: Clock,
}

impl Alone {
    fn new(secrets: &[(&str, &str)], kwargs: &[(&str, &str)]) -> Self {
        let kwargs = [&[("max_attempts", "1")], kwargs].concat();
        let (store, settings, clock) = (Noting::new(secrets), settings(&kwargs).unwrap(), Clock::manual());
        let backend = Backend::on(Arc::clone(&store) as _, Arc::clone(&settings), clock.clone());
        Self { store, settings, backend, clock }
    }

    async fn ask(&self, lookup: Lookup<'_>) -> Result<Reply, Failure> {
        ask(&self.settings, &self.backend, lookup, false).await
    }

    async fn text(&self, lookup: Lookup<'_>) -> String {
        self.ask(lookup).await.unwrap().value.unwrap().expose().to_owned()
    }

    async fn error(&self, lookup: Lookup<'_>) -> Error {
        self.ask(lookup).await.unwrap_err().error
    }
}

async fn ask(whole: &Settings, backend: &Backend, lookup: Lookup<'_>, teams: bool) -> Result<Reply, Failure> {
    match plan(whole, lookup, || teams).unwrap() {
        Plan::Ask(route) => backend.ask(lookup, &route).await,
        Plan::Skip(skipped) => Ok(Reply::none(skipped.outcome())),
    }
}

/// A member of a chain: its name, its store, its options.
type Part<'a> = (&'a str, &'a Arc<Noting>, &'a [(&'a str, &'a str)]);

/// A chain of such stores: name, store, options.
fn chain(members: &[Part<'_>], teams: &[Option<&[&str]>]) -> (Arc<Settings>, Backend) {
    let clock = Clock::manual();
    let of = |(number, (name, _, kwargs)): (usize, &Part<'_>)| {
        // Members are not checked on their own: their references lead to each other.
        let kwargs: Vec<_> = kwargs.iter().filter(|(key, _)| *key != "default").copied().collect();
        let text_of = |(key, value): &(&str, &str)| ((*key).to_owned(), RawValue::Text((*value).to_owned()));
        let raw: RawOptions = kwargs.iter().map(text_of).collect();
        let entry = find("memory").unwrap();
        let configured = crate::config::configure_part(entry, &raw, Environment::default()).unwrap();
        let mut settings = configured.settings;
        let teams = teams.get(number).copied().flatten();
        let teams = teams.map(|teams| teams.iter().map(|team| Some((*team).to_owned())).collect());
        let routing = Arc::new(Routing { teams, ..Routing::default() });
        let inner = Arc::get_mut(&mut settings).unwrap();
        (inner.is_alone, inner.routing) = (false, Arc::clone(&routing));
        let is_default = members[number].2.iter().any(|(key, _)| *key == "default");
        Member {
            name: (*name).to_owned(),
            routing,
            is_default,
            on_error: OnError::Official,
            settings: Ok(settings),
        }
    };
    let members_of = members.iter().enumerate().map(of).collect();
    let mut whole = settings(&[]).unwrap();
    let chain = Arc::new(ChainSettings { members: members_of });
    Arc::get_mut(&mut whole).unwrap().chain = Some(Arc::clone(&chain));
    let backend = Backend::on(Noting::new(&[]) as _, Arc::clone(&whole), clock.clone());
    for (index, (member, (_, store, _))) in chain.members.iter().zip(members).enumerate() {
        let (_, running) = backend.chain.as_ref().unwrap().member(index).unwrap();
        let settings = Arc::clone(member.settings.as_ref().unwrap());
        running.put(Backend::on(Arc::clone(store) as _, settings, clock.clone()));
    }
    (whole, backend)
}

#[tokio::test]
async fn each_secret_is_read_once_however_often_it_is_referred_to_and_by_the_name_as_written() {
    let arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db/prod-AbCdEf";
    let json = format!(
        r#"{{"conn_type": "x", "login": "secret_coordinate::{arn}#user", "password": "secret_coordinate::{arn}#password",
            "extra": {{"a": ["secret_coordinate::plain_name"], "b": {{"c": "secret_coordinate::{arn}#password"}}}}}}"#
    );
    let secrets = [
        ("airflow/connections/c", json.as_str()),
        (arn, r#"{"user": "u", "password": "p\"@"}"#),
        ("plain_name", "plain"),
    ];
    for ttl in ["60", "0"] {
        let alone = Alone::new(&secrets, &[("references", ALL), ("cache_ttl", ttl)]);
        let expected = r#"{"conn_type": "x", "login": "u", "password": "p\"@", "extra": {"a": ["plain"], "b": {"c": "p\"@"}}}"#;
        assert_eq!(alone.text(CONNECTION).await, expected);
        assert_eq!(alone.store.asked(), ["airflow/connections/c", arn, "plain_name"]);
        let value = alone.ask(CONNECTION).await.unwrap().value.unwrap();
        let mut parts: Vec<_> = value.resolved().iter().map(SecretValue::expose).collect();
        parts.sort_unstable();
        parts.dedup();
        assert_eq!(parts, ["p\"@", "plain", "u"]);
        assert_eq!(alone.store.asked().len(), if ttl == "0" { 3 } else { 0 });
        assert_eq!(alone.backend.remembered(CONNECTION).is_some(), ttl != "0");
    }
}

#[tokio::test]
async fn a_whole_value_and_a_uri_are_resolved() {
    let alone = Alone::new(
        &[
            ("airflow/connections/c", "secret_coordinate::warehouse"),
            (
                "warehouse",
                "pg://u:secret_coordinate::db/prod#pw@h:5/d?x=secret_coordinate%3A%3Adb%2Fprod%23n",
            ),
            ("db/prod", r#"{"pw": "a/b@", "n": 5}"#),
            ("airflow/variables/v", "secret_coordinate::db/prod#n\n"),
            ("airflow/config/v", "pg://u:secret_coordinate::db/prod#pw@h/d"),
        ],
        &[("references", ALL)],
    );
    assert_eq!(alone.text(CONNECTION).await, "pg://u:a%2Fb%40@h:5/d?x=5");
    assert_eq!(alone.store.asked(), ["airflow/connections/c", "warehouse", "db/prod"]);
    let variable = alone.ask(VARIABLE).await.unwrap().value.unwrap();
    assert_eq!((variable.expose(), variable.is_structured()), ("5", true));
    assert_eq!(alone.text(Lookup { kind: Kind::Config, ..VARIABLE }).await, "pg://u:a%2Fb%40@h/d");
}

#[tokio::test]
async fn without_leave_a_reference_is_an_error_that_names_it_and_asks_nothing() {
    let connection = r#"{"password": "secret_coordinate::db/prod#pw", "login": "canary"}"#;
    let secrets = [("airflow/connections/c", connection), ("db/prod", r#"{"pw": "canary"}"#)];
    for (kwargs, what) in [
        (&[][..], "allows none"),
        (&[("references", "[]")][..], "allows none"),
        (&[("references", r#"[{"name": "dbs/"}]"#)], "does not allow `db/prod` of `memory`"),
    ] {
        let alone = Alone::new(&secrets, kwargs);
        let error = alone.error(CONNECTION).await;
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        assert!(text.contains("the reference `secret_coordinate::db/prod#pw` in `password`: "), "{text}");
        assert!(text.contains(what) && !text.contains("canary"), "{text}");
        assert_eq!(alone.store.asked(), ["airflow/connections/c"]);
        assert!(alone.backend.remembered(CONNECTION).is_none());
    }
    // A text that only mentions one is nothing special.
    let alone = Alone::new(&[("airflow/variables/v", "see secret_coordinate::x")], &[]);
    assert_eq!(alone.text(VARIABLE).await, "see secret_coordinate::x");
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_that_names_the_reference() {
    let secrets = [
        ("airflow/variables/missing", "secret_coordinate::gone"),
        ("airflow/variables/denied", "secret_coordinate::denied"),
        ("airflow/variables/key", "secret_coordinate::json#other"),
        ("airflow/variables/null", "secret_coordinate::json#null"),
        ("airflow/variables/text", "secret_coordinate::text#key"),
        ("airflow/variables/empty", "secret_coordinate::"),
        ("airflow/variables/member", "secret_coordinate::memory:#a"),
        ("denied", "denied"),
        ("json", r#"{"a": "canary", "null": null}"#),
        ("text", "canary"),
    ];
    let alone = Alone::new(&secrets, &[("references", ALL)]);
    for (id, kind, what) in [
        ("missing", ErrorKind::Malformed, "there is no secret `gone` in `memory`"),
        ("denied", ErrorKind::Denied, "the reference `secret_coordinate::denied`: no"),
        ("key", ErrorKind::Malformed, "has no key `other`"),
        ("null", ErrorKind::Malformed, "has no key `null`"),
        ("text", ErrorKind::Malformed, "is no JSON object, so it has no key `key`"),
        ("empty", ErrorKind::Config, "names no secret"),
        ("member", ErrorKind::Config, "it names a member and no secret"),
    ] {
        let error = alone.error(Lookup { id, ..VARIABLE }).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.to_string().contains(what) && error.to_string().contains("secret_coordinate::"),
            "{error}"
        );
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn an_old_value_is_served_while_the_store_does_not_answer() {
    let secrets = [("airflow/variables/v", "secret_coordinate::a"), ("a", "old")];
    let alone = Alone::new(&secrets, &[("references", ALL), ("cache_ttl", "60"), ("cache_max_stale", "600")]);
    assert_eq!(alone.text(VARIABLE).await, "old");
    alone.store.put("a", "outage");
    alone.clock.advance(Duration::from_secs(90));
    let reply = alone.ask(VARIABLE).await.unwrap();
    assert_eq!((reply.outcome, reply.value.unwrap().expose()), ("stale", "old"));
    alone.clock.advance(Duration::from_secs(900));
    let error = alone.error(VARIABLE).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("the reference `secret_coordinate::a`: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn there_is_one_deadline_and_its_error_names_the_reference_that_was_waited_for() {
    let secrets = [
        ("airflow/variables/v", r#"["secret_coordinate::a", "secret_coordinate::b", "canary"]"#),
        ("a", "x"),
        ("b", "hangs"),
    ];
    for attempts in ["1", "3"] {
        let kwargs = [("references", ALL), ("timeout", "7"), ("max_attempts", attempts)];
        let store = Noting::new(&secrets);
        let settings = settings(&kwargs).unwrap();
        let backend = Backend::on(Arc::clone(&store) as _, Arc::clone(&settings), Clock::System);
        let start = tokio::time::Instant::now();
        let error = ask(&settings, &backend, VARIABLE, false).await.unwrap_err().error;
        assert!(start.elapsed() < Duration::from_millis(7_100), "{:?}", start.elapsed());
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let text = error.to_string();
        assert!(
            text.contains("the reference `secret_coordinate::b` in `1`: ") && !text.contains("canary"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn circles_and_long_ways_end_with_their_names() {
    let alone = Alone::new(
        &[
            ("airflow/variables/v", "secret_coordinate::a"),
            ("a", r#"{"x": "secret_coordinate::b"}"#),
            ("b", "secret_coordinate::memory:a"),
            ("airflow/variables/self", "secret_coordinate::airflow/variables/self"),
            ("airflow/variables/parts", r#"{"a": "secret_coordinate::airflow/variables/parts#b", "b": "c"}"#),
            ("airflow/variables/four", "secret_coordinate::1"),
            ("airflow/variables/five", "secret_coordinate::0"),
            ("0", "secret_coordinate::1"),
            ("1", "secret_coordinate::2"),
            ("2", "secret_coordinate::3"),
            ("3", "secret_coordinate::4"),
            ("4", "end"),
        ],
        &[("references", ALL), ("timeout", "2")],
    );
    let error = alone.error(VARIABLE).await.to_string();
    assert!(
        error.contains(
            "form a circle: `memory:airflow/variables/v` -> `memory:a` -> `memory:b` -> `memory:a`"
        ),
        "{error}"
    );
    let error = alone.error(Lookup { id: "self", ..VARIABLE }).await.to_string();
    assert!(
        error.contains("circle: `memory:airflow/variables/self` -> `memory:airflow/variables/self`"),
        "{error}"
    );
    assert_eq!(alone.text(Lookup { id: "parts", ..VARIABLE }).await, r#"{"a": "c", "b": "c"}"#);
    assert_eq!(alone.text(Lookup { id: "four", ..VARIABLE }).await, "end");
    let error = alone.error(Lookup { id: "five", ..VARIABLE }).await.to_string();
    assert!(
        error.contains("more than 4 references follow one another") && error.contains("`memory:4`"),
        "{error}"
    );
}

#[tokio::test]
async fn the_number_of_references_is_limited() {
    let many = |count| (0..count).map(|_| r#""secret_coordinate::a""#).collect::<Vec<_>>().join(",");
    let list = |count| format!("[{}]", many(count));
    let secrets =
        [("airflow/variables/v", list(1000)), ("airflow/variables/w", list(1001)), ("a", "x".to_owned())];
    let secrets: Vec<_> = secrets.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let alone = Alone::new(&secrets, &[("references", ALL)]);
    assert_eq!(alone.text(VARIABLE).await.matches("\"x\"").count(), 1000);
    assert_eq!(alone.store.asked(), ["airflow/variables/v", "a"]);
    let error = alone.error(Lookup { id: "w", ..VARIABLE }).await.to_string();
    assert!(error.contains("more than 1000 references"), "{error}");
}

#[tokio::test]
async fn a_rotated_secret_shows_after_its_own_time_and_after_a_refresh_of_the_id() {
    let secrets = [("airflow/variables/v", "secret_coordinate::a"), ("a", "old")];
    let alone =
        Alone::new(&secrets, &[("references", ALL), ("cache_ttl", "60"), ("cache_refresh_jitter", "0")]);
    assert_eq!(alone.text(VARIABLE).await, "old");
    alone.store.put("a", "new");
    assert_eq!(alone.text(VARIABLE).await, "old");
    alone.clock.advance(Duration::from_secs(61));
    assert!(alone.backend.remembered(VARIABLE).is_none());
    assert_eq!(alone.text(VARIABLE).await, "new");
    alone.store.put("a", "newer");
    alone.store.asked();
    alone.backend.refresh(Some("v"), None);
    assert_eq!(alone.text(VARIABLE).await, "newer");
    assert_eq!(alone.store.asked(), ["airflow/variables/v", "a"]);
}

#[tokio::test]
async fn members_refer_to_each_other_under_their_own_lists() {
    let one = Noting::new(&[
        ("airflow/variables/v", "secret_coordinate::two:a"),
        ("airflow/variables/w", "secret_coordinate::b"),
        ("airflow/variables/x", "secret_coordinate::two:c"),
        ("airflow/variables/y", "secret_coordinate::three:a"),
    ]);
    let two = Noting::new(&[("a", "of two"), ("b", "default"), ("c", "secret_coordinate::one:d")]);
    let list = r#"[{"member": "two"}]"#;
    let own: &[(&str, &str)] = &[("references", list)];
    let (whole, backend) = chain(&[("one", &one, own), ("two", &two, &[("default", "true")])], &[]);
    let text = async |id| {
        let reply = ask(&whole, &backend, Lookup { id, ..VARIABLE }, false).await;
        reply
            .map(|reply| reply.value.unwrap().expose().to_owned())
            .map_err(|failure| failure.error.to_string())
    };
    assert_eq!(text("v").await.unwrap(), "of two");
    assert_eq!(text("v").await.unwrap(), "of two");
    assert_eq!((one.asked(), two.asked()), (vec!["airflow/variables/v".to_owned()], vec!["a".to_owned()]));
    assert_eq!(text("w").await.unwrap(), "default");
    // What comes from the second is under the list of the second, which has none.
    let error = text("x").await.unwrap_err();
    assert!(
        error.contains("secret_coordinate::two:c") && error.contains("secret_coordinate::one:d"),
        "{error}"
    );
    assert!(error.contains("allows none"), "{error}");
    // No member has this name, so it is a name in the default one.
    let error = text("y").await.unwrap_err();
    assert!(error.contains("there is no secret `three:a` in `two`"), "{error}");
    two.put("a", "rotated");
    backend.refresh(Some("v"), None);
    assert_eq!(text("v").await.unwrap(), "rotated");
}

#[tokio::test]
async fn an_explanation_has_every_reference_and_what_it_led_to() {
    let secrets = [
        ("airflow/connections/c", r#"{"login": "secret_coordinate::a", "password": "secret_coordinate::a"}"#),
        ("a", "secret_coordinate::b"),
        ("b", "canary"),
    ];
    let alone = Alone::new(&secrets, &[("references", ALL)]);
    let Plan::Ask(route) = plan(&alone.settings, CONNECTION, || false).unwrap() else { panic!("not asked") };
    let Explained { steps, error, .. } = alone.backend.explain(CONNECTION, &route).await;
    assert!(error.is_none());
    let shown: Vec<_> = steps
        .iter()
        .map(|step| {
            let referred = step.referred.as_ref();
            let place = referred.map(|referred| (referred.place.join("."), referred.depth));
            (step.name.as_str(), step.asked_store, place)
        })
        .collect();
    let at = |place: &str, depth| Some((place.to_owned(), depth));
    let expected = [
        ("airflow/connections/c", true, None),
        ("a", true, at("login", 1)),
        ("b", true, at("", 2)),
        ("a", false, at("password", 1)),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn only_references_means_that_no_secret_is_written_out() {
    let secrets = [
        ("airflow/connections/c", "pg://u:canary@h"),
        ("airflow/connections/d", "pg://u:secret_coordinate::a@h"),
        ("airflow/variables/v", "eu"),
        ("airflow/variables/token", "canary"),
        ("a", "pw"),
    ];
    let alone = Alone::new(&secrets, &[("references", ALL), ("references_only", "true")]);
    for lookup in [CONNECTION, Lookup { id: "token", ..VARIABLE }] {
        let error = alone.error(lookup).await;
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`references_only` refuses"), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert_eq!(alone.text(Lookup { id: "d", ..CONNECTION }).await, "pg://u:pw@h");
    assert_eq!(alone.text(VARIABLE).await, "eu");
}

#[tokio::test]
async fn memory_alone_answers_a_lookup_with_references() {
    let secrets = [("airflow/variables/v", "secret_coordinate::a"), ("a", "x")];
    let alone = Alone::new(&secrets, &[("references", ALL)]);
    let Plan::Ask(route) = plan(&alone.settings, VARIABLE, || false).unwrap() else { panic!("not asked") };
    assert!(alone.backend.held(VARIABLE, &route, false).is_none());
    assert_eq!(alone.text(VARIABLE).await, "x");
    let held = alone.backend.held(VARIABLE, &route, false).unwrap();
    assert_eq!(held.reply.value.unwrap().expose(), "x");
    assert_eq!(alone.store.asked(), ["airflow/variables/v", "a"]);
}

#[test]
fn a_member_that_there_is_not_is_an_error_at_the_start() {
    for (member, is_known) in [("memory", true), ("memroy", false), ("vault", false)] {
        let kwargs = [("references", format!(r#"[{{"member": "{member}"}}]"#))];
        let outcome = settings(&[("references", &kwargs[0].1)]);
        assert_eq!(outcome.is_ok(), is_known, "{member}");
        if let Err(error) = outcome {
            assert!(error.to_string().contains("which there is not"), "{error}");
            assert_eq!(error.to_string().contains("Did you mean `memory`?"), member == "memroy");
        }
    }
}

proptest! {
    /// Whatever a value refers to, no lookup of one team asks for a name of another in any member.
    #[test]
    fn no_team_reaches_the_secrets_of_another(
        team in prop::sample::select(vec![None, Some("a"), Some("b")]),
        kind in prop::sample::select(vec!["connections", "variables", "config"]),
        owner in prop::sample::select(vec!["a", "b", "a--b", "-a", ""]),
        id in prop::sample::select(vec!["db", "x--db", "-db", "db--"]),
        head in prop::sample::select(vec!["", "two:", "/", "arn:aws:x:", "one:/"]),
        tail in prop::sample::select(vec!["", "-AbCdEf", "#k"]),
        prefix in prop::sample::select(vec!["airflow/connections", "", "c"]),
        teams in prop::sample::select(vec![None, Some(&["a"][..]), Some(&["b"][..])]),
        capitals: bool,
    ) {
        let separator = if owner.is_empty() { "" } else { "--" };
        let start = if kind == "connections" { prefix.to_owned() } else { format!("airflow/{kind}") };
        let mut name = format!("{start}/{owner}{separator}{id}{tail}");
        if capitals {
            name = name.to_uppercase();
        }
        let value = format!("secret_coordinate::{head}{name}");
        let holders = ["airflow/variables/v", "airflow/variables/a--v", "airflow/variables/b--v"];
        let (one, two) = (Noting::new(&holders.map(|holder| (holder, value.as_str()))), Noting::new(&[]));
        let list = r#"[{"member": "one"}, {"member": "two"}]"#;
        let kwargs: &[(&str, &str)] = &[("references", list), ("connections_prefix", prefix)];
        let (whole, backend) = chain(&[("one", &one, kwargs), ("two", &two, kwargs)], &[None, teams]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _ = runtime.block_on(ask(&whole, &backend, Lookup { team, ..VARIABLE }, true));
        let prefixes = ["airflow/variables/", "airflow/config/", &format!("{prefix}/")];
        let two = two.asked();
        prop_assert!(teams.is_none_or(|teams| two.is_empty() || teams.contains(&team.unwrap_or_default())));
        for asked in one.asked().into_iter().chain(two) {
            for start in prefixes.iter().filter(|start| start.len() > 1) {
                let asked = asked.to_lowercase();
                let Some(at) = asked.find(start) else { continue };
                let rest = asked[at + start.len()..].to_owned();
                let own = team.and_then(|team| rest.strip_prefix(&format!("{team}--")).map(str::to_owned));
                let is_others = own.unwrap_or(rest).contains("--");
                prop_assert!(!is_others, "team {:?} asked for {}", team, asked);
            }
        }
    }
}
