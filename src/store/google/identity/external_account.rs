//! Workload identity federation: a token of another provider is exchanged for one of Google's.
//!
//! Source: AIP-4117, and google-auth, `external_account.py`.

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::error::Result;

use super::CLOUD_PLATFORM;
use super::exchange::TokenEndpoint;
use super::subject::SubjectSource;
use super::token::{Token, TokenSource};

/// The Security Token Service, and what is presented to it.
#[derive(Debug)]
pub(super) struct ExternalAccount {
    /// Where tokens are exchanged.
    pub(super) endpoint: TokenEndpoint,
    /// Google's name for the provider.
    pub(super) audience: String,
    /// The type of the presented token.
    pub(super) subject_token_type: String,
    /// Where that token comes from.
    pub(super) subject: SubjectSource,
    /// The scopes of Google's token; the default one, if empty.
    pub(super) scopes: Vec<String>,
    /// The project that pays, for users of a workforce pool.
    pub(super) user_project: Option<String>,
}

#[async_trait]
impl TokenSource for ExternalAccount {
    async fn fetch(&self) -> Result<Token> {
        let subject = self.subject.fetch().await?;
        let scopes = if self.scopes.is_empty() { CLOUD_PLATFORM.to_owned() } else { self.scopes.join(" ") };
        let options = self.user_project.as_ref().map(|project| json!({"userProject": project}).to_string());
        let mut form = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", self.audience.as_str()),
            ("scope", &scopes),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject.expose_secret()),
            ("subject_token_type", &self.subject_token_type),
        ];
        form.extend(options.as_deref().map(|options| ("options", options)));
        self.endpoint.ask(&form).await
    }
}
