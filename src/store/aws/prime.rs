//! Initialising what the SDK initialises lazily, before a fork can find it half done.
//!
//! The SDK keeps endpoint rules, regular expressions and tables in statics that are filled on first use. If another
//! thread forks in that moment, the child finds them "being initialised" for ever. One request against a connector in
//! memory, under [`crate::process::no_fork`], fills them. It is CPU only: nothing is sent and no runtime is needed.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use http::StatusCode;

use crate::store::aws::sdk::bare_config;

/// Answers every request at once, with an error, so that the reading of errors is initialised too.
#[derive(Debug)]
struct InMemory;

impl HttpConnector for InMemory {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let body = SdkBody::from(r#"{"__type":"ResourceNotFoundException","message":""}"#);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::BAD_REQUEST.into(), body)))
    }
}

impl HttpClient for InMemory {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Self)
    }
}

/// A configuration with which nothing leaves the process.
pub(super) fn in_memory_config() -> SdkConfig {
    let credentials = Credentials::new("prime", "prime", Some("prime".to_owned()), None, "prime");
    let credentials = SharedCredentialsProvider::new(credentials);
    bare_config("us-east-1").http_client(InMemory).credentials_provider(credentials).build()
}

/// Runs a future that never waits. `None` says that it did, and that it was dropped.
pub(super) fn ready_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Whether `flag` was still down; it is up now. What it stands for stays initialised in children too.
pub(super) fn first_time(flag: &AtomicBool) -> bool {
    !flag.swap(true, Ordering::Relaxed)
}

/// Initialises the client of STS, once per process.
pub(super) fn sts_once() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if first_time(&DONE) {
        let client = aws_sdk_sts::Client::new(&in_memory_config());
        let call =
            client.assume_role().role_arn("arn:aws:iam::000000000000:role/prime").role_session_name("prime");
        if ready_now(call.send()).is_none() {
            tracing::debug!("the STS client could not be initialised in advance");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_memory_needs_no_runtime() {
        let client = aws_sdk_sts::Client::new(&in_memory_config());
        let answer = ready_now(client.assume_role().role_arn("r").role_session_name("s").send());
        assert!(answer.expect("the call waited for something").is_err());
    }

    #[test]
    fn a_future_that_waits_is_given_up() {
        assert_eq!(ready_now(std::future::pending::<()>()), None);
        assert_eq!(ready_now(std::future::ready(7)), Some(7));
    }
}
