//! Service principals, with the vendor's credentials: with a secret, or with a signed assertion.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::http::{ClientMethodOptions, ClientOptions, HttpClient, RetryOptions, Transport};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions,
};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};
use crate::redact::ShownPath;
use crate::store::azure::credentials::certificate::Certificate;
use crate::store::azure::credentials::{NoToken, TokenSource, login_error};

/// Where tokens of a tenant are issued, and how to reach it.
#[derive(Clone, Debug)]
pub(in crate::store::azure) struct Login {
    /// What carries the requests.
    pub(in crate::store::azure) transport: Arc<dyn HttpClient>,
    /// The address, such as `https://login.microsoftonline.com`.
    pub(in crate::store::azure) authority: String,
}

impl Login {
    /// Our own layer retries; the authority is set so that the SDK does not read the environment.
    fn client_options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&self.authority);
        ClientOptions {
            // Retries happen in one layer (`layers/retry.rs`).
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::clone(&self.transport))),
            cloud: Some(Arc::new(cloud.into())),
            ..ClientOptions::default()
        }
    }
}

/// An application in a tenant.
#[derive(Clone, Debug)]
pub(in crate::store::azure) struct Principal {
    /// The tenant.
    pub(in crate::store::azure) tenant: String,
    /// The application id.
    pub(in crate::store::azure) client: String,
}

/// The SDK reports an internal error when it cannot build a credential; the cause are the ids.
fn unusable(_: azure_core::Error) -> NoToken {
    NoToken::Failed(
        Error::config("`tenant_id` or `client_id` cannot be that of a service principal")
            .with_hint("A tenant is an id or a domain: letters, digits, dashes and dots"),
    )
}

/// A service principal with a client secret.
pub(in crate::store::azure) struct ClientSecretSource {
    pub(in crate::store::azure) login: Login,
    pub(in crate::store::azure) principal: Principal,
    pub(in crate::store::azure) secret: SecretString,
    /// Its name, for messages.
    pub(in crate::store::azure) name: &'static str,
}

#[async_trait]
impl TokenSource for ClientSecretSource {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let credential = ClientSecretCredential::new(
            &self.principal.tenant,
            self.principal.client.clone(),
            Secret::new(self.secret.expose_secret().to_owned()),
            Some(ClientSecretCredentialOptions { client_options: self.login.client_options() }),
        )
        .map_err(unusable)?;
        let token = credential.get_token(&[scope], None).await;
        token.map_err(|error| NoToken::Failed(login_error(&error)))
    }
}

impl fmt::Debug for ClientSecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ClientSecretSource").field(&self.principal).finish()
    }
}

/// The signer of an assertion.
#[derive(Clone, Debug)]
pub(in crate::store::azure) enum Signer {
    /// A certificate of the application.
    Certificate(Arc<Certificate>),
    /// The platform, which the application trusts; the file is read for each login, since it is renewed.
    TokenFile(PathBuf),
}

/// A service principal with an assertion.
#[derive(Debug)]
pub(in crate::store::azure) struct AssertionSource {
    pub(in crate::store::azure) login: Login,
    pub(in crate::store::azure) principal: Principal,
    pub(in crate::store::azure) signer: Signer,
    /// Its name, for messages.
    pub(in crate::store::azure) name: &'static str,
}

impl AssertionSource {
    fn assertion(&self) -> Result<Assertion, NoToken> {
        let assertion = match &self.signer {
            Signer::Certificate(certificate) => {
                certificate.assertion(&self.login.authority, &self.principal).map_err(NoToken::Failed)?
            }
            Signer::TokenFile(path) => std::fs::read_to_string(path).map_err(|error| {
                NoToken::Failed(
                    Error::new(
                        ErrorKind::Unauthenticated,
                        format!("the token file `{}` cannot be read", ShownPath(path)),
                    )
                    .with_hint("Check AZURE_FEDERATED_TOKEN_FILE, and that this user can read the file")
                    .with_source(error),
                )
            })?,
        };
        // Editors on Windows write a byte order mark, which is not part of a token.
        Ok(Assertion(SecretString::from(assertion.trim_start_matches('\u{feff}').trim().to_owned())))
    }
}

#[async_trait]
impl TokenSource for AssertionSource {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let credential = ClientAssertionCredential::new(
            self.principal.tenant.clone(),
            self.principal.client.clone(),
            self.assertion()?,
            Some(ClientAssertionCredentialOptions { client_options: self.login.client_options() }),
        )
        .map_err(unusable)?;
        let token = credential.get_token(&[scope], None).await;
        token.map_err(|error| NoToken::Failed(login_error(&error)))
    }
}

/// A finished assertion.
#[derive(Debug)]
struct Assertion(SecretString);

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.expose_secret().to_owned())
    }
}
