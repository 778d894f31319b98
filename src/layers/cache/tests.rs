//! The promises of the cache, on a store that follows a script and a clock that moves by hand.

use std::num::NonZeroUsize;

use super::*;
use crate::error::Error;
use crate::layers::testing::{Scripted, Step};
use crate::store::pattern::Pattern;

const NAME: &str = "airflow/connections/a";

fn settings(ttl: u64) -> CacheSettings {
    CacheSettings {
        ttl: Duration::from_secs(ttl),
        ttl_patterns: Arc::new([]),
        negative_ttl: Duration::from_secs(ttl / 4),
        max_stale: Duration::from_secs(ttl * 10),
        max_entries: NonZeroUsize::new(2).unwrap(),
        max_bytes: 10_000,
    }
}

fn cache(store: &Arc<Scripted>, ttl: u64, clock: &Clock) -> Arc<Cache> {
    Arc::new(Cache::new(store.clone(), settings(ttl), clock.clone()))
}

async fn read(cache: &Cache, name: &str) -> Result<Option<String>> {
    let value = cache.get(&SecretName::from(name)).await?;
    Ok(value.map(|value| value.expose().to_owned()))
}

#[tokio::test]
async fn a_fresh_value_is_served_and_an_expired_one_read_again() {
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(vec![Step::Value("1"), Step::Value("2")])));
    let cache = cache(&store, 60, &clock);
    for _ in 0..3 {
        assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("1"));
    }
    clock.advance(Duration::from_secs(47));
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("1"));
    clock.advance(Duration::from_secs(13));
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("2"));
    assert_eq!(store.calls(), 2);
}

#[tokio::test]
async fn a_hundred_lookups_of_an_absent_name_are_one_call() {
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(vec![Step::Absent, Step::Value("new")])));
    let cache = cache(&store, 60, &clock);
    for _ in 0..100 {
        assert_eq!(read(&cache, NAME).await.unwrap(), None);
    }
    assert_eq!(store.calls(), 1);
    clock.advance(Duration::from_secs(15));
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("new"));
}

#[tokio::test]
async fn an_error_is_not_remembered_and_drops_the_entry() {
    let denied = Error::new(ErrorKind::Denied, "no");
    let steps = vec![Step::Value("1"), Step::Error(denied), Step::Value("2")];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    read(&cache, NAME).await.unwrap();
    clock.advance(Duration::from_secs(61));
    assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("2"));
}

#[tokio::test]
async fn sixty_four_cold_misses_are_one_call() {
    let store = Arc::new(Scripted::slow(Duration::from_millis(20), "v"));
    for ttl in [60, 0] {
        let before = store.calls();
        let cache = cache(&store, ttl, &Clock::System);
        let readers: Vec<_> = (0..64)
            .map(|_| {
                tokio::spawn({
                    let cache = cache.clone();
                    async move { read(&cache, NAME).await.unwrap() }
                })
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.await.unwrap().as_deref(), Some("v"));
        }
        assert_eq!(store.calls() - before, 1);
        assert!(cache.board.is_empty());
    }
}

#[tokio::test]
async fn without_a_ttl_nothing_is_kept() {
    let store = Arc::new(Scripted::new(vec![Step::Value("1"), Step::Value("2"), Step::Absent, Step::Absent]));
    let cache = cache(&store, 0, &Clock::manual());
    for _ in 0..4 {
        read(&cache, NAME).await.unwrap();
    }
    assert_eq!(store.calls(), 4);
    let state = cache.lock();
    assert_eq!((state.values.len(), state.absent.len()), (0, 0));
    assert!(cache.board.is_empty());
}

