//! A Python `dict` with `str` keys.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use super::Value;
use crate::value::text::Text;

/// Up to this number of keys a linear scan is faster than hashing.
const SCAN_LIMIT: usize = 12;

/// Keys and values in order of first insertion, like Python's `dict`: a repeated key keeps its place and
/// takes the last value. Lookups stay cheap for big objects. Debug shows only the number of keys.
#[derive(Clone, Default)]
pub struct Object {
    entries: Vec<(Text, Value)>,
    index: Option<Box<Index>>,
}

/// Open addressing over positions in `entries`, so that no key is stored twice. The hash is seeded at random,
/// so the author of a secret cannot choose keys that collide.
#[derive(Clone)]
struct Index {
    slots: Vec<Option<usize>>,
    state: RandomState,
}

impl Object {
    /// An empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.get_bytes(key.as_bytes())
    }

    /// The value of a key that may hold lone surrogates.
    pub fn get_text(&self, key: &Text) -> Option<&Value> {
        self.get_bytes(key.as_bytes())
    }

    /// Whether the key is present.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets a key: an existing key keeps its place.
    pub fn insert(&mut self, key: Text, value: Value) {
        let old = self.position(key.as_bytes()).and_then(|position| self.entries.get_mut(position));
        match old {
            Some(entry) => entry.1 = value,
            None => self.append(key, value),
        }
    }

    /// Keys and values in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Text, Value)> {
        self.entries.iter()
    }

    /// Values that may be replaced, with their keys, in order.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// Keys and values in order; the values may be replaced.
    pub(crate) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&Text, &mut Value)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = Value> {
        self.entries.into_iter().map(|(_, value)| value)
    }

    fn get_bytes(&self, key: &[u8]) -> Option<&Value> {
        self.position(key).and_then(|position| self.entries.get(position)).map(|(_, value)| value)
    }

    fn position(&self, key: &[u8]) -> Option<usize> {
        match &self.index {
            Some(index) => index.position(key, &self.entries),
            None => self.entries.iter().position(|(candidate, _)| candidate.as_bytes() == key),
        }
    }

    fn append(&mut self, key: Text, value: Value) {
        self.entries.push((key, value));
        match &mut self.index {
            Some(index) => index.add(&self.entries),
            None if self.entries.len() > SCAN_LIMIT => self.index = Some(Box::new(Index::new(&self.entries))),
            None => {}
        }
    }
}

impl Index {
    fn new(entries: &[(Text, Value)]) -> Self {
        let mut index = Self { slots: Vec::new(), state: RandomState::new() };
        index.rebuild(entries);
        index
    }

    /// Adds the entry that was appended last.
    fn add(&mut self, entries: &[(Text, Value)]) {
        if entries.len() * 2 > self.slots.len() {
            self.rebuild(entries);
        } else if let Some((key, _)) = entries.last() {
            self.place(key.as_bytes(), entries.len() - 1);
        }
    }

    /// A table at most a quarter full, so it lasts until the object has doubled.
    fn rebuild(&mut self, entries: &[(Text, Value)]) {
        self.slots = vec![None; (entries.len() * 4).next_power_of_two()];
        for (position, (key, _)) in entries.iter().enumerate() {
            self.place(key.as_bytes(), position);
        }
    }

    fn place(&mut self, key: &[u8], position: usize) {
        let free = self.probe(key).find(|&slot| matches!(self.slots.get(slot), Some(None)));
        if let Some(slot) = free.and_then(|slot| self.slots.get_mut(slot)) {
            *slot = Some(position);
        }
    }

    fn position(&self, key: &[u8], entries: &[(Text, Value)]) -> Option<usize> {
        self.probe(key)
            .map_while(|slot| self.slots.get(slot).copied().flatten())
            .find(|&position| entries.get(position).is_some_and(|(candidate, _)| candidate.as_bytes() == key))
    }

    /// The slots to try for a key, in order; the table is never full, so the search ends.
    fn probe(&self, key: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let size = self.slots.len();
        let start = usize::try_from(self.state.hash_one(key) >> 1).unwrap_or(0);
        (0..size).map(move |step| (start % size + step) % size)
    }
}

/// Equal when the same keys have equal values, in any order, as in Python.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get_text(key) == Some(value))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Object({} keys)", self.len())
    }
}

impl FromIterator<(Text, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(entries: I) -> Self {
        let mut object = Self::new();
        entries.into_iter().for_each(|(key, value)| object.insert(key, value));
        object
    }
}

impl IntoIterator for Object {
    type Item = (Text, Value);
    type IntoIter = std::vec::IntoIter<(Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = &'a (Text, Value);
    type IntoIter = std::slice::Iter<'a, (Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
