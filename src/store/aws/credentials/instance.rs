//! EC2 instances: credentials of the instance's role from the metadata service, version 2.
//!
//! Source: botocore/utils.py (`IMDSFetcher`, `InstanceMetadataFetcher`) and "Use IMDS" in the EC2 user guide.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{TransportError, read_body, send};
use crate::store::aws::credentials::document;
use crate::store::aws::credentials::{CredentialSource, no_credentials};
use crate::store::aws::error::{Refusal, transport_error};
use crate::store::aws::profile::Profiles;
use crate::store::environment::Environment;

const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";
const TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const ROLE_PATH: &str = "latest/meta-data/iam/security-credentials/";
const SUBJECT: &str = "asking the instance's metadata service for credentials";

/// Credentials that come already expired (the service behind the metadata has an outage) are used for another while,
/// as botocore does.
const EXTENSION: Duration = Duration::from_mins(20);

/// The metadata service.
pub(super) struct Instance {
    client: reqwest::Client,
    base: Url,
    /// Whether somebody asked for this source, or it has answered before. Otherwise silence means that this is no EC2
    /// instance, and that there are no credentials at all.
    expected: AtomicBool,
}

/// Whether the metadata service may be asked at all.
pub(super) fn is_disabled(environment: &Environment) -> bool {
    environment.get("AWS_EC2_METADATA_DISABLED").is_some_and(|word| word.eq_ignore_ascii_case("true"))
}

/// How long the metadata service may take: a second, unless the profile says otherwise.
pub(super) fn timeout(profiles: &Profiles) -> Duration {
    let seconds = profiles.get("metadata_service_timeout").and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1).max(1))
}

