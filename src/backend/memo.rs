//! The last answer to each question, so that a repeated one costs a single map access.
//!
//! The cache of the layers holds physical names; an answer may be derived from two of them and from a parsed
//! value. An answer lives only as long as everything that it was derived from is fresh, and only in the
//! cache's epoch in which it was derived: when something is dropped there, no answer that may depend on it is
//! repeated.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::layers::cache::Shelf;
use crate::masking::Stamp;
use crate::process::Timestamp;
use crate::store::PerKind;
use crate::store::convention::Lookup;
use crate::value::SecretValue;

/// The approximate size of an answer besides its value and its id, in bytes.
const OVERHEAD: usize = 200;

/// What Airflow was answered, and how long that may be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    /// The secret, or `None` if there is none.
    pub value: Option<SecretValue>,
    /// When the store gave this answer; if there were several, the time of the oldest.
    pub fetched: Timestamp,
    /// From this moment the cache has to be asked again.
    pub ask_again: Timestamp,
    /// The state of the log maskers to which the value was passed.
    pub masked: Stamp,
}

type Global = Shelf<Box<str>, Remembered>;
type OfTeams = Shelf<(Box<str>, Box<str>), Remembered>;

/// Remembered answers: limited in number per kind, and in bytes for all. Those of teams are kept separately,
/// so that no id can be mistaken for a team and an id.
#[derive(Debug)]
pub(crate) struct Memo {
    shelves: Mutex<Shelves>,
    max_bytes: usize,
}

#[derive(Debug)]
struct Shelves {
    /// The epoch of the cache in which all of them were made.
    epoch: u64,
    global: PerKind<Global>,
    team: PerKind<OfTeams>,
}

impl Shelves {
    /// Drops everything of older epochs.
    fn enter(&mut self, epoch: u64) {
        if self.epoch < epoch {
            self.epoch = epoch;
            self.global.iter_mut().for_each(Shelf::clear);
            self.team.iter_mut().for_each(Shelf::clear);
        }
    }

    /// The answer to `lookup`, fresh or not.
    fn answer(&mut self, lookup: Lookup<'_>) -> Option<&mut Remembered> {
        match lookup.team {
            None => self.global.of_mut(lookup.kind).get_mut(lookup.id),
            Some(team) => self.team.of_mut(lookup.kind).get_mut(&(team.into(), lookup.id.into())),
        }
    }

    fn weight(&self) -> usize {
        self.global.iter().map(Shelf::weight).sum::<usize>()
            + self.team.iter().map(Shelf::weight).sum::<usize>()
    }

    /// Drops the oldest answer of each shelf.
    fn shrink(&mut self) {
        for shelf in self.global.iter_mut() {
            shelf.drop_oldest();
        }
        for shelf in self.team.iter_mut() {
            shelf.drop_oldest();
        }
    }
}

