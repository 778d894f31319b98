//! The vault, and its cloud.
//!
//! Source: azure-keyvault-secrets 4.12.0 (`_shared/client_base.py`, `_shared/http_challenge.py`),
//! azure-identity 1.27.0 (`KnownAuthorities`, `normalize_authority`), and "Azure Key Vault's DNS suffixes" in
//! its documentation.

use url::{Origin, Url};

use crate::error::{Error, Result};
use crate::http::web_address;
use crate::store::environment::Environment;

/// The login service of the public cloud.
pub(super) const PUBLIC_LOGIN: &str = "https://login.microsoftonline.com";

/// A cloud: the domain of its vaults, the resource of their tokens, and the login service that issues these.
struct Cloud {
    domain: &'static str,
    resource: &'static str,
    login: &'static str,
}

const CLOUDS: [Cloud; 3] = [
    Cloud { domain: ".vault.azure.net", resource: "https://vault.azure.net", login: PUBLIC_LOGIN },
    Cloud {
        domain: ".vault.azure.cn",
        resource: "https://vault.azure.cn",
        login: "https://login.chinacloudapi.cn",
    },
    Cloud {
        domain: ".vault.usgovcloudapi.net",
        resource: "https://vault.usgovcloudapi.net",
        login: "https://login.microsoftonline.us",
    },
];

/// The address of a vault, validated.
#[derive(Clone, Debug)]
pub(super) struct Vault {
    /// The address, without a slash at its end.
    pub(super) url: String,
    /// Scheme, host and port: no token goes anywhere else.
    pub(super) origin: Origin,
    /// The host, for messages.
    pub(super) host: String,
    /// The resource that tokens are for, if the domain determines it; else the vault is asked.
    pub(super) resource: Option<&'static str>,
    login: &'static str,
}

impl Vault {
    /// Checks `vault_url`. Anything but an https address is a `Config` error.
    pub(super) fn read(written: Option<&str>) -> Result<Self> {
        let text = written.map(|text| text.trim_matches([' ', '/'])).unwrap_or_default();
        if text.is_empty() {
            return Err(Error::config("`vault_url` is missing").with_hint(EXAMPLE));
        }
        let unusable = || Error::config("`vault_url` is not the https address of a vault").with_hint(EXAMPLE);
        let url = Url::parse(text).map_err(|_| unusable())?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        // A backslash would be read as a slash by `Url`, which is not what was written.
        if url.scheme() != "https" || host.is_empty() || !plain || text.contains('\\') {
            return Err(unusable());
        }
        // The domain decides which cloud issues tokens for the vault.
        let cloud = CLOUDS.iter().find(|cloud| host.ends_with(cloud.domain));
        Ok(Self {
            url: url.as_str().trim_end_matches('/').to_owned(),
            origin: url.origin(),
            resource: cloud.map(|cloud| cloud.resource),
            login: cloud.map_or(PUBLIC_LOGIN, |cloud| cloud.login),
            host,
        })
    }

    /// The address in an answer of the vault, which may be relative; `None` if it is invalid. Whether it
    /// belongs to this vault is checked where requests are sent.
    pub(super) fn link(&self, text: &str) -> Option<Url> {
        Url::parse(&format!("{}/secrets", self.url)).ok()?.join(text).ok()
    }

    /// Whether the domain belongs to one of Azure's clouds.
    pub(super) fn is_in_known_cloud(&self) -> bool {
        self.resource.is_some()
    }

    /// The usual login service of its cloud.
    pub(super) fn login(&self) -> &'static str {
        self.login
    }

    /// Where its tokens are issued: as configured in the options or the environment, or else by the login
    /// service of its cloud.
    pub(super) fn authority(&self, written: Option<&str>, environment: &Environment) -> Result<String> {
        authority(written, environment, self.login)
    }
}

/// Where tokens are issued: as configured in the options or the environment, or else by `usually`.
pub(super) fn authority(written: Option<&str>, environment: &Environment, usually: &str) -> Result<String> {
    let named = written
        .map(|text| (text, "authority"))
        .or_else(|| Some((environment.non_empty("AZURE_AUTHORITY_HOST")?, "AZURE_AUTHORITY_HOST")));
    match named {
        Some((text, named_by)) => normalize_authority(text, named_by),
        None => Ok(usually.to_owned()),
    }
}

const EXAMPLE: &str = "Write it as `https://name.vault.azure.net`";

/// Adds https if there is no scheme, and accepts no other one.
fn normalize_authority(text: &str, named_by: &str) -> Result<String> {
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    match web_address(&full) {
        Some(url) if url.scheme() == "https" => Ok(full.trim_end_matches('/').to_owned()),
        _ => Err(Error::config(format!("`{named_by}` is not an https address"))
            .with_hint("Write it as `https://login.microsoftonline.com`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_says_what_tokens_are_for_and_who_issues_them() {
        for (url, resource, login) in [
            ("https://a.vault.azure.net/", Some("https://vault.azure.net"), PUBLIC_LOGIN),
            ("https://A.Vault.Azure.CN", Some("https://vault.azure.cn"), "https://login.chinacloudapi.cn"),
            (
                "https://a.vault.usgovcloudapi.net",
                Some("https://vault.usgovcloudapi.net"),
                "https://login.microsoftonline.us",
            ),
            ("https://vault.azure.net", None, PUBLIC_LOGIN),
            ("https://avault.azure.net", None, PUBLIC_LOGIN),
            ("https://a.vault.azure.net.example.com", None, PUBLIC_LOGIN),
            ("https://localhost:8443", None, PUBLIC_LOGIN),
        ] {
            let vault = Vault::read(Some(url)).unwrap();
            let authority = vault.authority(None, &Environment::default()).unwrap();
            assert_eq!((vault.resource, authority.as_str()), (resource, login), "{url}");
        }
    }

    #[test]
    fn only_an_https_address_is_a_vault() {
        for url in [
            "",
            " / ",
            "a.vault.azure.net",
            "http://a.vault.azure.net",
            "https://",
            "https://u:p@a",
            "https://a?b",
            "https://a#b",
        ] {
            assert!(Vault::read(Some(url)).is_err(), "{url}");
        }
        assert!(Vault::read(None).is_err());
        assert_eq!(Vault::read(Some(" https://a:1/x/ ")).unwrap().url, "https://a:1/x");
    }

    #[test]
    fn a_link_is_an_address_or_nothing() {
        let vault = Vault::read(Some("https://a/")).unwrap();
        for (text, expected) in [
            ("https://a/secrets?p=2", Some("https://a/secrets?p=2")),
            ("/secrets?p=2", Some("https://a/secrets?p=2")),
            ("https://b/", Some("https://b/")),
            ("https://[", None),
        ] {
            assert_eq!(vault.link(text).as_ref().map(Url::as_str), expected, "{text}");
        }
    }

    #[test]
    fn an_authority_is_https_and_may_come_without_its_scheme() {
        let vault = Vault::read(Some("https://a.vault.azure.cn")).unwrap();
        let none = Environment::default();
        let set = Environment::read(|name| (name == "AZURE_AUTHORITY_HOST").then(|| "login.a".to_owned()));
        assert_eq!(vault.authority(None, &set).unwrap(), "https://login.a");
        assert_eq!(vault.authority(Some("https://b/"), &set).unwrap(), "https://b");
        for text in ["http://login.a", "https://", "ftp://a"] {
            assert!(vault.authority(Some(text), &none).is_err(), "{text}");
        }
    }
}
