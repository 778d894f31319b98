//! The AWS SDK on the shared network stack.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::HeaderValue;
use http::header::USER_AGENT;
use url::Url;

use crate::http::{TransportError, TransportKind};
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::{Refusal, wait};

/// Carries the SDK's requests over a shared client, whose timeouts apply: the SDK's own are off.
#[derive(Clone, Debug)]
pub(super) struct SdkHttpClient {
    client: reqwest::Client,
    user_agent_extra: Option<Arc<str>>,
    plain: bool,
    report: Option<LastExchange>,
    last_url: LastUrl,
}

/// The URL of the last request. A store always asks at the same address, and copying a URL takes a tenth of
/// the time of parsing its text.
#[derive(Clone, Default)]
struct LastUrl(Arc<Mutex<Option<KnownUrl>>>);

/// A URL and the text that it was parsed from.
struct KnownUrl {
    text: Box<str>,
    url: Url,
}

impl LastUrl {
    /// The URL for `text`; `parse` is called if it differs from that of the last request.
    fn get(
        &self,
        text: &str,
        parse: impl FnOnce(&str) -> Result<Url, TransportError>,
    ) -> Result<Url, TransportError> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.as_ref().filter(|known| *known.text == *text) {
            return Ok(known.url.clone());
        }
        let url = parse(text)?;
        *last = Some(KnownUrl { text: text.into(), url: url.clone() });
        Ok(url)
    }
}

/// Leaves out the URL, which may hold a password.
impl fmt::Debug for LastUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LastUrl")
    }
}

/// The outcome of a request.
#[derive(Clone, Debug)]
pub(super) enum Exchange {
    /// There is an answer; its head holds the error code in a header of the JSON protocols.
    Answered(Refusal),
    /// There is no answer.
    Silent(TransportError),
}

/// The outcome of the last request, for callers to which the SDK reports a text only.
#[derive(Clone, Debug, Default)]
pub(super) struct LastExchange(Arc<Mutex<Option<Exchange>>>);

impl LastExchange {
    /// The last exchange since the previous call.
    pub(super) fn take(&self) -> Option<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, outcome: &Result<HttpResponse, TransportError>) {
        let exchange = match outcome {
            Ok(response) => {
                let header = |name: &str| response.headers().get(name);
                // The JSON protocols write `code:uri`, see "Operation Error Serialization" in Smithy's AWS
                // protocols.
                let code = header("x-amzn-errortype").and_then(|code| code.split(':').next());
                Exchange::Answered(Refusal {
                    status: response.status().as_u16(),
                    code: code.map(str::to_owned),
                    retry_after: header("retry-after").and_then(wait),
                })
            }
            Err(error) => Exchange::Silent(error.clone()),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
    }
}

impl SdkHttpClient {
    /// A carrier over `client`.
    pub(super) fn new(client: reqwest::Client) -> Self {
        Self { client, user_agent_extra: None, plain: false, report: None, last_url: LastUrl::default() }
    }

    /// Appends `extra` to the user agent of each request. It is not part of the signature.
    #[must_use]
    pub(super) fn with_user_agent(mut self, extra: Option<&str>) -> Self {
        self.user_agent_extra = extra.map(Arc::from);
        self
    }

    /// Sends https requests as plain http (`use_ssl: false`). The scheme is not part of the signature.
    #[must_use]
    pub(super) fn with_plain_http(mut self, plain: bool) -> Self {
        self.plain = plain;
        self
    }

    /// Reports the outcome of each request to `last`.
    #[must_use]
    pub(super) fn with_report(mut self, last: &LastExchange) -> Self {
        self.report = Some(last.clone());
        self
    }

    fn translate(&self, request: HttpRequest) -> Result<reqwest::Request, TransportError> {
        // The text is looked up before `try_into_http1x`, which would parse it.
        let url = self.last_url.get(request.uri(), |text| self.parse_url(text))?;
        let request =
            request.try_into_http1x().map_err(|_| TransportError::request("the request is not HTTP/1"))?;
        let (mut parts, body) = request.into_parts();
        if let Some(extra) = &self.user_agent_extra {
            append_user_agent(&mut parts.headers, extra);
        }
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.version_mut() = parts.version;
        *request.body_mut() = Some(Bytes::copy_from_slice(body.bytes().unwrap_or_default()).into());
        Ok(request)
    }

