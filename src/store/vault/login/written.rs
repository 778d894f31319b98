//! Tokens that were written down: in the configuration, in `VAULT_TOKEN`, in a file.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::error::Result;
use crate::store::vault::login::{LoginStep, Method, credential_file};
use crate::store::vault::server::Server;

/// A token in the configuration.
pub(super) struct WrittenToken(pub(super) SecretString);

impl fmt::Debug for WrittenToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WrittenToken([REDACTED])")
    }
}

#[async_trait]
impl Method for WrittenToken {
    async fn step(&self, _mount: &str, _server: &Server) -> Result<LoginStep> {
        Ok(LoginStep::Token(self.0.clone()))
    }
}

/// A token in a file, such as the one that Vault Agent writes.
#[derive(Debug)]
pub(super) struct TokenFile(pub(super) PathBuf);

#[async_trait]
impl Method for TokenFile {
    async fn step(&self, _mount: &str, _server: &Server) -> Result<LoginStep> {
        let token = credential_file(&self.0, "token_path").await?;
        Ok(LoginStep::Token(SecretString::from(token.as_str())))
    }
}
