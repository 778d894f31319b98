//! Which certificates the server is verified with.
//!
//! The official class has `verify`, and `REQUESTS_CA_BUNDLE` without it; `VAULT_CACERT` and `VAULT_CAPATH`, which every other
//! client of Vault reads, have no effect there (apache/airflow#37611) and are meant here.

use std::path::PathBuf;

use crate::http::Roots;
use crate::store::environment::Environment;
use crate::store::kit::files::expand;
use crate::store::options::{OptionValue, Options};

/// The word that asks for the platform's own store.
const SYSTEM: &str = "system";

/// `ca_bundle`, `verify`, then the environment.
pub(super) fn roots(options: &Options, environment: &Environment) -> Roots {
    let verify = options.get("verify");
    if verify == Some(&OptionValue::Boolean(false)) {
        return Roots::Anybody;
    }
    let variable = |name: &'static str| (environment.non_empty(name), name);
    let candidates = [
        (options.non_empty("ca_bundle"), "ca_bundle"),
        (options.non_empty("verify"), "verify"),
        variable("VAULT_CACERT"),
        variable("VAULT_CAPATH"),
        variable("REQUESTS_CA_BUNDLE"),
        variable("CURL_CA_BUNDLE"),
    ];
    match candidates.into_iter().find_map(|(path, named_by)| Some((path?, named_by))) {
        Some((SYSTEM, _)) => Roots::System,
        Some((path, named_by)) => Roots::Bundle { path: expand(path, environment), named_by },
        // The official class does not read this one; see `Roots::MozillaAnd`.
        None => match environment.non_empty("SSL_CERT_FILE") {
            Some(path) => Roots::MozillaAnd { path: PathBuf::from(path) },
            None => Roots::Mozilla,
        },
    }
}
