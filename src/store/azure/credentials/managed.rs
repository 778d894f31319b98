//! Managed identities: the metadata services of the platform.
//!
//! Source: azure-identity 1.27.0 (`managed_identity.py`, `app_service.py`, `imds.py`, `azure_ml.py`), and
//! "How to use managed identities to acquire an access token" for the answers.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use azure_core::time::{Duration as Lifetime, OffsetDateTime};
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{TransportError, TransportKind, web_address};
use crate::store::azure::credentials::{NoToken, TokenSource};
use crate::store::azure::error::head;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::value::json::{Object, Value};

/// The metadata service of a virtual machine.
const MACHINE: &str = "http://169.254.169.254";

/// How long the metadata service of a machine may take to open a connection: elsewhere its address does not
/// answer at all.
pub(in crate::store::azure) const MACHINE_CONNECT: Duration = Duration::from_secs(1);

/// Which service issues tokens here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// App Service, Functions, Container Apps.
    AppService,
    /// Azure Machine Learning.
    MachineLearning,
    /// A virtual machine, or a node of Kubernetes.
    Machine,
}

/// A managed identity.
pub(in crate::store::azure) struct ManagedIdentity {
    client: reqwest::Client,
    kind: Kind,
    endpoint: Url,
    header: Option<SecretString>,
    client_id: Option<String>,
    /// Whether it has issued a token: from then on it is known to be there.
    proven: AtomicBool,
}

impl ManagedIdentity {
    /// The identity that the environment configures, or else that of the machine. `Err` gives the reason why
    /// it is impossible.
    pub(in crate::store::azure) fn new(
        client: reqwest::Client,
        client_id: Option<String>,
        environment: &Environment,
    ) -> Result<Self> {
        let set = |name| environment.non_empty(name);
        let (kind, address, header) =
            match (set("IDENTITY_ENDPOINT"), set("IDENTITY_HEADER"), set("MSI_ENDPOINT")) {
                // The platforms are told apart as in azure-identity's `ManagedIdentityCredential`.
                (Some(_), Some(_), _) if set("IDENTITY_SERVER_THUMBPRINT").is_some() => {
                    return Err(unsupported("Service Fabric"));
                }
                (Some(address), Some(header), _) => (Kind::AppService, address.to_owned(), Some(header)),
                (Some(_), None, _) if set("IMDS_ENDPOINT").is_some() => return Err(unsupported("Azure Arc")),
                (None, _, Some(address)) => match set("MSI_SECRET") {
                    Some(secret) => (Kind::MachineLearning, address.to_owned(), Some(secret)),
                    None => return Err(unsupported("Cloud Shell")),
                },
                _ => (Kind::Machine, machine_address(environment), None),
            };
        let endpoint = web_address(&address).ok_or_else(|| {
            Error::config("the address of the managed identity endpoint is not valid")
                .with_hint("Check IDENTITY_ENDPOINT, MSI_ENDPOINT or AZURE_POD_IDENTITY_AUTHORITY_HOST")
        })?;
        let header = header.map(|header| SecretString::from(header.to_owned()));
        Ok(Self { client, kind, endpoint, header, client_id, proven: AtomicBool::new(false) })
    }

