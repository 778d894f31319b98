//! Which certificates are trusted, and over which network Google is reached.
//!
//! The vendor's crates have no hook for any of this. So requests are sent over the client that every store
//! shares, and the crates supply their contents: types of requests and answers, errors, signatures.

use std::time::Duration;

use url::Url;

use crate::error::Result;
use crate::http::{ClientSettings, ProxySettings, Roots, build_client, client_config, warn_about_plain_http};
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::{Probe, words};
use crate::store::kit::{rest, trust};
use crate::store::options::Options;

/// How long the metadata server may take, unless `GCE_METADATA_TIMEOUT` says otherwise (google-auth,
/// `compute_engine/_metadata.py`).
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);

/// Makes clients while the store is opened.
#[derive(Debug)]
pub(super) struct Network<'open> {
    options: &'open Options,
    environment: &'open Environment,
    encrypted: Option<reqwest::Client>,
    plain: Option<reqwest::Client>,
}

impl<'open> Network<'open> {
    /// A network without clients.
    pub(super) fn new(options: &'open Options, environment: &'open Environment) -> Self {
        Self { options, environment, encrypted: None, plain: None }
    }

    /// The client for `url`: one for all encrypted connections, one for the rest.
    pub(super) fn client(&mut self, url: &Url, files: &mut WatchedFiles) -> Result<reqwest::Client> {
        warn_about_plain_http(url);
        let known = if url.scheme() == "https" { &mut self.encrypted } else { &mut self.plain };
        if let Some(client) = known {
            return Ok(client.clone());
        }
        let roots = || roots(self.options, self.environment);
        let client = rest::client(url, roots, self.environment, files)?;
        *known = Some(client.clone());
        Ok(client)
    }

    /// A probe that asks the service at `url` for the time, over `client`.
    pub(super) fn probe(&self, url: &Url, client: reqwest::Client) -> Probe {
        let is_encrypted = url.scheme() == "https";
        let trust = is_encrypted.then(|| roots(self.options, self.environment));
        let trust = trust.as_ref().and_then(words);
        // Path and query may hold something that must not be shown.
        let address = url.origin().ascii_serialization();
        Probe { client, address, trust, refused: "logins with a key" }
    }

    /// A client for a server on the local network: plain, no proxy, short timeouts.
    pub(super) fn metadata_client(&self) -> Result<reqwest::Client> {
        let seconds = self.environment.non_empty("GCE_METADATA_TIMEOUT").and_then(|text| text.parse().ok());
        // At least a second: 0 would leave no time for an answer.
        let timeout =
            seconds.map_or(METADATA_TIMEOUT, |seconds: u32| Duration::from_secs(seconds.max(1).into()));
        // The address is local to the machine, so no proxy can reach it.
        let settings =
            ClientSettings { connect_timeout: timeout, read_timeout: timeout, proxies: ProxySettings::NONE };
        build_client(&settings, &client_config(&Roots::Empty)?)
    }
}

/// What certificates are verified with. The variables are those of requests, the library that sends the token
/// requests of the official class (requests/sessions.py).
fn roots(options: &Options, environment: &Environment) -> Roots {
    trust::roots(options, environment, ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn options_take_precedence_over_the_variables_of_requests() {
        let options = [("ca_bundle", "/a"), ("verify", "/a")];
        let set = [("REQUESTS_CA_BUNDLE", "/a"), ("CURL_CA_BUNDLE", "/a")];
        for (options, set, named_by) in [
            (&options[..], &set[..], "ca_bundle"),
            (&options[1..], &set, "verify"),
            (&[], &set, "REQUESTS_CA_BUNDLE"),
            (&[], &set[1..], "CURL_CA_BUNDLE"),
        ] {
            let expected = Roots::Bundle { path: PathBuf::from("/a"), named_by };
            assert_eq!(roots(&Options::of_texts(options), &Environment::of(set)), expected);
        }
    }
}
