//! From credentials that were found to a source of tokens.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use secrecy::SecretString;
use serde_json::Value as Json;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{is_loopback, web_address};
use crate::redact::Shown;
use crate::store::environment::Environment;
use crate::store::google::config::GoogleSettings;
use crate::store::google::network::Network;
use crate::store::google::place::{ServiceAddress, iam_endpoint};
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::rest::below;

use super::adc::Found;
use super::authorized_user::AuthorizedUser;
use super::cache::TokenCache;
use super::exchange::TokenEndpoint;
use super::external_account::ExternalAccount;
use super::impersonation::Impersonation;
use super::metadata::{Metadata, MetadataTokens};
use super::service_account::{Grant, ServiceAccount};
use super::subject::SubjectSource;
use super::token::TokenSource;
use super::{CLOUD_PLATFORM, needed, text};

type Boxed = Box<dyn TokenSource>;

/// How long the token of an impersonated account works.
const LIFETIME: Duration = Duration::from_secs(3600);

/// What sources are built from, while the store is opened.
#[derive(Debug)]
pub(super) struct Workshop<'open, 'network> {
    /// The options.
    pub(super) settings: &'open GoogleSettings,
    /// The copy of the environment.
    pub(super) environment: &'open Environment,
    /// The service that the tokens are for.
    pub(super) place: &'open ServiceAddress,
    /// Clients.
    pub(super) network: &'open mut Network<'network>,
    /// Files that influence the result.
    pub(super) files: &'open mut WatchedFiles,
    /// The domain of Google's hosts.
    pub(super) universe: String,
}

impl Workshop<'_, '_> {
    /// The source, through the chain of accounts to impersonate if there is one.
    pub(super) fn source(&mut self, found: &Found, metadata: Option<Metadata>) -> Result<Option<Boxed>> {
        let settings = self.settings;
        let own = match (found, metadata) {
            (Found::Content { json, .. }, _) => self.of_content(json, settings.chain.is_empty())?,
            (Found::Metadata, Some(metadata)) => {
                // The base of a chain needs no scopes of its own: the target's token gets the configured
                // ones.
                let scopes = if settings.chain.is_empty() { settings.scopes.clone() } else { Vec::new() };
                Box::new(MetadataTokens { metadata, scopes })
            }
            _ => return Ok(None),
        };
        let Some((target, delegates)) = settings.chain.split_last() else { return Ok(Some(own)) };
        let path = format!("v1/projects/-/serviceAccounts/{target}:generateAccessToken");
        let url = below(&iam_endpoint(settings, &self.universe)?, &path)?;
        Ok(Some(self.impersonation(own, url, delegates.to_vec(), self.scopes(), LIFETIME)?))
    }

    /// Tokens for credentials of any type. `directly` means that the secrets are read with them, without
    /// impersonation.
    fn of_content(&mut self, json: &Json, directly: bool) -> Result<Boxed> {
        let kind = text(json, "type").ok_or_else(|| {
            Error::config("the credentials do not say their `type`").with_hint(
                "Download the key, or make the file, anew; a key without it can be named in `gcp_key_path`",
            )
        })?;
        match kind {
            "service_account" => self.service_account(json, directly),
            "authorized_user" => self.authorized_user(json),
            "external_account_authorized_user" => self.workforce_user(json),
            "external_account" => self.external_account(json),
            "impersonated_service_account" => self.impersonated(json),
            other => Err(Error::new(
                ErrorKind::Unsupported,
                format!("credentials of type `{}` are not supported", Shown(other)),
            )
            .with_hint("Use a service account key, workload identity federation, or the metadata server")),
        }
    }

    /// As in the official class: a token for the service alone, unless scopes are set. A regional service and
    /// IAM have other host names, so scopes are used there.
    fn service_account(&self, json: &Json, directly: bool) -> Result<Boxed> {
        let alone = directly && self.settings.scopes.is_empty() && !self.place.is_regional();
        let grant = match alone {
            true => Grant::Audience(self.place.audience.clone()),
            false if directly => Grant::Scopes(self.scopes().join(" ")),
            false => Grant::Scopes(CLOUD_PLATFORM.to_owned()),
        };
        let key = ServiceAccount::new(json, grant).map_err(|error| {
            error.with_hint(
                "It must be a JSON key as Google makes it; `gcp_credential_config_file` takes credentials of \
                other types",
            )
        });
        Ok(Box::new(key?))
    }

    fn authorized_user(&mut self, json: &Json) -> Result<Boxed> {
        let what = "the credentials of the user";
        let client = (
            needed(json, "client_id", what)?.to_owned(),
            SecretString::from(needed(json, "client_secret", what)?),
        );
        let refresh_token = SecretString::from(needed(json, "refresh_token", what)?);
        let usual = format!("https://oauth2.{}/token", self.universe);
        let endpoint = self.endpoint(
            text(json, "token_uri").unwrap_or(&usual),
            None,
            "refreshing the user's token",
            "Log in again: `gcloud auth application-default login`",
        )?;
        Ok(Box::new(AuthorizedUser { endpoint, refresh_token, client: Some(client) }))
    }

