//! Carries the requests of Google's client for Secret Manager over the HTTP client that every store shares.
//!
//! The crate's own transport builds a client of its own, which reads the environment of the process, follows
//! redirects, accepts no CA and retries. The requests are the same as the crate's:
//! google-cloud-secretmanager-v1 1.14.0, `transport.rs`.

use std::fmt;
use std::sync::Arc;

use futures_util::TryFutureExt;
use google_cloud_gax::Result;
use google_cloud_gax::error::Error;
use google_cloud_gax::options::RequestOptions;
use google_cloud_gax::response::Response;
use google_cloud_secretmanager_v1::model;
use google_cloud_secretmanager_v1::stub::SecretManagerService;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde::de::DeserializeOwned;

use crate::store::kit::rest::Rest;

use super::identity::TokenCache;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("strongroom/", env!("CARGO_PKG_VERSION")));
/// The format of answers.
const ANSWERS: (&str, &str) = ("$alt", "json;enum-encoding=int");
const QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");
const ROUTING: HeaderName = HeaderName::from_static("x-goog-request-params");

/// One endpoint, used with one identity.
pub(super) struct Transport {
    /// The address of the service, and the client that carries the requests.
    pub(super) service: Rest,
    /// The tokens that are sent. The caller has made sure that there is one.
    pub(super) tokens: Arc<TokenCache>,
    /// The project that pays and whose quota is used, if it is another one.
    pub(super) quota_project: Option<String>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transport").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl SecretManagerService for Transport {
    async fn access_secret_version(
        &self,
        request: model::AccessSecretVersionRequest,
        _options: RequestOptions,
    ) -> Result<Response<model::AccessSecretVersionResponse>> {
        self.get(&format!("v1/{}:access", request.name), &[], ("name", &request.name)).await
    }

    async fn get_secret(
        &self,
        request: model::GetSecretRequest,
        _options: RequestOptions,
    ) -> Result<Response<model::Secret>> {
        self.get(&format!("v1/{}", request.name), &[], ("name", &request.name)).await
    }

    async fn get_secret_version(
        &self,
        request: model::GetSecretVersionRequest,
        _options: RequestOptions,
    ) -> Result<Response<model::SecretVersion>> {
        self.get(&format!("v1/{}", request.name), &[], ("name", &request.name)).await
    }

    async fn list_secrets(
        &self,
        request: model::ListSecretsRequest,
        _options: RequestOptions,
    ) -> Result<Response<model::ListSecretsResponse>> {
        let size = request.page_size.to_string();
        let query =
            [("pageSize", size.as_str()), ("pageToken", &request.page_token), ("filter", &request.filter)];
        self.get(&format!("v1/{}/secrets", request.parent), &query, ("parent", &request.parent)).await
    }
}

impl Transport {
    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        routing: (&str, &str),
    ) -> Result<Response<T>> {
        let query = [ANSWERS].into_iter().chain(query.iter().copied());
        let mut request = self.service.get(path, query).map_err(Error::binding)?;
        *request.headers_mut() = self.headers(routing)?;
        let ask = |token| self.service.ask(&request, token).map_err(Error::io);
        let answer = self.tokens.accepted(ask).await?;
        if answer.is_success() {
            understood(&answer.body)
        } else {
            let (status, headers) = (answer.status, answer.headers.clone());
            Err(Error::http(status, headers, answer.into_body().into()))
        }
    }

    fn headers(&self, (key, value): (&str, &str)) -> Result<HeaderMap> {
        let routing: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair(key, value).finish();
        let mut headers = HeaderMap::from_iter([(USER_AGENT, AGENT), (ROUTING, header(&routing)?)]);
        if let Some(project) = &self.quota_project {
            headers.insert(QUOTA_PROJECT, header(project)?);
        }
        Ok(headers)
    }
}

fn header(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(Error::binding)
}

fn understood<T: DeserializeOwned>(content: &[u8]) -> Result<Response<T>> {
    serde_json::from_slice(content).map(Response::from).map_err(Error::deser)
}
