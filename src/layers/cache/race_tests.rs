//! What happens to a read under way when something else changes.

use std::sync::Barrier;
use std::time::Duration;

use super::tests::{NAME, begin, cache, fetch, outage, read, settings, text};
use super::*;
use crate::layers::testing::{Act, Scripted};

fn refused() -> Act {
    Act::Error(Error::new(ErrorKind::Unauthenticated, "no"))
}

#[tokio::test(start_paused = true)]
async fn a_refresh_does_not_join_a_read_that_began_before_it() {
    let store = Arc::new(Scripted::new(vec![Act::Late("old", 1), Act::Value("new")]));
    let cache = cache(&store, 60, &Clock::System);
    let earlier = begin(&cache, NAME).await;
    cache.expire(&SecretName::from(NAME));
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("new"));
    assert_eq!(earlier.await.unwrap().unwrap().as_deref(), Some("old"));
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("new"));
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_read_that_began_before_a_refresh_is_not_kept() {
    let store = Arc::new(Scripted::new(vec![Act::Late("old", 1), Act::Value("new")]));
    let cache = cache(&store, 60, &Clock::System);
    let earlier = begin(&cache, NAME).await;
    cache.expire_all();
    earlier.await.unwrap().unwrap();
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("new"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_under_a_refused_identity_is_not_kept_when_it_arrives() {
    let store = Arc::new(Scripted::new(vec![Act::Late("old", 1), refused(), Act::Value("new")]));
    let cache = cache(&store, 60, &Clock::System);
    let earlier = begin(&cache, "a").await;
    read(&cache, "b").await.unwrap_err();
    earlier.await.unwrap().unwrap();
    assert_eq!(read(&cache, "a").await.unwrap().as_deref(), Some("new"));
}

#[tokio::test(start_paused = true)]
async fn an_old_value_is_not_served_once_the_identity_was_refused() {
    let hangs = Act::Wait(60, Error::new(ErrorKind::Internal, "never"));
    let (clock, store) =
        (Clock::manual(), Arc::new(Scripted::new(vec![Act::Value("old"), hangs, refused()])));
    let cache = cache(&store, 60, &clock);
    read(&cache, "a").await.unwrap();
    clock.advance(Duration::from_secs(61));
    let refresh = begin(&cache, "a").await;
    read(&cache, "b").await.unwrap_err();
    assert_eq!(refresh.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_caller_without_an_old_value_has_the_patience_of_a_first_read() {
    let steps = vec![Act::Value("old"), Act::Late("late", 3), Act::Late("new", 3)];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    read(&cache, NAME).await.unwrap();
    clock.advance(Duration::from_millis(659_500));
    let refresh = begin(&cache, NAME).await;
    // Now the old value has expired for good.
    clock.advance(Duration::from_millis(500));
    assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("new"));
    assert_eq!(refresh.await.unwrap().unwrap().as_deref(), Some("old"));
}

#[tokio::test]
async fn a_refresh_by_hand_passes_an_open_breaker() {
    let steps = [vec![Act::Value("1")], vec![outage(ErrorKind::Unreachable); 10], vec![Act::Value("2")]];
    let store = Arc::new(Scripted::new(steps.concat()));
    let cache = cache(&store, 60, &Clock::manual());
    fetch(&cache).await;
    for number in 0..10 {
        read(&cache, &number.to_string()).await.unwrap_err();
    }
    cache.expire(&SecretName::from(NAME));
    assert_eq!(text(&fetch(&cache).await), "2");
}

#[test]
fn concurrent_threads_share_one_read_after_expiry() {
    let block_on = |cache: &Cache| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(read(cache, NAME)).unwrap();
    };
    for round in 0..500 {
        let (clock, store) = (Clock::manual(), Arc::new(Scripted::slow(Duration::ZERO, "v")));
        let cache = cache(&store, 60, &clock);
        block_on(&cache);
        clock.advance(Duration::from_secs(if round % 2 == 0 { 61 } else { 50 }));
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    block_on(&cache);
                });
            }
        });
        assert!(cache.board.is_empty());
        assert_eq!(store.calls(), 2, "round {round}");
    }
}

#[test]
fn two_callers_that_leave_a_flight_at_once_take_it_off_the_board() {
    let name = SecretName::from(NAME);
    for _ in 0..5000 {
        let (board, barrier) = (Board::default(), Barrier::new(2));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let boarding = board.join(&name);
                    barrier.wait();
                    drop(boarding);
                });
            }
        });
        assert!(board.is_empty());
    }
}

#[tokio::test]
async fn a_cache_without_room_keeps_nothing() {
    let store = Arc::new(Scripted::new(vec![Act::Value("1"), Act::Value("2"), Act::Absent, Act::Absent]));
    let cache = Cache::new(store.clone(), CacheSettings { max_entries: 0, ..settings(60) }, Clock::manual());
    for _ in 0..4 {
        read(&cache, NAME).await.unwrap();
    }
    assert_eq!(store.calls(), 4);
}

#[tokio::test]
async fn an_absence_is_reused_in_an_outage_and_marked_as_old() {
    let steps = vec![Act::Absent, outage(ErrorKind::Throttled)];
    let (clock, store) = (Clock::manual(), Arc::new(Scripted::new(steps)));
    let cache = cache(&store, 60, &clock);
    fetch(&cache).await;
    clock.advance(Duration::from_secs(16));
    let stale = fetch(&cache).await;
    assert!(stale.value.is_none() && matches!(stale.origin, Origin::Stale(_)));
}
