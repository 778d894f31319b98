//! Initialising what the SDK initialises lazily, before a fork can find it half done.
//!
//! The SDK keeps tables in statics that are filled on first use. If another thread forks in that moment, the child finds
//! them "being initialised" for ever. A read and a login that are answered in memory, under
//! [`crate::process::no_fork`], fill them: CPU only, nothing is sent and no runtime is needed.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use azure_core::http::headers::{AUTHORIZATION, Headers, WWW_AUTHENTICATE};
use azure_core::http::{AsyncRawResponse, HttpClient, Request, StatusCode};

use crate::store::azure::credentials::{self, NoToken, TokenSource};
use crate::store::azure::reader;
use crate::store::azure::tokens::TokenCache;

/// Answers as a vault does: first asks for a token, then has no such secret.
#[derive(Debug)]
struct InMemory;

#[async_trait]
impl HttpClient for InMemory {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut headers = Headers::new();
        let known = request.headers().get_optional_str(&AUTHORIZATION).is_some();
        if !known {
            headers.insert(WWW_AUTHENTICATE, r#"Bearer resource="https://prime.invalid""#);
        }
        let status = if known { StatusCode::NotFound } else { StatusCode::Unauthorized };
        let body = r#"{"error":{"code":"SecretNotFound","message":""}}"#;
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}

#[derive(Debug)]
struct Issued;

#[async_trait]
impl TokenSource for Issued {
    fn name(&self) -> &'static str {
        "prime"
    }

    async fn fetch(&self, _scope: &str) -> Result<AccessToken, NoToken> {
        let expiry = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
        Ok(AccessToken::new("prime", expiry.into()))
    }
}

async fn read_and_list_and_log_in() {
    let tokens = TokenCache::new(Box::new(Issued));
    let built = reader::client("https://vault.prime.invalid", Arc::new(InMemory), tokens, None, true);
    if let Ok(client) = built {
        let read = client.get_secret("prime", None).await;
        let listed = reader::page(&client, None).await;
        let versions = reader::versions(&client, "prime", None).await;
        let deleted = reader::deleted(&client, "prime").await;
        let all_deleted = reader::deleted_page(&client, None).await;
        if all_deleted.is_ok() {
            tracing::debug!("the listing that is initialised in advance was answered");
        }
        if read.is_ok() || listed.is_ok() || versions.is_ok() || deleted.is_ok() {
            tracing::debug!("the request that is initialised in advance was answered");
        }
    }
    credentials::prime(Arc::new(InMemory)).await;
}

/// Runs a future that never waits. `None` says that it did, and that it was dropped.
fn ready_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Initialises the SDK, once per process.
pub(super) fn once() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::Relaxed) && ready_now(read_and_list_and_log_in()).is_none() {
        tracing::debug!("the Key Vault client could not be initialised in advance");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_initialised_without_a_runtime() {
        assert!(ready_now(read_and_list_and_log_in()).is_some());
    }
}
