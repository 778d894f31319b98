//! One read that several callers wait for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::layers::cache::Cached;
use crate::store::SecretName;

/// The lock is held by the caller who reads; the outcome is for those who wait.
pub(super) type Flight = tokio::sync::Mutex<Option<Result<Cached>>>;

/// The flights under way, by name.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<HashMap<SecretName, Arc<Flight>>>);

impl Board {
    /// Joins the flight of `name`, or opens one.
    pub(super) fn join<'board>(&'board self, name: &'board SecretName) -> Boarding<'board> {
        let flight = Arc::clone(self.lock().entry(name.clone()).or_default());
        Boarding { board: self, name, flight }
    }

    /// Whether somebody is reading `name`.
    pub(super) fn has(&self, name: &SecretName) -> bool {
        self.lock().contains_key(name)
    }

    /// Closes the flight of `name`: who comes later opens another one.
    pub(super) fn close(&self, name: &SecretName) {
        self.lock().remove(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SecretName, Arc<Flight>>> {
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
    name: &'board SecretName,
    pub(super) flight: Arc<Flight>,
}

impl Drop for Boarding<'_> {
    fn drop(&mut self) {
        let mut flights = self.board.lock();
        if let Entry::Occupied(listed) = flights.entry(self.name.clone())
            && Arc::ptr_eq(listed.get(), &self.flight)
            // The board's and ours.
            && Arc::strong_count(&self.flight) == 2
        {
            listed.remove();
        }
    }
}
