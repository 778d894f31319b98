//! A complete answer to a request.

use std::fmt;

use http::HeaderMap;
use reqwest::{Client, Request};
use zeroize::Zeroizing;

use crate::http::{TransportError, read_body, send};
use crate::value::Text;
use crate::value::json::{Object, Value, parse};

/// An answer of any status. The body may hold secrets: it is overwritten when dropped, and Debug leaves it
/// out.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most 16 MiB long.
    pub body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// Sends `request` and reads the whole answer, so that a connection that breaks in the middle is an error
    /// of the transport. `is_repeatable` means that sending the request twice has the effect of sending it
    /// once: see [`send`].
    pub async fn to(client: &Client, request: Request, is_repeatable: bool) -> Result<Self, TransportError> {
        let mut response = send(client, request, is_repeatable).await?;
        let body = Zeroizing::new(read_body(&mut response).await?);
        // Taken out, because the headers are needed without the response, whose body is consumed.
        let headers = std::mem::take(response.headers_mut());
        Ok(Self { status: response.status().as_u16(), headers, body })
    }

    /// Whether the request succeeded.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header, if its value is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, if it is valid.
    pub fn json(&self) -> Option<Value> {
        parse(&Text::from(std::str::from_utf8(&self.body).ok()?)).ok()
    }

    /// The body as a JSON object, if it is one.
    pub fn object(&self) -> Option<Object> {
        self.json()?.into_object()
    }

    /// The body, for a library that takes ownership of it.
    pub fn into_body(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.body)
    }

    /// An answer for a test.
    #[cfg(test)]
    pub(crate) fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> Self {
        let named = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        Self { status, headers: named.collect(), body: Zeroizing::new(body.as_bytes().to_vec()) }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_parsed_where_it_is_json_and_never_shown() {
        let answer = Answer::of(200, &[("x-a", "b")], r#"{"a": "canary"}"#);
        assert!(answer.is_success() && answer.json().is_some_and(|json| json.as_object().is_some()));
        assert_eq!((answer.header("x-a"), answer.header("x-b")), (Some("b"), None));
        assert_eq!(format!("{answer:?}"), "Answer { status: 200, .. }");
        for status in [199, 300, 404] {
            let answer = Answer::of(status, &[], "<html>");
            assert!(!answer.is_success() && answer.json().is_none());
        }
    }
}
