//! From the words of options, profiles and environment to sources of credentials.
//!
//! Source: botocore/credentials.py (the providers, each named at its function).

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::aws::credentials::assume_role::AssumedRole;
use crate::store::aws::credentials::chain::environment_keys;
use crate::store::aws::credentials::container::{self, Container};
use crate::store::aws::credentials::instance::{self, Instance};
use crate::store::aws::credentials::process::CredentialProcess;
use crate::store::aws::credentials::sso::{SingleSignOn, usual_address};
use crate::store::aws::credentials::sso_token::TokenCache;
use crate::store::aws::credentials::web_identity::WebIdentityRole;
use crate::store::aws::credentials::{CredentialCache, CredentialSource, StaticKeys, no_credentials};
use crate::store::aws::endpoint::{ServiceNames, endpoint};
use crate::store::aws::files::expand;
use crate::store::aws::ini::Section;
use crate::store::aws::role::{RoleParameters, mfa_error};
use crate::store::aws::shell_words;
use crate::store::aws::workshop::Workshop;

/// A source of any kind.
pub(in crate::store::aws) type Boxed = Box<dyn CredentialSource>;

/// The portal and the token service of IAM Identity Center, as endpoints are configured for them.
const PORTAL: ServiceNames = ServiceNames { variable: "AWS_ENDPOINT_URL", key: "sso" };
const OIDC: ServiceNames = ServiceNames { variable: "AWS_ENDPOINT_URL", key: "sso_oidc" };

/// The source that a profile names, if it names one: a role, web identity (`with_environment` says whether the
/// environment may ask for that), single sign-on, keys, a process; in this order.
pub(super) fn of_profile(
    workshop: &mut Workshop<'_>,
    name: &str,
    with_environment: bool,
) -> Result<Option<Boxed>> {
    of_profile_visited(workshop, name, with_environment, &mut Vec::new())
}

fn of_profile_visited(
    workshop: &mut Workshop<'_>,
    name: &str,
    with_environment: bool,
    visited: &mut Vec<String>,
) -> Result<Option<Boxed>> {
    let profile = workshop.profiles.profile(name).cloned().unwrap_or_default();
    let has_role = profile.contains_key("role_arn") && !profile.contains_key("web_identity_token_file");
    // A profile may be its own source: then its keys are meant.
    if has_role && !visited.iter().any(|seen| seen == name) {
        return role(workshop, name, &profile, visited).map(Some);
    }
    if let Some(source) = profile_web_identity(workshop, &profile, with_environment)? {
        return Ok(Some(source));
    }
    if let Some(source) = single_sign_on(workshop, name, &profile)? {
        return Ok(Some(source));
    }
    if let Some(keys) = workshop.profiles.in_credentials_file(name).map(keys).transpose()?.flatten() {
        return Ok(Some(Box::new(keys)));
    }
    if let Some(line) = value(&profile, "credential_process") {
        return process(name, line).map(Some);
    }
    let keys = workshop.profiles.in_config_file(name).map(keys).transpose()?.flatten();
    Ok(keys.map(|keys| Box::new(keys) as Boxed))
}

fn value<'section>(section: &'section Section, key: &str) -> Option<&'section str> {
    section.get(key).map(String::as_str).filter(|value| !value.is_empty())
}

/// `SharedCredentialProvider`, `ConfigProvider`.
fn keys(section: &Section) -> Result<Option<StaticKeys>> {
    let Some(id) = value(section, "aws_access_key_id") else { return Ok(None) };
    let secret = value(section, "aws_secret_access_key").ok_or_else(|| {
        no_credentials("an AWS profile has aws_access_key_id without aws_secret_access_key")
            .with_hint("Add the secret")
    })?;
    let token = value(section, "aws_security_token").or_else(|| value(section, "aws_session_token"));
    Ok(Some(StaticKeys::new(id, secret, token)))
}

