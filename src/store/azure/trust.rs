//! Which certificates the vault and the login service are verified with.
//!
//! Sources: azure-core 1.41.0 (`connection_verify`), which leaves the rest to requests: `REQUESTS_CA_BUNDLE`,
//! then `CURL_CA_BUNDLE`. The official class passes `connection_verify` to the vault's client only.

use crate::http::Roots;
use crate::store::azure::config::AzureSettings;
use crate::store::environment::Environment;
use crate::store::kit::trust::{Trust, Verify, variables};

/// What the vault's certificate is verified with.
pub(super) fn vault_roots(settings: &AzureSettings, environment: &Environment) -> Roots {
    roots(settings, &settings.verify, environment)
}

/// What the certificate of the login service is verified with.
pub(super) fn login_roots(settings: &AzureSettings, environment: &Environment) -> Roots {
    roots(settings, &Verify::Unset, environment)
}

fn roots(settings: &AzureSettings, verify: &Verify, environment: &Environment) -> Roots {
    let others = variables(environment, ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]).to_vec();
    Trust { ca_bundle: settings.ca_bundle.as_deref(), verify: (verify, "connection_verify"), others }
        .roots(environment)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::store::options::{OptionValue, Options};

    fn roots(options: &Options, set: &[(&str, &str)]) -> [Roots; 2] {
        let (settings, environment) = (AzureSettings::read(options), Environment::of(set));
        [vault_roots(&settings, &environment), login_roots(&settings, &environment)]
    }

    fn both(named_by: &'static str) -> [Roots; 2] {
        [(); 2].map(|()| Roots::Bundle { path: PathBuf::from("/a"), named_by })
    }

    #[test]
    fn the_first_that_is_set_is_used() {
        let set = [("REQUESTS_CA_BUNDLE", "/a"), ("CURL_CA_BUNDLE", "/a")];
        let options = Options::of_texts(&[("ca_bundle", "/a"), ("connection_verify", "/v")]);
        assert_eq!(roots(&options, &set), both("ca_bundle"));
        assert_eq!(roots(&Options::default(), &set), both("REQUESTS_CA_BUNDLE"));
        assert_eq!(roots(&Options::default(), &set[1..]), both("CURL_CA_BUNDLE"));
    }

    #[test]
    fn connection_verify_is_for_the_vault_alone() {
        let mut options = Options::default();
        options.set("connection_verify", OptionValue::Boolean(false));
        assert_eq!(roots(&options, &[]), [Roots::Unverified, Roots::Mozilla]);
        let options = Options::of_texts(&[("connection_verify", "/v")]);
        let file = Roots::Bundle { path: PathBuf::from("/v"), named_by: "connection_verify" };
        assert_eq!(roots(&options, &[]), [file, Roots::Mozilla]);
    }
}
