//! Names as ids of documents; values as they were sealed. There is no official class.

use crate::store::kit::sealing::SealedConvention;
use crate::store::options::Options;

/// The longest id of a document, in bytes of UTF-8.
const LONGEST: usize = 512;

/// The rules of one configured backend.
pub(super) fn convention(options: &Options) -> SealedConvention {
    SealedConvention::new(
        options,
        is_valid,
        "the id of a document in Elasticsearch has at most 512 bytes, with its kind and prefix",
    )
}

/// Whether a document can have this id.
pub(super) fn is_valid(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::{Convention, Kind, Lookup, Naming};

    #[test]
    fn an_id_has_at_most_512_bytes() {
        let beginning = "variable/airflow/".len();
        for (letter, count, is_possible) in [
            ("a", LONGEST - beginning, true),
            ("a", LONGEST - beginning + 1, false),
            ("é", (LONGEST - beginning) / 2 + 1, false),
        ] {
            let id = letter.repeat(count);
            let naming =
                convention(&Options::default()).names(Lookup { kind: Kind::Variable, id: &id, team: None });
            assert_eq!(!matches!(naming, Naming::Impossible { .. }), is_possible, "{letter} {count}");
        }
    }
}