/// `AssumeRoleProvider`.
fn role(
    workshop: &mut Workshop<'_>,
    name: &str,
    profile: &Section,
    visited: &mut Vec<String>,
) -> Result<Boxed> {
    if value(profile, "mfa_serial").is_some() {
        return Err(mfa_error(&format!("the AWS profile `{name}` (mfa_serial)")));
    }
    visited.push(name.to_owned());
    let base = match (value(profile, "source_profile"), value(profile, "credential_source")) {
        (Some(source), None) => source_profile(workshop, name, source, visited)?,
        (None, Some(source)) => credential_source(workshop, name, source)?,
        (Some(_), Some(_)) => {
            return Err(profile_error(name, "has both source_profile and credential_source"));
        }
        (None, None) => {
            return Err(profile_error(name, "has role_arn without source_profile or credential_source"));
        }
    };
    let text = |key| value(profile, key).map(str::to_owned);
    let parameters = RoleParameters {
        role_arn: text("role_arn").unwrap_or_default(),
        session_name: text("role_session_name"),
        external_id: text("external_id"),
        // A number that is none is passed over, as botocore does.
        duration_seconds: value(profile, "duration_seconds").and_then(|seconds| seconds.parse().ok()),
        ..RoleParameters::default()
    };
    assumed_role(workshop, CredentialCache::new(base), parameters)
}

fn source_profile(
    workshop: &mut Workshop<'_>,
    name: &str,
    source: &str,
    visited: &mut Vec<String>,
) -> Result<Boxed> {
    let Some(section) = workshop.profiles.profile(source) else {
        return Err(profile_error(name, &format!("names a source_profile `{source}` that does not exist")));
    };
    let has_keys = section.contains_key("aws_access_key_id") || section.contains_key("aws_secret_access_key");
    if visited.iter().any(|seen| seen == source) && !(source == name && has_keys) {
        return Err(profile_error(name, &format!("leads back to itself through source_profile `{source}`")));
    }
    if has_keys {
        // Keys of the source go before a role in it, which belongs to whoever selects that profile.
        visited.push(source.to_owned());
    }
    let found = of_profile_visited(workshop, source, false, visited)?;
    found
        .ok_or_else(|| profile_error(name, &format!("names a source_profile `{source}` without credentials")))
}

/// `CanonicalNameCredentialSourcer`.
fn credential_source(workshop: &mut Workshop<'_>, name: &str, source: &str) -> Result<Boxed> {
    let found = match source {
        "Environment" => environment_keys(workshop.environment)?.map(|keys| Box::new(keys) as Boxed),
        "EcsContainer" => container(workshop)?,
        "Ec2InstanceMetadata" => Some(instance(workshop, true)?),
        _ => {
            let what = format!("has an unknown credential_source `{}`", Shown(source));
            return Err(profile_error(name, &what));
        }
    };
    found.ok_or_else(|| {
        no_credentials(format!(
            "the AWS profile `{name}` takes its credentials from {source}, and there are none"
        ))
        .with_hint("Check the environment of this process, or use source_profile")
    })
}

fn profile_error(name: &str, what: &str) -> Error {
    Error::config(format!("the AWS profile `{}` {what}", Shown(name)))
        .with_hint("Correct the AWS config file")
}

/// A role that is assumed with `base`.
pub(super) fn assumed_role(
    workshop: &mut Workshop<'_>,
    base: Arc<CredentialCache>,
    parameters: RoleParameters,
) -> Result<Boxed> {
    let client = workshop.sts(Some(&base))?;
    Ok(Box::new(AssumedRole::new(base, client, parameters)))
}

