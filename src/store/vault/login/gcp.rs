//! `auth/gcp`: a token for Vault that a Google service account signs, with its own key or through IAM.
//!
//! Sources: "Google Cloud auth method" in Vault's documentation (the iam kind), `_auth_gcp` of the official
//! class.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::google::GoogleIdentity;
use crate::store::options::Options;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::login::{LoginStep, Method, unsendable};
use crate::store::vault::server::Server;

/// The lifetime that the official class requests, and the longest one that Vault accepts.
const LIFETIME_SECONDS: u64 = 900;

/// The login with a service account.
#[derive(Debug)]
pub(super) struct Gcp {
    role: String,
    identity: GoogleIdentity,
}

impl Gcp {
    /// Reads options, environment and files, without any call.
    pub(super) fn open(role: String, options: &Options, environment: &Environment) -> Result<Self> {
        let (key, path) = (options.object("gcp_keyfile_dict"), options.non_empty("gcp_key_path"));
        Ok(Self { role, identity: GoogleIdentity::open(key, path, environment)? })
    }
}

#[async_trait]
impl Method for Gcp {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let audience = format!("vault/{}", self.role);
        let claims = json!({"iat": now, "exp": now + LIFETIME_SECONDS, "aud": audience});
        let signed = self.identity.signed(claims).await?;
        let body = json!({"role": self.role, "jwt": signed.expose_secret()});
        Call::of(&Own::post(format!("auth/{mount}/login"), &body))
            .map(LoginStep::Call)
            .map_err(|error| unsendable(&error))
    }

    fn is_outdated(&self) -> bool {
        self.identity.is_outdated()
    }
}
