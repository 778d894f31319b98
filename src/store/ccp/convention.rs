//! Names of objects within a safe; values as they are. There is no official class.

use crate::store::cyberark::LETTERS;
use crate::store::kit::spelled::{Letters, SpelledConvention};
use crate::store::options::Options;

pub(super) use crate::store::cyberark::DEFAULTS;

/// A semicolon would end the name in a query.
const WITHOUT_SEMICOLON: Letters = Letters {
    is_valid: |name| (LETTERS.is_valid)(name) && !name.contains(';'),
    grammar: "a name in CyberArk has no control characters, none of \\ / : * ? \" < > | ; and no space \
        around it, and takes at most 1700 characters of an address",
    ..LETTERS
};

/// The rules of one configured backend.
pub(super) fn convention(options: &Options) -> SpelledConvention {
    SpelledConvention::new(options, DEFAULTS, &WITHOUT_SEMICOLON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::{Convention, Kind, Lookup, Naming};

    #[test]
    fn no_id_adds_to_a_query() {
        let is_possible = |id: &str| {
            let lookup = Lookup { kind: Kind::Variable, id, team: None };
            !matches!(convention(&Options::default()).names(lookup), Naming::Impossible { .. })
        };
        assert!(is_possible("a=b") && !is_possible("a;Safe=other") && !is_possible("a/b"));
    }
}
