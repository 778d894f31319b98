//! Proxies, from the configuration or from a copy of the environment.

use std::fmt;

use reqwest::{NoProxy, Proxy};

use crate::error::{Error, Result};

/// The proxies by the scheme of the request. Debug shows no address, since it may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    http: Option<String>,
    https: Option<String>,
    bypass: Option<String>,
}

impl ProxySettings {
    /// No proxy, whatever the environment contains.
    pub const NONE: Self = Self { http: None, https: None, bypass: None };

    /// Proxies that the user configured, by scheme; `NO_PROXY` does not apply to them
    /// (botocore/httpsession.py).
    pub fn explicit(http: Option<&str>, https: Option<&str>) -> Self {
        Self { http: http.and_then(address), https: https.and_then(address), bypass: None }
    }

    /// The proxies of the environment: `http_proxy`, `https_proxy` and `no_proxy`, where the lower-case
    /// spelling takes precedence and an empty one disables the other (Python's
    /// `urllib.request.getproxies_environment`).
    ///
    /// `with_all` says whether `all_proxy` replaces a missing one: requests does so, botocore does not.
    pub fn from_environment<'text>(lookup: impl Fn(&str) -> Option<&'text str>, with_all: bool) -> Self {
        // Lower case takes precedence, as in curl and in Python's urllib.
        let bypass = lookup("no_proxy").or_else(|| lookup("NO_PROXY"));
        // reqwest supports `*` for names only, not for addresses.
        if bypass.is_some_and(|list| list.split(',').any(|entry| entry.trim() == "*")) {
            return Self::NONE;
        }
        let either = |lower: &str, upper: &str| lookup(lower).or_else(|| lookup(upper)).and_then(address);
        let all = if with_all { either("all_proxy", "ALL_PROXY") } else { None };
        Self {
            http: either("http_proxy", "HTTP_PROXY").or_else(|| all.clone()),
            https: either("https_proxy", "HTTPS_PROXY").or(all),
            bypass: bypass.map(str::to_owned),
        }
    }

    /// Whether a request may go through a proxy that itself speaks TLS.
    pub fn needs_tls(&self) -> bool {
        [&self.http, &self.https].into_iter().flatten().any(|address| address.starts_with("https://"))
    }

    /// The proxies for reqwest, in the order in which it asks them.
    pub(super) fn to_reqwest(&self) -> Result<Vec<Proxy>> {
        let bypass = self.bypass.as_deref().and_then(NoProxy::from_string);
        let http = self.http.as_deref().map(|address| (Proxy::http(address), "http"));
        let https = self.https.as_deref().map(|address| (Proxy::https(address), "https"));
        let made = http.into_iter().chain(https).map(|(proxy, scheme)| {
            proxy.map(|proxy| proxy.no_proxy(bypass.clone())).map_err(|_| invalid(scheme))
        });
        made.collect()
    }
}

/// Like urllib3: an address without a scheme is that of an http proxy.
fn address(text: &str) -> Option<String> {
    match text.trim() {
        "" => None,
        full if full.contains("://") => Some(full.to_owned()),
        bare => Some(format!("http://{bare}")),
    }
}

fn invalid(scheme: &str) -> Error {
    Error::config(format!("the proxy for {scheme} has an address that cannot be used"))
        .with_hint("Write it as `http://host:port`; SOCKS proxies are not supported")
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProxySettings")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("bypass", &self.bypass)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &'static str)], with_all: bool) -> ProxySettings {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        ProxySettings::from_environment(lookup, with_all)
    }

    #[test]
    fn lower_case_takes_precedence_and_an_empty_one_disables() {
        let settings = from(
            &[("http_proxy", "low:1"), ("HTTP_PROXY", "up:1"), ("https_proxy", ""), ("HTTPS_PROXY", "up:2")],
            false,
        );
        assert_eq!(settings.http.as_deref(), Some("http://low:1"));
        assert_eq!(settings.https, None);
    }

    #[test]
    fn all_proxy_counts_only_where_requests_is_the_model() {
        let variables = [("ALL_PROXY", "http://all:1"), ("NO_PROXY", "a.b")];
        assert_eq!(from(&variables, false).https, None);
        let settings = from(&variables, true);
        assert_eq!(
            (settings.https.as_deref(), settings.bypass.as_deref()),
            (Some("http://all:1"), Some("a.b"))
        );
    }

    #[test]
    fn a_star_bypasses_every_proxy() {
        assert_eq!(from(&[("http_proxy", "p:1"), ("NO_PROXY", "a, *")], false), ProxySettings::NONE);
    }

    #[test]
    fn a_bad_address_is_a_configuration_error_that_does_not_show_it() {
        let settings = ProxySettings::explicit(Some("http://user:canary-pw@:bad:"), None);
        let error = settings.to_reqwest().unwrap_err();
        assert!(!format!("{error:?} {settings:?}").contains("canary-pw"), "{error:?}");
    }
}
