//! Services that are asked over HTTP below one address: for stores that need no crate of the vendor.

use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Client, Method, Request};
use url::Url;

use crate::error::{Error, Result};
use crate::http::{ClientSettings, ProxySettings, Roots, TransportError, warn_about_plain_http};
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::trust;

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
    warn_about_plain_http(address);
    let proxies = ProxySettings::from_environment(|name| environment.get(name), true);
    let is_encrypted = address.scheme() == "https" || proxies.needs_tls();
    // Without TLS no list of certificates needs to be read.
    let roots = if is_encrypted { roots() } else { Roots::Empty };
    let settings = ClientSettings { connect_timeout: CONNECT_TIMEOUT, read_timeout: READ_TIMEOUT, proxies };
    trust::client(&settings, &roots, files)
}

/// The content type of a form.
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

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
        let mut request = Request::new(Method::POST, below(&self.address, path)?);
        request.headers_mut().insert(CONTENT_TYPE, FORM);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        *request.body_mut() = Some(body.into());
        Ok(Answer::to(&self.client, request, is_repeatable).await)
    }

    /// Sends a request that may be sent twice, with the authorization that a login supplied.
    pub async fn ask(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, TransportError> {
        // A copy, since `request` stays usable for another attempt with another token. `try_clone` would copy
        // a body.
        let mut sent = Request::new(request.method().clone(), request.url().clone());
        sent.headers_mut().clone_from(request.headers());
        if let Some(authorization) = authorization {
            sent.headers_mut().insert(AUTHORIZATION, authorization);
        }
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

/// `path` below `address`.
pub fn below(address: &Url, path: &str) -> Result<Url> {
    let text = format!("{}/{path}", address.as_str().trim_end_matches('/'));
    Url::parse(&text).map_err(|_| Error::config("an endpoint cannot be used as the beginning of an address"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
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
