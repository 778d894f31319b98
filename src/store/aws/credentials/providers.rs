//! The providers of `aws-config`, set up as boto3 would set them up.
//!
//! Sources: botocore/credentials.py (the providers, each named at its function), botocore/utils.py
//! (`IMDSFetcher`).

use std::time::Duration;

use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::sso::SsoCredentialsProvider;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_types::region::Region;
use url::Url;

use crate::error::{Error, Result};
use crate::http::web_address;
use crate::redact::Shown;
use crate::store::aws::credentials::container::{Container, address};
use crate::store::aws::credentials::sdk_source::{Issuer, SdkSource, none_found};
use crate::store::aws::credentials::sources::{Boxed, profile_error};
use crate::store::aws::http_client::LastExchange;
use crate::store::aws::profile::{Profiles, Section};
use crate::store::aws::region::checked;
use crate::store::aws::sdk::provider_config;
use crate::store::aws::workshop::Workshop;
use crate::store::environment::Environment;

/// How long the agent of a container may take.
const AGENT_TIMEOUT: Duration = Duration::from_secs(2);

/// `ContainerProvider`.
pub(super) fn container(workshop: &mut Workshop<'_>) -> Result<Option<Boxed>> {
    let Some(address) = address(workshop.environment)? else { return Ok(None) };
    let client = workshop.metadata_client(AGENT_TIMEOUT, address.scheme() == "https")?;
    Ok(Some(Box::new(Container::new(client, address, workshop.environment))))
}

/// `InstanceMetadataProvider`, the last in the chain. `expected` means that the configuration names it
/// explicitly.
pub(super) fn instance(workshop: &mut Workshop<'_>, expected: bool) -> Result<Boxed> {
    if metadata_is_disabled(workshop.environment) {
        return Err(none_found());
    }
    let address = metadata_address(workshop.profiles, workshop.environment)?;
    let timeout = metadata_timeout(workshop.profiles);
    let client = workshop.metadata_client(timeout, address.scheme() == "https")?;
    let last = LastExchange::default();
    let config = provider_config(client, &last).with_sleep_impl(TokioSleep::new());
    let client = imds::Client::builder()
        .configure(&config)
        .endpoint(address.as_str())
        .map_err(|_| unusable("AWS_EC2_METADATA_SERVICE_ENDPOINT is not an address"))?
        // Retries happen in one layer (`layers/retry.rs`), so the provider's own are off.
        .max_attempts(1)
        .connect_timeout(timeout)
        .read_timeout(timeout)
        .build();
    let provider = ImdsCredentialsProvider::builder().configure(&config).imds_client(client).build();
    Ok(Box::new(SdkSource::new(provider, Issuer::Instance { expected }, last)))
}

fn metadata_is_disabled(environment: &Environment) -> bool {
    environment.get("AWS_EC2_METADATA_DISABLED").is_some_and(|word| word.eq_ignore_ascii_case("true"))
}

/// How long the metadata service may take: one second, unless the profile sets another time.
fn metadata_timeout(profiles: &Profiles) -> Duration {
    let seconds = profiles.get("metadata_service_timeout").and_then(|text| text.parse().ok());
    // At least a second: 0 would leave no time for an answer.
    Duration::from_secs(seconds.unwrap_or(1).max(1))
}

