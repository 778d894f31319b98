//! Logins with something that another party vouches for: kubernetes and jwt (a signed token), cert (the
//! certificate of the connection).
//!
//! Source: the pages of these methods in the reference of Vault's API.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;

use crate::error::Result;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::login::{LoginStep, Method, credential_file, unsendable};
use crate::store::vault::server::Server;

/// `auth/kubernetes`: the token of the pod's service account, which Kubernetes replaces about every hour.
#[derive(Debug)]
pub(super) struct Kubernetes {
    pub(super) role: String,
    pub(super) jwt_path: PathBuf,
}

#[async_trait]
impl Method for Kubernetes {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        let jwt = credential_file(&self.jwt_path, "kubernetes_jwt_path").await?;
        let request = LoginWithKubernetesRequest {
            mount: mount.to_owned(),
            role: self.role.clone(),
            jwt: jwt.to_string(),
        };
        Call::of(&request).map(LoginStep::Call).map_err(|error| unsendable(&error))
    }
}

/// The source of the token for jwt.
pub(super) enum JwtSource {
    /// In the configuration.
    Written(SecretString),
    /// In a file.
    File(PathBuf),
}

/// `auth/jwt`.
pub(super) struct Jwt {
    pub(super) role: String,
    pub(super) source: JwtSource,
}

impl fmt::Debug for Jwt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Jwt").field("role", &self.role).finish_non_exhaustive()
    }
}

#[async_trait]
impl Method for Jwt {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        let jwt = match &self.source {
            JwtSource::Written(token) => token.expose_secret().trim().to_owned(),
            JwtSource::File(path) => credential_file(path, "jwt_token_path").await?.to_string(),
        };
        let request = JWTLoginRequest { mount: mount.to_owned(), jwt, role: Some(self.role.clone()) };
        Call::of(&request).map(LoginStep::Call).map_err(|error| unsendable(&error))
    }
}

/// `auth/cert`: the connection itself has presented the certificate. vaultrs sends the role as `cert_name`,
/// which the server ignores: the field is called `name`.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) role: Option<String>,
}

#[async_trait]
impl Method for Certificate {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        let body = match &self.role {
            Some(role) => json!({ "name": role }),
            None => json!({}),
        };
        Call::of(&Own::post(format!("auth/{mount}/login"), &body))
            .map(LoginStep::Call)
            .map_err(|error| unsendable(&error))
    }
}
