//! The address of Secret Manager, and the names of resources there.
//!
//! Sources: the discovery document `secretmanager.v1` (paths, regional hosts) and google-auth
//! (`universe_domain`).

use url::Url;

use crate::error::{Error, Result};
use crate::http::web_address;

use super::config::GoogleSettings;

/// The domain of Google's hosts, except in clouds with a universe of their own.
pub(super) const GOOGLE: &str = "googleapis.com";

/// The region, and the address that goes with it.
#[derive(Clone, Debug)]
pub(super) struct ServiceAddress {
    /// The address of the service.
    pub(super) endpoint: Url,
    /// The audience of a token for this service alone.
    pub(super) audience: String,
    location: Option<String>,
}

impl ServiceAddress {
    /// The place in the settings, in the universe of the credentials.
    pub(super) fn new(settings: &GoogleSettings, universe: &str) -> Result<Self> {
        let location = settings.location.clone();
        let host = match &location {
            Some(location) => format!("secretmanager.{location}.rep.{universe}"),
            None => format!("secretmanager.{universe}"),
        };
        let endpoint = match &settings.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => google_address(&host)?,
        };
        Ok(Self { endpoint, audience: format!("https://secretmanager.{universe}/"), location })
    }

    /// The project and region that hold the secrets.
    pub(super) fn parent(&self, project: &str) -> String {
        match &self.location {
            Some(location) => format!("projects/{project}/locations/{location}"),
            None => format!("projects/{project}"),
        }
    }

    /// The region of regional secrets.
    pub(super) fn region(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Whether secrets here are regional ones.
    pub(super) fn is_regional(&self) -> bool {
        self.location.is_some()
    }
}

/// The address where service accounts are impersonated.
pub(super) fn iam_endpoint(settings: &GoogleSettings, universe: &str) -> Result<Url> {
    match &settings.iam_endpoint {
        Some(endpoint) => Ok(endpoint.clone()),
        None => google_address(&format!("iamcredentials.{universe}")),
    }
}

fn google_address(host: &str) -> Result<Url> {
    web_address(&format!("https://{host}"))
        .ok_or_else(|| Error::config("the region or the universe makes no host name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::{OptionValue, Options};

    fn place(pairs: &[(&'static str, &str)], universe: &str) -> ServiceAddress {
        let mut options = Options::default();
        for (key, text) in pairs {
            options.set(key, OptionValue::Text((*text).to_owned()));
        }
        ServiceAddress::new(&GoogleSettings::read(&options).unwrap(), universe).unwrap()
    }

    #[test]
    fn regions_and_universes_have_hosts_of_their_own() {
        let global = place(&[], GOOGLE);
        assert_eq!(global.endpoint.as_str(), "https://secretmanager.googleapis.com/");
        assert_eq!((global.parent("p").as_str(), global.is_regional()), ("projects/p", false));
        let regional = place(&[("location", "europe-west1")], GOOGLE);
        assert_eq!(regional.endpoint.as_str(), "https://secretmanager.europe-west1.rep.googleapis.com/");
        assert_eq!(regional.parent("p"), "projects/p/locations/europe-west1");
        assert_eq!(place(&[], "example.test").endpoint.as_str(), "https://secretmanager.example.test/");
        let own = place(&[("location", "europe-west1"), ("endpoint_url", "http://127.0.0.1:1/x/")], GOOGLE);
        assert_eq!((own.endpoint.as_str(), own.is_regional()), ("http://127.0.0.1:1/x/", true));
    }
}
