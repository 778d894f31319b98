//! Logins with a secret text: approle, github, ldap, radius, userpass.
//!
//! Source: the pages of these methods in the reference of Vault's API. vaultrs has approle and userpass; each
//! of the others is one POST.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::userpass::requests::LoginRequest;

use crate::error::Result;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::login::{LoginStep, Method, credential_file, unsendable, wrapped};
use crate::store::vault::server::Server;

/// The source of approle's secret id.
pub(super) enum SecretId {
    /// The role does not require one.
    None,
    /// The option itself.
    Plain(SecretString),
    /// Behind a wrapping token.
    Wrapped(SecretString),
}

/// `auth/approle`.
pub(super) struct AppRole {
    pub(super) role_id: String,
    pub(super) secret_id: SecretId,
}

impl AppRole {
    async fn secret_id(&self, server: &Server) -> Result<SecretString> {
        match &self.secret_id {
            SecretId::None => Ok(SecretString::default()),
            SecretId::Plain(secret_id) => Ok(secret_id.clone()),
            SecretId::Wrapped(token) => wrapped::secret_id(server, token).await,
        }
    }
}

impl fmt::Debug for AppRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AppRole").finish_non_exhaustive()
    }
}

#[async_trait]
impl Method for AppRole {
    async fn step(&self, mount: &str, server: &Server) -> Result<LoginStep> {
        let secret_id = self.secret_id(server).await?.expose_secret().to_owned();
        let request =
            LoginWithApproleRequest { mount: mount.to_owned(), role_id: self.role_id.clone(), secret_id };
        Call::of(&request).map(LoginStep::Call).map_err(|error| unsendable(&error))
    }
}

/// `auth/userpass`, `auth/ldap`, `auth/radius`: the request is the same, only the password is checked by
/// different parties.
pub(super) struct UserPassword {
    pub(super) username: String,
    pub(super) password: SecretString,
}

impl fmt::Debug for UserPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UserPassword").field("username", &self.username).finish_non_exhaustive()
    }
}

#[async_trait]
impl Method for UserPassword {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        let request = LoginRequest {
            mount: mount.to_owned(),
            username: self.username.clone(),
            password: self.password.expose_secret().to_owned(),
        };
        Call::of(&request).map(LoginStep::Call).map_err(|error| unsendable(&error))
    }
}

/// `auth/github`.
pub(super) enum GitHub {
    /// The token in the configuration.
    Written(SecretString),
    /// The token in a file.
    File(PathBuf),
}

impl fmt::Debug for GitHub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GitHub([REDACTED])")
    }
}

#[async_trait]
impl Method for GitHub {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        let body = match self {
            Self::Written(token) => json!({ "token": token.expose_secret() }),
            Self::File(path) => json!({ "token": credential_file(path, "token_path").await?.as_str() }),
        };
        Call::of(&Own::post(format!("auth/{mount}/login"), &body))
            .map(LoginStep::Call)
            .map_err(|error| unsendable(&error))
    }
}
