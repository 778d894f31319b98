//! One read that several callers wait for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use crate::error::Result;
use crate::layers::cache::Cached;
use crate::store::SecretName;

/// The lock is held by the caller that reads; the outcome is for those that wait.
pub(super) type Flight = tokio::sync::Mutex<Option<Result<Cached>>>;

/// A read opens, finds and takes off its flight: with the hash of the standard library that was a tenth of
/// all that a lookup computes.
type Flights = HashMap<SecretName, Arc<Flight>, RandomState>;

/// The flights under way, by name. A caller joins the flight that is listed under its name; a flight that was
/// taken off the board still serves its waiting callers, but its answer is not kept.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Flights>);

impl Board {
    /// Joins the flight for `name`, or opens one.
    pub(super) fn join<'board>(&'board self, name: &'board SecretName) -> Boarding<'board> {
        let flight = Arc::clone(self.lock().entry(name.clone()).or_default());
        Boarding { board: self, name, flight: Some(flight) }
    }

    /// Whether a read of `name` is under way.
    pub(super) fn has(&self, name: &SecretName) -> bool {
        self.lock().contains_key(name)
    }

    /// Takes the flight for `name` off the board.
    pub(super) fn recall(&self, name: &SecretName) {
        self.lock().remove(name);
    }

    /// Takes every flight off the board.
    pub(super) fn recall_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Flights> {
        // The map is consistent even if a thread panicked with the lock held.
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
    /// Set until it is dropped.
    flight: Option<Arc<Flight>>,
}

impl Boarding<'_> {
    /// The flight, unless it is being dropped.
    pub(super) fn flight(&self) -> Option<&Flight> {
        self.flight.as_deref()
    }

    /// Whether other callers would still join this flight.
    pub(super) fn is_listed(&self) -> bool {
        let flights = self.board.lock();
        flights.get(self.name).is_some_and(|listed| self.is_in(listed))
    }

    /// Ends the flight: later callers open another one.
    pub(super) fn land(&self) {
        let mut flights = self.board.lock();
        // After a recall, the entry of this name belongs to a later flight.
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
        // With the lock held: two callers that leave at the same time would otherwise each see the other's
        // reference.
        self.flight = None;
        if was_listed
            && let Entry::Occupied(listed) = flights.entry(self.name.clone())
            && Arc::strong_count(listed.get()) == 1
        {
            listed.remove();
        }
    }
}
