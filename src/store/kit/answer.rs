//! A complete answer to a request.

use std::fmt;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
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

    /// The cookies that the answer sets, as a request sends them back; `None` if there are none. They may be
    /// a session, so they are never logged.
    pub fn cookies(&self) -> Option<HeaderValue> {
        let set = self.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        let pairs: Vec<_> = set.filter_map(|cookie| cookie.split(';').next()).map(str::trim).collect();
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok().filter(|text| !text.is_empty())?;
        header.set_sensitive(true);
        Some(header)
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
        let set = [("set-cookie", "a=canary; path=/; secure"), ("set-cookie", "b=2")];
        let named = set.map(|(_, text)| HeaderValue::from_static(text));
        let mut cookies = Answer::of(200, &[], "");
        assert!(cookies.cookies().is_none());
        for cookie in named {
            cookies.headers.append(SET_COOKIE, cookie);
        }
        assert!(cookies.cookies().is_some_and(|sent| sent == "a=canary; b=2" && sent.is_sensitive()));
        for status in [199, 300, 404] {
            let answer = Answer::of(status, &[], "<html>");
            assert!(!answer.is_success() && answer.json().is_none());
        }
    }
}