    fn parse_url(&self, text: &str) -> Result<Url, TransportError> {
        let unusable = |_| TransportError::request("the request of the SDK cannot be sent as it is");
        let mut url = Url::parse(text).map_err(unusable)?;
        if self.plain && url.set_scheme("http").is_err() {
            return Err(TransportError::request("the endpoint cannot be used over plain http"));
        }
        Ok(url)
    }

    async fn exchange(self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let repeatable = is_read(&request);
        let request = self.translate(request)?;
        let mut answer = Answer::to(&self.client, request, repeatable).await?;
        let mut response = http::Response::builder().status(answer.status);
        if let Some(headers) = response.headers_mut() {
            *headers = std::mem::take(&mut answer.headers);
        }
        let response = response.body(SdkBody::from(answer.into_body())).ok();
        let response = response.and_then(|response| HttpResponse::try_from(response).ok());
        response.ok_or_else(|| TransportError::request("the answer is not HTTP/1"))
    }
}

impl HttpConnector for SdkHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let exchange = self.clone().exchange(request);
        let report = self.report.clone();
        HttpConnectorFuture::new(async move {
            let outcome = exchange.await;
            if let Some(last) = report {
                last.note(&outcome);
            }
            outcome.map_err(connector_error)
        })
    }
}

impl HttpClient for SdkHttpClient {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }

    fn connector_metadata(
        &self,
    ) -> Option<aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata> {
        None
    }
}

/// Whether sending the request twice does no harm. The JSON protocols name the operation in a header. STS has
/// no such header, and is only asked to issue credentials. IAM Identity Center has none either, and a refresh
/// token may work only once, so that request (`POST /token`) is not repeated.
fn is_read(request: &HttpRequest) -> bool {
    let target = request
        .headers()
        .get("x-amz-target")
        .map_or("", |target| target.rsplit('.').next().unwrap_or(target));
    let renews_login = request.method() == "POST" && request.uri().ends_with("/token");
    (target.is_empty() && !renews_login)
        || ["Get", "BatchGet", "Describe", "List"].iter().any(|verb| target.starts_with(verb))
}

fn append_user_agent(headers: &mut http::HeaderMap, extra: &str) {
    let present = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let full = present.map_or(Cow::Borrowed(extra), |present| Cow::Owned(format!("{present} {extra}")));
    if let Ok(value) = HeaderValue::from_str(&full) {
        headers.insert(USER_AGENT, value);
    }
}

fn connector_error(error: TransportError) -> ConnectorError {
    match error.kind() {
        TransportKind::Timeout => ConnectorError::timeout(error.into()),
        TransportKind::Request => ConnectorError::user(error.into()),
        TransportKind::Certificate | TransportKind::TooLarge => ConnectorError::other(error.into(), None),
        TransportKind::Dns | TransportKind::Connect | TransportKind::Broken => {
            ConnectorError::io(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_the_last_request_is_not_parsed_again() {
        let (last, parsed) = (LastUrl::default(), std::cell::Cell::new(0));
        let get = |text: &str| {
            let parse = |text: &str| {
                parsed.set(parsed.get() + 1);
                Ok(Url::parse(text).unwrap())
            };
            last.get(text, parse).unwrap().to_string()
        };
        assert_eq!(get("http://a/"), "http://a/");
        assert_eq!(get("http://a/"), "http://a/");
        assert_eq!((get("http://b/x").as_str(), parsed.get()), ("http://b/x", 2));
        assert_eq!((get("http://a/").as_str(), parsed.get()), ("http://a/", 3));
        assert_eq!(format!("{last:?}"), "LastUrl");
    }

    #[test]
    fn an_invalid_url_is_not_remembered() {
        let (last, refuse) = (LastUrl::default(), |_: &str| Err(TransportError::request("no")));
        assert!(last.get("x", refuse).is_err());
        assert!(last.get("x", |_| Ok(Url::parse("http://a/").unwrap())).is_ok());
    }
}
