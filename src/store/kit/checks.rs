//! What is noteworthy in the options of more than one store.

use crate::store::convention::{Convention, Kind, Lookup, Naming};
use crate::store::tools::{Finding, Severity};

/// Kinds for which no name can be valid, whatever the id: the prefix or separator holds characters that no
/// name may contain.
pub fn impossible_names(convention: &dyn Convention) -> Option<Finding> {
    let mut grammar = None;
    let mut kinds = Vec::new();
    for kind in Kind::ALL {
        if let Naming::Impossible { grammar: of_store, .. } =
            convention.names(Lookup { kind, id: "x", team: None })
        {
            grammar = Some(of_store);
            kinds.push(format!("{kind}"));
        }
    }
    Some(Finding::new(
        Severity::Problem,
        "names",
        format!("no secret can have the names that are made for: {}", kinds.join(", ")),
        format!("Correct the prefix and `sep`: {}", grammar?),
    ))
}

/// Certificates that are not verified. `option` is what switches verification off.
pub fn unverified(option: &str) -> Finding {
    Finding::new(
        Severity::Warning,
        "tls",
        format!("`{option}` is false: anyone between here and the server can read every secret"),
        format!("Name the CA in `ca_bundle`, and take `{option}` out"),
    )
}

/// Secrets or tokens without encryption.
pub fn plain_http(option: &str) -> Finding {
    Finding::new(
        Severity::Warning,
        "plain_http",
        format!("`{option}` is plain http: what comes that way is readable on the way"),
        "Use an https address, but for a server on this very machine",
    )
}
