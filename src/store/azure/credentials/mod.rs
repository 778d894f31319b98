//! Who we are: places that issue tokens, in the order of the official class.
//!
//! | file | what stands there |
//! |---|---|
//! | `chain.rs` | which places apply, in the order of azure-identity's `DefaultAzureCredential` |
//! | `search.rs` | asking them one after the other |
//! | `principal.rs` | a service principal with a secret, a certificate, or the token of a workload |
//! | `certificate.rs`, `key_file.rs` | the assertion that a certificate signs, and the files it is read from |
//! | `expiry.rs` | when such a certificate ends |
//! | `managed.rs` | managed identities: App Service, virtual machines |
//! | `tools.rs` | logins of the Azure CLI and the Azure Developer CLI |
//!
//! The vendor's crate has no chain. Its managed identity reads the process's environment and has no timeout
//! that fits into a lookup; so that is asked here. The rest is the vendor's, built anew for each token: its
//! credentials keep tokens of their own, and would hand a rejected one out again.

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
use crate::store::kit::vendor::not_understood;

/// A place that issues tokens.
#[async_trait]
pub(in crate::store::azure) trait TokenSource: Debug + Send + Sync {
    /// What it is, for messages: the words of azure-identity.
    fn name(&self) -> &'static str;

    /// A token from the place itself, never from a cache.
    async fn fetch(&self, scope: &str) -> Result<AccessToken, NoToken>;

    /// The machine whose own identity the last token is of, if it is.
    #[cfg(feature = "vault")]
    fn machine(&self) -> Option<&ManagedIdentity> {
        None
    }
}

/// Why there is no token.
#[derive(Clone, Debug)]
pub(in crate::store::azure) enum NoToken {
    /// This place is not set up here; the next of a chain may be.
    NotHere(String),
    /// Nobody answered who would have to be there. That may be so, or a packet was lost: the next of a chain
    /// may be set up.
    Silent(Error),
    /// It was asked and did not answer, as may be otherwise the next time: the next of a chain may be set up.
    Late(String),
    /// It is, and it failed. Nobody else is asked: that would be another identity.
    Failed(Error),
}

impl NoToken {
    /// This place is not set up here: `why` completes "it ...".
    pub(in crate::store::azure) fn not_here(why: impl Into<String>) -> Self {
        Self::NotHere(why.into())
    }

    /// For whoever asked `name` alone.
    pub(in crate::store::azure) fn into_error(self, name: &str) -> Error {
        match self {
            Self::NotHere(why) => Error::new(ErrorKind::Unauthenticated, format!("{name} {why}")),
            Self::Late(why) => Error::new(ErrorKind::Timeout, format!("{name} {why}")).temporary(None),
            Self::Silent(error) | Self::Failed(error) => error,
        }
    }
}

/// What the SDK made of a login that did not succeed.
fn login_error(error: &azure_core::Error) -> Error {
    const SUBJECT: &str = "asking Entra ID for a token";
    if let Some(known) = cause::<Error>(error) {
        return known.clone();
    }
    if let Some(transport) = cause::<TransportError>(error) {
        return transport_error(transport, SUBJECT, "the login service", "`authority`");
    }
    not_understood(SUBJECT, "authority", "Entra ID")
}
