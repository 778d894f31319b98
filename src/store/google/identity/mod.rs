//! The identity: credentials, and the tokens obtained with them.
//!
//! | file | contents |
//! |---|---|
//! | `token.rs`, `cache.rs` | tokens, and holding them until they are renewed |
//! | `adc.rs`, `project.rs` | where credentials are found, and the project they belong to |
//! | `sources.rs` | from what was found to a source of tokens |
//! | `service_account.rs`, `private_key.rs` | a key: self-signed tokens, by the vendor's google-cloud-auth |
//! | `metadata.rs` | the metadata server of a virtual machine, a pod, a function |
//! | `authorized_user.rs`, `external_account.rs`, `subject.rs`, `executable.rs`, `impersonation.rs` | exchanges |
//! | `exchange.rs` | asking a token endpoint |
//! | `statement.rs` | what a service account signs, for other stores |
//! | `who.rs` | a description of the identity |
//!
//! The vendor's crate gets tokens over a client of its own and renews them in tasks of the runtime. Lookups
//! only drive the runtime while they last, so such a task would stop with a half-finished request. Therefore
//! tokens are requested within the lookup that needs them, over the client that every store shares, and
//! nothing continues in the background.

mod adc;
mod authorized_user;
mod cache;
mod exchange;
mod executable;
mod external_account;
mod impersonation;
mod metadata;
mod private_key;
mod project;
mod service_account;
mod sources;
#[cfg(feature = "vault")]
mod statement;
mod subject;
mod token;
mod who;

use std::sync::Arc;

use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;

use self::adc::Found;
pub(super) use self::cache::TokenCache;
pub(super) use self::project::Project;
use self::sources::Workshop;
#[cfg(feature = "vault")]
pub(in crate::store) use self::statement::GoogleIdentity;
pub(super) use self::who::{Key, Who};
use super::config::GoogleSettings;
use super::network::Network;
use super::place::{GOOGLE, ServiceAddress};

/// The scope of a token, unless the user sets another.
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Credentials, and what they say about themselves.
#[derive(Debug)]
pub(super) struct Identity {
    /// Tokens.
    pub(super) tokens: Arc<TokenCache>,
    /// The project with the secrets.
    pub(super) project: Project,
    /// The project that pays, if the credentials name one.
    pub(super) quota_project: Option<String>,
}

/// Credentials that were found, before their use is known.
#[derive(Debug)]
pub(super) struct Credentials(Found);

impl Credentials {
    /// Searches where the settings say. Reads a few small files at most.
    pub(super) fn find(
        settings: &GoogleSettings,
        environment: &Environment,
        files: &mut WatchedFiles,
    ) -> Result<Self> {
        adc::find(settings, environment, files).map(Self)
    }

    /// The domain of the cloud that they belong to.
    pub(super) fn universe<'text>(&'text self, environment: &'text Environment) -> &'text str {
        let own = self.0.content().and_then(|json| text(json, "universe_domain"));
        own.or_else(|| environment.non_empty("GOOGLE_CLOUD_UNIVERSE_DOMAIN")).unwrap_or(GOOGLE)
    }

    /// The identity for `place`.
    pub(super) fn identity(
        &self,
        settings: &GoogleSettings,
        environment: &Environment,
        place: &ServiceAddress,
        network: &mut Network<'_>,
        files: &mut WatchedFiles,
    ) -> Result<Identity> {
        let universe = self.universe(environment).to_owned();
        let metadata =
            self.0.needs_metadata().then(|| metadata::Metadata::new(network, environment)).transpose()?;
        let project = project::project(settings, environment, &self.0, metadata.as_ref());
        let quota_project = environment
            .non_empty("GOOGLE_CLOUD_QUOTA_PROJECT")
            .or_else(|| self.0.content().and_then(|json| text(json, "quota_project_id")))
            .map(str::to_owned);
        let mut workshop = Workshop { settings, environment, place, network, files, universe };
        let tokens = TokenCache::new(workshop.source(&self.0, metadata)?);
        Ok(Identity { tokens, project, quota_project })
    }
}

/// A text in a credentials file; an empty one counts as missing.
fn text<'json>(json: &'json Json, key: &str) -> Option<&'json str> {
    json.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// The account in an address for impersonation.
fn target_of(json: &Json) -> Option<&str> {
    let url = text(json, "service_account_impersonation_url")?;
    url.split_once("/serviceAccounts/")?.1.split(':').next()
}

/// A required text. `what` names the credentials.
fn needed<'json>(json: &'json Json, key: &str, what: &str) -> Result<&'json str> {
    text(json, key).ok_or_else(|| Error::config(format!("{what} has no `{key}`")))
}
