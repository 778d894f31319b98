//! An AWS service in memory, for tests of requests and of the handling of answers.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use serde_json::{Value, json};

use crate::store::aws::sdk::bare_config;
use crate::store::aws::store::{AwsStore, SecretService};
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::store::{SecretName, Store};

/// The answers of the service: from operation and request to status and body.
type Answers = dyn Fn(&str, &Value) -> (u16, Value) + Send + Sync;

/// The service, and the requests that it received.
#[derive(Clone)]
pub(super) struct Memory {
    answers: Arc<Answers>,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Memory {
    pub(super) fn new(answers: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static) -> Self {
        Self { answers: Arc::new(answers), calls: Arc::default() }
    }

    /// Enough options to open a store.
    pub(super) fn options() -> Options {
        Options::of_texts(
            &["region_name", "aws_access_key_id", "aws_secret_access_key"].map(|key| (key, "test")),
        )
    }

    /// The configuration of a client that asks it.
    pub(super) fn config(&self) -> SdkConfig {
        let credentials =
            SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"));
        bare_config("test").http_client(self.clone()).credentials_provider(credentials).build()
    }

    /// The requests since the previous call.
    pub(super) fn calls(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// The operations among them.
    pub(super) fn operations(&self) -> Vec<String> {
        self.calls().into_iter().map(|(operation, _)| operation).collect()
    }
}

/// An error answer.
pub(super) fn refusal(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"__type": code, "message": "canary"}))
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Memory")
    }
}

impl HttpConnector for Memory {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (status, answer) = (self.answers)(operation, &body);
        self.calls.lock().unwrap().push((operation.to_owned(), body));
        let status = status.try_into().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer.to_string()))))
    }
}

impl HttpClient for Memory {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// A store that asks `memory`.
pub(super) fn store<S: SecretService>(memory: &Memory) -> AwsStore<S> {
    let opened = AwsStore::open(&Memory::options(), &Environment::default()).unwrap();
    AwsStore { service: S::new(&memory.config()), ..opened }
}

/// Reads several names with one call, and those that it leaves open on their own: returns the texts, or the
/// kinds of the errors.
pub(super) async fn read_from(store: &dyn Store, names: &[&str]) -> Vec<String> {
    let names: Vec<SecretName> = names.iter().map(|name| SecretName::from(*name)).collect();
    let mut all = Vec::new();
    for (name, answer) in names.iter().zip(store.get_many(&names).await) {
        let answer = match answer {
            Some(answer) => answer,
            None => store.get(name).await,
        };
        all.push(match answer {
            Ok(value) => value.map_or_else(|| "none".to_owned(), |value| value.expose().to_owned()),
            Err(error) => error.kind().as_str().to_owned(),
        });
    }
    all
}
