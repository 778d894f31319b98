//! Everything that a service's client needs, assembled while the store is opened.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_types::SdkConfig;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{Roots, warn_about_plain_http};
use crate::redact::Shown;
use crate::store::aws::caller;
use crate::store::aws::client_words::warn_about_useless;
use crate::store::aws::config::AwsSettings;
use crate::store::aws::credentials::{CredentialCache, credential_source};
use crate::store::aws::endpoint::{STS, ServiceNames, endpoint};
use crate::store::aws::key_age::{IAM, Iam};
use crate::store::aws::profile::Profiles;
use crate::store::aws::query::QueryPlace;
use crate::store::aws::region::service_region;
use crate::store::aws::sdk::{SdkParts, sdk_config};
use crate::store::aws::trust::service_roots;
use crate::store::aws::workshop::{Workshop, client_settings};
use crate::store::environment::Environment;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::{Probe, words};
use crate::store::kit::trust;
use crate::store::options::Options;
use crate::store::tools::Finding;

/// One of the services of AWS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// How endpoints are configured for it.
    pub(super) names: ServiceNames,
    /// The version of its interface: the only valid `api_version`.
    pub(super) api_version: &'static str,
    /// The default name of an assumed role's session: the one that the official class uses.
    pub(super) session_name: &'static str,
}

/// Credentials, region, endpoint and network of one service.
pub(super) struct Access {
    /// The configuration that the service's client is built from.
    pub(super) sdk_config: SdkConfig,
    /// The credentials that sign requests.
    pub(super) credentials: Arc<CredentialCache>,
    /// The region, for messages.
    pub(super) region: String,
    /// Asks for the service's time.
    probe: Probe,
    /// Finds out how old a key is.
    iam: Option<Iam>,
    /// Where to ask who the caller is.
    sts: Option<QueryPlace>,
    files: WatchedFiles,
}

impl Access {
    /// Reads options, environment and files. No network, no child process; call it under
    /// [`crate::process::no_fork`].
    pub(super) fn open(service: &Service, options: &Options, environment: &Environment) -> Result<Self> {
        let settings = AwsSettings::read(options, environment, service.session_name)?;
        warn_about_useless(options, &settings.client);
        check_api_version(service, settings.api_version.as_deref())?;
        let mut files = WatchedFiles::default();
        let profiles = Profiles::load(settings.profile.as_deref(), environment, &mut files)?;
        let region = service_region(&settings, &profiles, environment)?;
        let mut workshop = Workshop::new(&settings, &profiles, environment, &region);
        let credentials = CredentialCache::new(credential_source(&mut workshop)?);
        files.join(workshop.files);
        let written = settings.endpoint_url.as_deref();
        let endpoint = endpoint(service.names, written, &settings, &profiles, environment)?;
        let (client, trust) =
            service_client(&settings, &profiles, environment, endpoint.as_ref(), &mut files)?;
        // `use_ssl` only chooses the scheme of the usual address; an endpoint brings its own.
        let plain = !settings.use_ssl && endpoint.is_none();
        let address =
            endpoint.as_ref().map_or_else(|| usual_address(service, &region, plain), Url::to_string);
        Url::parse(&address).iter().for_each(warn_about_plain_http);
        let probe = Probe { client: client.clone(), address, trust, refused: "requests" };
        // An invalid address of IAM or STS matters to `strongroom doctor` alone and must not fail the store.
        let of_iam = self::endpoint(IAM, None, &settings, &profiles, environment).ok().flatten();
        let iam = Iam::of(&region, of_iam.map(|url| url.to_string()), endpoint.is_some());
        let of_sts = self::endpoint(STS, None, &settings, &profiles, environment).ok().flatten();
        let sts = caller::sts(&region, of_sts.map(|url| url.to_string()), endpoint.is_some());
        let parts = SdkParts {
            client,
            region: region.clone(),
            plain,
            endpoint,
            credentials: Some(Arc::clone(&credentials)),
        };
        let sdk_config = sdk_config(parts, &settings, &profiles, environment);
        Ok(Self { sdk_config, credentials, region, probe, iam, sts, files })
    }

