//! What sources of credentials are built from, while a store is opened.

use std::sync::Arc;
use std::time::Duration;

use aws_types::SdkConfig;

use crate::error::Result;
use crate::http::{ClientSettings, ProxySettings, Roots};
use crate::store::aws::config::AwsSettings;
use crate::store::aws::credentials::CredentialCache;
use crate::store::aws::endpoint::{STS, endpoint};
use crate::store::aws::profile::Profiles;
use crate::store::aws::region;
use crate::store::aws::sdk::{SdkParts, sdk_config};
use crate::store::aws::trust::identity_roots;
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::trust;

/// Settings, and the clients that are made from them on demand: most stores need none of them.
#[derive(Debug)]
pub(super) struct Workshop<'open> {
    /// The options.
    pub(super) settings: &'open AwsSettings,
    /// The AWS files.
    pub(super) profiles: &'open Profiles,
    /// The copy of the environment.
    pub(super) environment: &'open Environment,
    /// The region of the service.
    pub(super) region: &'open str,
    /// The files that the clients were built from.
    pub(super) files: WatchedFiles,
    identity: Option<reqwest::Client>,
}

impl<'open> Workshop<'open> {
    /// An empty workshop.
    pub(super) fn new(
        settings: &'open AwsSettings,
        profiles: &'open Profiles,
        environment: &'open Environment,
        region: &'open str,
    ) -> Self {
        Self { settings, profiles, environment, region, files: WatchedFiles::default(), identity: None }
    }

    /// The client for STS and IAM Identity Center.
    pub(super) fn identity_client(&mut self) -> Result<reqwest::Client> {
        if let Some(client) = &self.identity {
            return Ok(client.clone());
        }
        let roots = identity_roots(self.settings, self.profiles, self.environment);
        let settings = client_settings(self.settings, self.environment);
        let client = trust::client(&settings, &roots, &mut self.files)?;
        self.identity = Some(client.clone());
        Ok(client)
    }

    /// A client for services on this host: no proxy, short timeouts.
    pub(super) fn metadata_client(&mut self, timeout: Duration, encrypted: bool) -> Result<reqwest::Client> {
        let settings =
            ClientSettings { connect_timeout: timeout, read_timeout: timeout, proxies: ProxySettings::NONE };
        let roots = if encrypted {
            identity_roots(self.settings, self.profiles, self.environment)
        } else {
            Roots::Empty
        };
        trust::client(&settings, &roots, &mut self.files)
    }

    /// A client of STS that signs with `credentials`, or sends unsigned requests.
    pub(super) fn sts(&mut self, credentials: Option<&Arc<CredentialCache>>) -> Result<aws_sdk_sts::Client> {
        let written = self.settings.sts_endpoint_url.as_deref();
        let endpoint = endpoint(STS, written, self.settings, self.profiles, self.environment)?;
        let parts = SdkParts {
            client: self.identity_client()?,
            region: region::sts_region(self.settings, self.region)?,
            endpoint,
            credentials: credentials.map(Arc::clone),
            plain: false,
        };
        let config: SdkConfig = sdk_config(parts, self.settings, self.profiles, self.environment);
        Ok(aws_sdk_sts::Client::new(&config))
    }
}

/// Timeouts and proxies of the clients that reach AWS itself.
pub(super) fn client_settings(settings: &AwsSettings, environment: &Environment) -> ClientSettings {
    let configured = settings.client.proxies.clone();
    ClientSettings {
        connect_timeout: settings.client.connect_timeout(),
        read_timeout: settings.client.read_timeout(),
        // botocore reads http_proxy and https_proxy, not all_proxy.
        proxies: configured
            .unwrap_or_else(|| ProxySettings::from_environment(|name| environment.get(name), false)),
    }
}
