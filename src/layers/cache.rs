//! Remembers what a store answered, and lets callers of one name share one read.
//!
//! An entry is *fresh* while its age is under the ttl, counted from the end of the read that brought it. A
//! caller who finds no fresh entry joins the *flight* of that name: the first reads the store, the others
//! wait for it, each within its own deadline. If the reader gives up (deadline, cancellation, panic), the
//! next waiter takes over. With a ttl of zero nothing is kept, and flights are still shared.
//!
//! Denied, absent and malformed answers drop the entry at once. Absent names have a bound of their own, so
//! that a flood of them never evicts a value.

use std::collections::HashMap;
use std::collections::hash_map::Entry as FlightEntry;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lru::LruCache;

use crate::error::{ErrorKind, Result};
use crate::process::{Clock, Timestamp};
use crate::store::options::Options;
use crate::store::{SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// Bounds and ages of a cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CacheSettings {
    /// How long a value is served without asking the store.
    pub ttl: Duration,
    /// How long an absent secret is remembered as absent.
    pub negative_ttl: Duration,
    /// The most values kept, and the most absent names kept.
    pub max_entries: NonZeroUsize,
}

impl CacheSettings {
    /// Reads the options of [`super::OPTIONS`] that concern the cache.
    pub fn from_options(options: &Options) -> Self {
        let ttl = options.duration("cache_ttl").unwrap_or(Duration::from_secs(60));
        let negative_ttl = options.duration("cache_negative_ttl").unwrap_or(Duration::from_secs(15));
        let entries = options.count("cache_max_entries").unwrap_or(1000);
        Self {
            ttl,
            // Who wants no cache wants none for absent names either.
            negative_ttl: if ttl.is_zero() { Duration::ZERO } else { negative_ttl },
            max_entries: NonZeroUsize::new(usize::try_from(entries).unwrap_or(usize::MAX))
                .unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// An answer of the cache and the moment at which it stops being fresh.
#[derive(Clone, Debug)]
pub struct Cached {
    /// The secret, or `None` if it is absent.
    pub value: Option<SecretValue>,
    /// From this moment on the store has to be asked again.
    pub fresh_until: Timestamp,
}

/// A store that remembers.
#[derive(Debug)]
pub struct Cache {
    inner: Arc<dyn Store>,
    settings: CacheSettings,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    values: LruCache<SecretName, (SecretValue, Timestamp)>,
    absent: LruCache<SecretName, Timestamp>,
    flights: HashMap<SecretName, Arc<Flight>>,
}

/// One read that several callers wait for. The lock is held by the caller who reads.
type Flight = tokio::sync::Mutex<Option<Result<Cached>>>;

impl Cache {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, settings: CacheSettings, clock: Clock) -> Self {
        let state = State {
            values: LruCache::new(settings.max_entries),
            absent: LruCache::new(settings.max_entries),
            flights: HashMap::new(),
        };
        Self { inner, settings, clock, state: Mutex::new(state) }
    }

    /// The clock by which entries age.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The fresh answer for `name`, from memory or from the store.
    pub async fn fetch(&self, name: &SecretName) -> Result<Cached> {
        if let Some(cached) = self.fresh(name) {
            return Ok(cached);
        }
        let boarding = self.board(name);
        let mut outcome = boarding.flight.lock().await;
        if let Some(shared) = &*outcome {
            return shared.clone();
        }
        let result = self.refresh(name).await;
        if is_shared(&result) {
            *outcome = Some(result.clone());
            self.lock().flights.remove(name);
        }
        result
    }

    /// Drops what is known of `name`.
    pub fn forget(&self, name: &SecretName) {
        let mut state = self.lock();
        state.values.pop(name);
        state.absent.pop(name);
    }

    fn fresh(&self, name: &SecretName) -> Option<Cached> {
        let now = self.clock.now();
        let mut state = self.lock();
        if let Some((value, fresh_until)) = state.values.get(name)
            && now < *fresh_until
        {
            return Some(Cached { value: Some(value.clone()), fresh_until: *fresh_until });
        }
        let fresh_until = *state.absent.get(name)?;
        (now < fresh_until).then_some(Cached { value: None, fresh_until })
    }

    fn board<'cache>(&'cache self, name: &'cache SecretName) -> Boarding<'cache> {
        let flight = match self.lock().flights.entry(name.clone()) {
            FlightEntry::Occupied(flight) => Arc::clone(flight.get()),
            FlightEntry::Vacant(place) => Arc::clone(place.insert(Arc::default())),
        };
        Boarding { cache: self, name, flight }
    }

    async fn refresh(&self, name: &SecretName) -> Result<Cached> {
        let result = self.inner.get(name).await;
        let now = self.clock.now();
        let mut state = self.lock();
        match result {
            Ok(Some(value)) => Ok(state.keep_value(name, value, now, self.settings.ttl)),
            Ok(None) => Ok(state.keep_absent(name, now, self.settings.negative_ttl)),
            Err(error) => {
                drop(state);
                self.forget(name);
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held leaves maps that are still maps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether waiters share this outcome. A reader whose own time was up speaks for itself only.
fn is_shared(result: &Result<Cached>) -> bool {
    !matches!(result, Err(error) if error.kind() == ErrorKind::Timeout)
}

impl State {
    fn keep_value(&mut self, name: &SecretName, value: SecretValue, now: Timestamp, ttl: Duration) -> Cached {
        let fresh_until = now.plus(ttl);
        self.absent.pop(name);
        if !ttl.is_zero() {
            self.values.put(name.clone(), (value.clone(), fresh_until));
        }
        Cached { value: Some(value), fresh_until }
    }

    fn keep_absent(&mut self, name: &SecretName, now: Timestamp, ttl: Duration) -> Cached {
        let fresh_until = now.plus(ttl);
        self.values.pop(name);
        if !ttl.is_zero() {
            self.absent.put(name.clone(), fresh_until);
        }
        Cached { value: None, fresh_until }
    }
}

/// A caller's place in a flight. The last one to leave takes the flight off the board.
struct Boarding<'cache> {
    cache: &'cache Cache,
    name: &'cache SecretName,
    flight: Arc<Flight>,
}

impl Drop for Boarding<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        if let FlightEntry::Occupied(listed) = state.flights.entry(self.name.clone())
            && Arc::ptr_eq(listed.get(), &self.flight)
            // The board's and ours.
            && Arc::strong_count(&self.flight) == 2
        {
            listed.remove();
        }
    }
}

#[async_trait]
impl Store for Cache {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        Ok(self.fetch(name).await?.value)
    }

    fn is_outdated(&self) -> bool {
        self.inner.is_outdated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::layers::testing::{Scripted, Step};

    const NAME: &str = "airflow/connections/a";

    fn cache(store: &Arc<Scripted>, ttl: u64, clock: &Clock) -> Arc<Cache> {
        let settings = CacheSettings {
            ttl: Duration::from_secs(ttl),
            negative_ttl: Duration::from_secs(ttl / 4),
            max_entries: NonZeroUsize::new(2).unwrap(),
        };
        Arc::new(Cache::new(store.clone(), settings, clock.clone()))
    }

    async fn read(cache: &Cache, name: &str) -> Result<Option<String>> {
        let value = cache.get(&SecretName::from(name)).await?;
        Ok(value.map(|value| value.expose().to_owned()))
    }

    #[tokio::test]
    async fn a_fresh_value_is_served_and_an_expired_one_read_again() {
        let (clock, store) =
            (Clock::manual(), Arc::new(Scripted::new(vec![Step::Value("1"), Step::Value("2")])));
        let cache = cache(&store, 60, &clock);
        for _ in 0..3 {
            assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("1"));
        }
        clock.advance(Duration::from_secs(59));
        assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("1"));
        clock.advance(Duration::from_secs(1));
        assert_eq!(read(&cache, NAME).await.unwrap().as_deref(), Some("2"));
        assert_eq!(store.calls(), 2);
    }

    #[tokio::test]
    async fn a_hundred_lookups_of_an_absent_name_are_one_call() {
        let (clock, store) =
            (Clock::manual(), Arc::new(Scripted::new(vec![Step::Absent, Step::Value("new")])));
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
            assert!(cache.lock().flights.is_empty());
        }
    }

    #[tokio::test]
    async fn without_a_ttl_nothing_is_kept() {
        let store =
            Arc::new(Scripted::new(vec![Step::Value("1"), Step::Value("2"), Step::Absent, Step::Absent]));
        let cache = cache(&store, 0, &Clock::manual());
        for _ in 0..4 {
            read(&cache, NAME).await.unwrap();
        }
        assert_eq!(store.calls(), 4);
        let state = cache.lock();
        assert!(state.values.is_empty() && state.absent.is_empty() && state.flights.is_empty());
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
        assert!(cache.lock().flights.is_empty());
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
}
