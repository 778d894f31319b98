//! The HTTP client: redirects off, every timeout set, and a pool for a runtime that is not driven between
//! lookups.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::ClientConfig;
use url::{Host, Url};

use crate::error::{Error, Result};
use crate::http::ProxySettings;
use crate::process::{Generation, generation};

/// Idle connections older than this are not reused. Services of the clouds close theirs after 20 s or more,
/// and on a current-thread runtime their notice is not read between two lookups.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Enough for concurrent lookups from the threads of one process.
const POOL_MAX_IDLE: usize = 32;

/// The settings in which clients differ.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// How long a connection may take to open, TLS and proxy included.
    pub connect_timeout: Duration,
    /// How long the server may stay silent.
    pub read_timeout: Duration,
    /// Proxies.
    pub proxies: ProxySettings,
}

/// Builds a client that trusts `tls`. Call it under [`crate::process::no_fork`]; it opens nothing.
pub fn build_client(settings: &ClientSettings, tls: &Arc<ClientConfig>) -> Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(ClientConfig::clone(tls))
        // A redirect could carry the token to another host; Vault's store follows its own, within limits.
        .redirect(Policy::none())
        // Retries happen in one layer (`layers/retry.rs`), which knows the deadline and the budget.
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .pool_max_idle_per_host(POOL_MAX_IDLE)
        // Otherwise reqwest reads the environment of the process.
        .no_proxy();
    for proxy in settings.proxies.to_reqwest()? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| {
        Error::internal("the HTTP client could not be built").with_source(error.without_url())
    })
}

/// Whether the host of `url` is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Warns, once per host and process, that secrets are sent unencrypted to a host that is not this machine.
pub fn warn_about_plain_http(url: &Url) {
    /// Plain data, only locked under [`crate::process::no_fork`]. A child writes its own log, so it warns
    /// again.
    static WARNED: Mutex<(Generation, BTreeSet<String>)> = Mutex::new((0, BTreeSet::new()));
    if url.scheme() != "http" || is_loopback(url) {
        return;
    }
    let host = url.host_str().unwrap_or_default();
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.0 != generation() {
        *warned = (generation(), BTreeSet::new());
    }
    if warned.1.insert(host.to_owned()) {
        tracing::warn!(
            "secrets are read from `{host}` over plain http: anybody on the network path can read them"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Roots, client_config};

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://a.localhost", true),
            ("http://127.0.0.9", true),
            ("http://[::1]:8", true),
            ("http://169.254.169.254", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn a_client_is_built_from_any_settings() {
        let settings = ClientSettings {
            connect_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(1),
            proxies: ProxySettings::explicit(Some("proxy:3128"), Some("http://user:pw@proxy:3128")),
        };
        for roots in [Roots::Empty, Roots::Mozilla, Roots::Unverified] {
            build_client(&settings, &client_config(&roots).unwrap()).unwrap();
        }
    }
}