    fn workforce_user(&mut self, json: &Json) -> Result<Boxed> {
        let what = "the credentials of the user";
        let refresh_token = SecretString::from(needed(json, "refresh_token", what)?);
        let endpoint = self.endpoint(
            needed(json, "token_url", what)?,
            basic(json),
            "refreshing the user's token",
            "Log in again: `gcloud auth application-default login`",
        )?;
        Ok(Box::new(AuthorizedUser { endpoint, refresh_token, client: None }))
    }

    fn external_account(&mut self, json: &Json) -> Result<Boxed> {
        let what = "the external account";
        let url = text(json, "service_account_impersonation_url");
        let authorization = basic(json);
        // Client authentication already determines the project, as in google-auth.
        let user_project = text(json, "workforce_pool_user_project").filter(|_| authorization.is_none());
        let subject = SubjectSource::new(json, self.environment, |url| self.network.client(url, self.files))?;
        let account = ExternalAccount {
            audience: needed(json, "audience", what)?.to_owned(),
            subject_token_type: needed(json, "subject_token_type", what)?.to_owned(),
            subject,
            scopes: if url.is_none() && self.settings.chain.is_empty() { self.scopes() } else { Vec::new() },
            user_project: user_project.map(str::to_owned),
            endpoint: self.endpoint(
                needed(json, "token_url", what)?,
                authorization,
                "exchanging the subject token",
                "Check the audience, the provider's attribute condition, and that the subject token has not \
                expired",
            )?,
        };
        let Some(url) = url else { return Ok(Box::new(account)) };
        let seconds = json
            .get("service_account_impersonation")
            .and_then(|options| options.get("token_lifetime_seconds")?.as_u64());
        let lifetime = seconds.map_or(LIFETIME, Duration::from_secs);
        self.impersonation(Box::new(account), parsed(url)?, Vec::new(), self.scopes(), lifetime)
    }

    /// The file that `gcloud auth application-default login --impersonate-service-account` writes.
    fn impersonated(&mut self, json: &Json) -> Result<Boxed> {
        let what = "the credentials to impersonate with";
        let source = json.get("source_credentials").filter(|source| source.is_object());
        let source = source.ok_or_else(|| Error::config(format!("{what} have no `source_credentials`")))?;
        if text(source, "type") == Some("impersonated_service_account") {
            return Err(Error::config(format!("{what} impersonate twice")).with_hint("Use `delegates`"));
        }
        let own = self.of_content(source, false)?;
        let url = parsed(needed(json, "service_account_impersonation_url", what)?)?;
        let delegates = json.get("delegates").and_then(Json::as_array).into_iter().flatten();
        let delegates = delegates.filter_map(|account| account.as_str().map(str::to_owned)).collect();
        self.impersonation(own, url, delegates, self.scopes(), LIFETIME)
    }

    fn impersonation(
        &mut self,
        own: Boxed,
        url: Url,
        delegates: Vec<String>,
        scopes: Vec<String>,
        lifetime: Duration,
    ) -> Result<Boxed> {
        let client = self.network.client(&url, self.files)?;
        let source: Arc<TokenCache> = TokenCache::new(Some(own));
        Ok(Box::new(Impersonation { client, url, source, delegates, scopes, lifetime }))
    }

    /// The scopes of the tokens with which secrets are read.
    fn scopes(&self) -> Vec<String> {
        match self.settings.scopes.as_slice() {
            [] => vec![CLOUD_PLATFORM.to_owned()],
            written => written.to_vec(),
        }
    }

    fn endpoint(
        &mut self,
        url: &str,
        authorization: Option<HeaderValue>,
        subject: &'static str,
        hint: &'static str,
    ) -> Result<TokenEndpoint> {
        let url = parsed(url)?;
        Ok(TokenEndpoint {
            client: self.network.client(&url, self.files)?,
            url,
            authorization,
            subject,
            hint,
        })
    }
}

/// The OAuth client's own id and secret (RFC 6749, section 2.3.1).
fn basic(json: &Json) -> Option<HeaderValue> {
    let (id, secret) = (text(json, "client_id")?, text(json, "client_secret")?);
    let mut header =
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))).ok()?;
    // Keeps the secret out of Debug output.
    header.set_sensitive(true);
    Some(header)
}

/// An address in a credentials file, to which something secret is sent; the error does not show it.
fn parsed(url: &str) -> Result<Url> {
    let url =
        web_address(url).ok_or_else(|| Error::config("the credentials name an address that is invalid"))?;
    // Credentials are sent there, so plain http is accepted on this machine only.
    if url.scheme() == "https" || is_loopback(&url) {
        return Ok(url);
    }
    Err(Error::config("the credentials name a token endpoint that is not encrypted (http)")
        .with_hint("Write `token_uri`, `token_url` and `service_account_impersonation_url` with https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_goes_over_https_or_stays_on_this_machine() {
        for (url, is_taken) in [
            ("https://oauth2.googleapis.com/token", true),
            ("http://127.0.0.1:8080/token", true),
            ("http://localhost/token", true),
            ("http://[::1]/token", true),
            ("http://oauth2.googleapis.com/token", false),
            ("http://127.0.0.1.example.com/token", false),
            ("ftp://h/token", false),
            ("token", false),
        ] {
            assert_eq!(parsed(url).is_ok(), is_taken, "{url}");
        }
        let error = parsed("http://canary/token").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
