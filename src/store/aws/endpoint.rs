//! The address of a service, if it is not the usual one.
//!
//! Source: botocore/args.py (`_compute_configured_endpoint_url`) and botocore/configprovider.py
//! (`ConfiguredEndpointProvider`).

use url::Url;

use crate::error::{Error, Result};
use crate::http::web_address;
use crate::store::aws::config::AwsSettings;
use crate::store::aws::profile::Profiles;
use crate::store::aws::words::boolean_word;
use crate::store::environment::Environment;

/// The names of a service where endpoints are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServiceNames {
    /// The environment variable for this service alone, such as `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub(super) variable: &'static str,
    /// Its key in a `[services ...]` section, such as `secrets_manager`.
    pub(super) key: &'static str,
}

/// The names of STS.
pub(super) const STS: ServiceNames = ServiceNames { variable: "AWS_ENDPOINT_URL_STS", key: "sts" };

/// The endpoint of `service`: `written` in the options, else the service's own variable, `AWS_ENDPOINT_URL`,
/// the profile's `[services]` section, the profile's `endpoint_url`. `None` means the usual address of the
/// region.
pub(super) fn endpoint(
    service: ServiceNames,
    written: Option<&str>,
    settings: &AwsSettings,
    profiles: &Profiles,
    environment: &Environment,
) -> Result<Option<Url>> {
    if let Some(written) = written {
        return parsed(written, "endpoint_url").map(Some);
    }
    if is_switched_off(settings, profiles, environment) {
        return Ok(None);
    }
    // The variable of the service takes precedence, as in botocore.
    for variable in [service.variable, "AWS_ENDPOINT_URL"] {
        if let Some(url) = environment.non_empty(variable) {
            return parsed(url, variable).map(Some);
        }
    }
    let of_service = profiles.service(service.key, "endpoint_url")?;
    let of_profile = of_service.or_else(|| profiles.get("endpoint_url").map(str::to_owned));
    of_profile.map(|url| parsed(&url, "endpoint_url of the AWS profile")).transpose()
}

/// Whether endpoints in the environment and the profile are ignored.
fn is_switched_off(settings: &AwsSettings, profiles: &Profiles, environment: &Environment) -> bool {
    let word = environment.non_empty("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    let word = word.or_else(|| profiles.get("ignore_configured_endpoint_urls"));
    settings
        .client
        .ignore_configured_endpoints
        .unwrap_or_else(|| word.and_then(boolean_word).unwrap_or(false))
}

/// A valid address. The error does not show the text: it may hold a password.
fn parsed(text: &str, named_by: &str) -> Result<Url> {
    web_address(text).ok_or_else(|| {
        Error::config(format!("`{named_by}` is not an address that can be used"))
            .with_hint("Write it as https://host or http://host:port, without a user name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aws::profile::tests::profiles;
    use crate::store::options::Options;

    const SERVICE: ServiceNames =
        ServiceNames { variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER", key: "secrets_manager" };
    const CONFIG: &str = "[default]\nendpoint_url = http://profile\nservices = s\n[services \
    s]\nsecrets_manager =\n  endpoint_url = http://section\n";

    fn resolved(written: Option<&str>, variables: &[(&str, &str)], config: &str) -> Option<String> {
        let environment = Environment::of(variables);
        let settings = AwsSettings::read(&Options::default(), &environment, "s").unwrap();
        let profiles = profiles("default", config, "");
        let url = endpoint(SERVICE, written, &settings, &profiles, &environment).unwrap();
        url.map(|url| url.host_str().unwrap().to_owned())
    }

    #[test]
    fn the_order_is_botocores() {
        let variables =
            [("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://own"), ("AWS_ENDPOINT_URL", "http://all")];
        assert_eq!(resolved(Some("http://option"), &variables, CONFIG).as_deref(), Some("option"));
        assert_eq!(resolved(None, &variables, CONFIG).as_deref(), Some("own"));
        assert_eq!(resolved(None, &variables[1..], CONFIG).as_deref(), Some("all"));
        assert_eq!(resolved(None, &[], CONFIG).as_deref(), Some("section"));
        assert_eq!(
            resolved(None, &[], "[default]\nendpoint_url = http://profile\n").as_deref(),
            Some("profile")
        );
        assert_eq!(resolved(None, &[], ""), None);
    }

    #[test]
    fn configured_endpoints_can_be_switched_off_but_not_the_option() {
        let off = [("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"), ("AWS_ENDPOINT_URL", "http://all")];
        assert_eq!(resolved(None, &off, CONFIG), None);
        assert_eq!(resolved(Some("http://option"), &off, CONFIG).as_deref(), Some("option"));
    }

    #[test]
    fn an_invalid_address_is_refused_without_showing_it() {
        for text in ["localhost:4566", "ftp://h", "http://user:canary@h", "canary"] {
            let error = parsed(text, "endpoint_url").unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
