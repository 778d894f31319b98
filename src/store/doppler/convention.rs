//! Names in Doppler's own letters, and values as they are. There is no official class.

use crate::store::kit::spelled::{Letters, SpelledConvention};
use crate::store::options::Options;

use super::config::DEFAULTS;

const LONGEST_NAME: usize = 200;

const LETTERS: Letters = Letters {
    spell: |text| text.to_ascii_uppercase().replace(['-', '.', '/'], "_"),
    dash: '_',
    is_valid,
    grammar: "a name in Doppler has 1 to 200 capitals, digits and underscores and begins with no digit \
        (small letters become capitals, and `-`, `.`, `/` underscores)",
    // Most ids have small letters.
    id: str::to_ascii_lowercase,
};

/// The rules of one configured backend.
pub(super) fn convention(options: &Options) -> SpelledConvention {
    SpelledConvention::new(options, DEFAULTS, &LETTERS)
}

fn is_valid(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(is_letter)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::{Convention, Kind, Lookup, Naming};

    #[test]
    fn names_have_capitals_and_underscores() {
        let names = |prefix: &str, id: &str, team: Option<&str>| {
            let options = Options::of_texts(&[("variables_prefix", prefix)]);
            convention(&options).names(Lookup { kind: Kind::Variable, id, team })
        };
        for (prefix, id, team, expected) in [
            ("AIRFLOW_VARIABLES", "my-db.x/y", None, &["AIRFLOW_VARIABLES_MY_DB_X_Y"][..]),
            ("airflow", "a", Some("ops"), &["AIRFLOW_OPS__A", "AIRFLOW_A"]),
            ("", "a", Some(""), &["A"]),
        ] {
            assert_eq!(
                names(prefix, id, team),
                Naming::Names(expected.iter().map(|name| (*name).into()).collect())
            );
        }
        for (prefix, id) in [("p", "a b"), ("p", "\u{e9}"), ("", "1"), ("", ""), ("p", &*"n".repeat(200))] {
            assert!(matches!(names(prefix, id, None), Naming::Impossible { .. }), "{id}");
        }
        assert!(matches!(names("p", "a-_b", None), Naming::Ambiguous { .. }));
    }
}
