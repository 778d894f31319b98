//! Reading several names with one request, where a store charges no more for that.

use std::pin::Pin;

use tokio::sync::MutexGuard;

use super::flight::Boarding;
use super::{Cache, Cached};
use crate::error::{Error, Result};
use crate::store::SecretName;
use crate::value::SecretValue;

/// A read under way, boxed as those of stores are.
type Reading<'read> = Pin<Box<dyn Future<Output = Result<Option<SecretValue>>> + Send + 'read>>;

/// A flight that this caller flies: others who board it wait for its answer.
pub(super) struct Seat<'flight, 'board> {
    boarding: &'flight Boarding<'board>,
    outcome: MutexGuard<'flight, Option<Result<Cached>>>,
}

impl<'flight, 'board> Seat<'flight, 'board> {
    /// The flights among `boardings` that no other caller flies. A name that occurs twice is taken once.
    pub(super) fn free_in(boardings: &'flight [Boarding<'board>]) -> Vec<Self> {
        let seat = |boarding: &'flight Boarding<'board>| {
            Some(Self { boarding, outcome: boarding.flight()?.try_lock().ok()? })
        };
        boardings.iter().filter_map(seat).collect()
    }

    /// The name that is read.
    pub(super) fn name(&self) -> &SecretName {
        self.boarding.name
    }
}

impl Cache {
    /// Remembers the answer for a seat, and shares it. Returns its error.
    pub(super) fn seated(
        &self,
        seat: &mut Seat<'_, '_>,
        answer: Result<Option<SecretValue>>,
    ) -> Option<Error> {
        let settled = self.settle(seat.boarding, answer);
        let error = settled.as_ref().err().cloned();
        *seat.outcome = Some(settled);
        seat.boarding.land();
        error
    }

    /// What the store answers for `name`. Where that costs no more, everything that is due is read with it.
    #[inline]
    pub(super) fn read<'read>(&'read self, name: &'read SecretName) -> Reading<'read> {
        if self.reads_together { self.read_what_is_due(name) } else { self.inner.get(name) }
    }

    fn read_what_is_due<'read>(&'read self, name: &'read SecretName) -> Reading<'read> {
        let others = self.due_besides(name);
        if others.is_empty() { self.inner.get(name) } else { Box::pin(self.read_with(name, others)) }
    }

    async fn read_with(&self, name: &SecretName, others: Vec<SecretName>) -> Result<Option<SecretValue>> {
        let boardings: Vec<Boarding<'_>> = others.iter().map(|other| self.board.join(other)).collect();
        let mut seats = Seat::free_in(&boardings);
        let names: Vec<SecretName> =
            [name].into_iter().chain(seats.iter().map(Seat::name)).cloned().collect();
        let mut answers = self.inner.get_many(&names).await.into_iter();
        let own = answers.next().flatten();
        for (seat, answer) in seats.iter_mut().zip(answers) {
            match answer {
                // The same outage as that of `name`, which is noted once.
                Some(Err(error)) if error.kind().is_outage() => self.postpone(seat.name(), &error),
                Some(answer) => drop(self.seated(seat, answer)),
                None => {}
            }
        }
        match own {
            Some(answer) => answer,
            None => self.inner.get(name).await,
        }
    }

    /// The names besides `name` whose entries have to be refreshed, as many as fit into one request.
    fn due_besides(&self, name: &SecretName) -> Vec<SecretName> {
        let now = self.clock.now();
        let state = self.lock();
        let entries = state.values.iter().chain(state.absent.iter());
        let due = entries.filter(|(other, entry)| {
            entry.due <= now && entry.retry_at <= now && now < entry.stale_until && *other != name
        });
        due.map(|(other, _)| other.clone()).take(self.inner.batch_size().get() - 1).collect()
    }

    fn postpone(&self, name: &SecretName, error: &Error) {
        let now = self.clock.now();
        if let Some(entry) = self.lock().entry(name) {
            entry.note_failure(now, error);
        }
    }

    /// Reads all of `names` with one request, if nothing is known of any and the answers can be kept. Returns
    /// the error of the first one.
    pub async fn read_candidates(&self, names: &[SecretName]) -> Option<Error> {
        if self.settings.ttl.is_zero() || !self.knows_none(names) {
            return None;
        }
        let failed = self.warm_together(names).await;
        let first = names.first()?;
        failed.into_iter().find(|(name, _)| name == first).map(|(_, error)| error)
    }

