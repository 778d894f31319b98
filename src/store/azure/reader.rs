//! Calls of the SDK's client, and its configuration: what this crate does itself is switched off.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::pager::{PagerContinuation, PagerOptions};
use azure_core::http::{ClientOptions, HttpClient, RetryOptions, Transport, Url};
use azure_security_keyvault_secrets::models::{
    DeletedSecret, ListDeletedSecretPropertiesResult, ListSecretPropertiesResult,
    SecretClientListDeletedSecretPropertiesOptions, SecretClientListSecretPropertiesOptions,
    SecretClientListSecretPropertiesVersionsOptions,
};
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use futures_util::StreamExt;

/// The most names on a page ("maxresults" of `GetSecrets`).
const PAGE: i32 = 25;

/// A client of the vault at `url`.
pub(super) fn client(
    url: &str,
    transport: Arc<dyn HttpClient>,
    tokens: Arc<dyn TokenCredential>,
    api_version: Option<&str>,
    verify_challenge_resource: bool,
) -> azure_core::Result<SecretClient> {
    let mut options = SecretClientOptions {
        client_options: ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(transport)),
            ..ClientOptions::default()
        },
        verify_challenge_resource: Some(verify_challenge_resource),
        ..SecretClientOptions::default()
    };
    if let Some(version) = api_version {
        version.clone_into(&mut options.api_version);
    }
    SecretClient::new(url, tokens, Some(options))
}

/// One page of the names in the vault; `link` is the next page according to the previous one. It is parsed by
/// the caller, since the SDK panics on an invalid address.
pub(super) async fn page(
    client: &SecretClient,
    link: Option<Url>,
) -> azure_core::Result<ListSecretPropertiesResult> {
    let continuation = link.map(PagerContinuation::Link);
    let options = SecretClientListSecretPropertiesOptions {
        maxresults: Some(PAGE),
        method_options: PagerOptions { continuation, ..PagerOptions::default() },
    };
    let mut pages = client.list_secret_properties(Some(options))?.into_pages();
    match pages.next().await {
        Some(page) => page?.into_model(),
        None => Ok(ListSecretPropertiesResult::default()),
    }
}

/// One page of the versions of a secret, without their values.
pub(super) async fn versions(
    client: &SecretClient,
    name: &str,
    link: Option<Url>,
) -> azure_core::Result<ListSecretPropertiesResult> {
    let continuation = link.map(PagerContinuation::Link);
    let options = SecretClientListSecretPropertiesVersionsOptions {
        maxresults: Some(PAGE),
        method_options: PagerOptions { continuation, ..PagerOptions::default() },
    };
    let mut pages = client.list_secret_properties_versions(name, Some(options))?.into_pages();
    match pages.next().await {
        Some(page) => page?.into_model(),
        None => Ok(ListSecretPropertiesResult::default()),
    }
}

/// A deleted secret that can be recovered. The SDK's type has no member for a value.
pub(super) async fn deleted(client: &SecretClient, name: &str) -> azure_core::Result<DeletedSecret> {
    client.get_deleted_secret(name, None).await?.into_model()
}

/// One page of the deleted secrets that can be recovered.
pub(super) async fn deleted_page(
    client: &SecretClient,
    link: Option<Url>,
) -> azure_core::Result<ListDeletedSecretPropertiesResult> {
    let continuation = link.map(PagerContinuation::Link);
    let options = SecretClientListDeletedSecretPropertiesOptions {
        maxresults: Some(PAGE),
        method_options: PagerOptions { continuation, ..PagerOptions::default() },
    };
    let mut pages = client.list_deleted_secret_properties(Some(options))?.into_pages();
    match pages.next().await {
        Some(page) => page?.into_model(),
        None => Ok(ListDeletedSecretPropertiesResult::default()),
    }
}
