//! Sending: connections that the server has closed, and descriptions of errors.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use reqwest::{Client, Request, Response};

use crate::process::Spare;

/// The kind of problem that prevented an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// The name could not be resolved.
    Dns,
    /// No connection: refused, no route, proxy, TLS handshake.
    Connect,
    /// The server's certificate is not trusted, has expired or names another host.
    Certificate,
    /// The connection could not be opened, or the server stayed silent, for too long.
    Timeout,
    /// The connection broke during the exchange.
    Broken,
    /// The request cannot be sent, such as one with an invalid URL.
    Request,
    /// The answer is larger than any answer of a store.
    TooLarge,
}

/// Why there is no answer. The text contains no URL, header or body.
#[derive(Clone, Debug)]
pub struct TransportError {
    kind: TransportKind,
    text: String,
}

impl TransportError {
    /// The kind of problem.
    pub fn kind(&self) -> TransportKind {
        self.kind
    }

    /// Whether another attempt may help. An untrusted certificate stays untrusted.
    pub fn is_temporary(&self) -> bool {
        !matches!(self.kind, TransportKind::Certificate | TransportKind::Request | TransportKind::TooLarge)
    }

    /// An error that was found here and not by the client.
    pub(crate) fn new(kind: TransportKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// A connection of another protocol that failed with `error`, whose kind is known but for certificates.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn of(error: &(dyn StdError + 'static), kind: TransportKind) -> Self {
        let kind = if is_certificate(error) { TransportKind::Certificate } else { kind };
        let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
        // Some texts of rustls end in a link to its manual.
        let text = innermost.split(": https://").next().unwrap_or_default().to_owned();
        Self { kind, text }
    }

    /// A request that cannot be sent.
    #[allow(dead_code)] // not every store has such requests
    pub(crate) fn request(text: impl Into<String>) -> Self {
        Self::new(TransportKind::Request, text)
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        // The URL contains names, and a query may contain a token.
        let error = error.without_url();
        Self { kind: classify(&error), text: chain_text(&error) }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl StdError for TransportError {}

fn classify(error: &reqwest::Error) -> TransportKind {
    // First, because reqwest also reports a failed handshake as a failed connection.
    if is_certificate(error) {
        TransportKind::Certificate
    } else if error.is_timeout() {
        TransportKind::Timeout
    } else if error.is_dns() {
        TransportKind::Dns
    } else if error.is_connect() {
        TransportKind::Connect
    } else if error.is_builder() {
        TransportKind::Request
    } else {
        TransportKind::Broken
    }
}

/// The causes from the outermost to the innermost, without texts that an outer one already contains.
fn chain_text(error: &reqwest::Error) -> String {
    let mut text = String::new();
    for cause in causes(error).skip(1) {
        let next = cause.to_string();
        if !text.contains(&next) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&next);
        }
    }
    if text.is_empty() { error.to_string() } else { text }
}

fn causes<'error>(
    error: &'error (dyn StdError + 'static),
) -> impl Iterator<Item = &'error (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// Also looks into each `io::Error`, whose `source` skips the error that it carries: that of rustls.
fn is_certificate(error: &(dyn StdError + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return matches!(error, rustls::Error::InvalidCertificate(_));
    }
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match carried {
        Some(carried) => is_certificate(carried),
        None => error.source().is_some_and(is_certificate),
    }
}

/// Sends `request`. If it is `repeatable`, the connection turns out to be dead and the read has an attempt
/// left, it is sent once more.
///
/// The server may have closed an idle connection, and on a current-thread runtime the notice may be unread.
/// Reading it first is cheap, but cannot see what is still in transit; hence the second attempt. There is
/// none if the connection could not be opened or time ran out: that is left to the layer that retries.
pub async fn send(client: &Client, request: Request, repeatable: bool) -> Result<Response, TransportError> {
    notice_closed_connections().await;
    // A body that is a stream cannot be cloned; then the request is sent only once.
    let again = if repeatable { request.try_clone() } else { None };
    let first = client.execute(request).await.map_err(TransportError::from);
    match (first, again) {
        (Err(error), Some(request)) if error.kind == TransportKind::Broken && Spare::take_one() => {
            Ok(client.execute(request).await?)
        }
        (first, _) => first,
    }
}

/// Lets the runtime poll its sockets (first round), wake the tasks that own them (second) and let those
/// behind TLS finish (third). Each costs a microsecond.
async fn notice_closed_connections() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn an_untrusted_certificate_is_found_behind_two_io_errors() {
        let certificate = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(certificate));
        assert!(is_certificate(&wrapped));
        assert!(!is_certificate(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }

    #[test]
    fn only_problems_that_may_pass_are_temporary() {
        let error = |kind| TransportError { kind, text: String::new() };
        assert!(error(TransportKind::Broken).is_temporary() && error(TransportKind::Dns).is_temporary());
        assert!(
            !error(TransportKind::Certificate).is_temporary()
                && !error(TransportKind::Request).is_temporary()
        );
    }
}
