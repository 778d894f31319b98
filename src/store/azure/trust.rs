//! Which certificates the vault and the login service are verified with.
//!
//! Sources: azure-core 1.41.0 (`connection_verify`), which leaves the rest to requests: `REQUESTS_CA_BUNDLE`, then
//! `CURL_CA_BUNDLE`. The official class hands `connection_verify` to the vault's client only.

use std::path::PathBuf;

use crate::http::Roots;
use crate::store::azure::config::{AzureSettings, Verify};
use crate::store::environment::Environment;

/// The word that asks for the platform's own store.
const SYSTEM: &str = "system";

/// What the vault's certificate is verified with.
pub(super) fn vault_roots(settings: &AzureSettings, environment: &Environment) -> Roots {
    match &settings.verify {
        Verify::Flag(false) => Roots::Anybody,
        Verify::Bundle(path) => bundle(path, "connection_verify"),
        _ => login_roots(settings, environment),
    }
}

/// What the certificate of the login service is verified with.
pub(super) fn login_roots(settings: &AzureSettings, environment: &Environment) -> Roots {
    let candidates = [
        (settings.ca_bundle.as_deref(), "ca_bundle"),
        (environment.non_empty("REQUESTS_CA_BUNDLE"), "REQUESTS_CA_BUNDLE"),
        (environment.non_empty("CURL_CA_BUNDLE"), "CURL_CA_BUNDLE"),
    ];
    let named = candidates.into_iter().find_map(|(path, named_by)| Some((path?, named_by)));
    if let Some((path, named_by)) = named {
        return bundle(path, named_by);
    }
    // Requests does not read this one; see `Roots::MozillaAnd`.
    match environment.non_empty("SSL_CERT_FILE") {
        Some(path) => Roots::MozillaAnd { path: PathBuf::from(path) },
        None => Roots::Mozilla,
    }
}

fn bundle(path: &str, named_by: &'static str) -> Roots {
    if path == SYSTEM { Roots::System } else { Roots::Bundle { path: PathBuf::from(path), named_by } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::{OptionValue, Options};

    fn roots(options: &[(&'static str, OptionValue)], variables: &[(&str, &str)]) -> (Roots, Roots) {
        let mut all = Options::default();
        for (key, value) in options {
            all.set(key, value.clone());
        }
        let environment = Environment::read(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        let settings = AzureSettings::read(&all);
        (vault_roots(&settings, &environment), login_roots(&settings, &environment))
    }

    fn file(path: &str, named_by: &'static str) -> Roots {
        Roots::Bundle { path: PathBuf::from(path), named_by }
    }

    #[test]
    fn the_first_that_is_set_is_used() {
        let all = [("REQUESTS_CA_BUNDLE", "/r"), ("CURL_CA_BUNDLE", "/c"), ("SSL_CERT_FILE", "/s")];
        let both = |roots: Roots| (roots.clone(), roots);
        let option = |text: &str| [("ca_bundle", OptionValue::Text(text.to_owned()))];
        assert_eq!(roots(&option("/o"), &all), both(file("/o", "ca_bundle")));
        assert_eq!(roots(&option("system"), &all), both(Roots::System));
        assert_eq!(roots(&[], &all), both(file("/r", "REQUESTS_CA_BUNDLE")));
        assert_eq!(roots(&[], &all[1..]), both(file("/c", "CURL_CA_BUNDLE")));
        assert_eq!(roots(&[], &all[2..]), both(Roots::MozillaAnd { path: PathBuf::from("/s") }));
        assert_eq!(roots(&[], &[]), both(Roots::Mozilla));
    }

    #[test]
    fn connection_verify_is_for_the_vault_alone() {
        let verify = |value| [("connection_verify", value)];
        let path = OptionValue::Text("/v".to_owned());
        assert_eq!(roots(&verify(OptionValue::Boolean(false)), &[]), (Roots::Anybody, Roots::Mozilla));
        assert_eq!(roots(&verify(OptionValue::Boolean(true)), &[]), (Roots::Mozilla, Roots::Mozilla));
        assert_eq!(roots(&verify(path), &[]), (file("/v", "connection_verify"), Roots::Mozilla));
    }
}
