//! What is served while a store does not answer, and at what cost.

use std::time::Duration;

use super::tests::{NAME, cache, fetch, outage, read, settings, text};
use super::*;
use crate::layers::testing::{Act, Scripted};

#[tokio::test]
async fn an_outage_after_expiry_is_answered_with_the_old_value() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unreachable, ErrorKind::Timeout] {
        let (clock, store) =
            (Clock::manual(), Arc::new(Scripted::new(vec![Act::Value("1"), outage(kind), Act::Value("2")])));
        let cache = cache(&store, 60, &clock);
        fetch(&cache).await;
        clock.advance(Duration::from_secs(61));
        let stale = fetch(&cache).await;
        let Origin::Stale(error) = &stale.origin else { panic!("{:?}", stale.origin) };
        assert_eq!((text(&stale), error.kind()), ("1", kind));
        assert_eq!(clock.now().since(stale.fetched), Duration::from_secs(61));
        // The next attempt is at most a second away; until then there is no call.
        let calls = store.calls();
        while store.calls() == calls {
            assert!(matches!(fetch(&cache).await.origin, Origin::Stale(_) | Origin::Store));
            clock.advance(Duration::from_millis(100));
        }
        assert!(clock.now().since(stale.fetched) < Duration::from_secs(63));
        assert_eq!(text(&fetch(&cache).await), "2");
    }
}

#[tokio::test]
async fn stale_values_have_a_limit_and_an_unknown_name_raises() {
    let away = vec![outage(ErrorKind::Throttled); 3];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new([vec![Act::Value("1")], away].concat())));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(659));
    assert_eq!(text(&fetch(&cache).await), "1");
    clock.advance(Duration::from_secs(1));
    assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn an_answer_of_the_store_is_never_replaced_by_the_old_value() {
    for kind in [ErrorKind::Denied, ErrorKind::Malformed, ErrorKind::InvalidName, ErrorKind::Unauthenticated]
    {
        let steps = vec![Act::Value("1"), Act::Error(Error::new(kind, "no")), outage(ErrorKind::Throttled)];
        let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
        let cache = cache(&store, 60, &clock);
        fetch(&cache).await;
        clock.advance(Duration::from_secs(60));
        assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), kind);
        // The entry is dropped for good.
        assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), ErrorKind::Throttled);
    }
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(vec![Act::Value("1"), Act::Absent])));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(read(&cache, NAME).await.unwrap(), None);
}

#[tokio::test]
async fn a_refused_identity_drops_every_entry() {
    let unauthenticated = Error::new(ErrorKind::Unauthenticated, "no");
    let login = Error::new(ErrorKind::Denied, "no role").as_login_failure();
    let denied = Error::new(ErrorKind::Denied, "no");
    for (error, survives) in [(unauthenticated, false), (login, false), (denied, true)] {
        let steps = vec![Act::Value("a"), Act::Error(error), Act::Value("c")];
        let store = Arc::new(Scripted::new(steps));
        let cache = cache(&store, 60, &Clock::manual());
        read(&cache, "a").await.unwrap();
        let epoch = cache.epoch();
        read(&cache, "b").await.unwrap_err();
        read(&cache, "a").await.unwrap();
        assert_eq!((store.calls(), cache.epoch() == epoch), if survives { (2, true) } else { (3, false) });
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_costs_two_seconds_while_there_is_an_old_value() {
    let steps = vec![Act::Value("1"), Act::Wait(60, Error::new(ErrorKind::Internal, "never"))];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(60));
    let started = tokio::time::Instant::now();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { text(&fetch(&cache).await).to_owned() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "1");
    }
    assert_eq!((store.calls(), started.elapsed().as_secs()), (2, 2));
}

#[tokio::test]
async fn a_value_in_use_is_refreshed_before_it_expires() {
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(vec![Act::Value("1"), Act::Value("2")])));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(48));
    assert_eq!((text(&fetch(&cache).await), store.calls()), ("2", 2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_refresh_ahead_is_cut_and_not_tried_again() {
    let slow = Act::Wait(1, Error::new(ErrorKind::Internal, "never"));
    let (clock, store) =
        (Clock::manual(), Arc::new(Scripted::new(vec![Act::Value("1"), slow, Act::Value("2")])));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(48));
    let started = tokio::time::Instant::now();
    for _ in 0..5 {
        let cached = fetch(&cache).await;
        assert!(matches!(cached.origin, Origin::Memory));
        assert_eq!(text(&cached), "1");
    }
    assert_eq!(store.calls(), 2);
    assert!((250..260).contains(&started.elapsed().as_millis()));
    clock.advance(Duration::from_secs(12));
    assert_eq!((text(&fetch(&cache).await), store.calls()), ("2", 3));
}

#[tokio::test]
async fn a_refresh_ahead_that_is_denied_ends_the_value() {
    let steps = vec![Act::Value("1"), Act::Error(Error::new(ErrorKind::Denied, "no"))];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(50));
    assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn an_outage_of_ten_minutes_loses_no_lookup_and_costs_few_calls() {
    let names: Vec<String> = (0..50).map(|number| format!("n{number}")).collect();
    let values = vec![Act::Value("v"); names.len()];
    let store = Arc::new(Scripted::new([values, vec![outage(ErrorKind::Unreachable); 10_000]].concat()));
    let clock = Clock::manual();
    let bounds = CacheSettings { max_entries: 100, max_bytes: 100_000, ..settings(60) };
    let cache = Cache::new(store.clone(), bounds, clock.clone());
    for name in &names {
        read(&cache, name).await.unwrap();
    }
    // Every name is looked up every second, from the moment the values expire.
    clock.advance(Duration::from_secs(60));
    for _ in 0..600 {
        for name in &names {
            assert_eq!(read(&cache, name).await.unwrap().as_deref(), Some("v"));
        }
        clock.advance(Duration::from_secs(1));
    }
    // Ten failures open the breaker, then one attempt is allowed every five seconds.
    let calls = store.calls() - names.len();
    assert!((100..=130).contains(&calls), "{calls}");
}

#[tokio::test]
async fn a_first_read_is_always_made() {
    let store = Arc::new(Scripted::new(vec![outage(ErrorKind::Unreachable); 100]));
    let cache = cache(&store, 60, &Clock::manual());
    for number in 0..50 {
        read(&cache, &number.to_string()).await.unwrap_err();
    }
    assert_eq!(store.calls(), 50);
}
