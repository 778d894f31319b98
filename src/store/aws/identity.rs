//! Our identity on AWS, for other stores that ask AWS to vouch for it.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;

use crate::error::{Error, Result};
use crate::store::aws::config::AwsSettings;
use crate::store::aws::credentials::{CredentialCache, credential_source};
use crate::store::aws::profile::Profiles;
use crate::store::aws::region::service_region;
use crate::store::aws::workshop::Workshop;
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::options::Options;

/// The region of the global address of STS, which applies if no region is configured.
const GLOBAL_REGION: &str = "us-east-1";

/// Credentials and the region to sign for. `options` are those of an AWS store.
pub(in crate::store) struct AwsIdentity {
    credentials: Arc<CredentialCache>,
    region: String,
}

impl AwsIdentity {
    /// Reads options, environment and files; no network, no child process. Call it under
    /// [`crate::process::no_fork`].
    pub(in crate::store) fn open(
        options: &Options,
        environment: &Environment,
        session_name: &str,
    ) -> Result<Self> {
        let settings = AwsSettings::read(options, environment, session_name)?;
        let profiles =
            Profiles::load(settings.profile.as_deref(), environment, &mut WatchedFiles::default())?;
        let region = if settings.keys.access_key_id.is_some() && settings.region.is_none() {
            GLOBAL_REGION.to_owned()
        } else {
            service_region(&settings, &profiles, environment).unwrap_or_else(|_| GLOBAL_REGION.to_owned())
        };
        let mut workshop = Workshop::new(&settings, &profiles, environment, &region);
        let credentials = CredentialCache::new(credential_source(&mut workshop)?);
        Ok(Self { credentials, region })
    }

    /// The region to sign for.
    pub(in crate::store) fn region(&self) -> &str {
        &self.region
    }

    /// Credentials that work now.
    pub(in crate::store) async fn credentials(&self) -> Result<Credentials> {
        self.credentials.ensure().await?;
        let held = self.credentials.provide_credentials().await;
        held.map_err(|_| Error::internal("the AWS credentials went away"))
    }
}

impl fmt::Debug for AwsIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AwsIdentity")
            .field("region", &self.region)
            .field("credentials", &self.credentials)
            .finish()
    }
}
