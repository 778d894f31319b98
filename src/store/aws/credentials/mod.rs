//! Credentials: where they come from, and how long they are valid.
//!
//! | file | contents |
//! |---|---|
//! | `cache.rs` | holding credentials and renewing them in time |
//! | `chain.rs` | which source applies, in boto3's order |
//! | `sources.rs` | from settings in files to sources |
//! | `assume_role.rs`, `web_identity.rs` | roles, through STS |
//! | `container.rs` | the agent of a container or pod |
//! | `providers.rs`, `sdk_source.rs` | what the vendor's `aws-config` provides: instances, IAM Identity Center |
//! | `process.rs` | the program of a profile |
//!
//! The vendor's own chain is not used: its order differs from boto3's, and its roles support neither
//! `duration_seconds` nor the parameters of `assume_role_kwargs`.

mod assume_role;
mod cache;
mod chain;
mod container;
mod process;
mod providers;
mod sdk_source;
mod sources;
mod web_identity;

use std::fmt::Debug;

use async_trait::async_trait;
use aws_credential_types::Credentials;

pub(super) use self::cache::CredentialCache;
pub(super) use self::chain::credential_source;
use crate::error::{Error, ErrorKind, Result};

/// A place that supplies credentials.
#[async_trait]
pub(in crate::store::aws) trait CredentialSource: Debug + Send + Sync {
    /// Credentials from the place itself, never from a cache.
    ///
    /// A failure is Unauthenticated, or Denied where a role may not be assumed, unless it is temporary.
    async fn load(&self) -> Result<Credentials>;

    /// Where the credentials come from, in words that hold none.
    fn origin(&self) -> String;

    /// Whether a second call may return other credentials. Static keys never change.
    fn is_renewable(&self) -> bool {
        true
    }
}

/// Keys that were written down. Debug shows nothing of them.
pub(super) struct StaticKeys {
    keys: Credentials,
    place: String,
}

impl StaticKeys {
    /// Keys, and the place where they are written.
    pub(super) fn new(
        access_key_id: &str,
        secret_access_key: &str,
        session_token: Option<&str>,
        place: impl Into<String>,
    ) -> Self {
        let token = session_token.filter(|token| !token.is_empty()).map(str::to_owned);
        let keys = Credentials::new(access_key_id, secret_access_key, token, None, "static");
        Self { keys, place: place.into() }
    }
}

impl Debug for StaticKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StaticKeys([REDACTED])")
    }
}

#[async_trait]
impl CredentialSource for StaticKeys {
    async fn load(&self) -> Result<Credentials> {
        Ok(self.keys.clone())
    }

    fn origin(&self) -> String {
        format!("the access key of {}", self.place)
    }

    fn is_renewable(&self) -> bool {
        false
    }
}

/// An Unauthenticated error: this source has no credentials.
fn no_credentials(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthenticated, message)
}
