//! Chains of stores with scripted answers.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::backend::chain::{ChainSettings, Leg, Member, Routing};
use crate::backend::lookup::Backend;
use crate::backend::on_error::{Failure, OnError};
use crate::backend::plan::{Plan, Skipped, plan};
use crate::backend::reply::Reply;
use crate::backend::settings::Settings;
use crate::config::{RawOptions, RawValue, configure};
use crate::error::{Error, ErrorKind};
use crate::layers::testing::{Act, Scripted};
use crate::process::Clock;
use crate::store::convention::{Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::pattern::Pattern;
use crate::store::registry::find;

const LOOKUP: Lookup<'static> = Lookup { kind: Kind::Variable, id: "db", team: None };

fn settings(kwargs: &[(&str, &str)]) -> Arc<Settings> {
    let text_of = |(key, value): &(&str, &str)| ((*key).to_owned(), RawValue::Text((*value).to_owned()));
    let raw: RawOptions = kwargs.iter().map(text_of).collect();
    configure(find("memory").unwrap(), &raw, Environment::default()).unwrap().settings
}

fn member(number: usize, on_error: OnError, routing: Routing) -> Member {
    let settings = Ok(settings(&[("timeout", "10"), ("max_attempts", "1")]));
    Member { name: format!("m{number}"), routing: Arc::new(routing), is_default: false, on_error, settings }
}

/// A running chain of stores with these scripts.
fn chain(stores: &[(&Arc<Scripted>, OnError)], clock: &Clock) -> (Arc<Settings>, Backend) {
    let of = |(number, (_, on_error)): (usize, &(_, OnError))| member(number, *on_error, Routing::default());
    chain_of(stores.iter().enumerate().map(of).collect(), stores, clock)
}

fn chain_of(
    members: Vec<Member>,
    stores: &[(&Arc<Scripted>, OnError)],
    clock: &Clock,
) -> (Arc<Settings>, Backend) {
    let mut whole = settings(&[]);
    let chain = Arc::new(ChainSettings { members });
    Arc::get_mut(&mut whole).unwrap().chain = Some(Arc::clone(&chain));
    let backend = Backend::on(Arc::new(Scripted::new(vec![])), Arc::clone(&whole), clock.clone());
    let running = &backend.chain.as_ref().unwrap().members;
    for ((running, member), (store, _)) in running.iter().zip(&chain.members).zip(stores) {
        let Ok(settings) = &member.settings else { continue };
        running.put(Backend::on(Arc::clone(store) as _, Arc::clone(settings), clock.clone()));
    }
    (whole, backend)
}

async fn ask(whole: &Settings, backend: &Backend, lookup: Lookup<'_>) -> Result<Reply, Failure> {
    match plan(whole, lookup, || true).unwrap() {
        Plan::Ask(route) => backend.ask(lookup, &route).await,
        Plan::Skip(skipped) => Ok(Reply::none(skipped.outcome())),
    }
}

fn text(reply: Result<Reply, Failure>) -> Option<String> {
    Some(reply.unwrap().value?.expose().to_owned())
}

fn store(acts: &[Act]) -> Arc<Scripted> {
    Arc::new(Scripted::new(acts.to_vec()))
}

#[tokio::test]
async fn a_hit_at_a_position_costs_that_many_calls_and_each_member_remembers_its_part() {
    let (one, two, three) =
        (store(&[Act::Absent, Act::Absent]), store(&[Act::Value("second")]), store(&[Act::Value("third")]));
    let clock = Clock::manual();
    let next = OnError::Official;
    let (whole, backend) = chain(&[(&one, next), (&two, next), (&three, next)], &clock);
    assert!(backend.remembered(LOOKUP).is_none());
    let reply = ask(&whole, &backend, LOOKUP).await;
    assert_eq!(reply.as_ref().unwrap().member, Some(1));
    assert_eq!(text(reply).as_deref(), Some("second"));
    assert_eq!((one.calls(), two.calls(), three.calls()), (1, 1, 0));
    assert_eq!(text(Ok(backend.remembered(LOOKUP).unwrap())).as_deref(), Some("second"));
    // The absence in the first becomes doubtful before the value in the second.
    clock.advance(Duration::from_secs(20));
    assert!(backend.remembered(LOOKUP).is_none());
    assert_eq!(text(ask(&whole, &backend, LOOKUP).await).as_deref(), Some("second"));
    assert_eq!((one.calls(), two.calls(), three.calls()), (2, 1, 0));
    backend.refresh(None, None);
    assert!(backend.remembered(LOOKUP).is_none());
}

#[tokio::test]
async fn each_policy_leads_on_or_ends_the_search() {
    let denied = || Error::new(ErrorKind::Denied, "no");
    let malformed = || Error::new(ErrorKind::Malformed, "odd").as_upstream_miss();
    let outcome = |reply: Result<Reply, Failure>| match reply {
        Ok(reply) => reply.value.map_or("none".to_owned(), |value| value.expose().to_owned()),
        Err(failure) if failure.stops_airflow => "stop".to_owned(),
        Err(_) => "raise".to_owned(),
    };
    for (policy, of_denied, of_malformed) in [
        (OnError::Official, "raise", "second"),
        (OnError::Next, "second", "second"),
        (OnError::Raise, "raise", "raise"),
        (OnError::Miss, "second", "second"),
        (OnError::Deny, "stop", "second"),
        (OnError::Stop, "stop", "stop"),
    ] {
        for (error, expected) in [(denied(), of_denied), (malformed(), of_malformed)] {
            let (one, two) = (store(&[Act::Error(error)]), store(&[Act::Value("second")]));
            let (whole, backend) = chain(&[(&one, policy), (&two, OnError::Official)], &Clock::manual());
            assert_eq!(outcome(ask(&whole, &backend, LOOKUP).await), expected, "{policy:?}");
            assert_eq!(two.calls(), usize::from(expected == "second"), "{policy:?}");
            // What followed an error is no answer of the chain that may be repeated.
            assert!(backend.remembered(LOOKUP).is_none(), "{policy:?}");
        }
    }
}

#[tokio::test]
async fn an_absence_after_an_error_is_not_remembered() {
    let error = Error::new(ErrorKind::Denied, "no");
    let (one, two) = (store(&[Act::Error(error), Act::Value("back")]), store(&[Act::Absent]));
    let (whole, backend) = chain(&[(&one, OnError::Next), (&two, OnError::Official)], &Clock::manual());
    let reply = ask(&whole, &backend, LOOKUP).await.unwrap();
    assert_eq!((reply.value.is_none(), reply.outcome), (true, "denied"));
    assert_eq!(text(ask(&whole, &backend, LOOKUP).await).as_deref(), Some("back"));
    assert_eq!((one.calls(), two.calls()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn there_is_one_deadline_and_a_hanging_store_that_leads_on_leaves_time_for_the_rest() {
    let (one, two) = (Arc::new(Scripted::hanging()), store(&[Act::Value("second")]));
    for (policy, seconds, expected) in [(OnError::Next, 5, Some("second")), (OnError::Raise, 10, None)] {
        let (whole, backend) = chain(&[(&one, policy), (&two, OnError::Official)], &Clock::System);
        let start = tokio::time::Instant::now();
        let reply = ask(&whole, &backend, LOOKUP).await;
        let took = start.elapsed();
        let bounds = Duration::from_secs(seconds)..Duration::from_secs(seconds + 1);
        assert!(bounds.contains(&took), "{policy:?}: {took:?}");
        match expected {
            Some(_) => assert_eq!(text(reply).as_deref(), expected),
            None => assert_eq!(reply.unwrap_err().error.kind(), ErrorKind::Timeout),
        }
    }
}

#[tokio::test]
async fn an_explanation_has_every_member() {
    let (one, two, three) = (store(&[Act::Absent]), store(&[Act::Value("v")]), store(&[]));
    let stores = [&one, &two, &three].map(|store| (store, OnError::Official));
    let only_config = Routing { kinds: Some(vec![Kind::Config]), ..Routing::default() };
    let members = vec![
        member(0, OnError::Official, Routing::default()),
        member(1, OnError::Official, Routing::default()),
        member(2, OnError::Official, only_config),
    ];
    let (whole, backend) = chain_of(members, &stores, &Clock::manual());
    let Plan::Ask(route) = plan(&whole, LOOKUP, || false).unwrap() else { panic!("not asked") };
    let explained = backend.explain(LOOKUP, &route).await;
    let rows = explained.members.iter().map(|seen| (&*seen.name, seen.outcome, seen.passed_over.is_some()));
    let expected = [("m0", Some("absent"), false), ("m1", Some("value"), false), ("m2", None, true)];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
    assert_eq!(explained.steps.len(), 2);
}

fn routing() -> impl Strategy<Value = Routing> {
    let kinds = prop::option::of(prop::sample::subsequence(Kind::ALL.to_vec(), 0..=3));
    let names = vec![None, Some("a".to_owned()), Some("b".to_owned())];
    let teams = prop::option::of(prop::sample::subsequence(names, 0..=3));
    let ids = prop::option::of(prop::sample::select(vec!["prod_", "db"]));
    (kinds, teams, ids).prop_map(|(kinds, teams, ids)| Routing { kinds, teams, ids: ids.map(Pattern::new) })
}

proptest! {
    #[test]
    fn a_member_is_asked_for_what_its_routing_has_and_never_for_the_name_of_another_team(
        routings in prop::collection::vec(routing(), 1..5),
        kind in prop::sample::select(Kind::ALL.to_vec()),
        id in prop::sample::select(vec!["db", "prod_x", "a--db", "b--x", "-x", "--"]),
        team in prop::sample::select(vec![None, Some("a"), Some("b")]),
    ) {
        let (lookup, mut whole) = (Lookup { kind, id, team }, settings(&[]));
        let of = |(at, routing)| member(at, OnError::Next, routing);
        let members: Vec<_> = routings.into_iter().enumerate().map(of).collect();
        let chain = Arc::new(ChainSettings { members });
        Arc::get_mut(&mut whole).unwrap().chain = Some(Arc::clone(&chain));
        let legs = match plan(&whole, lookup, || true).unwrap() {
            Plan::Ask(route) => route.1,
            Plan::Skip(Skipped::Unrouted(_) | Skipped::Ambiguous(_)) => return Ok(()),
            Plan::Skip(other) => panic!("{other:?}"),
        };
        prop_assert_eq!(legs.len(), chain.members.len());
        for (leg, member) in legs.iter().zip(&chain.members) {
            let is_meant = member.routing.passes_over(lookup).unwrap().is_none();
            prop_assert!(is_meant || matches!(leg, Leg::PassedOver(_)));
            let Leg::Ask(names) = leg else { continue };
            for name in names {
                let other = if team == Some("a") { "/b--" } else { "/a--" };
                prop_assert!(!name.as_str().contains(other), "{:?} asks for {}", lookup, name);
            }
        }
    }

    #[test]
    fn what_covers_another_is_asked_for_all_that_it_is_asked_for(
        one in routing(),
        two in routing(),
        kind in prop::sample::select(Kind::ALL.to_vec()),
        id in prop::sample::select(vec!["db", "prod_x", "other"]),
        team in prop::sample::select(vec![None, Some("a"), Some("b"), Some("c")]),
    ) {
        let lookup = Lookup { kind, id, team };
        if one.covers(&two) && two.passes_over(lookup).unwrap().is_none() {
            prop_assert!(one.passes_over(lookup).unwrap().is_none());
        }
    }
}
