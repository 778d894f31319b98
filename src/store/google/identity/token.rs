//! Tokens and where they come from.

use std::fmt::{self, Debug};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Result;

/// A token and its end. Debug does not show the token.
#[derive(Clone)]
pub(super) struct Token {
    text: SecretString,
    /// When it stops working; `None` for never.
    pub(super) expires: Option<SystemTime>,
}

impl Token {
    /// A token that works until `expires`.
    pub(super) fn new(text: impl Into<String>, expires: Option<SystemTime>) -> Self {
        Self { text: SecretString::from(text.into()), expires }
    }

    /// A token that works for `lifetime` from now.
    pub(super) fn lasting(text: impl Into<String>, lifetime: Option<Duration>) -> Self {
        Self::new(text, lifetime.and_then(|lifetime| SystemTime::now().checked_add(lifetime)))
    }

    /// The header of a request, if a header can hold the token.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", self.text.expose_secret())).ok()?;
        // Keeps the token out of Debug output.
        header.set_sensitive(true);
        Some(header)
    }
}

impl Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// A place that supplies tokens.
#[async_trait]
pub(super) trait TokenSource: Debug + Send + Sync {
    /// A token from the place itself, never from memory.
    async fn fetch(&self) -> Result<Token>;
}
