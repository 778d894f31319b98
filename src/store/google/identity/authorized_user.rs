//! A person who logged in with `gcloud auth application-default login`.
//!
//! Source: google-auth, `oauth2/credentials.py` and `external_account_authorized_user.py`.

use std::fmt;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Result;

use super::exchange::TokenEndpoint;
use super::token::{Token, TokenSource};

/// Exchanges the refresh token that the login stored.
pub(super) struct AuthorizedUser {
    /// Where it is exchanged.
    pub(super) endpoint: TokenEndpoint,
    /// The token of the login.
    pub(super) refresh_token: SecretString,
    /// The OAuth client id and secret of gcloud, unless they are sent in the header.
    pub(super) client: Option<(String, SecretString)>,
}

#[async_trait]
impl TokenSource for AuthorizedUser {
    async fn fetch(&self) -> Result<Token> {
        let mut form =
            vec![("grant_type", "refresh_token"), ("refresh_token", self.refresh_token.expose_secret())];
        if let Some((id, secret)) = &self.client {
            form.extend([("client_id", id.as_str()), ("client_secret", secret.expose_secret())]);
        }
        self.endpoint.ask(&form).await
    }
}

impl fmt::Debug for AuthorizedUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuthorizedUser([REDACTED])")
    }
}
