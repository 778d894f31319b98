//! Names as paths of folders, or as names within one folder; values as they are. There is no official class.

use crate::store::kit::spelled::{Letters, SpelledConvention};
use crate::store::options::Options;
use crate::store::prefix::PrefixDefaults;

use super::config::FOLDER_ID;

/// What a name may take of an address when it is encoded. IIS refuses addresses of more than 2048 characters.
const LONGEST: usize = 1700;

const BY_PATH: Letters = Letters {
    spell: str::to_owned,
    dash: '-',
    is_valid: |name| name.split('/').all(is_valid) && fits(name),
    grammar: "a path in Secret Server has no control characters, no backslash, no empty folder and no space \
        around a name, and takes at most 1700 characters of an address",
    id: str::to_owned,
};

const IN_FOLDER: Letters = Letters {
    is_valid: |name| is_valid(name) && fits(name),
    grammar: "a name in Secret Server has no control characters, no backslash and no space around it, and \
        takes at most 1700 characters of an address",
    ..BY_PATH
};

/// The rules of one configured backend.
pub(super) fn convention(options: &Options) -> SpelledConvention {
    let letters = if options.count(FOLDER_ID).is_some() { &IN_FOLDER } else { &BY_PATH };
    SpelledConvention::new(options, PrefixDefaults::AIRFLOW, letters)
}

fn is_valid(name: &str) -> bool {
    let is_impossible = |character: char| character.is_control() || character == '\\';
    !name.is_empty() && name.trim() == name && !name.contains(is_impossible)
}

fn fits(name: &str) -> bool {
    let encoded = |byte: u8| if byte.is_ascii_alphanumeric() { 1 } else { 3 };
    name.bytes().map(encoded).sum::<usize>() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::{Convention, Kind, Lookup, Naming};
    use crate::store::options::OptionValue;

    #[test]
    fn names_are_paths_or_names_within_a_folder() {
        let by_path = Options::of_texts(&[("variables_prefix", "p")]);
        let mut in_folder = by_path.clone();
        in_folder.set(FOLDER_ID, OptionValue::Count(3));
        let is_possible = |options: &Options, id: &str| {
            let naming = convention(options).names(Lookup { kind: Kind::Variable, id, team: None });
            !matches!(naming, Naming::Impossible { .. })
        };
        for (id, as_path, as_name) in [
            ("a", true, true),
            ("a/b", true, true),
            ("a//b", false, true),
            ("a /b", false, true),
            ("a\\b", false, false),
            ("a\tb", false, false),
            ("a ", false, false),
            (&*"n".repeat(1690), true, true),
            (&*"\u{e9}".repeat(300), false, false),
        ] {
            assert_eq!((is_possible(&by_path, id), is_possible(&in_folder, id)), (as_path, as_name), "{id}");
        }
    }
}
