//! The guarantees of the cache, on a store with scripted answers and a manual clock.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;
use crate::error::Error;
use crate::layers::testing::{Act, Scripted};
use crate::store::pattern::Pattern;

pub(super) const NAME: &str = "airflow/connections/a";

pub(super) fn settings(ttl: u64) -> CacheSettings {
    CacheSettings {
        ttl: Duration::from_secs(ttl),
        ttl_patterns: Arc::new([]),
        negative_ttl: Duration::from_secs(ttl / 4),
        max_stale: Duration::from_secs(ttl * 10),
        ahead: Ahead::BY_A_CALLER,
        max_entries: 2,
        max_bytes: 10_000,
    }
}

pub(super) fn cache(store: &Arc<Scripted>, ttl: u64, clock: &Clock) -> Arc<Cache> {
    Arc::new(Cache::new(store.clone(), settings(ttl), clock.clone()))
}

pub(super) async fn read(cache: &Cache, name: &str) -> Result<Option<String>> {
    let value = cache.get(&SecretName::from(name)).await?;
    Ok(value.map(|value| value.expose().to_owned()))
}

/// Begins to read `name`, and lets the read reach the store. For a paused clock.
pub(super) async fn begin(cache: &Arc<Cache>, name: &'static str) -> JoinHandle<Result<Option<String>>> {
    let cache = Arc::clone(cache);
    let reader = tokio::spawn(async move { read(&cache, name).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    reader
}

#[tokio::test]
async fn a_fresh_value_is_served_and_an_expired_one_read_again() {
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(vec![Act::Value("1"), Act::Value("2")])));
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
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(vec![Act::Absent, Act::Value("new")])));
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
    let steps = vec![Act::Value("1"), Act::Error(denied), Act::Value("2")];
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
    let store = Arc::new(Scripted::new(vec![Act::Value("1"), Act::Value("2"), Act::Absent, Act::Absent]));
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
    let reader = begin(&cache, NAME).await;
    let waiter = begin(&cache, NAME).await;
    reader.abort();
    assert_eq!(waiter.await.unwrap().unwrap().as_deref(), Some("v"));
    assert_eq!(store.calls(), 2);
    assert!(cache.board.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_times_out_fails_alone() {
    let late = Error::new(ErrorKind::Timeout, "late").temporary(None);
    let store = Arc::new(Scripted::new(vec![Act::Wait(1, late), Act::Value("v")]));
    let cache = cache(&store, 60, &Clock::System);
    let reader = begin(&cache, NAME).await;
    let waiter = begin(&cache, NAME).await;
    assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(waiter.await.unwrap().unwrap().as_deref(), Some("v"));
}

#[tokio::test]
async fn absent_names_never_evict_values() {
    let store = Arc::new(Scripted::new(vec![Act::Value("1"), Act::Absent, Act::Absent, Act::Absent]));
    let cache = cache(&store, 60, &Clock::manual());
    for name in ["a", "b", "c", "d", "a"] {
        read(&cache, name).await.unwrap();
    }
    assert_eq!((store.calls(), cache.lock().absent.len()), (4, 2));
}

#[test]
fn debug_shows_no_value() {
    let store = Arc::new(Scripted::new(vec![Act::Value("canary-0b5e")]));
    let cache = cache(&store, 60, &Clock::manual());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(read(&cache, NAME)).unwrap();
    assert!(!format!("{cache:?}").contains("canary"));
}

pub(super) fn outage(kind: ErrorKind) -> Act {
    Act::Error(Error::new(kind, "away").temporary(None))
}

pub(super) async fn fetch(cache: &Cache) -> Cached {
    cache.fetch(&SecretName::from(NAME)).await.unwrap()
}

pub(super) fn text(cached: &Cached) -> &str {
    cached.value.as_ref().unwrap().expose()
}

#[tokio::test]
async fn expiring_makes_the_next_lookup_ask_and_keeps_the_old_value_for_an_outage() {
    let steps = vec![Act::Value("1"), Act::Value("2"), outage(ErrorKind::Throttled), Act::Value("3")];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    cache.expire(&SecretName::from(NAME));
    assert_eq!(text(&fetch(&cache).await), "2");
    cache.expire_all();
    let stale = fetch(&cache).await;
    assert!(matches!(stale.origin, Origin::Stale(_)));
    assert_eq!(text(&stale), "2");
    // A requested refresh does not wait for the next attempt to be due.
    cache.expire(&SecretName::from(NAME));
    assert_eq!(text(&fetch(&cache).await), "3");
}

#[tokio::test]
async fn absent_names_are_asked_again_after_a_refresh() {
    let store = Arc::new(Scripted::new(vec![Act::Absent, Act::Value("v")]));
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
    let steps = vec![Act::Short("1", 10), Act::Short("2", 10), outage(ErrorKind::Throttled)];
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
    let store = Arc::new(Scripted::new(vec![Act::Panic, Act::Value("v")]));
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
    let steps = vec![Act::Value("a"), Act::Value("b"), Act::Error(Error::new(ErrorKind::Denied, "no"))];
    let store = Arc::new(Scripted::new(steps));
    let bounds = CacheSettings { max_entries: 10, ..settings(60) };
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
