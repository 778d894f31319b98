//! Finds many texts in one, and accepts new ones without being rebuilt.
//!
//! Each text is found by a window of eight bytes of it (or by all of it, if it is shorter): the windows of
//! the searched text are looked up in a table, and each hit is compared in full. A library such as
//! `aho-corasick` searches faster, but has to be rebuilt at each registration, and an Airflow process
//! registers and logs in turn.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use zeroize::Zeroizing;

/// The widest window, in bytes.
const WIDEST: usize = 8;
/// How many windows of a text are considered when one is chosen.
const CANDIDATES: usize = 64;

/// A text to find, and the offset in it of the window by which it is found.
#[derive(Clone)]
struct Anchor {
    text: Arc<Zeroizing<Vec<u8>>>,
    offset: usize,
}

/// The texts that are found by windows of one width.
#[derive(Clone)]
struct Windows {
    width: usize,
    anchors: HashMap<u64, Vec<Anchor>, RandomState>,
}

/// A set of texts to find. Debug shows how many. Copies share the texts, which are overwritten with the last
/// copy.
#[derive(Clone, Default)]
pub struct Index {
    windows: Vec<Windows>,
    known: HashSet<(u64, u64)>,
    hashes: (RandomState, RandomState),
}

impl Index {
    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The texts, in no particular order.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let anchors = self.windows.iter().flat_map(|windows| windows.anchors.values()).flatten();
        anchors.map(|anchor| anchor.text.as_slice())
    }

    /// Adds `text`; an empty or already known text changes nothing.
    pub fn insert(&mut self, text: &[u8]) {
        let hash = (self.hashes.0.hash_one(text), self.hashes.1.hash_one(text));
        if text.is_empty() || !self.known.insert(hash) {
            return;
        }
        let width = width(text);
        let known = self.windows.iter().position(|windows| windows.width == width).unwrap_or_else(|| {
            self.windows.push(Windows { width, anchors: HashMap::default() });
            self.windows.len() - 1
        });
        if let Some(windows) = self.windows.get_mut(known) {
            windows.insert(text);
        }
    }

    /// Calls `found` with the place of each text in `searched`, including overlapping ones, in no particular
    /// order.
    pub fn find(&self, searched: &[u8], mut found: impl FnMut(Range<usize>)) {
        for windows in &self.windows {
            windows.find(searched, &mut found);
        }
    }
}

impl Windows {
    /// Many texts begin alike (`postgresql://`), so the window is the one that finds the fewest other texts.
    fn insert(&mut self, text: &[u8]) {
        let crowd = |key: &u64| self.anchors.get(key).map_or(0, Vec::len);
        let Some((offset, key)) = candidates(text, self.width).min_by_key(|(_, key)| crowd(key)) else {
            return;
        };
        let text = Arc::new(Zeroizing::new(text.to_vec()));
        self.anchors.entry(key).or_default().push(Anchor { text, offset });
    }

    fn find(&self, searched: &[u8], found: &mut impl FnMut(Range<usize>)) {
        for (at, window) in searched.windows(self.width).enumerate() {
            for anchor in self.anchors.get(&key(window)).into_iter().flatten() {
                let Some(start) = at.checked_sub(anchor.offset) else { continue };
                if searched.get(start..).is_some_and(|rest| rest.starts_with(&anchor.text)) {
                    found(start..start + anchor.text.len());
                }
            }
        }
    }
}

fn width(text: &[u8]) -> usize {
    text.len().min(WIDEST)
}

/// Windows of `text`, spread evenly, with their offsets.
fn candidates(text: &[u8], width: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
    let step = (text.len() / CANDIDATES).max(1);
    text.windows(width).enumerate().step_by(step).map(|(offset, window)| (offset, key(window)))
}

/// Up to eight bytes as a number. Windows of one table have the same length, so equal numbers are equal
/// windows.
fn key(window: &[u8]) -> u64 {
    match <[u8; WIDEST]>::try_from(window) {
        Ok(bytes) => u64::from_le_bytes(bytes),
        Err(_) => window.iter().fold(0, |key, byte| key << 8 | u64::from(*byte)),
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Index({} texts, [REDACTED])", self.len())
    }
}
