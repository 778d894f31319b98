//! The Azure SDK on the shared network stack.
//!
//! There are two transports, since they are trusted with different things: [`VaultTransport`] sends tokens to
//! the vault and nowhere else; [`LoginTransport`] sends credentials to the login service, and interprets its
//! refusals itself.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::headers::{AUTHORIZATION, Headers, WWW_AUTHENTICATE};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Method, Request, StatusCode};
use bytes::Bytes;
use http::header;

use crate::http::TransportError;
use crate::store::azure::entra;
use crate::store::azure::tokens::TokenCache;
use crate::store::azure::vault::Vault;
use crate::store::kit::answer::Answer;

fn translate(request: &Request) -> Result<reqwest::Request, TransportError> {
    let method = match request.method() {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        _ => return Err(TransportError::request("only reads and logins are sent")),
    };
    let mut translated = reqwest::Request::new(method, request.url().clone());
    for (name, value) in request.headers().iter() {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = http::HeaderValue::from_str(value.as_str());
        let (Ok(name), Ok(mut value)) = (name, value) else {
            return Err(TransportError::request("a header of the SDK cannot be sent as it is"));
        };
        // Keeps the token out of Debug output.
        value.set_sensitive(name == http::header::AUTHORIZATION);
        translated.headers_mut().insert(name, value);
    }
    if let Body::Bytes(bytes) = request.body()
        && !bytes.is_empty()
    {
        *translated.body_mut() = Some(bytes.clone().into());
    }
    Ok(translated)
}

fn to_sdk(error: TransportError) -> azure_core::Error {
    azure_core::Error::with_error(SdkKind::Io, error, "there is no answer")
}

/// Headers that are not text are left out.
fn response(answer: Answer) -> AsyncRawResponse {
    let mut headers = Headers::new();
    for (name, value) in &answer.headers {
        if let Ok(value) = value.to_str() {
            headers.insert(name.as_str().to_owned(), value.to_owned());
        }
    }
    AsyncRawResponse::from_bytes(StatusCode::from(answer.status), headers, answer.into_body())
}