/// The address of the metadata service: configured, or by address family.
fn metadata_address(profiles: &Profiles, environment: &Environment) -> Result<Url> {
    let variable = environment.non_empty("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let configured = variable.or_else(|| profiles.get("ec2_metadata_service_endpoint"));
    let mode = environment.non_empty("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let mode = mode.or_else(|| profiles.get("ec2_metadata_service_endpoint_mode")).unwrap_or("IPv4");
    let text = match configured {
        Some(configured) => configured,
        None if mode.eq_ignore_ascii_case("ipv6") => "http://[fd00:ec2::254]",
        None if mode.eq_ignore_ascii_case("ipv4") => "http://169.254.169.254",
        None => return Err(unusable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6")),
    };
    web_address(text).ok_or_else(|| unusable("AWS_EC2_METADATA_SERVICE_ENDPOINT is not an address"))
}

fn unusable(message: &str) -> Error {
    Error::config(message).with_hint("Correct the variable or the profile, or remove it")
}

/// The settings of a profile and its sso-session for IAM Identity Center.
struct SsoSettings {
    session: Option<String>,
    start_url: String,
    region: Region,
    account: String,
    role: String,
}

/// `SSOProvider`: the settings of the session complete those of the profile, and must not contradict them.
pub(super) fn single_sign_on(
    workshop: &mut Workshop<'_>,
    name: &str,
    profile: Section<'_>,
) -> Result<Option<Boxed>> {
    if profile.value("sso_role_name").is_none() && profile.value("sso_account_id").is_none() {
        return Ok(None);
    }
    let settings = sso_settings(workshop.profiles, name, profile)?;
    let last = LastExchange::default();
    let config = provider_config(workshop.identity_client()?, &last).with_sleep_impl(TokioSleep::new());
    let mut builder = SsoCredentialsProvider::builder()
        .configure(&config)
        .start_url(settings.start_url)
        .region(settings.region)
        .account_id(settings.account)
        .role_name(settings.role);
    builder.set_session_name(settings.session);
    let provider = BuiltAnew(Box::new(move || builder.clone().build()));
    Ok(Some(Box::new(SdkSource::new(provider, Issuer::SingleSignOn, last))))
}

fn sso_settings(profiles: &Profiles, name: &str, profile: Section<'_>) -> Result<SsoSettings> {
    let session_name = profile.value("sso_session");
    let session = match session_name {
        None => None,
        Some(session) => Some(profiles.sso_session(session).ok_or_else(|| {
            profile_error(name, &format!("names an sso-session `{}` that does not exist", Shown(session)))
        })?),
    };
    let need = |key| {
        let of_session = session.and_then(|session| session.get(key)).filter(|value| !value.is_empty());
        match (of_session, profile.value(key)) {
            (Some(one), Some(other)) if one != other => {
                Err(profile_error(name, &format!("contradicts its sso-session in {key}")))
            }
            (one, other) => one
                .or(other)
                .map(str::to_owned)
                .ok_or_else(|| profile_error(name, &format!("uses IAM Identity Center without {key}"))),
        }
    };
    Ok(SsoSettings {
        session: session_name.map(str::to_owned),
        start_url: need("sso_start_url")?,
        region: Region::new(checked(&need("sso_region")?)?),
        account: need("sso_account_id")?,
        role: need("sso_role_name")?,
    })
}

/// A provider that is built for each load: the vendor's keeps the login's token in memory, and would still
/// use it after a new login.
struct BuiltAnew(Box<dyn Fn() -> SsoCredentialsProvider + Send + Sync>);

impl ProvideCredentials for BuiltAnew {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let provider = self.0();
        future::ProvideCredentials::new(async move { provider.provide_credentials().await })
    }
}

impl std::fmt::Debug for BuiltAnew {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("BuiltAnew")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aws::profile::tests::profiles;

    fn resolved(variables: &[(&str, &str)], config: &str) -> Result<String> {
        let environment = Environment::of(variables);
        metadata_address(&profiles("default", config, ""), &environment).map(String::from)
    }

    #[test]
    fn the_metadata_address_is_configured_or_that_of_the_family() {
        assert_eq!(resolved(&[], "").unwrap(), "http://169.254.169.254/");
        assert_eq!(
            resolved(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")], "").unwrap(),
            "http://[fd00:ec2::254]/"
        );
        let config = "[default]\nec2_metadata_service_endpoint = http://h:1/p\n";
        assert_eq!(resolved(&[], config).unwrap(), "http://h:1/p");
        assert_eq!(
            resolved(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://e")], config).unwrap(),
            "http://e/"
        );
        assert!(resolved(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5")], "").is_err());
        assert!(resolved(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "nowhere")], "").is_err());
    }

    #[test]
    fn a_session_completes_its_profile_and_may_not_contradict_it() {
        let settings = |profile: &str| {
            let config = format!(
                "[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n{profile}\n\
                 [sso-session s]\nsso_start_url = https://u\nsso_region = eu-west-1\n"
            );
            let profiles = profiles("default", &config, "");
            sso_settings(&profiles, "default", profiles.profile("default").unwrap())
        };
        let whole = settings("").ok().unwrap();
        assert_eq!((whole.start_url.as_str(), whole.region.as_ref()), ("https://u", "eu-west-1"));
        assert!(settings("sso_region = eu-west-1").is_ok());
        let error = settings("sso_region = eu-west-2").err().unwrap();
        assert!(error.to_string().contains("contradicts its sso-session in sso_region"), "{error}");
    }
}
