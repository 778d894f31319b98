//! What is noteworthy in the options of more than one store.

#[cfg(feature = "http")]
use url::Url;

#[cfg(feature = "http")]
use crate::http::is_loopback;
use crate::store::convention::{Convention, Kind, Lookup, Naming};
#[cfg(feature = "http")]
use crate::store::kit::trust;
use crate::store::options::Options;
use crate::store::prefix::prefix_key;
use crate::store::tools::{Finding, Severity};

/// What every service that has the options `verify` and of its address is checked for; `option` is the one
/// of the address.
#[cfg(feature = "http")]
pub fn of_service(
    address: Option<&Url>,
    option: &str,
    options: &Options,
    convention: &dyn Convention,
) -> Vec<Finding> {
    let is_unverified = trust::Verify::read(options, trust::VERIFY.key).is_off();
    let plain = address.and_then(|address| plain_http(address, option));
    let unverified = is_unverified.then(|| unverified(trust::VERIFY.key));
    let found = plain.into_iter().chain(unverified).chain(impossible_names(convention));
    found.chain(shared_prefixes(convention, options)).collect()
}

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

/// Kinds with different prefixes that the store spells alike, so that a connection and a variable of one id
/// are one secret.
pub fn shared_prefixes(convention: &dyn Convention, options: &Options) -> Vec<Finding> {
    let names = |kind| convention.names(Lookup { kind, id: "x", team: None }).into_names();
    let written = |kind| options.spelled(prefix_key(kind));
    let finding = |one: Kind, other: Kind| {
        let is_shared =
            !names(one).is_empty() && names(one) == names(other) && written(one) != written(other);
        is_shared.then(|| {
            let evidence = format!(
                "a {one} and a {other} of one id are one secret: both prefixes are spelled alike there"
            );
            let remedy = format!("Correct `{}` or `{}`", prefix_key(one), prefix_key(other));
            Finding::new(Severity::Warning, "names", evidence, remedy)
        })
    };
    let [connection, variable, config] = Kind::ALL;
    let pairs = [(connection, variable), (connection, config), (variable, config)];
    pairs.into_iter().filter_map(|(one, other)| finding(one, other)).collect()
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

/// Secrets or tokens without encryption, unless they do not leave this machine.
#[cfg(feature = "http")]
pub fn plain_http(address: &Url, option: &str) -> Option<Finding> {
    (address.scheme() == "http" && !is_loopback(address)).then(|| {
        Finding::new(
            Severity::Warning,
            "plain_http",
            format!("`{option}` is plain http: what comes that way is readable on the way"),
            "Use an https address, but for a server on this very machine",
        )
    })
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_noteworthy_where_it_leaves_this_machine() {
        let is_found = |address: &str| plain_http(&Url::parse(address).unwrap(), "address").is_some();
        for address in ["http://h", "http://10.0.0.1:80/x", "http://localhost.example.com"] {
            assert!(is_found(address), "{address}");
        }
        for address in [
            "https://h",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:80",
            "http://a.localhost",
        ] {
            assert!(!is_found(address), "{address}");
        }
    }
}