/// The words of a challenge from which the SDK learns what tokens are for.
const SAYS_RESOURCE: [&str; 2] = [r#"resource=""#, r#"scope=""#];

/// Carries requests to the vault.
pub(super) struct VaultTransport {
    client: reqwest::Client,
    vault: Vault,
    tokens: Arc<TokenCache>,
}

impl VaultTransport {
    /// A transport to `vault`, which reports to `tokens` whether the vault accepts each token.
    pub(super) fn new(client: reqwest::Client, vault: Vault, tokens: Arc<TokenCache>) -> Self {
        Self { client, vault, tokens }
    }

    /// The SDK sends its first request without a token to learn what tokens are for. In the domain of a known
    /// cloud the answer is known, and the vault could not give another one (the SDK checks that it belongs to
    /// the domain), so the request is answered here.
    fn answer_here(&self, request: &Request) -> Option<AsyncRawResponse> {
        let resource = self.vault.resource?;
        if request.headers().get_optional_str(&AUTHORIZATION).is_some() {
            return None;
        }
        let mut headers = Headers::new();
        headers.insert(WWW_AUTHENTICATE, format!(r#"Bearer resource="{resource}""#));
        Some(AsyncRawResponse::from_bytes(StatusCode::Unauthorized, headers, Bytes::new()))
    }

    /// The challenge for a refused token need not repeat what tokens are for: one that asks for claims
    /// (conditional access, a revoked session) does not. The SDK would treat that as an unreadable answer, so
    /// the known resource is added; if it is unknown, the challenge is removed.
    fn with_resource(&self, mut answer: Answer) -> Answer {
        let challenge = answer.header("www-authenticate").filter(|_| answer.status == 401);
        let Some(challenge) = challenge.filter(|text| !SAYS_RESOURCE.iter().any(|word| text.contains(word)))
        else {
            return answer;
        };
        let completed = self.vault.resource.map(|resource| format!(r#"{challenge}, resource="{resource}""#));
        answer.headers.remove(header::WWW_AUTHENTICATE);
        if let Some(completed) = completed.and_then(|text| text.parse().ok()) {
            answer.headers.insert(header::WWW_AUTHENTICATE, completed);
        }
        answer
    }
}

#[async_trait]
impl HttpClient for VaultTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        // The SDK follows links of listings, so a server could otherwise have the token sent elsewhere.
        if request.url().origin() != self.vault.origin {
            let refused = TransportError::request("the vault sent us to another host");
            return Err(to_sdk(refused));
        }
        if let Some(answer) = self.answer_here(request) {
            return Ok(answer);
        }
        let sent = translate(request).map_err(to_sdk)?;
        let answer = self.with_resource(Answer::to(&self.client, sent, true).await.map_err(to_sdk)?);
        if let Some(token) = request.headers().get_optional_str(&AUTHORIZATION) {
            self.tokens.note(token, answer.status != 401);
        }
        Ok(response(answer))
    }
}

impl fmt::Debug for VaultTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VaultTransport").field("vault", &self.vault.host).finish_non_exhaustive()
    }
}

/// Sends requests to the login service. An error answer is converted here, where its codes are at hand.
#[derive(Clone)]
pub(super) struct LoginTransport {
    client: reqwest::Client,
}

impl LoginTransport {
    /// A carrier over `client`.
    pub(super) fn new(client: reqwest::Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl HttpClient for LoginTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let sent = translate(request).map_err(to_sdk)?;
        let answer = Answer::to(&self.client, sent, true).await.map_err(to_sdk)?;
        let refused = match answer.status {
            200..=299 if entra::has_possible_lifetime(&answer) => return Ok(response(answer)),
            200..=299 => entra::impossible_lifetime(),
            _ => entra::refused(&answer),
        };
        // Wrapped as the SDK requires; `error::read_error` finds our own error in it again.
        Err(azure_core::Error::with_error(SdkKind::Credential, refused, "no token"))
    }
}

impl fmt::Debug for LoginTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LoginTransport")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::{ClientSettings, ProxySettings, Roots, build_client, client_config};
    use crate::store::azure::testing::Scripted;

    fn transport(url: &str) -> VaultTransport {
        let settings = ClientSettings {
            connect_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(1),
            proxies: ProxySettings::NONE,
        };
        let client = build_client(&settings, &client_config(&Roots::Empty).unwrap()).unwrap();
        let tokens = TokenCache::new(Box::new(Scripted::default()));
        VaultTransport::new(client, Vault::read(Some(url)).unwrap(), tokens)
    }

    fn get(url: &str) -> Request {
        Request::new(url.parse().unwrap(), Method::Get)
    }

    #[tokio::test]
    async fn a_known_domain_is_not_asked_what_tokens_are_for() {
        let transport = transport("https://a.vault.azure.net");
        let answer = transport.execute_request(&get("https://a.vault.azure.net/secrets/a")).await.unwrap();
        let challenge = answer.headers().get_optional_string(&WWW_AUTHENTICATE);
        assert_eq!(answer.status(), StatusCode::Unauthorized);
        assert_eq!(challenge.as_deref(), Some(r#"Bearer resource="https://vault.azure.net""#));
    }

    #[test]
    fn a_challenge_that_asks_for_claims_gets_the_resource() {
        let claims = r#"Bearer realm="", error="insufficient_claims", claims="e30=""#;
        let full = r#"Bearer authorization="https://l/t", resource="https://vault.azure.net""#;
        for (url, status, challenge, expected) in [
            (
                "https://a.vault.azure.net",
                401,
                claims,
                Some(format!("{claims}, resource=\"https://vault.azure.net\"")),
            ),
            ("https://a.vault.azure.net", 401, full, Some(full.to_owned())),
            ("https://a.vault.azure.net", 403, claims, Some(claims.to_owned())),
            ("https://localhost", 401, full, Some(full.to_owned())),
            ("https://localhost", 401, claims, None),
        ] {
            let answer = Answer::of(status, &[("www-authenticate", challenge), ("retry-after", "1")], "");
            let answer = transport(url).with_resource(answer);
            assert_eq!(answer.header("www-authenticate"), expected.as_deref(), "{url} {challenge}");
            assert_eq!(answer.headers.len(), 1 + usize::from(expected.is_some()));
        }
    }

    #[tokio::test]
    async fn no_request_goes_to_another_host() {
        let transport = transport("https://a.vault.azure.net");
        for url in
            ["https://b.vault.azure.net/x", "https://a.vault.azure.net:444/x", "http://a.vault.azure.net/x"]
        {
            let error = transport.execute_request(&get(url)).await.unwrap_err();
            assert!(error.downcast_ref::<TransportError>().is_some(), "{url}");
        }
    }
}