    fn knows_none(&self, names: &[SecretName]) -> bool {
        let mut state = self.lock();
        names.iter().all(|name| state.entry(name).is_none())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use async_trait::async_trait;

    use super::*;
    use crate::error::ErrorKind;
    use crate::layers::cache::tests::{read, settings};
    use crate::process::Clock;
    use crate::store::{Store, StoreInfo};

    /// Answers each name with itself, but for names that begin with `absent`, unless it is down.
    #[derive(Debug, Default)]
    struct Attic {
        asked: Mutex<Vec<String>>,
        is_down: Mutex<bool>,
    }

    impl Attic {
        fn answer(&self, names: &[SecretName]) -> Vec<Result<Option<SecretValue>>> {
            let names: Vec<&str> = names.iter().map(SecretName::as_str).collect();
            self.asked.lock().unwrap().push(names.join(" "));
            let down = || Error::new(ErrorKind::Unreachable, "down").temporary(None);
            let value = |name: &&str| (!name.starts_with("absent")).then(|| SecretValue::text(*name));
            let is_down = *self.is_down.lock().unwrap();
            names.iter().map(|name| if is_down { Err(down()) } else { Ok(value(name)) }).collect()
        }

        fn asked(&self) -> Vec<String> {
            std::mem::take(&mut *self.asked.lock().unwrap())
        }
    }

    #[async_trait]
    impl Store for Attic {
        fn info(&self) -> &StoreInfo {
            &StoreInfo { name: "attic", title: "Attic" }
        }

        async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
            self.answer(std::slice::from_ref(name)).remove(0)
        }

        async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
            self.answer(names).into_iter().map(Some).collect()
        }

        fn batch_size(&self) -> NonZeroUsize {
            NonZeroUsize::new(3).unwrap()
        }

        fn reads_together(&self) -> bool {
            true
        }
    }

    fn cache(store: &Arc<Attic>, clock: &Clock) -> Cache {
        let settings = crate::layers::CacheSettings { max_entries: 10, ..settings(60) };
        Cache::new(store.clone(), settings, clock.clone())
    }

    fn names(names: &[&str]) -> Vec<SecretName> {
        names.iter().map(|name| SecretName::from(*name)).collect()
    }

    #[tokio::test]
    async fn what_is_due_is_read_together_and_no_more_than_fits() {
        let (store, clock) = (Arc::new(Attic::default()), Clock::manual());
        let cache = cache(&store, &clock);
        assert!(cache.warm(&names(&["a", "b", "absent"])).await.is_empty());
        assert_eq!(store.asked(), ["a b absent"]);
        clock.advance(Duration::from_secs(61));
        assert_eq!(read(&cache, "a").await.unwrap().as_deref(), Some("a"));
        assert_eq!(store.asked(), ["a b absent"]);
        assert_eq!(read(&cache, "b").await.unwrap().as_deref(), Some("b"));
        assert_eq!(read(&cache, "absent").await.unwrap(), None);
        assert_eq!(read(&cache, "new").await.unwrap().as_deref(), Some("new"));
        assert_eq!(read(&cache, "other").await.unwrap().as_deref(), Some("other"));
        assert_eq!(store.asked(), ["new", "other"]);
        clock.advance(Duration::from_secs(61));
        read(&cache, "a").await.unwrap();
        assert_eq!(store.asked()[0].split(' ').count(), 3);
    }

    #[tokio::test]
    async fn in_an_outage_each_keeps_its_old_value() {
        let (store, clock) = (Arc::new(Attic::default()), Clock::manual());
        let cache = cache(&store, &clock);
        cache.warm(&names(&["a", "b", "c"])).await;
        clock.advance(Duration::from_secs(61));
        *store.is_down.lock().unwrap() = true;
        for name in ["a", "b", "c"] {
            assert_eq!(read(&cache, name).await.unwrap().as_deref(), Some(name));
        }
        assert_eq!(store.asked()[1].split(' ').count(), 3);
        *store.is_down.lock().unwrap() = false;
        clock.advance(Duration::from_secs(61));
        read(&cache, "b").await.unwrap();
        assert_eq!(store.asked().last().unwrap().split(' ').count(), 3);
    }

    #[tokio::test]
    async fn candidates_are_read_together_where_nothing_is_known_of_any() {
        let (store, clock) = (Arc::new(Attic::default()), Clock::manual());
        let cache = cache(&store, &clock);
        assert!(cache.read_candidates(&names(&["absent", "a"])).await.is_none());
        assert!(cache.read_candidates(&names(&["b", "a"])).await.is_none());
        assert_eq!(store.asked(), ["absent a"]);
        *store.is_down.lock().unwrap() = true;
        let error = cache.read_candidates(&names(&["c", "d"])).await.unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert_eq!(store.asked(), ["c d"]);
    }
}
