//! Which members a lookup concerns, remembered: a repeated lookup runs no regular expression.
//!
//! It depends on the configuration alone, so nothing here ever becomes outdated.

use std::sync::{Arc, Mutex, PoisonError};

use crate::layers::cache::Shelf;
use crate::store::convention::{Kind, Lookup};

/// The approximate size of a route besides its id, in bytes.
const OVERHEAD: usize = 150;
const MOST: usize = 2000;
const MOST_BYTES: usize = 1_000_000;

type Question = (Kind, Box<str>, Option<Box<str>>);

/// The last routes, by lookup.
#[derive(Debug)]
pub(super) struct Routes(Mutex<Shelf<Question, Arc<[usize]>>>);

impl Routes {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Shelf::new(MOST, MOST_BYTES)))
    }

    /// The members that `lookup` concerns, in order, if that is known.
    pub(super) fn of(&self, lookup: Lookup<'_>) -> Option<Arc<[usize]>> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        routes.get(&question(lookup)).cloned()
    }

    /// Notes the members that `lookup` concerns.
    pub(super) fn keep(&self, lookup: Lookup<'_>, members: impl Iterator<Item = usize>) {
        let weight = OVERHEAD + lookup.id.len() + lookup.team.map_or(0, str::len);
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        routes.put(question(lookup), members.collect(), weight);
    }
}

fn question(lookup: Lookup<'_>) -> Question {
    (lookup.kind, lookup.id.into(), lookup.team.map(Into::into))
}
