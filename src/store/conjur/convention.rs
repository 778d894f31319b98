//! Prefix, separator and id as the id of a variable; values as they are. There is no official class.

use crate::store::kit::spelled::{Letters, SpelledConvention};
use crate::store::options::Options;
use crate::store::prefix::PrefixDefaults;

const LETTERS: Letters = Letters {
    spell: str::to_owned,
    dash: '-',
    is_valid,
    grammar: "the id of a variable in Conjur has no control characters, and is neither `.` nor `..`",
    id: str::to_owned,
};

/// The rules of one configured backend.
pub(super) fn convention(options: &Options) -> SpelledConvention {
    SpelledConvention::new(options, PrefixDefaults::AIRFLOW, &LETTERS)
}

/// An address drops a segment `..`, even if it is percent-encoded.
fn is_valid(name: &str) -> bool {
    !["", ".", ".."].contains(&name) && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_address_can_hold_is_refused() {
        for name in ["a", "a b", "a:b", "a/../b", "...", "Operating System-h", "\u{e9}"] {
            assert!(is_valid(name), "{name}");
        }
        for name in ["", ".", "..", "a\tb", "a\0"] {
            assert!(!is_valid(name), "{name:?}");
        }
    }
}
