//! The last answer to each question, so that a repeated one costs a single look into a map.
//!
//! The cache of the layers knows physical names; an answer may come from two of them and from a parsed value.
//! An answer lives exactly as long as everything it was made of is fresh.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::process::Timestamp;
use crate::store::convention::{Kind, Lookup};
use crate::value::SecretValue;

/// What Airflow was answered, and until when that may be repeated.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The secret, or `None` if there is none.
    pub value: Option<SecretValue>,
    /// From this moment on the store has to be asked again.
    pub fresh_until: Timestamp,
}

type Global = LruCache<Box<str>, Answer>;
type OfTeams = LruCache<(Box<str>, Box<str>), Answer>;

/// Remembered answers, bounded for each kind. Those with a team stand apart, so that no text can be both.
#[derive(Debug)]
pub(crate) struct Memo(Mutex<Shelves>);

#[derive(Debug)]
struct Shelves {
    global: [Global; 3],
    team: [OfTeams; 3],
}

impl Memo {
    pub(crate) fn new(max_entries: NonZeroUsize) -> Self {
        Self(Mutex::new(Shelves {
            global: std::array::from_fn(|_| LruCache::new(max_entries)),
            team: std::array::from_fn(|_| LruCache::new(max_entries)),
        }))
    }

    /// The answer to `lookup`, if it is still fresh at `now`.
    pub(crate) fn get(&self, lookup: Lookup<'_>, now: Timestamp) -> Option<Answer> {
        let mut shelves = self.lock();
        let answer = match lookup.team {
            None => shelf(&mut shelves.global, lookup.kind).get(lookup.id)?,
            Some(team) => shelf(&mut shelves.team, lookup.kind).get(&(team.into(), lookup.id.into()))?,
        };
        (now < answer.fresh_until).then(|| answer.clone())
    }

    /// Remembers `answer` if it is worth it at `now`.
    pub(crate) fn keep(&self, lookup: Lookup<'_>, answer: &Answer, now: Timestamp) {
        if answer.fresh_until <= now {
            return;
        }
        let mut shelves = self.lock();
        match lookup.team {
            None => shelf(&mut shelves.global, lookup.kind).put(lookup.id.into(), answer.clone()),
            Some(team) => {
                shelf(&mut shelves.team, lookup.kind).put((team.into(), lookup.id.into()), answer.clone())
            }
        };
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shelf<T>(shelves: &mut [T; 3], kind: Kind) -> &mut T {
    let [connections, variables, configs] = shelves;
    match kind {
        Kind::Connection => connections,
        Kind::Variable => variables,
        Kind::Config => configs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Clock;
    use std::time::Duration;

    fn lookup<'text>(id: &'text str, team: Option<&'text str>) -> Lookup<'text> {
        Lookup { kind: Kind::Variable, id, team }
    }

    #[test]
    fn answers_are_kept_by_kind_id_and_team_until_they_are_stale() {
        let (clock, memo) = (Clock::manual(), Memo::new(NonZeroUsize::new(10).unwrap()));
        let fresh_until = clock.now().plus(Duration::from_secs(5));
        let answer = Answer { value: Some(SecretValue::text("v")), fresh_until };
        memo.keep(lookup("a", Some("t")), &answer, clock.now());
        assert!(memo.get(lookup("a", Some("t")), clock.now()).is_some());
        assert!(memo.get(lookup("a", None), clock.now()).is_none());
        assert!(memo.get(lookup("a", Some("u")), clock.now()).is_none());
        assert!(memo.get(Lookup { kind: Kind::Config, ..lookup("a", Some("t")) }, clock.now()).is_none());
        clock.advance(Duration::from_secs(5));
        assert!(memo.get(lookup("a", Some("t")), clock.now()).is_none());
    }

    #[test]
    fn what_is_stale_already_is_not_kept() {
        let (clock, memo) = (Clock::manual(), Memo::new(NonZeroUsize::MIN));
        let answer = Answer { value: None, fresh_until: clock.now() };
        memo.keep(lookup("a", None), &answer, clock.now());
        assert!(memo.lock().global.iter().all(LruCache::is_empty));
    }
}
