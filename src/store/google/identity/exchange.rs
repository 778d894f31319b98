//! Asking a token endpoint (RFC 6749, RFC 8693).

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value as Json;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::store::google::error::transport_error;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::{Refusal, is_oauth_code};

use super::token::Token;

/// The content types of bodies.
pub(super) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Where tokens are asked for.
#[derive(Clone)]
pub(super) struct TokenEndpoint {
    /// The client that carries the request.
    pub(super) client: reqwest::Client,
    /// The address.
    pub(super) url: Url,
    /// The header with the OAuth client's own id and secret, if it has any.
    pub(super) authorization: Option<HeaderValue>,
    /// The purpose of the request, for messages.
    pub(super) subject: &'static str,
    /// What the operator can do if it is refused.
    pub(super) hint: &'static str,
}

impl TokenEndpoint {
    /// Sends a form and returns the token in the answer.
    pub(super) async fn ask(&self, form: &[(&str, &str)]) -> Result<Token> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = post(&self.url, FORM, self.authorization.clone(), body);
        let answer = answer(&self.client, request, self.subject).await?;
        if !answer.is_success() {
            return Err(refused(&answer, self.subject).with_hint(self.hint));
        }
        token_of(serde_json::from_slice(&answer.body).ok().as_ref(), self.subject)
    }
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenEndpoint({})", self.subject)
    }
}

/// The request that sends `body` to `url`.
pub(super) fn post(
    url: &Url,
    content_type: HeaderValue,
    authorization: Option<HeaderValue>,
    body: String,
) -> reqwest::Request {
    let mut request = reqwest::Request::new(Method::POST, url.clone());
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    request.headers_mut().extend(authorization.map(|authorization| (AUTHORIZATION, authorization)));
    *request.body_mut() = Some(body.into());
    request
}

/// Sends a request and reads the whole answer; `subject` describes the request, for messages.
pub(super) async fn answer(
    client: &reqwest::Client,
    request: reqwest::Request,
    subject: &str,
) -> Result<Answer> {
    Answer::to(client, request, true).await.map_err(|error| transport_error(&error, subject))
}

/// `access_token` and `expires_in`, which some servers write as text.
pub(super) fn token_of(answer: Option<&Json>, subject: &str) -> Result<Token> {
    let token =
        answer.and_then(|answer| answer.get("access_token")?.as_str()).filter(|token| is_token(token));
    let seconds = answer.and_then(|answer| {
        let value = answer.get("expires_in")?;
        // Some endpoints send the number as text.
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    });
    match token {
        Some(token) => Ok(Token::lasting(token, seconds.map(Duration::from_secs))),
        None => Err(Error::new(ErrorKind::Unauthenticated, format!("{subject}: the answer holds no token"))
            .with_hint("Something else than a token endpoint may have answered")),
    }
}

/// Whether a header can hold the text.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The error of an answer that reports one. Its text may echo what was sent, so only a code is shown.
pub(super) fn refused(answer: &Answer, subject: &str) -> Error {
    let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
    let code = json.as_ref().and_then(|json| json.get("error")?.as_str()).filter(|code| is_oauth_code(code));
    let (kind, text) = match answer.status {
        429 => (ErrorKind::Throttled, "was throttled"),
        408 | 500..=599 => (ErrorKind::Unreachable, "failed on the server's side"),
        _ => (ErrorKind::Unauthenticated, "was refused"),
    };
    Refusal::of(answer).with_code(code.map(str::to_owned)).to_error(kind, format!("{subject} {text}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_comes_with_its_lifetime() {
        for lifetime in [json!(3599), json!("3599")] {
            let token =
                token_of(Some(&json!({"access_token": "canary", "expires_in": lifetime})), "x").unwrap();
            assert!(token.expires.is_some() && !format!("{token:?}").contains("canary"));
        }
        assert!(token_of(Some(&json!({"access_token": "a"})), "x").unwrap().expires.is_none());
        for answer in [json!({}), json!({"access_token": ""}), json!({"access_token": "a\nb"}), json!([])] {
            assert!(token_of(Some(&answer), "x").is_err());
        }
        assert!(token_of(None, "x").is_err());
    }

    #[test]
    fn a_refusal_shows_its_code_and_nothing_else() {
        let body = r#"{"error": "invalid_grant", "error_description": "canary"}"#;
        let error = refused(&Answer::of(400, &[], body), "asking");
        insta::assert_snapshot!(error, @"asking was refused (invalid_grant)");
        for (status, kind, temporary) in [
            (401, ErrorKind::Unauthenticated, false),
            (403, ErrorKind::Unauthenticated, false),
            (404, ErrorKind::Unauthenticated, false),
            (429, ErrorKind::Throttled, true),
            (503, ErrorKind::Unreachable, true),
        ] {
            let error = refused(&Answer::of(status, &[], r#"{"error": "Canary words"}"#), "asking");
            assert_eq!((error.kind(), error.is_temporary()), (kind, temporary), "{status}");
            assert!(!error.to_string().contains("anary"));
        }
    }
}
