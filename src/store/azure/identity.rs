//! Our identity on Azure, for other stores that ask Entra to vouch for it.

use std::fmt;

use azure_core::credentials::AccessToken;

use crate::error::Result;
use crate::store::azure::config::AzureSettings;
use crate::store::azure::credentials::{TokenSource, token_source};
use crate::store::azure::vault::{PUBLIC_LOGIN, authority};
use crate::store::azure::workshop::Workshop;
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::options::Options;
use crate::value::json::Object;

/// A source of tokens. `options` are those of an Azure store.
pub(in crate::store) struct AzureIdentity {
    source: Box<dyn TokenSource>,
    files: WatchedFiles,
}

impl AzureIdentity {
    /// Reads options, environment and files; no network, no child process. Call it under
    /// [`crate::process::no_fork`].
    pub(in crate::store) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let settings = AzureSettings::read(options);
        let authority = authority(settings.authority.as_deref(), environment, PUBLIC_LOGIN)?;
        let mut workshop = Workshop::new(&settings, environment, &authority);
        let source = token_source(&mut workshop)?;
        Ok(Self { source, files: workshop.files })
    }

    /// A token for `resource`, always from its source: each login elsewhere presents a new one.
    pub(in crate::store) async fn token(&self, resource: &str) -> Result<AccessToken> {
        let scope = format!("{resource}/.default");
        self.source.fetch(&scope).await.map_err(|none| none.into_error(self.source.name()))
    }

    /// The metadata service's description of this machine, if the last token belongs to the machine's own
    /// identity.
    pub(in crate::store) async fn machine(&self) -> Option<Object> {
        self.source.machine()?.description().await
    }

    /// Whether a file that influenced the configuration has changed since.
    pub(in crate::store) fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }
}

impl fmt::Debug for AzureIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AzureIdentity").field("source", &self.source.name()).finish_non_exhaustive()
    }
}
