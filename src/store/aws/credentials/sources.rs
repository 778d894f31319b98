//! From settings in options, profiles and environment to sources of credentials.
//!
//! Source: botocore/credentials.py (the providers, each named at its function).

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::aws::credentials::assume_role::AssumedRole;
use crate::store::aws::credentials::chain::environment_keys;
use crate::store::aws::credentials::process::Process;
use crate::store::aws::credentials::providers::{container, instance, single_sign_on};
use crate::store::aws::credentials::web_identity::WebIdentityRole;
use crate::store::aws::credentials::{CredentialCache, CredentialSource, StaticKeys, no_credentials};
use crate::store::aws::profile::Section;
use crate::store::aws::role::{RoleParameters, mfa_error};
use crate::store::aws::workshop::Workshop;
use crate::store::kit::files::expand;

/// A source of any kind.
pub(in crate::store::aws) type Boxed = Box<dyn CredentialSource>;

/// The source that a profile names, if any: a role, web identity (`with_environment` says whether the
/// environment may configure that), single sign-on, keys, a process; in this order.
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
    let profile = workshop.profiles.profile(name).unwrap_or_default();
    let has_role = profile.has("role_arn") && !profile.has("web_identity_token_file");
    // A profile may be its own source: then its keys are meant.
    if has_role && !visited.iter().any(|seen| seen == name) {
        return role(workshop, name, profile, visited).map(Some);
    }
    if let Some(source) = profile_web_identity(workshop, profile, with_environment)? {
        return Ok(Some(source));
    }
    if let Some(source) = single_sign_on(workshop, name, profile)? {
        return Ok(Some(source));
    }
    // As in botocore: keys of the credentials file, then credential_process, then keys of the config file.
    if let Some(keys) = workshop.profiles.in_credentials_file(name).map(keys).transpose()?.flatten() {
        return Ok(Some(Box::new(keys)));
    }
    if let Some(line) = profile.value("credential_process") {
        return Ok(Some(Box::new(Process::new(name, line))));
    }
    let keys = workshop.profiles.in_config_file(name).map(keys).transpose()?.flatten();
    Ok(keys.map(|keys| Box::new(keys) as Boxed))
}

/// `SharedCredentialProvider`, `ConfigProvider`.
fn keys(section: Section<'_>) -> Result<Option<StaticKeys>> {
    let Some(id) = section.value("aws_access_key_id") else { return Ok(None) };
    let secret = section.value("aws_secret_access_key").ok_or_else(|| {
        no_credentials("an AWS profile has aws_access_key_id without aws_secret_access_key")
            .with_hint("Add the secret")
    })?;
    // The older name first, as in botocore.
    let token = section.value("aws_security_token").or_else(|| section.value("aws_session_token"));
    Ok(Some(StaticKeys::new(id, secret, token, "a profile in the AWS files")))
}

/// `AssumeRoleProvider`.
fn role(
    workshop: &mut Workshop<'_>,
    name: &str,
    profile: Section<'_>,
    visited: &mut Vec<String>,
) -> Result<Boxed> {
    if profile.value("mfa_serial").is_some() {
        return Err(mfa_error(&format!("the AWS profile `{name}` (mfa_serial)")));
    }
    visited.push(name.to_owned());
    let base = match (profile.value("source_profile"), profile.value("credential_source")) {
        (Some(source), None) => source_profile(workshop, name, source, visited)?,
        (None, Some(source)) => credential_source(workshop, name, source)?,
        (Some(_), Some(_)) => {
            return Err(profile_error(name, "has both source_profile and credential_source"));
        }
        (None, None) => {
            return Err(profile_error(name, "has role_arn without source_profile or credential_source"));
        }
    };
    let text = |key| profile.value(key).map(str::to_owned);
    let parameters = RoleParameters {
        role_arn: text("role_arn").unwrap_or_default(),
        session_name: text("role_session_name"),
        external_id: text("external_id"),
        // botocore ignores a value that is not a number.
        duration_seconds: profile.value("duration_seconds").and_then(|seconds| seconds.parse().ok()),
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
    let has_keys = section.has("aws_access_key_id") || section.has("aws_secret_access_key");
    if visited.iter().any(|seen| seen == source) && !(source == name && has_keys) {
        return Err(profile_error(name, &format!("leads back to itself through source_profile `{source}`")));
    }
    if has_keys {
        // Keys of the source take precedence over a role in it, which only applies if that profile is
        // selected.
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

pub(super) fn profile_error(name: &str, what: &str) -> Error {
    Error::config(format!("the AWS profile `{}` {what}", Shown(name)))
        .with_hint("Correct the AWS config file")
}

/// A role to be assumed with `base`.
pub(super) fn assumed_role(
    workshop: &mut Workshop<'_>,
    base: Arc<CredentialCache>,
    parameters: RoleParameters,
) -> Result<Boxed> {
    let client = workshop.sts(Some(&base))?;
    Ok(Box::new(AssumedRole::new(base, client, parameters)))
}

/// `AssumeRoleWithWebIdentityProvider`: each setting from the environment, else from the profile.
fn profile_web_identity(
    workshop: &mut Workshop<'_>,
    profile: Section<'_>,
    with_environment: bool,
) -> Result<Option<Boxed>> {
    let environment = workshop.environment;
    let word = |variable, key| {
        let of_environment = if with_environment { environment.non_empty(variable) } else { None };
        of_environment.or_else(|| profile.value(key)).map(str::to_owned)
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

/// A role to be assumed with the token in `file`.
pub(super) fn web_identity(
    workshop: &mut Workshop<'_>,
    file: &str,
    parameters: RoleParameters,
) -> Result<Boxed> {
    let token_file = expand(file, workshop.environment);
    Ok(Box::new(WebIdentityRole { client: workshop.sts(None)?, token_file, parameters }))
}
