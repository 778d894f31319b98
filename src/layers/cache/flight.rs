//! One read that several callers wait for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::layers::cache::Cached;
use crate::store::SecretName;

/// The lock is held by the caller who reads; the outcome is for those who wait.
pub(super) type Flight = tokio::sync::Mutex<Option<Result<Cached>>>;

/// The flights under way, by name. Who joins a name finds the one that is listed; one that was taken off the
/// board still serves those who wait for it, and what it brings is kept by nobody.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<HashMap<SecretName, Arc<Flight>>>);

impl Board {
    /// Joins the flight of `name`, or opens one.
    pub(super) fn join<'board>(&'board self, name: &'board SecretName) -> Boarding<'board> {
        let flight = Arc::clone(self.lock().entry(name.clone()).or_default());
        Boarding { board: self, name, flight: Some(flight) }
    }

    /// Whether somebody is reading `name`.
    pub(super) fn has(&self, name: &SecretName) -> bool {
        self.lock().contains_key(name)
    }

    /// Takes the flight of `name` off the board.
    pub(super) fn recall(&self, name: &SecretName) {
        self.lock().remove(name);
    }

    /// Takes every flight off the board.
    pub(super) fn recall_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SecretName, Arc<Flight>>> {
        // A panic while the lock was held leaves a map that is still a map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

/// A caller's place in a flight. The last one to leave takes the flight off the board.
pub(super) struct Boarding<'board> {
    board: &'board Board,
    pub(super) name: &'board SecretName,
    /// Always there until it is dropped.
    flight: Option<Arc<Flight>>,
}

impl Boarding<'_> {
    /// The flight, unless it is being left.
    pub(super) fn flight(&self) -> Option<&Flight> {
        self.flight.as_deref()
    }

    /// Whether the flight is still the one that others would join.
    pub(super) fn is_listed(&self) -> bool {
        let flights = self.board.lock();
        flights.get(self.name).is_some_and(|listed| self.is_in(listed))
    }

    /// The flight has landed: who comes later opens another one.
    pub(super) fn land(&self) {
        let mut flights = self.board.lock();
        if flights.get(self.name).is_some_and(|listed| self.is_in(listed)) {
            flights.remove(self.name);
        }
    }

    fn is_in(&self, listed: &Arc<Flight>) -> bool {
        self.flight.as_ref().is_some_and(|flight| Arc::ptr_eq(listed, flight))
    }
}

impl Drop for Boarding<'_> {
    fn drop(&mut self) {
        let mut flights = self.board.lock();
        let was_listed = flights.get(self.name).is_some_and(|listed| self.is_in(listed));
        // Under the lock: two who leave at once would each take the other for one who stays.
        self.flight = None;
        if was_listed
            && let Entry::Occupied(listed) = flights.entry(self.name.clone())
            && Arc::strong_count(listed.get()) == 1
        {
            listed.remove();
        }
    }
}
