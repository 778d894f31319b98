//! What is secret in an answer, and how it is found in a text that is about to be logged.
//!
//! Airflow compiles one pattern of everything it hides, again at each registration. Here a registration is an
//! insertion into an index, and a text is read once. The printed forms of a secret are not listed one by one:
//! the text is decoded as well ([`view`]), and the secret is searched for in the result.
//!
//! | file | what it does |
//! |---|---|
//! | [`answer`] | which texts are secret in the answer to a lookup, and under which key |
//! | [`form`] | what to search for: the text, its lines, its base64 |
//! | [`index`] | finds many texts in one |
//! | [`view`] | percent-encoding and backslash escapes decoded, with the places in the original |

pub mod answer;
pub mod form;
pub mod index;
pub mod view;

use std::fmt;
use std::ops::Range;

use index::Index;
use zeroize::Zeroizing;

/// How many encodings may be nested: JSON in a form in JSON.
const DEEPEST: usize = 3;

/// The texts that are hidden. Debug shows how many; memory is overwritten with the last copy.
#[derive(Clone, Default)]
pub struct Masks {
    index: Index,
}

impl Masks {
    /// Hides `secret` in every form of [`form::of`]. The caller decides whether it is long enough.
    pub fn add(&mut self, secret: &[u8]) {
        for form in form::of(secret) {
            self.index.insert(&form);
        }
    }

    /// Hides what `other` hides as well.
    pub fn extend(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else {
            other.index.texts().for_each(|text| self.index.insert(text));
        }
    }

    /// How many texts are searched for.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.index.len() == 0
    }

    /// The places of `text` to hide, in order and not overlapping. `text` is UTF-8, or the result of Python's
    /// `surrogatepass`.
    ///
    /// Secrets that overlap are one place, so that no part of either is left behind.
    pub fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if !self.is_empty() {
            self.index.find(text, |place| found.push(place));
            view::each(text, DEEPEST, &mut |view| {
                self.index.find(view.bytes(), |place| found.push(view.place(place)));
            });
        }
        apart(found)
    }

    /// `text` with `replacement` in every place that [`Self::find`] returns; `None` if there are none.
    pub fn replace(&self, text: &[u8], replacement: &[u8]) -> Option<Vec<u8>> {
        let places = self.find(text);
        if places.is_empty() {
            return None;
        }
        let mut output = Vec::with_capacity(text.len());
        let mut end = 0;
        for place in places {
            output.extend_from_slice(text.get(end..place.start).unwrap_or_default());
            output.extend_from_slice(replacement);
            end = place.end;
        }
        output.extend_from_slice(text.get(end..).unwrap_or_default());
        Some(output)
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Masks({} texts, [REDACTED])", self.len())
    }
}

/// Sorted, with overlapping places merged. Neighbours stay separate, as two matches of a pattern would.
fn apart(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_unstable_by_key(|place| (place.start, place.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(places.len());
    for place in places {
        match merged.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => merged.push(place),
        }
    }
    merged
}

/// When a secret was passed to the maskers, to know whether they still have it. The default means never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Counts the events that make maskers forget; starts at 1.
    pub epoch: u64,
    /// Which supervisor received it; 0 where there is none.
    pub channel: usize,
}

/// The text that an escaped pattern matches: `re.escape` of Python, `QuoteMeta` of re2. `None` for a pattern
/// that is not a single text. In generalized UTF-8, like everything that is searched.
pub fn unescape_pattern(pattern: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(pattern.len()));
    let mut rest = pattern;
    loop {
        rest = match rest {
            [] => return Some(text),
            // QuoteMeta writes NUL like this, since NUL ends C strings.
            [b'\\', b'x', b'0', b'0', rest @ ..] => {
                text.push(0);
                rest
            }
            // A letter or digit after a backslash is a class or a reference, never a literal.
            [b'\\', letter, ..] if letter.is_ascii_alphanumeric() => return None,
            [b'\\', letter, rest @ ..] => {
                text.push(*letter);
                rest
            }
            [first, ..] if b"\\()[]{}?*+|^$.".contains(first) => return None,
            [first, rest @ ..] => {
                text.push(*first);
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests;
