//! Whom we trust to be Google, and over which network.
//!
//! The vendor's crates have no hook for any of this. So requests go over the client that every store shares, and the
//! crates provide what stands in them: types of requests and answers, errors, signatures.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::error::Result;
use crate::http::{ClientSettings, ProxySettings, Roots, build_client, client_config, warn_about_plain_http};
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::{Probe, words};
use crate::store::options::Options;

use super::config::Verify;

/// How long a connection may take to open: just over the moment of the second repetition of a lost SYN packet.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// How long the server may stay silent. The deadline of a lookup is what cuts earlier.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the metadata server may take, unless `GCE_METADATA_TIMEOUT` says otherwise (google-auth,
/// `compute_engine/_metadata.py`).
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);

/// The word that asks for the platform's own store.
const SYSTEM: &str = "system";

/// Makes clients while the store is opened.
#[derive(Debug)]
pub(super) struct Network<'open> {
    options: &'open Options,
    environment: &'open Environment,
    encrypted: Option<reqwest::Client>,
    plain: Option<reqwest::Client>,
}

impl<'open> Network<'open> {
    /// Nothing is made yet.
    pub(super) fn new(options: &'open Options, environment: &'open Environment) -> Self {
        Self { options, environment, encrypted: None, plain: None }
    }

    /// The client for `url`. Certificates are only loaded where one will be shown: a broken CA bundle does not matter
    /// to a plain endpoint.
    pub(super) fn client(&mut self, url: &Url, files: &mut WatchedFiles) -> Result<reqwest::Client> {
        warn_about_plain_http(url);
        let proxies = ProxySettings::from_environment(|name| self.environment.get(name), true);
        let encrypted = url.scheme() == "https" || proxies.needs_tls();
        let known = if encrypted { &self.encrypted } else { &self.plain };
        if let Some(client) = known {
            return Ok(client.clone());
        }
        let roots = if encrypted { roots(self.options, self.environment) } else { Roots::Nobody };
        if let Some(path) = roots.path() {
            files.watch(path);
        }
        let settings =
            ClientSettings { connect_timeout: CONNECT_TIMEOUT, read_timeout: READ_TIMEOUT, proxies };
        let client = build_client(&settings, &client_config(&roots)?)?;
        *(if encrypted { &mut self.encrypted } else { &mut self.plain }) = Some(client.clone());
        Ok(client)
    }

    /// What asks the service at `url` for the time, over `client`.
    pub(super) fn probe(&self, url: &Url, client: reqwest::Client) -> Probe {
        let is_encrypted = url.scheme() == "https";
        let trust = is_encrypted.then(|| roots(self.options, self.environment));
        let trust = trust.as_ref().and_then(words);
        // What stands behind the host may be meant for nobody's eyes.
        let address = url.origin().ascii_serialization();
        Probe { client, address, trust, refused: "logins with a key" }
    }

    /// A client for what is beside us: plain, no proxy, short timeouts.
    pub(super) fn metadata_client(&self) -> Result<reqwest::Client> {
        let seconds = self.environment.non_empty("GCE_METADATA_TIMEOUT").and_then(|text| text.parse().ok());
        let timeout =
            seconds.map_or(METADATA_TIMEOUT, |seconds: u32| Duration::from_secs(seconds.max(1).into()));
        let settings =
            ClientSettings { connect_timeout: timeout, read_timeout: timeout, proxies: ProxySettings::NONE };
        build_client(&settings, &client_config(&Roots::Nobody)?)
    }
}

/// What certificates are verified with: `ca_bundle`, `verify`, then the variables that requests reads, which carries the
/// token requests of the official class (requests/sessions.py).
fn roots(options: &Options, environment: &Environment) -> Roots {
    let verify = Verify::read(options);
    if verify == Verify::Flag(false) {
        return Roots::Anybody;
    }
    if let Some(path) = options.non_empty("ca_bundle") {
        return bundle(path, "ca_bundle");
    }
    match &verify {
        Verify::Bundle(path) => return bundle(path, "verify"),
        Verify::Flag(true) => return Roots::Mozilla,
        _ => {}
    }
    let variables = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
    let named = variables.into_iter().find_map(|name| Some((environment.non_empty(name)?, name)));
    match (named, environment.non_empty("SSL_CERT_FILE")) {
        (Some((path, named_by)), _) => bundle(path, named_by),
        (None, Some(path)) => Roots::MozillaAnd { path: PathBuf::from(path) },
        (None, None) => Roots::Mozilla,
    }
}

fn bundle(path: &str, named_by: &'static str) -> Roots {
    if path == SYSTEM { Roots::System } else { Roots::Bundle { path: PathBuf::from(path), named_by } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn of(options: &[(&'static str, OptionValue)], variables: &[(&str, &str)]) -> Roots {
        let mut all = Options::default();
        for (key, value) in options {
            all.set(key, value.clone());
        }
        let environment = Environment::read(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        roots(&all, &environment)
    }

    fn file(path: &str, named_by: &'static str) -> Roots {
        Roots::Bundle { path: PathBuf::from(path), named_by }
    }

    #[test]
    fn the_first_that_is_set_is_used() {
        let text = |text: &str| OptionValue::Text(text.to_owned());
        let all = [("REQUESTS_CA_BUNDLE", "/r"), ("CURL_CA_BUNDLE", "/c"), ("SSL_CERT_FILE", "/s")];
        let options = [("ca_bundle", text("/o")), ("verify", text("/v"))];
        assert_eq!(of(&options, &all), file("/o", "ca_bundle"));
        assert_eq!(of(&options[1..], &all), file("/v", "verify"));
        assert_eq!(of(&[], &all), file("/r", "REQUESTS_CA_BUNDLE"));
        assert_eq!(of(&[], &all[1..]), file("/c", "CURL_CA_BUNDLE"));
        assert_eq!(of(&[], &all[2..]), Roots::MozillaAnd { path: PathBuf::from("/s") });
        assert_eq!(of(&[], &[]), Roots::Mozilla);
        assert_eq!(of(&[("ca_bundle", text("system"))], &all), Roots::System);
        assert_eq!(of(&[("verify", OptionValue::Boolean(true))], &all), Roots::Mozilla);
        assert_eq!(of(&[options[0].clone(), ("verify", OptionValue::Boolean(false))], &all), Roots::Anybody);
    }
}
