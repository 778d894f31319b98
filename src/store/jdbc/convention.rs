//! Names as every store of sealed values makes them. There is no official class.

use crate::store::kit::sealing::SealedConvention;
use crate::store::options::Options;

/// As long as the column, in characters, with the kind and the slash before it.
const LONGEST: usize = 512;

const GRAMMAR: &str = "a name in the table has 1 to 512 characters, and none of them is a zero";

/// The rules of one configured backend.
pub(super) fn convention(options: &Options) -> SealedConvention {
    SealedConvention::new(options, is_valid, GRAMMAR)
}

fn is_valid(name: &str) -> bool {
    let name = name.split_once('/').map_or(name, |(_, name)| name);
    !name.contains('\0') && (1..=LONGEST).contains(&name.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_its_column() {
        let long = |count: usize| format!("variable/{}", "é".repeat(count));
        assert!(is_valid("variable/a") && is_valid(&long(512)) && is_valid("config/a/b c"));
        assert!(!is_valid("variable/") && !is_valid(&long(513)) && !is_valid("variable/a\0"));
    }
}