    fn request(&self, scope: &str) -> Result<reqwest::Request, TransportError> {
        let (version, id_key, header) = match self.kind {
            Kind::AppService => ("2019-08-01", "client_id", "x-identity-header"),
            Kind::MachineLearning => ("2017-09-01", "clientid", "secret"),
            Kind::Machine => ("2018-02-01", "client_id", "metadata"),
        };
        let mut url = self.endpoint.clone();
        // The endpoints expect a resource instead of a scope.
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", resource);
        if let Some(id) = &self.client_id {
            url.query_pairs_mut().append_pair(id_key, id);
        }
        let mut request = reqwest::Request::new(reqwest::Method::GET, url);
        let value = self.header.as_ref().map_or("true", |header| header.expose_secret());
        // For a virtual machine the header is `metadata: true`, which a request forged through a proxy would
        // lack.
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| TransportError::request("IDENTITY_HEADER or MSI_SECRET cannot be sent"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(HeaderName::from_static(header), value);
        Ok(request)
    }

    /// Silence usually means that this is not a machine in Azure. A service that the environment configures,
    /// or that has answered before, is expected to answer: its silence is an outage, in which the held token
    /// is kept.
    fn silent(&self, error: &TransportError) -> NoToken {
        let proven = self.proven.load(Ordering::Relaxed);
        let expected = self.kind != Kind::Machine || proven || error.kind() == TransportKind::Request;
        let failed = Error::new(ErrorKind::Unreachable, format!("{SUBJECT}: no answer"));
        let failed = failed.with_hint(if expected { HINT } else { NO_MACHINE }).with_source(error.clone());
        let failed = if error.is_temporary() { failed.temporary(None) } else { failed };
        if expected { NoToken::Failed(failed) } else { NoToken::Silent(failed) }
    }

    /// The machine's description from its metadata service, in the terms of Azure's Instance Metadata
    /// Service.
    #[cfg(feature = "vault")]
    pub(in crate::store::azure) async fn description(&self) -> Option<Object> {
        let mut url = self.endpoint.join("../../instance/compute").ok()?;
        url.query_pairs_mut().append_pair("api-version", "2021-02-01").append_pair("format", "json");
        let mut request = reqwest::Request::new(reqwest::Method::GET, url);
        request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
        let answer =
            Answer::to(&self.client, request, true).await.ok().filter(|answer| answer.status == 200)?;
        answer.json()?.as_object().cloned()
    }

    fn accept(&self, answer: &Answer) -> Result<AccessToken, NoToken> {
        let token = read_token(answer, self.kind)?;
        self.proven.store(true, Ordering::Relaxed);
        Ok(token)
    }
}

const SUBJECT: &str = "asking the managed identity endpoint for a token";
const HINT: &str =
    "Check that the resource has an identity, and `managed_identity_client_id` where it has several";

const NO_MACHINE: &str = "Check that this is a machine of Azure and that it may reach its metadata service; \
elsewhere use other credentials";

fn unsupported(platform: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the managed identity of {platform} is not supported"))
        .with_hint("Use a service principal, or a workload identity")
}

/// The metadata service, or its replacement on the pod.
fn machine_address(environment: &Environment) -> String {
    let host = environment.non_empty("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or(MACHINE);
    format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/'))
}

#[async_trait]
impl TokenSource for ManagedIdentity {
    fn name(&self) -> &'static str {
        "ManagedIdentityCredential"
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let request = self.request(scope).map_err(|error| self.silent(&error))?;
        let answer = Answer::to(&self.client, request, true).await.map_err(|error| self.silent(&error))?;
        match answer.status {
            200..=299 => self.accept(&answer),
            // The metadata service answers 400 if the machine has no identity, or not the requested one.
            400 if self.kind == Kind::Machine => {
                Err(NoToken::not_here("was told that this machine has no such identity (HTTP 400)"))
            }
            403 if self.kind == Kind::Machine => Err(NoToken::not_here(
                "reached no metadata service: a proxy or a firewall answered (HTTP 403)",
            )),
            _ => Err(NoToken::Failed(refused(&answer))),
        }
    }

    #[cfg(feature = "vault")]
    fn machine(&self) -> Option<&ManagedIdentity> {
        (self.kind == Kind::Machine && self.proven.load(Ordering::Relaxed)).then_some(self)
    }
}

fn refused(answer: &Answer) -> Error {
    let kind = match answer.status {
        // The machine's service is being updated, or does not know the identity yet.
        404 | 410 => ErrorKind::Unreachable,
        status if status < 500 && status != 429 && status != 408 => ErrorKind::Unauthenticated,
        status => ErrorKind::of_status(status),
    };
    let head = head(answer);
    let error = head.to_error(kind, format!("{SUBJECT} failed")).with_hint(HINT);
    if kind == ErrorKind::Unauthenticated { error } else { error.temporary(head.retry_after) }
}

/// `expires_on` is a number, possibly as text; Azure Machine Learning may send a date, in which case
/// `expires_in` is used.
fn read_token(answer: &Answer, kind: Kind) -> Result<AccessToken, NoToken> {
    let parsed = answer.json();
    let members = parsed.as_ref().and_then(Value::as_object);
    let token = members.and_then(|members| members.get("access_token")).and_then(Value::as_str);
    match (token.filter(|token| !token.is_empty()), members.and_then(expiry)) {
        (Some(token), Some(expiry)) => Ok(AccessToken::new(token.to_owned(), expiry)),
        _ if kind == Kind::Machine => {
            Err(NoToken::not_here("reached something else than the metadata service of Azure"))
        }
        _ => Err(NoToken::Failed(
            Error::new(ErrorKind::Malformed, format!("{SUBJECT}: the answer is not understood"))
                .with_hint("Check IDENTITY_ENDPOINT and MSI_ENDPOINT"),
        )),
    }
}

/// A moment that the SDK's calendar cannot represent, such as one in milliseconds, is ignored.
fn expiry(members: &Object) -> Option<OffsetDateTime> {
    let number = |key| {
        let value = members.get(key)?;
        // Some endpoints send numbers as text.
        let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        number.filter(|seconds| *seconds >= 0)
    };
    let since_epoch =
        number("expires_on").and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    since_epoch.or_else(|| OffsetDateTime::now_utc().checked_add(Lifetime::seconds(number("expires_in")?)))
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ManagedIdentity")
            .field("kind", &self.kind)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::http::{ClientSettings, ProxySettings, Roots, build_client, client_config};

    fn answer(body: &str) -> Answer {
        Answer::of(200, &[], body)
    }

    #[test]
    fn a_moment_beyond_the_calendar_is_an_error_and_not_a_panic() {
        for member in [
            r#""expires_on": "9223372036854775807""#,
            r#""expires_on": 1795341600000"#,
            r#""expires_in": 9223372036854775807"#,
            r#""expires_on": -1"#,
        ] {
            let answer = answer(&format!(r#"{{"access_token": "canary", {member}}}"#));
            let error = read_token(&answer, Kind::AppService).unwrap_err().into_error("x");
            assert_eq!(error.kind(), ErrorKind::Malformed, "{member}");
            assert!(!format!("{error:?}").contains("canary"));
        }
        let both = answer(r#"{"access_token": "a", "expires_on": 1795341600000, "expires_in": "60"}"#);
        assert!(read_token(&both, Kind::Machine).unwrap().expires_on > OffsetDateTime::now_utc());
    }

    /// Answers once with a token, and is gone.
    fn metadata_service() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            drop(listener);
            assert!(connection.read(&mut [0; 4096]).unwrap() > 0);
            let body = r#"{"access_token": "canary", "expires_in": "60"}"#;
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}", body.len());
            connection.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        });
        address
    }

    #[tokio::test]
    async fn silence_of_a_service_that_has_answered_is_an_outage() {
        let settings = ClientSettings {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(5),
            proxies: ProxySettings::NONE,
        };
        let client = build_client(&settings, &client_config(&Roots::Empty).unwrap()).unwrap();
        let host = metadata_service();
        let environment =
            Environment::read(|name| (name == "AZURE_POD_IDENTITY_AUTHORITY_HOST").then(|| host.clone()));
        let new = || ManagedIdentity::new(client.clone(), None, &environment).unwrap();
        let known = new();
        known.fetch("https://vault.azure.net/.default").await.unwrap();
        let error = known.fetch("s").await.unwrap_err().into_error("x");
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unreachable, true));
        let unknown = new().fetch("s").await.unwrap_err();
        assert!(matches!(&unknown, NoToken::Silent(_)));
        let error = unknown.into_error("x");
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unreachable, true));
    }
}
