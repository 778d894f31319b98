//! The order of the layers: what each has to see of the others.

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::layers::testing::{Act, Scripted};
use crate::process::Deadline;
use crate::store::options::Rate;
use crate::store::{Inspect, SecretName};

fn settings() -> LayerSettings {
    LayerSettings::default()
}

fn limited(calls: u32, per: Duration) -> LayerSettings {
    let rate = Some(Rate { calls: NonZeroU32::new(calls).unwrap(), per });
    LayerSettings { limit: LimitSettings { rate, after_throttle: None }, ..settings() }
}

fn throttled() -> Act {
    Act::Error(Error::new(ErrorKind::Throttled, "slow down").temporary(None))
}

async fn get(store: &Layered, name: &str) -> crate::error::Result<Option<String>> {
    let value = store.lookups.get(&SecretName::from(name)).await?;
    Ok(value.map(|value| value.expose().to_owned()))
}

/// Cache outside limit: answers from memory do not wait.
#[tokio::test(start_paused = true)]
async fn a_hit_takes_no_token() {
    let store = Arc::new(Scripted::new(vec![Act::Value("v")]));
    let stack = stack(store, &limited(1, Duration::from_secs(3601)), Clock::System);
    let started = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(get(&stack, "a").await.unwrap().as_deref(), Some("v"));
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}

/// Cache outside retry: all callers of one name share one series of attempts.
#[tokio::test(start_paused = true)]
async fn callers_share_the_retries() {
    let store = Arc::new(Scripted::new(vec![throttled(), throttled(), Act::Value("v")]));
    let stack = Arc::new(stack(store.clone(), &settings(), Clock::System));
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let stack = Arc::clone(&stack);
            tokio::spawn(async move { get(&stack, "a").await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("v"));
    }
    assert_eq!(store.calls(), 3);
}

/// Retry in the queue of the limit: a further attempt is a call like any other.
#[tokio::test(start_paused = true)]
async fn each_attempt_takes_a_token() {
    let store = Arc::new(Scripted::new(vec![throttled(), throttled(), Act::Value("v")]));
    let per = Duration::from_secs(100);
    let stack = stack(store.clone(), &limited(1, per), Clock::System);
    let started = tokio::time::Instant::now();
    get(&stack, "a").await.unwrap();
    assert_eq!((store.calls(), started.elapsed()), (3, 2 * per));
}

/// Retry outside timeout: after an attempt that hangs there is time for the next one.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_followed_by_another() {
    let never = Error::new(ErrorKind::Internal, "never");
    let store = Arc::new(Scripted::new(vec![Act::Wait(3600, never), Act::Value("v")]));
    let stack = stack(store, &settings(), Clock::System);
    let lookup = Deadline::after(Duration::from_secs(10)).run(get(&stack, "a")).await;
    assert_eq!(lookup.unwrap().as_deref(), Some("v"));
}

/// Observe outside cache: hits are counted, too.
#[tokio::test(start_paused = true)]
async fn answers_and_calls_are_counted() {
    let counters: &'static Counters = Box::leak(Box::new(Counters::zero()));
    let store = Arc::new(Scripted::new(vec![throttled(), Act::Value("v"), Act::Absent]));
    let stack = counted_stack(store, &settings(), Clock::System, counters);
    for name in ["a", "a", "b", "b", "b"] {
        get(&stack, name).await.unwrap();
    }
    let counted: Vec<_> = counters.all().map(|(name, counter)| format!("{name} {}", counter.get())).collect();
    insta::assert_snapshot!(counted.join(", "), @"calls 3, hits 1, negative 2, stale 0, loads 2, errors 0, \
    waits 0, retries 1, throttles 1, agent_answers 0, agent_absences 0");
}

/// Limit inside the cache and its breaker: a call that waited too long in the queue has not reached the
/// store.
#[tokio::test(start_paused = true)]
async fn a_full_queue_does_not_open_the_breaker() {
    let store = Arc::new(Scripted::new(vec![Act::Value("1"), Act::Value("2")]));
    let clock = Clock::manual();
    let stack = stack(store.clone(), &limited(1, Duration::from_secs(90)), clock.clone());
    get(&stack, "a").await.unwrap();
    clock.advance(Duration::from_secs(61));
    for number in 0..10 {
        let deadline = Deadline::after(Duration::from_secs(1));
        deadline.run(get(&stack, &number.to_string())).await.unwrap_err();
    }
    tokio::time::advance(Duration::from_secs(90)).await;
    assert_eq!(get(&stack, "a").await.unwrap().as_deref(), Some("2"));
}

/// Inspection uses the store's name, the attempts and the queue of lookups, but no cache.
#[tokio::test(start_paused = true)]
async fn an_inspection_is_retried_in_the_queue_of_the_lookups() {
    let store = Arc::new(Scripted::new(vec![Act::Value("v"), throttled(), Act::Absent, Act::Absent]));
    let per = Duration::from_secs(2);
    let stack = stack(store.clone(), &limited(1, per), Clock::System);
    get(&stack, "a").await.unwrap();
    let started = tokio::time::Instant::now();
    assert_eq!(stack.inspect.describe(&"a".into()).await.unwrap(), None);
    assert_eq!((store.calls(), started.elapsed()), (3, 2 * per));
    assert_eq!(stack.inspect.describe(&"a".into()).await.unwrap(), None);
    assert_eq!(store.calls(), 4);
}

/// Errors name the store, and an inspection ends with its deadline.
#[tokio::test(start_paused = true)]
async fn an_inspection_that_hangs_ends_with_the_deadline_and_names_the_store() {
    let stack = stack(Arc::new(Scripted::hanging()), &settings(), Clock::System);
    let started = tokio::time::Instant::now();
    let error = stack.inspect.describe(&"a".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.store()), (ErrorKind::Timeout, Some("scripted")));
    assert!(started.elapsed() <= Duration::from_secs(11), "{:?}", started.elapsed());
    assert!(stack.inspect.diagnose().await.is_empty());
}

/// A store without inspection only fails where it is needed.
#[tokio::test]
async fn a_store_without_inspect_cannot_list_and_says_so() {
    #[derive(Debug)]
    struct Plain;

    #[async_trait::async_trait]
    impl Store for Plain {
        fn info(&self) -> &crate::store::StoreInfo {
            &crate::store::StoreInfo { name: "plain", title: "Plain" }
        }

        async fn get(&self, _name: &SecretName) -> crate::error::Result<Option<crate::value::SecretValue>> {
            Err(Error::new(ErrorKind::Denied, "no"))
        }
    }

    let stack = stack(Arc::new(Plain), &settings(), Clock::System);
    insta::assert_snapshot!(stack.inspect.list("", None).await.unwrap_err(), @"Plain cannot list its secrets \
    (plain list)");
    insta::assert_snapshot!(stack.inspect.describe(&"a".into()).await.unwrap_err(), @"Plain cannot describe \
    a secret (plain describe)");
    assert_eq!((stack.inspect.identity(), stack.inspect.unread().await.unwrap()), (None, Vec::new()));
    insta::assert_snapshot!(get(&stack, "a").await.unwrap_err(), @"no (plain)");
}