/// `AssumeRoleWithWebIdentityProvider`: each word from the environment, else from the profile.
fn profile_web_identity(
    workshop: &mut Workshop<'_>,
    profile: &Section,
    with_environment: bool,
) -> Result<Option<Boxed>> {
    let environment = workshop.environment;
    let word = |variable, key| {
        let of_environment = if with_environment { environment.non_empty(variable) } else { None };
        of_environment.or_else(|| value(profile, key)).map(str::to_owned)
    };
    let Some(file) = word("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else { return Ok(None) };
    let role_arn = word("AWS_ROLE_ARN", "role_arn").ok_or_else(|| {
        Error::config("an identity token is configured without a role")
            .with_hint("Set AWS_ROLE_ARN, or role_arn in the profile")
    })?;
    let session_name = word("AWS_ROLE_SESSION_NAME", "role_session_name");
    let parameters = RoleParameters { role_arn, session_name, ..RoleParameters::default() };
    web_identity(workshop, &file, parameters).map(Some)
}

/// A role that is assumed with the token in `file`.
pub(super) fn web_identity(
    workshop: &mut Workshop<'_>,
    file: &str,
    parameters: RoleParameters,
) -> Result<Boxed> {
    let token_file = expand(file, workshop.environment);
    Ok(Box::new(WebIdentityRole { client: workshop.sts(None)?, token_file, parameters }))
}

/// `SSOProvider`: the settings of the session are added to those of the profile, which must not contradict them.
fn single_sign_on(workshop: &mut Workshop<'_>, name: &str, profile: &Section) -> Result<Option<Boxed>> {
    if value(profile, "sso_role_name").is_none() && value(profile, "sso_account_id").is_none() {
        return Ok(None);
    }
    let mut settings = profile.clone();
    let session = value(profile, "sso_session");
    if let Some(session) = session {
        let section = workshop.profiles.sso_session(session);
        let section = section.ok_or_else(|| {
            profile_error(name, &format!("names an sso-session `{session}` that does not exist"))
        })?;
        if section.iter().any(|(key, value)| profile.get(key).is_some_and(|own| own != value)) {
            return Err(profile_error(name, &format!("contradicts its sso-session `{session}`")));
        }
        settings.extend(section.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    let need = |key| {
        value(&settings, key)
            .ok_or_else(|| profile_error(name, &format!("uses IAM Identity Center without {key}")))
    };
    let (start_url, region) = (need("sso_start_url")?, need("sso_region")?);
    let (role, account) = (need("sso_role_name")?, need("sso_account_id")?);
    let portal = sso_address(workshop, PORTAL, &usual_address("portal.sso", region))?;
    let mut renewal = sso_address(workshop, OIDC, &usual_address("oidc", region))?;
    renewal.set_path("/token");
    let home = PathBuf::from(workshop.environment.get("HOME").unwrap_or_default());
    let tokens = TokenCache::new(&home, session.unwrap_or(start_url), session.map(|_| renewal));
    Ok(Some(Box::new(SingleSignOn::new(workshop.identity_client()?, portal, role, account, tokens))))
}

fn sso_address(workshop: &Workshop<'_>, service: ServiceNames, usual: &str) -> Result<Url> {
    let configured = endpoint(service, None, workshop.settings, workshop.profiles, workshop.environment)?;
    match configured {
        Some(url) => Ok(url),
        None => Url::parse(usual).map_err(|_| Error::config("sso_region is not the name of an AWS region")),
    }
}

/// `ProcessProvider`.
fn process(name: &str, line: &str) -> Result<Boxed> {
    let words = shell_words::split(line).ok().filter(|words| !words.is_empty());
    let words = words
        .ok_or_else(|| profile_error(name, "has a credential_process that cannot be split into words"))?;
    Ok(Box::new(CredentialProcess::new(words, name)))
}

/// `ContainerProvider`.
pub(super) fn container(workshop: &mut Workshop<'_>) -> Result<Option<Boxed>> {
    let Some(address) = container::address(workshop.environment).transpose()? else { return Ok(None) };
    let client = workshop.metadata_client(container::TIMEOUT, &address)?;
    Ok(Some(Box::new(Container::new(client, address, workshop.environment))))
}

/// `InstanceMetadataProvider`, the last in the chain. `expected` says that somebody asked for it by name.
pub(super) fn instance(workshop: &mut Workshop<'_>, expected: bool) -> Result<Boxed> {
    if instance::is_disabled(workshop.environment) {
        return Err(instance::none_found());
    }
    let address = instance::address(workshop.profiles, workshop.environment)?;
    let client = workshop.metadata_client(instance::timeout(workshop.profiles), &address)?;
    Ok(Box::new(Instance::new(client, address, expected)))
}
