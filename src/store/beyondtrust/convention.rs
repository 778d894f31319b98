//! Names as paths of folders, or as titles within one folder; values as they are. There is no official class.

use crate::store::kit::spelled::{Letters, SpelledConvention};
use crate::store::options::Options;
use crate::store::prefix::PrefixDefaults;

use super::config::has_folder;

/// The limits of `api/utils/validator.go` of BeyondTrust's `go-client-library-passwordsafe`.
const LONGEST_TITLE: usize = 256;
const MOST_FOLDERS: usize = 7;

const BY_PATH: Letters = Letters {
    spell: str::to_owned,
    dash: '-',
    is_valid: |name| name.split('/').all(is_title) && name.split('/').count() <= MOST_FOLDERS + 1,
    grammar: "a path in Secrets Safe has up to 7 folders and a title, each of up to 256 characters, without \
        control characters, spaces around a name or empty names",
    id: str::to_owned,
};

const IN_FOLDER: Letters = Letters {
    is_valid: is_title,
    grammar: "a title in Secrets Safe has up to 256 characters, without control characters or spaces around \
        it",
    ..BY_PATH
};

/// The rules of one configured backend.
pub(super) fn convention(options: &Options) -> SpelledConvention {
    let letters = if has_folder(options) { &IN_FOLDER } else { &BY_PATH };
    SpelledConvention::new(options, PrefixDefaults::AIRFLOW, letters)
}

fn is_title(name: &str) -> bool {
    let is_short = name.chars().take(LONGEST_TITLE + 1).count() <= LONGEST_TITLE;
    !name.is_empty() && name.trim() == name && is_short && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::{Convention, Kind, Lookup, Naming};

    #[test]
    fn names_are_paths_or_titles_within_a_folder() {
        let by_path = Options::of_texts(&[("variables_prefix", "p")]);
        let in_folder = Options::of_texts(&[("variables_prefix", "p"), ("folder_id", "f")]);
        let is_possible = |options: &Options, id: &str| {
            let naming = convention(options).names(Lookup { kind: Kind::Variable, id, team: None });
            !matches!(naming, Naming::Impossible { .. })
        };
        for (id, as_path, as_title) in [
            ("a", true, true),
            ("a\\b", true, true),
            ("a/b", true, true),
            ("b/c/d/e/f/g/t", true, true),
            ("b/c/d/e/f/g/h/t", false, true),
            ("a//b", false, true),
            ("a /b", false, true),
            ("a\tb", false, false),
            ("a ", false, false),
            (&*"\u{e9}".repeat(250), true, true),
            (&*"n".repeat(255), true, false),
            (&*"n".repeat(257), false, false),
        ] {
            assert_eq!((is_possible(&by_path, id), is_possible(&in_folder, id)), (as_path, as_title), "{id}");
        }
    }
}
