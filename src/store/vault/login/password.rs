//! Logins with something that is known: approle, github, ldap, radius, userpass.
//!
//! Source: the pages of these methods in the reference of Vault's API. vaultrs has approle and userpass; the others are one
//! POST each.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::userpass::requests::LoginRequest;
use vaultrs::api::sys::requests::UnwrapRequest;

use crate::error::{Error, ErrorKind, Result};
use crate::store::vault::call::{Call, Own};
use crate::store::vault::error::{no_answer, refused};
use crate::store::vault::login::{Method, Step, credential_file, unsendable};
use crate::store::vault::server::Server;
use crate::value::json::Value;

/// Where the secret id of approle comes from.
pub(super) enum SecretId {
    /// The role asks for none.
    None,
    /// As it was written.
    Plain(SecretString),
    /// Behind a wrapping token, which is good for one use; what was in it stays here.
    Wrapped {
        /// The wrapping token.
        token: SecretString,
        /// The secret id, once unwrapped. Only the caller who logs in comes here.
        unwrapped: tokio::sync::Mutex<Option<SecretString>>,
    },
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
            SecretId::Wrapped { token, unwrapped } => {
                let mut unwrapped = unwrapped.lock().await;
                if let Some(secret_id) = &*unwrapped {
                    return Ok(secret_id.clone());
                }
                let secret_id = unwrap(server, token).await?;
                *unwrapped = Some(secret_id.clone());
                Ok(secret_id)
            }
        }
    }
}

/// The secret id behind a wrapping token ("Wrapping unwrap" in the reference of Vault's API).
async fn unwrap(server: &Server, token: &SecretString) -> Result<SecretString> {
    let subject = "unwrapping the secret id";
    let call = Call::of(&UnwrapRequest { token: None }).map_err(|error| unsendable(&error))?;
    let reply = server.ask(&call, Some(token)).await.map_err(|error| no_answer(&error, subject))?;
    if !reply.is_success() {
        let refused = refused(&reply, subject);
        return Err(if refused.is_temporary() { refused } else { used_up(subject, reply.status) });
    }
    let json = reply.json();
    let data = json.as_ref().and_then(Value::as_object).and_then(|members| members.get("data"));
    let secret_id =
        data.and_then(Value::as_object).and_then(|data| data.get("secret_id")).and_then(Value::as_str);
    let secret_id = secret_id.filter(|secret_id| !secret_id.is_empty());
    secret_id.map(|secret_id| SecretString::from(secret_id.to_owned())).ok_or_else(|| {
        Error::new(ErrorKind::Unauthenticated, format!("{subject}: there is no secret id in it"))
            .with_hint("Make it with `vault write -wrap-ttl=... -f auth/approle/role/<role>/secret-id`")
    })
}

fn used_up(subject: &str, status: u16) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("{subject}: the wrapping token is not valid"))
        .with_code(status.to_string())
        .with_hint(
            "It can be used once, in time and by one process. If nobody here used it, somebody else has read the secret id: \
             destroy that and make a new one",
        )
}

impl fmt::Debug for AppRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AppRole").finish_non_exhaustive()
    }
}

#[async_trait]
impl Method for AppRole {
    async fn step(&self, mount: &str, server: &Server) -> Result<Step> {
        let secret_id = self.secret_id(server).await?.expose_secret().to_owned();
        let request =
            LoginWithApproleRequest { mount: mount.to_owned(), role_id: self.role_id.clone(), secret_id };
        Call::of(&request).map(Step::Call).map_err(|error| unsendable(&error))
    }
}

/// `auth/userpass`, `auth/ldap`, `auth/radius`: they differ in who compares the password, not in what is sent.
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
    async fn step(&self, mount: &str, _server: &Server) -> Result<Step> {
        let request = LoginRequest {
            mount: mount.to_owned(),
            username: self.username.clone(),
            password: self.password.expose_secret().to_owned(),
        };
        Call::of(&request).map(Step::Call).map_err(|error| unsendable(&error))
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
    async fn step(&self, mount: &str, _server: &Server) -> Result<Step> {
        let body = match self {
            Self::Written(token) => json!({ "token": token.expose_secret() }),
            Self::File(path) => json!({ "token": credential_file(path, "token_path").await?.as_str() }),
        };
        Call::of(&Own::post(format!("auth/{mount}/login"), &body))
            .map(Step::Call)
            .map_err(|error| unsendable(&error))
    }
}
