//! The agent of an ECS task or EKS pod, which supplies the credentials of its role.
//!
//! Source: `ContainerProvider` and `ContainerMetadataFetcher` in botocore. The provider of `aws-config` reads
//! address and token from the environment of the process, so two backends of one process would get each
//! other's credentials; here they come from the copy that was taken when the backend was constructed.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use crate::error::{Error, Result};
use crate::http::web_address;
use crate::moment;
use crate::store::aws::credentials::sdk_source::Issuer;
use crate::store::aws::credentials::{CredentialSource, no_credentials};
use crate::store::aws::error::Refusal;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal;

const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// The address of the ECS agent, to which a relative URI is appended.
const ECS: &str = "http://169.254.170.2";

/// Hosts that may get the token over plain http: the agents of ECS and EKS, and this machine.
const AGENTS: [&str; 4] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost"];

/// Where the credentials are, and the token to present there.
pub(super) struct Container {
    client: reqwest::Client,
    url: Url,
    token: Token,
}

/// The token that the agent expects.
enum Token {
    None,
    Written(SecretString),
    File(PathBuf),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

/// The address of the agent; `None` if the environment names none.
pub(super) fn address(environment: &Environment) -> Result<Option<Url>> {
    // `get` and not `non_empty`: botocore considers a variable set even if it is empty.
    let (text, named_by) = match (environment.get(RELATIVE_URI), environment.get(FULL_URI)) {
        (Some(path), _) if path.starts_with('/') => (format!("{ECS}{path}"), RELATIVE_URI),
        (Some(_), _) => return Err(no_address(RELATIVE_URI)),
        (None, Some(address)) => (address.to_owned(), FULL_URI),
        (None, None) => return Ok(None),
    };
    let url = web_address(&text).ok_or_else(|| no_address(named_by))?;
    if url.scheme() == "http" && !is_beside_us(&url) { Err(unusable()) } else { Ok(Some(url)) }
}

fn is_beside_us(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    is_loopback || url.host_str().is_some_and(|host| AGENTS.contains(&host))
}

fn no_address(variable: &str) -> Error {
    Error::config(format!("{variable} is not an address")).with_hint("Correct the variable, or remove it")
}

fn unusable() -> Error {
    Error::config("the container's credential address or its authorization token cannot be used").with_hint(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, this machine, or the address of the ECS or EKS \
        agent; the token must be one line, without a line end",
    )
}

impl Container {
    /// The agent at `url`, asked with `client`.
    pub(super) fn new(client: reqwest::Client, url: Url, environment: &Environment) -> Self {
        // The file takes precedence, as in botocore's `ContainerProvider`.
        let token = match (environment.get(TOKEN_FILE), environment.get(TOKEN)) {
            (Some(path), _) => Token::File(PathBuf::from(path)),
            (None, Some(token)) => Token::Written(SecretString::from(token)),
            (None, None) => Token::None,
        };
        Self { client, url, token }
    }

    fn authorization(&self) -> Result<Option<HeaderValue>> {
        let header = match &self.token {
            Token::None => return Ok(None),
            Token::Written(token) => HeaderValue::from_str(token.expose_secret()),
            Token::File(path) => {
                let content = std::fs::read(path).map_err(|error| unreadable(&error))?;
                // Editors on Windows write a byte order mark, which is not part of a token.
                HeaderValue::from_bytes(content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&content))
            }
        };
        let mut header = header.map_err(|_| unusable())?;
        // Keeps the token out of Debug output.
        header.set_sensitive(true);
        Ok(Some(header))
    }

    fn request(&self) -> Result<reqwest::Request> {
        let mut request = reqwest::Request::new(reqwest::Method::GET, self.url.clone());
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = self.authorization()? {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        Ok(request)
    }
}

fn unreadable(error: &std::io::Error) -> Error {
    no_credentials(format!("the token of the container cannot be read: {error}"))
        .with_hint("Check AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
}

#[async_trait]
impl CredentialSource for Container {
    fn origin(&self) -> String {
        "the role of the container or pod".to_owned()
    }

    async fn load(&self) -> Result<Credentials> {
        let place = Issuer::Container;
        let answer = Answer::to(&self.client, self.request()?, true).await;
        let answer = answer.map_err(|error| place.silent(&error))?;
        if answer.is_success() {
            return understood(&answer.body).ok_or_else(|| place.not_understood());
        }
        // The header may continue after a colon with the address of the error's documentation.
        let code = answer.header("x-amzn-errortype").and_then(|code| code.split(':').next());
        let head = refusal::Refusal::of(&answer).with_code(code.map(str::to_owned));
        Err(place.refused(&Refusal::new(head)))
    }
}

fn understood(body: &[u8]) -> Option<Credentials> {
    let document: Document = serde_json::from_slice(body).ok()?;
    let Document { access_key_id, secret_access_key, token, expiration } = document;
    // With an end that cannot be read, expired credentials would be used without notice.
    let expires = match expiration {
        Some(text) => Some(moment::read(&text)?),
        None => None,
    };
    Some(Credentials::new(access_key_id, secret_access_key, token, expires, "container"))
}

/// Leaves out the token.
impl fmt::Debug for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Container").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variable: &'static str, value: &'static str) -> Result<Option<String>> {
        let environment = Environment::read(|name| (name == variable).then(|| value.to_owned()));
        Ok(address(&environment)?.map(|url| url.to_string()))
    }

    #[test]
    fn the_token_goes_to_the_agent_alone() {
        for (variable, value, expected) in [
            (RELATIVE_URI, "/v2/credentials/1", Some("http://169.254.170.2/v2/credentials/1")),
            (FULL_URI, "http://169.254.170.23/v1/credentials", Some("http://169.254.170.23/v1/credentials")),
            (FULL_URI, "http://[fd00:ec2::23]/v1", Some("http://[fd00:ec2::23]/v1")),
            (FULL_URI, "http://localhost:8080/x?v=1", Some("http://localhost:8080/x?v=1")),
            (FULL_URI, "https://agent.example/x", Some("https://agent.example/x")),
            ("HOME", "/", None),
        ] {
            assert_eq!(found(variable, value).unwrap().as_deref(), expected);
        }
        for (variable, value) in [
            (RELATIVE_URI, ".evil.example/x"),
            (FULL_URI, "http://evil.example/x"),
            (FULL_URI, "http://169.254.169.254/x"),
            (FULL_URI, "nonsense"),
            (FULL_URI, "ftp://h/x"),
            (FULL_URI, "http://"),
            (FULL_URI, "https://user:canary@h/x"),
            (FULL_URI, ""),
        ] {
            let error = found(variable, value).unwrap_err().to_string();
            assert!(error.contains(variable) || error.contains(FULL_URI), "{value}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn what_the_agent_says_is_understood() {
        let body = br#"{"RoleArn": "r", "AccessKeyId": "A", "SecretAccessKey": "canary", "Token": "t", "Expiration": "2030-01-01T00:00:00Z"}"#;
        let credentials = understood(body).unwrap();
        assert_eq!((credentials.access_key_id(), credentials.session_token()), ("A", Some("t")));
        assert!(credentials.expiry().is_some());
        for wrong in [&b"<html>"[..], b"{}", br#"{"AccessKeyId": "A"}"#] {
            assert!(understood(wrong).is_none());
        }
    }
}
