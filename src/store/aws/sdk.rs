//! The SDK's configuration, the same for every service: what this crate does itself is switched off.

use std::sync::Arc;

use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::config::{BehaviorVersion, IdentityCache, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::sdk_config::StalledStreamProtectionConfig;
use url::Url;

use crate::store::aws::config::AwsSettings;
use crate::store::aws::credentials::CredentialCache;
use crate::store::aws::http_client::{LastExchange, SdkHttpClient};
use crate::store::aws::profile::Profiles;
use crate::store::aws::words::boolean_word;
use crate::store::environment::Environment;

/// What distinguishes the client of one service from another's.
#[derive(Debug)]
pub(super) struct SdkParts {
    /// The client that carries the requests.
    pub(super) client: reqwest::Client,
    /// The region, which is also in the signature.
    pub(super) region: String,
    /// The address of the service, if it is not the usual one.
    pub(super) endpoint: Option<Url>,
    /// The credentials that sign requests.
    pub(super) credentials: Option<Arc<CredentialCache>>,
    /// Whether https requests are sent as plain http.
    pub(super) plain: bool,
}

/// The version of the SDK's defaults, pinned so that a newer SDK does not change behaviour that we rely on.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Our own layer retries, the HTTP client and the deadline of the lookup limit the time, [`CredentialCache`]
/// caches credentials, and no answer is a stream that could stall; so all of this is switched off in the SDK.
pub(super) fn sdk_config(
    parts: SdkParts,
    settings: &AwsSettings,
    profiles: &Profiles,
    environment: &Environment,
) -> SdkConfig {
    let user_agent = settings.client.user_agent_extra.as_deref();
    let http_client =
        SdkHttpClient::new(parts.client).with_user_agent(user_agent).with_plain_http(parts.plain);
    let mut config = bare_config(&parts.region).http_client(http_client).sleep_impl(TokioSleep::new());
    if let Some(endpoint) = parts.endpoint {
        // The SDK appends the path, which begins with a slash.
        config = config.endpoint_url(endpoint.as_str().trim_end_matches('/'));
    }
    if let Some(credentials) = parts.credentials {
        let provider: Arc<dyn ProvideCredentials> = credentials;
        config = config.credentials_provider(SharedCredentialsProvider::new(provider));
    }
    let flag = |written: Option<bool>, variable, key| {
        let word = environment.non_empty(variable).or_else(|| profiles.get(key));
        written.or_else(|| word.and_then(boolean_word))
    };
    config.set_use_fips(flag(settings.client.use_fips, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"));
    config.set_use_dual_stack(flag(
        settings.client.use_dual_stack,
        "AWS_USE_DUALSTACK_ENDPOINT",
        "use_dualstack_endpoint",
    ));
    config.build()
}

/// The part that needs neither network nor runtime.
pub(super) fn bare_config(region: &str) -> aws_types::sdk_config::Builder {
    SdkConfig::builder()
        .behavior_version(behavior())
        .region(Region::new(region.to_owned()))
        // Retries and timeouts have layers of their own, and `CredentialCache` keeps the credentials.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(IdentityCache::no_cache())
}

/// The configuration of the providers of `aws-config`. `last` receives the outcome of their requests.
///
/// The providers cannot be given a copy of the environment; the settings that they would read there are
/// passed to them where possible. The caller decides about a sleep implementation: with one, the provider for
/// containers retries on its own.
pub(super) fn provider_config(client: reqwest::Client, last: &LastExchange) -> ProviderConfig {
    ProviderConfig::empty()
        .with_behavior_version(Some(behavior()))
        .with_http_client(SdkHttpClient::new(client).with_report(last))
        .with_time_source(SystemTimeSource::new())
        // Retries and timeouts have layers of their own.
        .with_retry_config(RetryConfig::disabled())
        .with_timeout_config(TimeoutConfig::disabled())
}