impl Memo {
    pub(crate) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let shelves = Shelves {
            epoch: 0,
            global: PerKind::make(|_| Shelf::new(max_entries, max_bytes)),
            team: PerKind::make(|_| Shelf::new(max_entries, max_bytes)),
        };
        Self { shelves: Mutex::new(shelves), max_bytes }
    }

    /// The answer to `lookup`, if it may be repeated at `now` and in `epoch`.
    pub(crate) fn get(&self, lookup: Lookup<'_>, now: Timestamp, epoch: u64) -> Option<Remembered> {
        let mut shelves = self.lock();
        shelves.enter(epoch);
        let answer = match lookup.team {
            None => shelves.global.of_mut(lookup.kind).get(lookup.id)?,
            Some(team) => shelves.team.of_mut(lookup.kind).get(&(team.into(), lookup.id.into()))?,
        };
        (now < answer.ask_again).then(|| answer.clone())
    }

    /// Like [`Self::get`], for callers other than the warm lookup of one store: with these apart, that one is
    /// compiled into a single function.
    pub(crate) fn recall(&self, lookup: Lookup<'_>, now: Timestamp, epoch: u64) -> Option<Remembered> {
        let mut shelves = self.lock();
        shelves.enter(epoch);
        shelves.answer(lookup).filter(|answer| now < answer.ask_again).map(|answer| answer.clone())
    }

    /// Notes that `value` was passed to the log maskers, if it is still the answer.
    pub(crate) fn note_masked(&self, lookup: Lookup<'_>, value: &SecretValue, masked: Stamp) {
        let mut shelves = self.lock();
        let is_its = |answer: &&mut Remembered| answer.value.as_ref().is_some_and(|its| its.same_as(value));
        if let Some(answer) = shelves.answer(lookup).filter(is_its) {
            answer.masked = masked;
        }
    }

    /// Remembers `answer`, which was derived in `epoch`, if it is still fresh at `now`.
    pub(crate) fn keep(&self, lookup: Lookup<'_>, answer: &Remembered, now: Timestamp, epoch: u64) {
        if answer.ask_again <= now {
            return;
        }
        let id: Box<str> = lookup.id.into();
        let names = id.len() + lookup.team.map_or(0, str::len);
        let weight = OVERHEAD + names + answer.value.as_ref().map_or(0, SecretValue::len);
        let mut shelves = self.lock();
        shelves.enter(epoch);
        // Something was dropped while this answer was being derived, so it may depend on that.
        if shelves.epoch != epoch {
            return;
        }
        match lookup.team {
            None => shelves.global.of_mut(lookup.kind).put(id, answer.clone(), weight),
            Some(team) => shelves.team.of_mut(lookup.kind).put((team.into(), id), answer.clone(), weight),
        };
        while shelves.weight() > self.max_bytes {
            shelves.shrink();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        // The shelves are consistent even if a thread panicked with the lock held.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Clock;
    use crate::store::convention::Kind;
    use std::time::Duration;

    fn lookup<'text>(id: &'text str, team: Option<&'text str>) -> Lookup<'text> {
        Lookup { kind: Kind::Variable, id, team }
    }

    fn answer(text: &str, now: Timestamp) -> Remembered {
        let ask_again = now.plus(Duration::from_secs(5));
        Remembered { value: Some(SecretValue::text(text)), fetched: now, ask_again, masked: Stamp::default() }
    }

    #[test]
    fn answers_are_kept_by_kind_id_and_team_until_they_are_stale() {
        let (clock, memo) = (Clock::manual(), Memo::new(10, 10_000));
        memo.keep(lookup("a", Some("t")), &answer("v", clock.now()), clock.now(), 7);
        let knows = |lookup, epoch| memo.get(lookup, clock.now(), epoch).is_some();
        assert!(knows(lookup("a", Some("t")), 7));
        assert!(!knows(lookup("a", None), 7));
        assert!(!knows(lookup("a", Some("u")), 7));
        assert!(!knows(Lookup { kind: Kind::Config, ..lookup("a", Some("t")) }, 7));
        clock.advance(Duration::from_secs(5));
        assert!(!knows(lookup("a", Some("t")), 7));
    }

    #[test]
    fn a_new_epoch_drops_everything_and_an_old_one_adds_nothing() {
        let (clock, memo) = (Clock::manual(), Memo::new(10, 10_000));
        let knows = |id, epoch| memo.get(lookup(id, None), clock.now(), epoch).is_some();
        memo.keep(lookup("a", None), &answer("v", clock.now()), clock.now(), 7);
        assert!(knows("a", 7) && !knows("a", 8));
        assert_eq!(memo.lock().weight(), 0);
        memo.keep(lookup("a", None), &answer("v", clock.now()), clock.now(), 7);
        assert!(!knows("a", 8));
    }

    #[test]
    fn a_stale_answer_is_not_kept() {
        let (clock, memo) = (Clock::manual(), Memo::new(1, 10_000));
        let stale = Remembered { ask_again: clock.now(), ..answer("v", clock.now()) };
        memo.keep(lookup("a", None), &stale, clock.now(), 0);
        assert_eq!(memo.lock().weight(), 0);
    }

    #[test]
    fn all_shelves_together_keep_to_the_bytes() {
        let (clock, memo) = (Clock::manual(), Memo::new(100, 2_000));
        for number in 0..20 {
            let id = number.to_string();
            for team in [None, Some("t")] {
                memo.keep(lookup(&id, team), &answer(&"v".repeat(100), clock.now()), clock.now(), 7);
                assert!(memo.lock().weight() <= 2_000);
            }
        }
        assert!(memo.get(lookup("19", Some("t")), clock.now(), 7).is_some());
    }
}