/// The address of the metadata service: configured, or by address family.
pub(super) fn address(profiles: &Profiles, environment: &Environment) -> Result<Url> {
    let variable = environment.non_empty("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let configured = variable.or_else(|| profiles.get("ec2_metadata_service_endpoint"));
    let mode = environment.non_empty("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let mode = mode.or_else(|| profiles.get("ec2_metadata_service_endpoint_mode")).unwrap_or("IPv4");
    let text = match configured {
        Some(configured) => configured,
        None if mode.eq_ignore_ascii_case("ipv6") => IPV6,
        None if mode.eq_ignore_ascii_case("ipv4") => IPV4,
        None => return Err(unusable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6")),
    };
    let whole = if text.ends_with('/') { text.to_owned() } else { format!("{text}/") };
    let url =
        Url::parse(&whole).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| unusable("AWS_EC2_METADATA_SERVICE_ENDPOINT is not an address"))
}

fn unusable(message: &str) -> Error {
    Error::config(message).with_hint("Correct the variable or the profile, or remove it")
}

/// There is nothing that has credentials for us.
pub(super) fn none_found() -> Error {
    no_credentials("no AWS credentials were found").with_hint(
        "Set aws_access_key_id and aws_secret_access_key, a profile, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
         give the container or instance a role",
    )
}

impl Instance {
    /// `client` uses no proxy. `expected` says that somebody asked for this source by name.
    pub(super) fn new(client: reqwest::Client, base: Url, expected: bool) -> Self {
        Self { client, base, expected: AtomicBool::new(expected) }
    }

    fn url(&self, path: &str) -> Result<Url> {
        self.base
            .join(path)
            .map_err(|_| no_credentials(format!("{SUBJECT}: the role's name is not understood")))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> Result<(u16, Bytes)> {
        let mut request = reqwest::Request::new(method, self.url(path)?);
        request.headers_mut().extend(header);
        let response = send(&self.client, request, true).await.map_err(|error| self.silent(&error))?;
        let status = response.status().as_u16();
        let body = read_body(response).await.map_err(|error| self.silent(&error))?;
        Ok((status, body))
    }

    /// No answer: an outage where the service is expected, else simply not an EC2 instance.
    fn silent(&self, error: &TransportError) -> Error {
        if self.expected.load(Ordering::Relaxed) { transport_error(error, SUBJECT) } else { none_found() }
    }

    /// A session with the service; `None` where it only speaks version 1.
    async fn token(&self) -> Result<Option<HeaderValue>> {
        let ttl = (TOKEN_TTL, HeaderValue::from_static("21600"));
        match self.ask(Method::PUT, "latest/api/token", Some(ttl)).await? {
            (200, body) => {
                let mut token = HeaderValue::from_bytes(&body).map_err(|_| not_understood())?;
                token.set_sensitive(true);
                Ok(Some(token))
            }
            (403..=405, _) => Ok(None),
            (status, _) => Err(refused(status)),
        }
    }

    async fn read(&self, path: &str, token: Option<&HeaderValue>) -> Result<Bytes> {
        match self.ask(Method::GET, path, token.map(|token| (TOKEN, token.clone()))).await? {
            (200, body) if !body.is_empty() => Ok(body),
            (404, _) => Err(no_credentials("the EC2 instance has no role").with_hint(
                "Attach an instance profile with a role to the instance, or configure other credentials",
            )),
            (200, _) => Err(not_understood()),
            (status, _) => Err(refused(status)),
        }
    }
}

fn not_understood() -> Error {
    no_credentials(format!("{SUBJECT}: the answer is not understood"))
}

fn refused(status: u16) -> Error {
    let refusal = Refusal::plain(None, status);
    let kind = match refusal.kind() {
        ErrorKind::Unreachable => ErrorKind::Unreachable,
        ErrorKind::Throttled => ErrorKind::Throttled,
        _ => ErrorKind::Unauthenticated,
    };
    refusal.to_error(kind, SUBJECT).with_hint("Check the instance's metadata options and its role")
}

#[async_trait]
impl CredentialSource for Instance {
    async fn load(&self) -> Result<Credentials> {
        let token = self.token().await?;
        let role = self.read(ROLE_PATH, token.as_ref()).await?;
        let role = std::str::from_utf8(&role).map_err(|_| not_understood())?.trim();
        let body = self.read(&format!("{ROLE_PATH}{role}"), token.as_ref()).await?;
        let answer = document::object(&body).ok_or_else(not_understood)?;
        let mut credentials = document::credentials(&answer, "Token", "instance").map_err(|reason| {
            // A role that EC2 may not assume answers 200 with a code and no keys.
            let code = document::text(&answer, "Code")
                .filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            no_credentials(format!("{SUBJECT}: {reason} (code {})", code.unwrap_or("none")))
                .with_hint("Check that the trust policy of the instance's role names ec2.amazonaws.com")
        })?;
        self.expected.store(true, Ordering::Relaxed);
        extend(&mut credentials, SystemTime::now());
        Ok(credentials)
    }
}

fn extend(credentials: &mut Credentials, now: SystemTime) {
    if let Some(expiry) = credentials.expiry_mut().as_mut().filter(|expiry| **expiry <= now) {
        tracing::warn!("the instance's credentials have expired and are used for another while");
        *expiry = now + EXTENSION;
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Instance").field("host", &self.base.host_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aws::profile::tests::profiles;

    fn resolved(variables: &[(&str, &str)], config: &str) -> Result<String> {
        let environment = Environment::read(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        address(&profiles("default", config, ""), &environment).map(String::from)
    }

    #[test]
    fn the_address_is_configured_or_that_of_the_family() {
        assert_eq!(resolved(&[], "").unwrap(), "http://169.254.169.254/");
        assert_eq!(
            resolved(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")], "").unwrap(),
            "http://[fd00:ec2::254]/"
        );
        let config = "[default]\nec2_metadata_service_endpoint = http://h:1/p\n";
        assert_eq!(resolved(&[], config).unwrap(), "http://h:1/p/");
        assert_eq!(
            resolved(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://e")], config).unwrap(),
            "http://e/"
        );
        assert!(resolved(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5")], "").is_err());
        assert!(resolved(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "nowhere")], "").is_err());
    }

    #[test]
    fn expired_credentials_are_used_for_another_while() {
        let now = SystemTime::now();
        let mut credentials = Credentials::new("a", "b", None, Some(now - Duration::from_secs(1)), "test");
        extend(&mut credentials, now);
        assert_eq!(credentials.expiry(), Some(now + EXTENSION));
    }
}