    /// Makes sure that there are credentials to sign with. Called before each request.
    pub(super) async fn log_in(&self) -> Result<()> {
        self.credentials.ensure().await.map_err(Error::as_login_failure)
    }

    /// Calls the service with credentials that work. If it does not accept them, because they were revoked or
    /// expired early, they are replaced and the call is made once more.
    pub(super) async fn signed<T, F>(&self, call: impl Fn() -> F + Send) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        self.log_in().await?;
        // Noted before the call: another task may have replaced them by the time the refusal arrives.
        let used = self.credentials.held();
        let refused = match call().await {
            Err(error) => error,
            found => return found,
        };
        if !self.is_replaced(&refused, used).await {
            return Err(refused);
        }
        let used = self.credentials.held();
        let outcome = call().await;
        let is_refused = outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unauthenticated);
        self.credentials.note_replacement(used, is_refused);
        outcome
    }

    /// Whether the credentials that were `used` when `error` occurred have been replaced by others.
    pub(super) async fn is_replaced(&self, error: &Error, used: Option<Credentials>) -> bool {
        error.kind() == ErrorKind::Unauthenticated && self.credentials.replace(used).await
    }

    /// What is noteworthy: the caller, the certificates, the clock, and the age of a key that is never
    /// renewed.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings = self.probe.findings().await;
        if let Some(sts) = &self.sts {
            findings.extend(caller::finding(sts, &self.probe.client, &self.credentials).await);
        }
        if let Some(iam) = &self.iam {
            findings.extend(iam.finding(&self.probe.client, &self.credentials).await);
        }
        findings
    }

    /// Which identity asks where, in words that hold no secret.
    pub(super) fn identity(&self) -> String {
        // A query may hold a token.
        let address = self.sdk_config.endpoint_url().and_then(|address| address.split(['?', '#']).next());
        let address = address.map_or_else(String::new, |address| format!(" at {}", Shown(address)));
        format!("{} in {}{address}", self.credentials.origin(), Shown(&self.region))
    }

    /// Whether a file that influenced the configuration has changed since.
    pub(super) fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }
}

/// Leaves out the SDK's configuration, whose own Debug fills pages.
impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.sdk_config.endpoint_url();
        formatter
            .debug_struct("Access")
            .field("region", &self.region)
            .field("endpoint", &endpoint)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// How often one read is attempted in all, if `retries` of `config_kwargs` or `AWS_MAX_ATTEMPTS` says so.
/// Invalid settings are ignored here and reported when the store is opened.
pub(super) fn attempts(options: &Options, environment: &Environment) -> Option<u64> {
    AwsSettings::read(options, environment, "").ok()?.max_attempts.map(u64::from)
}

/// botocore knows every version that ever existed; each of these services has only one.
fn check_api_version(service: &Service, asked: Option<&str>) -> Result<()> {
    match asked {
        Some(asked) if asked != service.api_version => {
            Err(Error::config(format!("there is no api_version `{}` of this service", Shown(asked)))
                .with_hint(format!("Write {} or leave it out", service.api_version)))
        }
        _ => Ok(()),
    }
}

/// The usual address of a service, without those of its variants: good enough to ask for the time.
fn usual_address(service: &Service, region: &str, plain: bool) -> String {
    let scheme = if plain { "http" } else { "https" };
    let end = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("{scheme}://{}.{region}.amazonaws.com{end}/", service.names.key.replace('_', ""))
}

/// The client, and a description of what the service's certificate is verified with. The TLS settings are
/// only read for https: a broken CA bundle does not matter to a plain endpoint.
fn service_client(
    settings: &AwsSettings,
    profiles: &Profiles,
    environment: &Environment,
    endpoint: Option<&Url>,
    files: &mut WatchedFiles,
) -> Result<(reqwest::Client, Option<String>)> {
    let client = client_settings(settings, environment);
    let plain =
        endpoint.map_or(!settings.use_ssl, |url| url.scheme() == "http") && !client.proxies.needs_tls();
    let roots = if plain { Roots::Empty } else { service_roots(settings, profiles, environment) };
    Ok((trust::client(&client, &roots, files)?, words(&roots)))
}
