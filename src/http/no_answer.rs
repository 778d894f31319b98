//! From a missing answer to [`Error`], the same for every store except the hints.

use crate::error::{Error, ErrorKind};
use crate::http::{TransportError, TransportKind};

/// What an operator can do, in terms of one store's options.
#[derive(Clone, Copy, Debug)]
pub struct NoAnswerHints<'hint> {
    /// No answer arrived in time.
    pub timeout: &'hint str,
    /// The certificate is not trusted.
    pub certificate: &'hint str,
    /// The host is unknown.
    pub dns: &'hint str,
    /// The connection was not made.
    pub connect: &'hint str,
    /// The request could not be sent.
    pub request: &'hint str,
}

/// The hint for an answer that exceeds the limit.
const TOO_LARGE: &str =
    "Check that the configured address is the store's, and proxies: something else may have answered";

impl TransportError {
    /// The error of a call about `subject`.
    pub fn to_error(&self, subject: &str, hints: &NoAnswerHints<'_>) -> Error {
        let (kind, text, hint) = match self.kind() {
            TransportKind::Timeout => (ErrorKind::Timeout, "no answer in time", hints.timeout),
            TransportKind::Certificate => {
                (ErrorKind::Unreachable, "the server's certificate is not trusted", hints.certificate)
            }
            TransportKind::Dns => (ErrorKind::Unreachable, "the host is unknown", hints.dns),
            TransportKind::Connect => (ErrorKind::Unreachable, "no connection", hints.connect),
            TransportKind::Broken => {
                (ErrorKind::Unreachable, "the connection broke", "Check proxies and firewalls on the way")
            }
            TransportKind::Request => (ErrorKind::Config, "the request cannot be sent", hints.request),
            TransportKind::TooLarge => (ErrorKind::Malformed, "the answer is too large", TOO_LARGE),
        };
        let built = Error::new(kind, format!("{subject}: {text}"))
            .with_hint(hint.to_owned())
            .with_source(self.clone());
        if self.is_temporary() { built.temporary(None) } else { built }
    }
}
