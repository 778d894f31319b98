//! The identity: places that issue tokens, in the order of the official class.
//!
//! | file | contents |
//! |---|---|
//! | `chain.rs` | which places apply, in the order of azure-identity's `DefaultAzureCredential` |
//! | `search.rs` | asking them one after the other |
//! | `principal.rs` | a service principal with a secret, a certificate, or the token of a workload |
//! | `certificate.rs`, `key_file.rs` | the assertion that a certificate signs, and the files it is read from |
//! | `expiry.rs` | when such a certificate ends |
//! | `managed.rs` | managed identities: App Service, virtual machines |
//! | `tools.rs` | logins of the Azure CLI and the Azure Developer CLI |
//!
//! The vendor's crate has no chain. Its managed identity reads the environment of the process and has no
//! timeout that fits into a lookup, so it is implemented here. The rest is the vendor's, rebuilt for each
//! token: its credentials cache tokens, and would return a rejected one again.

mod certificate;
mod chain;
mod expiry;
mod key_file;
mod managed;
mod principal;
mod search;
mod tools;

use std::fmt::Debug;

use async_trait::async_trait;
use azure_core::credentials::AccessToken;

pub(super) use self::chain::token_source;
pub(super) use self::expiry::end_of_certificate;
pub(super) use self::managed::{MACHINE_CONNECT, ManagedIdentity};
pub(super) use self::principal::Login;
use crate::error::{Error, ErrorKind};
use crate::http::TransportError;
use crate::store::azure::error::{cause, transport_error};

/// A place that issues tokens.
#[async_trait]
pub(in crate::store::azure) trait TokenSource: Debug + Send + Sync {
    /// Its name for messages: that of azure-identity.
    fn name(&self) -> &'static str;

    /// A token from the place itself, never from a cache.
    async fn fetch(&self, scope: &str) -> Result<AccessToken, NoToken>;

    /// The machine whose own identity the last token belongs to, if any.
    #[cfg(feature = "vault")]
    fn machine(&self) -> Option<&ManagedIdentity> {
        None
    }
}

/// Why there is no token.
#[derive(Clone, Debug)]
pub(in crate::store::azure) enum NoToken {
    /// This place is not set up on this machine; the next one in the chain may be.
    NotHere(String),
    /// A service did not answer that may not exist here. Either it does not, or a packet was lost: the next
    /// place in the chain may be set up.
    Silent(Error),
    /// It did not answer in time, but may do so the next time: the next place in the chain may be set up.
    Late(String),
    /// It is set up, and it failed. No other place is asked: that would be another identity.
    Failed(Error),
}

impl NoToken {
    /// This place is not set up on this machine: `why` completes "it ...".
    pub(in crate::store::azure) fn not_here(why: impl Into<String>) -> Self {
        Self::NotHere(why.into())
    }

    /// The error if only `name` was asked.
    pub(in crate::store::azure) fn into_error(self, name: &str) -> Error {
        match self {
            Self::NotHere(why) => Error::new(ErrorKind::Unauthenticated, format!("{name} {why}")),
            Self::Late(why) => Error::new(ErrorKind::Timeout, format!("{name} {why}")).temporary(None),
            Self::Silent(error) | Self::Failed(error) => error,
        }
    }
}

/// The error of a login that failed in the SDK.
fn login_error(error: &azure_core::Error) -> Error {
    const SUBJECT: &str = "asking Entra ID for a token";
    if let Some(known) = cause::<Error>(error) {
        return known.clone();
    }
    if let Some(transport) = cause::<TransportError>(error) {
        return transport_error(transport, SUBJECT, "the login service", "`authority`");
    }
    Error::new(ErrorKind::Malformed, format!("{SUBJECT}: the answer is not understood"))
        .with_hint("Check `authority` and proxies: something else than Entra ID may have answered")
}
