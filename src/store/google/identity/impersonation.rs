//! Reading as a service account that other identities may impersonate.
//!
//! Source: `projects.serviceAccounts.generateAccessToken` of the IAM Service Account Credentials API, and
//! google-auth, `impersonated_credentials.py`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use serde_json::{Value as Json, json};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::moment;
use crate::redact::Shown;
use crate::store::google::error::Refusal;

use super::cache::TokenCache;
use super::exchange::{JSON, answer, is_token, post};
use super::token::{Token, TokenSource};

const SUBJECT: &str = "impersonating";

/// The addresses of the accounts, and how their tokens are requested.
#[derive(Debug)]
pub(super) struct Impersonation {
    /// The client that carries the request.
    pub(super) client: reqwest::Client,
    /// The method's address, with the account to read as.
    pub(super) url: Url,
    /// The identity that asks.
    pub(super) source: Arc<TokenCache>,
    /// The accounts between the one that asks and the one to read as.
    pub(super) delegates: Vec<String>,
    /// The scopes of the token.
    pub(super) scopes: Vec<String>,
    /// How long the token works.
    pub(super) lifetime: Duration,
}

impl Impersonation {
    /// The account to read as.
    fn target(&self) -> &str {
        let last = self.url.path().rsplit('/').next().unwrap_or_default();
        last.split(':').next().unwrap_or_default()
    }

    fn body(&self) -> Json {
        let delegates: Vec<String> = self.delegates.iter().map(|account| resource(account)).collect();
        let lifetime = format!("{}s", self.lifetime.as_secs());
        if delegates.is_empty() {
            json!({"scope": self.scopes, "lifetime": lifetime})
        } else {
            json!({"scope": self.scopes, "lifetime": lifetime, "delegates": delegates})
        }
    }

    fn request(&self, token: Option<HeaderValue>) -> reqwest::Request {
        post(&self.url, JSON, token, self.body().to_string())
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        let target = Shown(self.target()).to_string();
        let hint = if refusal.is("SERVICE_DISABLED") {
            "Enable the API: `gcloud services enable iamcredentials.googleapis.com`".to_owned()
        } else {
            match refusal.kind() {
                ErrorKind::Denied => format!(
                    "Give the caller roles/iam.serviceAccountTokenCreator on `{target}` (and each delegate \
                     on the next), and check that the account exists"
                ),
                ErrorKind::Unauthenticated => "Check the credentials that impersonate".to_owned(),
                ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Timeout => {
                    "Google Cloud usually recovers by itself; see status.cloud.google.com".to_owned()
                }
                _ => format!("Check that `{target}` is a service account, and the scopes"),
            }
        };
        refusal.to_error(&format!("{SUBJECT} `{target}`")).with_hint(hint)
    }
}

/// The name that the API documents for a delegate.
fn resource(account: &str) -> String {
    if account.contains('/') { account.to_owned() } else { format!("projects/-/serviceAccounts/{account}") }
}

#[async_trait]
impl TokenSource for Impersonation {
    async fn fetch(&self) -> Result<Token> {
        self.source.ensure().await?;
        let answer = self.source.accepted(|token| answer(&self.client, self.request(token), SUBJECT)).await?;
        if !answer.is_success() {
            let (status, headers) = (answer.status, answer.headers.clone());
            let content = answer.into_body().into();
            return Err(self.refused(&Refusal::new(status, Some(&headers), Some(&content))));
        }
        token(serde_json::from_slice(&answer.body).ok().as_ref(), self.lifetime)
    }
}

fn token(answer: Option<&Json>, lifetime: Duration) -> Result<Token> {
    let token = answer.and_then(|answer| answer.get("accessToken")?.as_str()).filter(|token| is_token(token));
    let token = token.ok_or_else(|| {
        Error::new(ErrorKind::Unauthenticated, format!("{SUBJECT}: the answer holds no token"))
            .with_hint("Check `iam_endpoint_url` and proxies: something else than Google may have answered")
    })?;
    let expires = answer.and_then(|answer| answer.get("expireTime")?.as_str()).and_then(moment::read);
    // Without an end that can be read, the requested lifetime counts.
    Ok(Token::new(token, expires.or_else(|| SystemTime::now().checked_add(lifetime))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impersonation(delegates: &[&str]) -> Impersonation {
        Impersonation {
            client: reqwest::Client::builder()
                .tls_backend_preconfigured(rustls::ClientConfig::clone(
                    &crate::http::client_config(&crate::http::Roots::Empty).unwrap(),
                ))
                .build()
                .unwrap(),
            url: Url::parse("https://h/v1/projects/-/serviceAccounts/a@p.test:generateAccessToken").unwrap(),
            source: TokenCache::new(None),
            delegates: delegates.iter().map(|name| (*name).to_owned()).collect(),
            scopes: vec!["s".to_owned()],
            lifetime: Duration::from_secs(3600),
        }
    }

    #[test]
    fn the_request_is_that_of_the_api() {
        assert_eq!(impersonation(&[]).body(), json!({"scope": ["s"], "lifetime": "3600s"}));
        let body = impersonation(&["b@p", "projects/-/serviceAccounts/c@p"]).body();
        assert_eq!(
            body["delegates"],
            json!(["projects/-/serviceAccounts/b@p", "projects/-/serviceAccounts/c@p"])
        );
    }

    #[test]
    fn a_refusal_names_the_account_and_the_role() {
        let body =
            json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "no"}}).to_string();
        let error = impersonation(&[]).refused(&Refusal::new(403, None, Some(&body.into())));
        insta::assert_snapshot!(error, @"impersonating `a@p.test` was denied: no (PERMISSION_DENIED). Give \
        the caller roles/iam.serviceAccountTokenCreator on `a@p.test` (and each delegate on the next), and \
        check that the account exists");
    }

    #[test]
    fn the_end_is_the_one_that_google_names() {
        let answer = json!({"accessToken": "t", "expireTime": "2026-11-22T10:00:00Z"});
        let expires = token(Some(&answer), Duration::from_secs(1)).unwrap().expires.unwrap();
        assert_eq!(expires.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), 1_795_341_600);
        assert!(token(Some(&json!({"accessToken": "t"})), Duration::from_secs(1)).unwrap().expires.is_some());
        assert!(token(Some(&json!({})), Duration::from_secs(1)).is_err());
    }
}
