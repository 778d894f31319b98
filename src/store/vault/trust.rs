//! Which certificates the server is verified with.
//!
//! The official class has `verify`, and `REQUESTS_CA_BUNDLE` without it; `VAULT_CACERT` and `VAULT_CAPATH`,
//! which every other Vault client reads, have no effect there (apache/airflow#37611) but are supported here.

use crate::http::Roots;
use crate::store::environment::Environment;
use crate::store::kit::trust;
use crate::store::options::Options;

const VARIABLES: [&str; 4] = ["VAULT_CACERT", "VAULT_CAPATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// What the server's certificate is verified with.
pub(super) fn roots(options: &Options, environment: &Environment) -> Roots {
    trust::roots(options, environment, VARIABLES)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_variables_of_vault_take_precedence_over_those_of_requests() {
        let set = VARIABLES.map(|name| (name, "/a"));
        for (index, named_by) in VARIABLES.into_iter().enumerate() {
            let environment = Environment::of(&set[index..]);
            let expected = Roots::Bundle { path: PathBuf::from("/a"), named_by };
            assert_eq!(roots(&Options::default(), &environment), expected);
        }
    }
}
