//! Names of accounts within a safe; values as they are. There is no official class.

use crate::store::kit::spelled::{Letters, SpelledConvention};
use crate::store::options::Options;

use super::config::DEFAULTS;

/// What a name may take of an address when it is encoded. IIS refuses addresses of more than 2048 characters.
const LONGEST: usize = 1700;

/// The letters of names in a safe.
pub(in crate::store) const LETTERS: Letters = Letters {
    spell: str::to_owned,
    dash: '-',
    is_valid,
    grammar: "a name in CyberArk has no control characters, none of \\ / : * ? \" < > | and no space around \
        it, and takes at most 1700 characters of an address",
    id: str::to_owned,
};

/// The rules of one configured backend.
pub(super) fn convention(options: &Options) -> SpelledConvention {
    SpelledConvention::new(options, DEFAULTS, &LETTERS)
}

/// The characters are those that no file in a safe has in its name.
fn is_valid(name: &str) -> bool {
    let is_impossible = |character: char| character.is_control() || "\\/:*?\"<>|".contains(character);
    let encoded = |byte: u8| if byte.is_ascii_alphanumeric() { 1 } else { 3 };
    let is_short = name.bytes().map(encoded).sum::<usize>() <= LONGEST;
    !name.is_empty() && name.trim() == name && !name.contains(is_impossible) && is_short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::{Convention, Kind, Lookup, Naming};

    #[test]
    fn names_have_dashes_in_place_of_folders() {
        let names = |team| {
            let lookup = Lookup { kind: Kind::Connection, id: "db", team };
            convention(&Options::default()).names(lookup).into_names()
        };
        assert_eq!(names(None), ["airflow-connections-db".into()]);
        let of_team = ["airflow-connections-ops--db", "airflow-connections-db"];
        assert_eq!(names(Some("ops")), of_team.map(Into::into));
    }

    #[test]
    fn what_no_account_can_be_called_is_not_asked_for() {
        let options = Options::of_texts(&[("variables_prefix", "p")]);
        let is_possible = |id: &str| {
            let naming = convention(&options).names(Lookup { kind: Kind::Variable, id, team: None });
            !matches!(naming, Naming::Impossible { .. })
        };
        for id in ["a", "a b", "R&D+%", "é", "{a}", &"n".repeat(1690)] {
            assert!(is_possible(id), "{id}");
        }
        for id in ["a/b", "a\\b", "a:b", "a*", "a?", "\"a\"", "<a>", "a|b", "a\tb", "a ", &"é".repeat(300)] {
            assert!(!is_possible(id), "{id}");
        }
    }
}
