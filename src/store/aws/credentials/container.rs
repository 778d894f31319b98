//! Containers of ECS, and pods of EKS with Pod Identity: credentials from an address in the environment.
//!
//! Source: botocore/credentials.py (`ContainerProvider`), botocore/utils.py (`ContainerMetadataFetcher`).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{is_loopback, read_body, send};
use crate::redact::Shown;
use crate::store::aws::credentials::document;
use crate::store::aws::credentials::{CredentialSource, no_credentials};
use crate::store::aws::error::{Refusal, transport_error};
use crate::store::aws::files::expand;
use crate::store::environment::Environment;

/// How long the agent beside the container may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// Where ECS answers relative addresses.
const ECS_HOST: &str = "http://169.254.170.2";

/// Hosts that may be asked without TLS, beside this machine: ECS, and EKS in both address families.
const PLAIN_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

const SUBJECT: &str = "asking the container's metadata service for credentials";

/// The token that the agent wants to see.
enum Authorization {
    None,
    /// From the environment.
    Token(SecretString),
    /// A file that is read each time: it is replaced before it expires.
    File(PathBuf),
}

/// The address that hands out this container's credentials.
pub(super) struct Container {
    client: reqwest::Client,
    url: Url,
    authorization: Authorization,
}

/// The address in the environment, if any: the relative one goes first.
pub(super) fn address(environment: &Environment) -> Option<Result<Url>> {
    let relative =
        environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{ECS_HOST}{path}"));
    let full =
        relative.or_else(|| environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").map(str::to_owned))?;
    Some(checked(&full))
}

/// Without TLS only hosts that cannot be anybody else may get the token.
fn checked(text: &str) -> Result<Url> {
    let allowed = |url: &Url| {
        let plain = matches!(url.host_str(), Some(host) if PLAIN_HOSTS.contains(&host));
        let local = is_loopback(url)
            && (url.host_str() == Some("localhost") || !matches!(url.host(), Some(Host::Domain(_))));
        url.scheme() == "https" || (url.scheme() == "http" && (plain || local))
    };
    Url::parse(text).ok().filter(allowed).ok_or_else(|| {
        Error::config("the address in AWS_CONTAINER_CREDENTIALS_FULL_URI is not allowed")
            .with_hint("It must be https, this machine, or the address of the ECS or EKS agent")
    })
}

impl Container {
    /// `client` uses no proxy: the agent is beside us.
    pub(super) fn new(client: reqwest::Client, url: Url, environment: &Environment) -> Self {
        let file = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        let authorization = match (file, token) {
            (Some(file), _) => Authorization::File(expand(file, environment)),
            (None, Some(token)) => Authorization::Token(SecretString::from(token.to_owned())),
            (None, None) => Authorization::None,
        };
        Self { client, url, authorization }
    }

    fn authorization(&self) -> Result<Option<HeaderValue>> {
        let token = match &self.authorization {
            Authorization::None => return Ok(None),
            Authorization::Token(token) => Zeroizing::new(token.expose_secret().to_owned()),
            Authorization::File(path) => {
                std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
                    no_credentials(format!(
                        "the token `{}` of the container cannot be read: {error}",
                        Shown(&path.to_string_lossy())
                    ))
                    .with_hint("Check AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
                })?
            }
        };
        let mut header = HeaderValue::from_str(&token).map_err(|_| {
            Error::config("the container's authorization token cannot stand in a header")
                .with_hint("It must be one line, without a line end")
        })?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    fn request(&self) -> Result<reqwest::Request> {
        let mut request = reqwest::Request::new(http::Method::GET, self.url.clone());
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = self.authorization()? {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        Ok(request)
    }
}

#[async_trait]
impl CredentialSource for Container {
    async fn load(&self) -> Result<Credentials> {
        let failed = |error| transport_error(&error, SUBJECT);
        let response = send(&self.client, self.request()?, true).await.map_err(failed)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(refused(status));
        }
        let body = read_body(response).await.map_err(failed)?;
        let answer = document::object(&body).ok_or("it is no JSON object");
        answer
            .and_then(|answer| document::credentials(&answer, "Token", "container"))
            .map_err(|reason| no_credentials(format!("{SUBJECT}: the answer is not understood: {reason}")))
    }
}

fn refused(status: u16) -> Error {
    let refusal = Refusal::plain(None, status);
    let kind = match refusal.kind() {
        ErrorKind::Unreachable => ErrorKind::Unreachable,
        ErrorKind::Throttled => ErrorKind::Throttled,
        _ => ErrorKind::Unauthenticated,
    };
    refusal.to_error(kind, SUBJECT).with_hint(
        "Check the task role or the pod identity association, and AWS_CONTAINER_AUTHORIZATION_TOKEN",
    )
}

impl fmt::Debug for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Container").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_can_be_nobody_else_are_asked_in_the_clear() {
        for (text, allowed) in [
            ("http://169.254.170.2/v2", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1", true),
            ("http://127.0.0.1:9/x", true),
            ("http://localhost:9/x", true),
            ("https://credentials.example.com/x", true),
            ("http://credentials.example.com/x", false),
            ("http://evil.localhost/x", false),
            ("http://169.254.169.254/x", false),
            ("nonsense", false),
        ] {
            assert_eq!(checked(text).is_ok(), allowed, "{text}");
        }
    }

    #[test]
    fn the_relative_address_goes_first() {
        let environment = |pairs: &'static [(&str, &str)]| {
            Environment::read(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let both = environment(&[
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://h/y"),
        ]);
        assert_eq!(address(&both).unwrap().unwrap().as_str(), "http://169.254.170.2/v2/x");
        assert!(address(&Environment::default()).is_none());
    }

    #[test]
    fn an_unusable_token_is_not_shown() {
        let environment = Environment::read(|name| {
            (name == "AWS_CONTAINER_AUTHORIZATION_TOKEN").then(|| "canary\n".to_owned())
        });
        let url = Url::parse("http://localhost/").unwrap();
        let container =
            Container::new(reqwest::Client::builder().tls_certs_only([]).build().unwrap(), url, &environment);
        let error = container.request().err().unwrap();
        assert!(!format!("{error:?} {container:?}").contains("canary"));
    }
}
