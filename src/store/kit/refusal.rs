//! What an error answer says, as far as services agree on it. What its code means is the store's own
//! knowledge.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::error::{Error, ErrorKind};
use crate::store::kit::answer::Answer;

/// An answer that reports an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's own code, checked by the store: a body may hold anything, even what was sent.
    pub code: Option<String>,
    /// How long the service asks us to wait.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// What status and headers of an answer say.
    pub fn of(answer: &Answer) -> Self {
        Self { status: answer.status, code: None, retry_after: retry_after(&answer.headers) }
    }

    /// With the code that was found in the body.
    #[must_use]
    pub fn with_code(self, code: Option<String>) -> Self {
        Self { code, ..self }
    }

    /// Whether the code is `code`.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// The code, or the status where there is none.
    pub fn label(&self) -> Cow<'static, str> {
        match &self.code {
            Some(code) => Cow::Owned(code.clone()),
            None => Cow::Owned(format!("HTTP {}", self.status)),
        }
    }

    /// An error of `kind` with the message `text`. It is temporary where such an error may pass.
    pub fn to_error(&self, kind: ErrorKind, text: impl Into<String>) -> Error {
        Error::new(kind, text).with_code(self.label()).temporary_in_outage(self.retry_after)
    }
}

/// How long the service asks us to wait.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    wait(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// Seconds, or a date (RFC 9110, section 10.2.3). A date that has passed asks for nothing.
pub fn wait(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}

/// Whether `code` is one of OAuth (RFC 6749, section 5.2): words in small letters. Anything else did not come
/// from a token endpoint and is not shown.
pub fn is_oauth_code(code: &str) -> bool {
    !code.is_empty() && code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_asks_for_seconds_or_names_a_date() {
        for text in ["7", " 7 "] {
            assert_eq!(wait(text), Some(Duration::from_secs(7)));
        }
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        assert!((58..=60).contains(&wait(&date).unwrap().as_secs()), "{date}");
        // RFC 9110, section 5.6.7: a recipient has to accept the two obsolete formats as well.
        for far in ["Fri, 21 Oct 2095 07:28:00 GMT", "Fri Oct 21 07:28:00 2095"] {
            assert!(wait(far).unwrap() > Duration::from_secs(1_000_000), "{far}");
        }
        for text in ["", "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }

    #[test]
    fn an_error_has_the_code_or_the_status_and_the_wait() {
        let refusal = Refusal::of(&Answer::of(503, &[("retry-after", "7")], ""));
        let error = refusal.to_error(ErrorKind::Unreachable, "asking failed");
        assert_eq!((error.code(), error.retry_after()), (Some("HTTP 503"), Some(Duration::from_secs(7))));
        let refusal = refusal.with_code(Some("Slow".to_owned()));
        let error = refusal.to_error(ErrorKind::Denied, "asking was denied");
        assert_eq!((error.code(), error.is_temporary()), (Some("Slow"), false));
        assert!(refusal.is("Slow") && !refusal.is("slow"));
    }

    #[test]
    fn codes_of_oauth_are_words_in_small_letters() {
        assert!(is_oauth_code("invalid_grant"));
        for text in ["", "Canary", "canary words", "canary-1", &"a".repeat(65)] {
            assert!(!is_oauth_code(text), "{text}");
        }
    }
}
