//! The metadata server of a virtual machine, a pod or a function.
//!
//! Source: "About VM metadata" of Compute Engine, and google-auth, `compute_engine/_metadata.py`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{TransportError, TransportKind, web_address};
use crate::store::environment::Environment;
use crate::store::google::name::checked_project;
use crate::store::google::network::Network;
use crate::store::kit::answer::Answer;
use crate::store::kit::rest::Rest;

use super::exchange::{refused, token_of};
#[cfg(feature = "vault")]
use super::text;
use super::token::{Token, TokenSource};

const HOST: &str = "metadata.google.internal";
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const GOOGLE: HeaderValue = HeaderValue::from_static("Google");

const HINT: &str = "Set GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth application-default login`, write \
`gcp_key_path`, or run where Google provides a service account";

/// The metadata server, and how it is reached.
#[derive(Clone, Debug)]
pub(in crate::store::google) struct Metadata {
    service: Rest,
    /// Whether there is one: it is configured, or it has answered before.
    expected: Arc<AtomicBool>,
}

impl Metadata {
    /// A server that has not been asked yet.
    pub(super) fn new(network: &Network<'_>, environment: &Environment) -> Result<Self> {
        let named = ["GCE_METADATA_HOST", "GCE_METADATA_ROOT"]
            .into_iter()
            .find_map(|name| environment.non_empty(name));
        let address = web_address(&format!("http://{}/", named.unwrap_or(HOST)))
            .ok_or_else(|| Error::config("GCE_METADATA_HOST is not a host, or a host and a port"))?;
        Ok(Self {
            service: Rest::new(network.metadata_client()?, address),
            expected: Arc::new(AtomicBool::new(named.is_some())),
        })
    }

    /// The id of the project that this machine belongs to.
    pub(super) async fn project(&self) -> Result<String> {
        let answer =
            self.get("project/project-id", "asking the metadata server for the project", &[]).await?;
        checked_project(&String::from_utf8_lossy(&answer.body), "the metadata server")
    }

    /// The e-mail address of the service account that runs here.
    #[cfg(feature = "vault")]
    pub(super) async fn email(&self, subject: &str) -> Result<String> {
        let query = [("recursive", "true")];
        let answer = self.get("instance/service-accounts/default/", subject, &query).await?;
        let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
        let email = json.as_ref().and_then(|json| text(json, "email")).map(str::to_owned);
        email.ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, format!("{subject}: the metadata server names no account"))
                .with_hint("Check that a service account is attached to this machine or pod")
        })
    }

    async fn get(&self, path: &str, subject: &str, query: &[(&str, &str)]) -> Result<Answer> {
        let path = format!("computeMetadata/v1/{path}");
        let mut request = self.service.get(&path, query.iter().copied())?;
        request.headers_mut().insert(FLAVOR, GOOGLE);
        let answer = self.service.ask(&request, None).await;
        let answer = answer.map_err(|error| self.unreachable(&error, subject))?;
        // A network whose DNS resolves every name, such as that of a hotel, is not Google.
        if answer.headers.get(&FLAVOR) != Some(&GOOGLE) && answer.is_success() {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                format!("{subject}: it was not Google that answered"),
            )
            .with_hint(HINT));
        }
        if answer.is_success() {
            self.expected.store(true, Ordering::Relaxed);
            Ok(answer)
        } else {
            Err(refused(&answer, subject)
                .with_hint("Check that a service account is attached to this machine or pod"))
        }
    }

    /// An unknown name means that this is not a Google machine, which does not change. If the server has
    /// answered before, the DNS is only failing for a moment.
    fn is_lasting(&self, kind: TransportKind) -> bool {
        kind == TransportKind::Dns && !self.expected.load(Ordering::Relaxed)
    }

    fn unreachable(&self, error: &TransportError, subject: &str) -> Error {
        let lasting = self.is_lasting(error.kind()) || !error.is_temporary();
        let kind = if lasting { ErrorKind::Unauthenticated } else { ErrorKind::Unreachable };
        let text = format!("{subject}: no credentials are configured, and no metadata server answers");
        let built = Error::new(kind, text).with_hint(HINT).with_source(error.clone());
        if lasting { built } else { built.temporary(None) }
    }
}

/// Tokens of the service account that runs here.
#[derive(Debug)]
pub(super) struct MetadataTokens {
    /// The server.
    pub(super) metadata: Metadata,
    /// The scopes of the tokens; those of the machine, if empty.
    pub(super) scopes: Vec<String>,
}

#[async_trait]
impl TokenSource for MetadataTokens {
    async fn fetch(&self) -> Result<Token> {
        let subject = "asking the metadata server for a token";
        let scopes = self.scopes.join(",");
        let query: &[(&str, &str)] = if scopes.is_empty() { &[] } else { &[("scopes", &scopes)] };
        let answer = self.metadata.get("instance/service-accounts/default/token", subject, query).await?;
        let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
        token_of(json.as_ref(), subject)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::store::options::Options;

    #[tokio::test]
    async fn a_server_that_has_answered_is_expected_even_if_its_name_is_unknown() {
        let (options, environment) = (Options::default(), Environment::default());
        let network = Network::new(&options, &environment);
        let mut metadata = Metadata::new(&network, &environment).unwrap();
        assert!(metadata.is_lasting(TransportKind::Dns) && !metadata.is_lasting(TransportKind::Connect));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = web_address(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        metadata.service = Rest::new(network.metadata_client().unwrap(), address);
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            assert!(connection.read(&mut [0; 4096]).unwrap() > 0);
            let head = "HTTP/1.1 200 OK\r\nmetadata-flavor: Google\r\nconnection: close\r\ncontent-length: 1";
            connection.write_all(format!("{head}\r\n\r\np").as_bytes()).unwrap();
        });
        assert_eq!(metadata.clone().project().await.unwrap(), "p");
        server.join().unwrap();
        assert!(!metadata.is_lasting(TransportKind::Dns));
    }

    #[test]
    fn a_server_that_was_named_is_expected() {
        let options = Options::default();
        let environment = Environment::read(|name| (name == "GCE_METADATA_HOST").then(|| "h".to_owned()));
        let metadata = Metadata::new(&Network::new(&options, &environment), &environment).unwrap();
        assert!(!metadata.is_lasting(TransportKind::Dns));
    }
}
