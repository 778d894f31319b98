//! Services that are asked over HTTP below one address: for stores that need no crate of the vendor.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use reqwest::{Body, Client, Method, Request};
use url::Url;

use crate::error::{Error, Result};
use crate::http::{ClientSettings, ProxySettings, Roots, TransportError, warn_about_plain_http};
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::trust;
use crate::value::json::{self, Value};

/// How long a connection may take to open: just over the time at which a lost SYN packet is sent for the
/// third time (after 1 s and 3 s).
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// How long the server may stay silent. The deadline of a lookup usually ends the wait earlier.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// A client for `address`, with the proxies of the environment. Certificates are only loaded where TLS is
/// used: a broken CA bundle does not matter to a plain address.
pub fn client(
    address: &Url,
    roots: impl FnOnce() -> Roots,
    environment: &Environment,
    files: &mut WatchedFiles,
) -> Result<Client> {
    client_as(None, address, roots, environment, files)
}

/// The same, with our own certificate in one PEM file and its key in another, or in the same.
pub fn client_as(
    own: Option<[PathBuf; 2]>,
    address: &Url,
    roots: impl FnOnce() -> Roots,
    environment: &Environment,
    files: &mut WatchedFiles,
) -> Result<Client> {
    warn_about_plain_http(address);
    let proxies = ProxySettings::from_environment(|name| environment.get(name), true);
    let is_encrypted = address.scheme() == "https" || proxies.needs_tls();
    // Without TLS no list of certificates needs to be read.
    let roots = if is_encrypted { roots() } else { Roots::Empty };
    let settings = ClientSettings { connect_timeout: CONNECT_TIMEOUT, read_timeout: READ_TIMEOUT, proxies };
    match own.filter(|_| is_encrypted) {
        Some(own) => trust::client_as(own, &settings, &roots, files),
        None => trust::client(&settings, &roots, files),
    }
}

/// The content type of a form.
pub const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// The content type of JSON.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An address and the client that reaches it.
#[derive(Clone, Debug)]
pub struct Rest {
    client: Client,
    address: Url,
}

impl Rest {
    /// The service at `address`, which may have a path.
    pub fn new(client: Client, address: Url) -> Self {
        Self { client, address }
    }

    /// A request for `path` below the address. The path is already encoded, the query is not.
    pub fn get<'pair>(
        &self,
        path: &str,
        query: impl IntoIterator<Item = (&'pair str, &'pair str)>,
    ) -> Result<Request> {
        let mut url = below(&self.address, path)?;
        url.query_pairs_mut().extend_pairs(query);
        // `query_pairs_mut` leaves a bare `?` behind when there are no pairs.
        if url.query() == Some("") {
            url.set_query(None);
        }
        Ok(Request::new(Method::GET, url))
    }

    /// A request that sends `body` to `path`.
    pub fn post_body(&self, path: &str, content_type: HeaderValue, body: impl Into<Body>) -> Result<Request> {
        let mut request = Request::new(Method::POST, below(&self.address, path)?);
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    /// A request that posts nothing to `path`. IIS wants to know that there is nothing.
    pub fn post_empty(&self, path: &str) -> Result<Request> {
        let mut request = Request::new(Method::POST, below(&self.address, path)?);
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        Ok(request)
    }

    /// Posts a form to `path`. `is_repeatable` means that it may be sent twice.
    pub async fn post_form(
        &self,
        path: &str,
        form: &[(&str, &str)],
        is_repeatable: bool,
    ) -> Result<Result<Answer, TransportError>> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        Ok(self.send_plain(self.post_body(path, FORM, body)?, is_repeatable).await)
    }

    /// Sends a request as it is: that of a login, which has no token yet.
    pub async fn send_plain(&self, request: Request, is_repeatable: bool) -> Result<Answer, TransportError> {
        Answer::to(&self.client, request, is_repeatable).await
    }

    /// A request that posts JSON to `path`.
    pub fn post(&self, path: &str, body: &Value) -> Result<Request> {
        self.post_body(path, JSON, json::write(body).as_bytes().to_vec())
    }

    /// The same client, for another address.
    #[must_use]
    pub fn at(&self, address: Url) -> Self {
        Self { client: self.client.clone(), address }
    }

    /// Sends a request that may be sent twice, with the authorization that a login supplied.
    pub async fn ask(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, TransportError> {
        let headers = authorization.map(|authorization| (AUTHORIZATION, authorization));
        self.send(request, headers.into_iter().collect()).await
    }

    /// Sends a request that may be sent twice, with the headers of a session.
    pub async fn send(&self, request: &Request, headers: HeaderMap) -> Result<Answer, TransportError> {
        // A copy, since `request` stays usable for another attempt with another token. Both share a body.
        let copy = request.try_clone();
        let mut sent = copy.ok_or_else(|| TransportError::request("the request cannot be sent twice"))?;
        sent.headers_mut().extend(headers);
        Answer::to(&self.client, sent, true).await
    }
}

/// The value of a header that holds a credential: never logged. `None` if no header can hold it.
pub fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The authorization that a bearer token gives.
pub fn bearer(token: &str) -> Option<HeaderValue> {
    secret_header(&format!("Bearer {token}"))
}

/// A text as one segment of a path: a slash in it separates nothing.
pub fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `path` below `address`.
pub fn below(address: &Url, path: &str) -> Result<Url> {
    let text = format!("{}/{path}", address.as_str().trim_end_matches('/'));
    Url::parse(&text).map_err(|_| Error::config("an endpoint cannot be used as the beginning of an address"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_path_goes_below_that_of_the_address() {
        let client = || client_of(&Url::parse("http://h").unwrap());
        for (address, path, query, expected) in [
            ("https://h", "v1/a", &[][..], "https://h/v1/a"),
            (
                "http://h:1/x/",
                "v1/a:access",
                &[("q", "a b"), ("r", "ü&")],
                "http://h:1/x/v1/a:access?q=a+b&r=%C3%BC%26",
            ),
        ] {
            let rest = Rest::new(client(), Url::parse(address).unwrap());
            let request = rest.get(path, query.iter().copied()).unwrap();
            assert_eq!((request.method(), request.url().as_str()), (&Method::GET, expected));
        }
    }

    #[test]
    fn a_segment_holds_any_text() {
        assert_eq!(segment("a/b c+%~.-_\u{e9}"), "a%2Fb%20c%2B%25~.-_%C3%A9");
    }

    fn client_of(address: &Url) -> Client {
        client(address, || Roots::Empty, &Environment::default(), &mut WatchedFiles::default()).unwrap()
    }

    #[tokio::test]
    async fn a_login_goes_with_the_request_and_the_request_stays_as_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let length = connection.read(&mut asked).unwrap();
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            String::from_utf8_lossy(&asked[..length]).to_lowercase()
        });
        let rest = Rest::new(client_of(&address), address);
        let request = rest.get("v1/a", []).unwrap();
        let answer = rest.ask(&request, Some(HeaderValue::from_static("Bearer t"))).await.unwrap();
        assert!(answer.is_success() && answer.json().is_some());
        let asked = server.join().unwrap();
        assert!(
            asked.starts_with("get /v1/a http/1.1\r\n") && asked.contains("authorization: bearer t\r\n"),
            "{asked}"
        );
        assert!(request.headers().is_empty());
    }
}