#[tokio::test(start_paused = true)]
async fn when_the_reader_is_cancelled_a_waiter_takes_over() {
    let store = Arc::new(Scripted::slow(Duration::from_secs(1), "v"));
    let cache = cache(&store, 60, &Clock::System);
    let reader = tokio::spawn({
        let cache = cache.clone();
        async move { read(&cache, NAME).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiter = tokio::spawn({
        let cache = cache.clone();
        async move { read(&cache, NAME).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    reader.abort();
    assert_eq!(waiter.await.unwrap().unwrap().as_deref(), Some("v"));
    assert_eq!(store.calls(), 2);
    assert!(cache.board.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_times_out_speaks_for_itself_only() {
    let late = Error::new(ErrorKind::Timeout, "late").temporary(None);
    let store = Arc::new(Scripted::new(vec![Step::Wait(1, late), Step::Value("v")]));
    let cache = cache(&store, 60, &Clock::System);
    let reader = tokio::spawn({
        let cache = cache.clone();
        async move { read(&cache, NAME).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiter = tokio::spawn({
        let cache = cache.clone();
        async move { read(&cache, NAME).await }
    });
    assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(waiter.await.unwrap().unwrap().as_deref(), Some("v"));
}

#[tokio::test]
async fn absent_names_never_evict_values() {
    let store = Arc::new(Scripted::new(vec![Step::Value("1"), Step::Absent, Step::Absent, Step::Absent]));
    let cache = cache(&store, 60, &Clock::manual());
    for name in ["a", "b", "c", "d", "a"] {
        read(&cache, name).await.unwrap();
    }
    assert_eq!((store.calls(), cache.lock().absent.len()), (4, 2));
}

#[test]
fn debug_shows_no_value() {
    let store = Arc::new(Scripted::new(vec![Step::Value("canary-0b5e")]));
    let cache = cache(&store, 60, &Clock::manual());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(read(&cache, NAME)).unwrap();
    assert!(!format!("{cache:?}").contains("canary"));
}

fn outage(kind: ErrorKind) -> Step {
    Step::Error(Error::new(kind, "away").temporary(None))
}

async fn fetch(cache: &Cache) -> Cached {
    cache.fetch(&SecretName::from(NAME)).await.unwrap()
}

fn text(cached: &Cached) -> &str {
    cached.value.as_ref().unwrap().expose()
}

#[tokio::test]
async fn an_outage_after_expiry_is_answered_with_the_old_value() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unreachable, ErrorKind::Timeout] {
        let (clock, store) = (
            Clock::manual(),
            Arc::new(Scripted::new(vec![Step::Value("1"), outage(kind), Step::Value("2")])),
        );
        let cache = cache(&store, 60, &clock);
        fetch(&cache).await;
        clock.advance(Duration::from_secs(61));
        let stale = fetch(&cache).await;
        let Origin::Stale(Some(error)) = &stale.origin else { panic!("{:?}", stale.origin) };
        assert_eq!((text(&stale), error.kind()), ("1", kind));
        assert_eq!(clock.now().since(stale.fetched), Duration::from_secs(61));
        // The next attempt is at most a second away; until then there is no call.
        let calls = store.calls();
        while store.calls() == calls {
            assert!(matches!(fetch(&cache).await.origin, Origin::Stale(None) | Origin::Store));
            clock.advance(Duration::from_millis(100));
        }
        assert!(clock.now().since(stale.fetched) < Duration::from_secs(63));
        assert_eq!(text(&fetch(&cache).await), "2");
    }
}

#[tokio::test]
async fn stale_is_bounded_and_a_store_without_a_value_raises() {
    let away = vec![outage(ErrorKind::Throttled); 3];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new([vec![Step::Value("1")], away].concat())));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(659));
    assert_eq!(text(&fetch(&cache).await), "1");
    clock.advance(Duration::from_secs(1));
    assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn what_the_store_says_is_never_answered_with_the_old_value() {
    for kind in [ErrorKind::Denied, ErrorKind::Malformed, ErrorKind::InvalidName, ErrorKind::Unauthenticated]
    {
        let steps = vec![Step::Value("1"), Step::Error(Error::new(kind, "no")), outage(ErrorKind::Throttled)];
        let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
        let cache = cache(&store, 60, &clock);
        fetch(&cache).await;
        clock.advance(Duration::from_secs(60));
        assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), kind);
        // The entry is gone for good.
        assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), ErrorKind::Throttled);
    }
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(vec![Step::Value("1"), Step::Absent])));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(read(&cache, NAME).await.unwrap(), None);
}

#[tokio::test]
async fn an_identity_that_is_refused_takes_every_entry_with_it() {
    let unauthenticated = Error::new(ErrorKind::Unauthenticated, "no");
    let login = Error::new(ErrorKind::Denied, "no role").as_login_failure();
    let denied = Error::new(ErrorKind::Denied, "no");
    for (error, survives) in [(unauthenticated, false), (login, false), (denied, true)] {
        let steps = vec![Step::Value("a"), Step::Error(error), Step::Value("c")];
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
    let steps = vec![Step::Value("1"), Step::Wait(60, Error::new(ErrorKind::Internal, "never"))];
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
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(vec![Step::Value("1"), Step::Value("2")])));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(48));
    assert_eq!((text(&fetch(&cache).await), store.calls()), ("2", 2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_refresh_ahead_is_cut_and_not_tried_again() {
    let slow = Step::Wait(1, Error::new(ErrorKind::Internal, "never"));
    let (clock, store) =
        (Clock::manual(), Arc::new(Scripted::new(vec![Step::Value("1"), slow, Step::Value("2")])));
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
    let steps = vec![Step::Value("1"), Step::Error(Error::new(ErrorKind::Denied, "no"))];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(50));
    assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn an_outage_of_ten_minutes_loses_no_lookup_and_costs_few_calls() {
    let names: Vec<String> = (0..50).map(|number| format!("n{number}")).collect();
    let values = vec![Step::Value("v"); names.len()];
    let store = Arc::new(Scripted::new([values, vec![outage(ErrorKind::Unreachable); 10_000]].concat()));
    let clock = Clock::manual();
    let bounds =
        CacheSettings { max_entries: NonZeroUsize::new(100).unwrap(), max_bytes: 100_000, ..settings(60) };
    let cache = Cache::new(store.clone(), bounds, clock.clone());
    for name in &names {
        read(&cache, name).await.unwrap();
    }
    // Every name is looked up every second, from the moment at which the values expire.
    clock.advance(Duration::from_secs(60));
    for _ in 0..600 {
        for name in &names {
            assert_eq!(read(&cache, name).await.unwrap().as_deref(), Some("v"));
        }
        clock.advance(Duration::from_secs(1));
    }
    // Ten open the breaker, then one passes every five seconds.
    let calls = store.calls() - names.len();
    assert!((100..=130).contains(&calls), "{calls}");
}

#[tokio::test]
async fn a_first_read_always_goes_through() {
    let store = Arc::new(Scripted::new(vec![outage(ErrorKind::Unreachable); 100]));
    let cache = cache(&store, 60, &Clock::manual());
    for number in 0..50 {
        read(&cache, &number.to_string()).await.unwrap_err();
    }
    assert_eq!(store.calls(), 50);
}

#[tokio::test]
async fn expiring_makes_the_next_lookup_ask_and_keeps_the_old_value_for_an_outage() {
    let steps = vec![Step::Value("1"), Step::Value("2"), outage(ErrorKind::Throttled), Step::Value("3")];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    cache.expire(&SecretName::from(NAME));
    assert_eq!(text(&fetch(&cache).await), "2");
    cache.expire_all();
    let stale = fetch(&cache).await;
    assert!(matches!(stale.origin, Origin::Stale(Some(_))));
    assert_eq!(text(&stale), "2");
    // Who asks for a refresh does not wait for the next attempt to be due.
    cache.expire(&SecretName::from(NAME));
    assert_eq!(text(&fetch(&cache).await), "3");
}

#[tokio::test]
async fn absent_names_are_asked_again_after_a_refresh() {
    let store = Arc::new(Scripted::new(vec![Step::Absent, Step::Value("v")]));
    let cache = cache(&store, 60, &Clock::manual());
    assert_eq!(read(&cache, NAME).await.unwrap(), None);
    cache.expire(&SecretName::from(NAME));
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("v"));
}

#[tokio::test]
async fn patterns_decide_how_long_a_value_lives() {
    let rules = [("airflow/variables/", 5), ("airflow/", 0)];
    let rules = rules.map(|(text, seconds)| (Pattern::new(text), Duration::from_secs(seconds)));
    let settings = CacheSettings { ttl_patterns: Arc::new(rules), ..settings(60) };
    settings.check().unwrap();
    for (name, seconds) in [("airflow/variables/a", 5), ("airflow/connections/a", 0), ("other", 60)] {
        assert_eq!(settings.ttl_of(&SecretName::from(name)), Duration::from_secs(seconds), "{name}");
    }
    let bad = CacheSettings { ttl_patterns: Arc::new([(Pattern::new("("), Duration::ZERO)]), ..settings };
    assert_eq!(bad.check().unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_value_with_a_known_end_is_read_again_then_and_never_served_stale() {
    let steps = vec![Step::Short("1", 10), Step::Short("2", 10), outage(ErrorKind::Throttled)];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(10));
    assert_eq!(text(&fetch(&cache).await), "2");
    clock.advance(Duration::from_secs(10));
    assert_eq!(read(&cache, NAME).await.unwrap_err().kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn when_the_reader_panics_a_waiter_takes_over() {
    let store = Arc::new(Scripted::new(vec![Step::Panic, Step::Value("v")]));
    let cache = cache(&store, 60, &Clock::System);
    let spawn = || {
        let cache = cache.clone();
        tokio::spawn(async move { read(&cache, NAME).await })
    };
    let (reader, waiter) = (spawn(), spawn());
    assert!(reader.await.unwrap_err().is_panic());
    assert_eq!(waiter.await.unwrap().unwrap().as_deref(), Some("v"));
    assert!(cache.board.is_empty());
}

#[tokio::test]
async fn warming_reads_what_is_unknown_and_shares_it() {
    let steps = vec![Step::Value("a"), Step::Value("b"), Step::Error(Error::new(ErrorKind::Denied, "no"))];
    let store = Arc::new(Scripted::new(steps));
    let bounds = CacheSettings { max_entries: NonZeroUsize::new(10).unwrap(), ..settings(60) };
    let cache = Cache::new(store.clone(), bounds, Clock::manual());
    read(&cache, "a").await.unwrap();
    let names = ["a", "b", "c", "b", "d"].map(SecretName::from);
    let failed = cache.warm(&names).await;
    assert_eq!(store.names(), ["a", "b", "c", "d"]);
    assert_eq!(failed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["c"]);
    assert_eq!(read(&cache, "b").await.unwrap().as_deref(), Some("b"));
    assert_eq!(read(&cache, "d").await.unwrap(), None);
    assert_eq!(store.calls(), 4);
    assert!(cache.board.is_empty());
}
