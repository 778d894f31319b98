//! What sources of tokens are built from, while a store is opened.

use std::sync::Arc;

use crate::error::Result;
use crate::http::{ClientSettings, ProxySettings, Roots};
use crate::store::azure::config::AzureSettings;
use crate::store::azure::credentials::{Login, MACHINE_CONNECT, ManagedIdentity};
use crate::store::azure::transport::LoginTransport;
use crate::store::azure::trust::{login_roots, vault_roots};
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::trust;

/// Settings, and the clients that are made from them on demand.
#[derive(Debug)]
pub(super) struct Workshop<'open> {
    /// The options.
    pub(super) settings: &'open AzureSettings,
    /// The copy of the environment.
    pub(super) environment: &'open Environment,
    /// The files that were read.
    pub(super) files: WatchedFiles,
    authority: &'open str,
    login: Option<Login>,
}

impl<'open> Workshop<'open> {
    /// An empty workshop.
    pub(super) fn new(
        settings: &'open AzureSettings,
        environment: &'open Environment,
        authority: &'open str,
    ) -> Self {
        Self { settings, environment, files: WatchedFiles::default(), authority, login: None }
    }

    /// The client for the vault.
    pub(super) fn vault_client(&mut self) -> Result<reqwest::Client> {
        self.client(&vault_roots(self.settings, self.environment))
    }

    /// The client for the login service.
    pub(super) fn login(&mut self) -> Result<Login> {
        if let Some(login) = &self.login {
            return Ok(login.clone());
        }
        let client = self.client(&login_roots(self.settings, self.environment))?;
        let transport = Arc::new(LoginTransport::new(client));
        let login = Login { transport, authority: self.authority.to_owned() };
        self.login = Some(login.clone());
        Ok(login)
    }

    /// The identity of the platform: no proxy, and a short timeout for addresses that do not answer.
    pub(super) fn managed_identity(&mut self) -> Result<ManagedIdentity> {
        let settings = ClientSettings {
            connect_timeout: MACHINE_CONNECT.min(self.settings.connect_timeout),
            read_timeout: self.settings.read_timeout,
            proxies: ProxySettings::NONE,
        };
        let encrypted = ["IDENTITY_ENDPOINT", "MSI_ENDPOINT"].into_iter().any(|name| {
            self.environment.non_empty(name).is_some_and(|address| address.starts_with("https:"))
        });
        let roots = if encrypted { login_roots(self.settings, self.environment) } else { Roots::Empty };
        let client = trust::client(&settings, &roots, &mut self.files)?;
        let environment = self.environment;
        let id = self.settings.managed_identity_client_id.as_deref();
        let id = id.or_else(|| environment.non_empty("AZURE_CLIENT_ID")).map(str::to_owned);
        ManagedIdentity::new(client, id, environment)
    }

    fn client(&mut self, roots: &Roots) -> Result<reqwest::Client> {
        let settings = ClientSettings {
            connect_timeout: self.settings.connect_timeout,
            read_timeout: self.settings.read_timeout,
            proxies: ProxySettings::from_environment(|name| self.environment.get(name), true),
        };
        trust::client(&settings, roots, &mut self.files)
    }
}
