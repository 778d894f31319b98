//! Which source of credentials applies, in boto3's order.
//!
//! Sources: boto3/session.py (keys and profile in the call), botocore/credentials.py
//! (`create_credential_resolver`), `BaseSessionFactory` of the Amazon provider (roles).

use secrecy::ExposeSecret;

use crate::error::{Error, Result};
use crate::store::aws::credentials::providers;
use crate::store::aws::credentials::sources::{self, Boxed};
use crate::store::aws::credentials::{CredentialCache, StaticKeys, no_credentials};
use crate::store::aws::role::{RoleMethod, RoleSettings};
use crate::store::aws::workshop::Workshop;
use crate::store::environment::Environment;

/// The source that applies: the role of the options, or the one that applies without a role.
///
/// Options, environment and files alone decide which one it is; nothing is asked over the network here.
pub(in crate::store::aws) fn credential_source(workshop: &mut Workshop<'_>) -> Result<Boxed> {
    match workshop.settings.role.clone() {
        None => without_role(workshop),
        Some(RoleSettings { method: RoleMethod::Credentials, parameters }) => {
            let base = CredentialCache::new(without_role(workshop)?);
            sources::assumed_role(workshop, base, parameters)
        }
        Some(RoleSettings { method: RoleMethod::WebIdentity(file), parameters }) => {
            let file = file
                .or_else(|| workshop.environment.non_empty("AWS_WEB_IDENTITY_TOKEN_FILE").map(str::to_owned));
            let file = file.ok_or_else(|| {
                Error::config("`assume_role_with_web_identity` has no token file").with_hint(
                    "Set `assume_role_with_web_identity_token_file` in backend_kwargs, or \
                    AWS_WEB_IDENTITY_TOKEN_FILE",
                )
            })?;
            sources::web_identity(workshop, &file, parameters)
        }
    }
}

/// Keys of the options, else boto3's chain. A profile that is named in the options disables the keys of the
/// environment; one that is named in the environment does not.
fn without_role(workshop: &mut Workshop<'_>) -> Result<Boxed> {
    if let Some(keys) = written_keys(workshop)? {
        return Ok(Box::new(keys));
    }
    // An explicit profile takes precedence over keys in the environment, as in botocore.
    let profile_is_explicit = workshop.settings.profile.is_some();
    if !profile_is_explicit && let Some(keys) = environment_keys(workshop.environment)? {
        return Ok(Box::new(keys));
    }
    let profile = workshop.profiles.selected().to_owned();
    if let Some(source) = sources::of_profile(workshop, &profile, !profile_is_explicit)? {
        return Ok(source);
    }
    if let Some(source) = providers::container(workshop)? {
        return Ok(source);
    }
    providers::instance(workshop, false)
}

fn written_keys(workshop: &Workshop<'_>) -> Result<Option<StaticKeys>> {
    let keys = &workshop.settings.keys;
    let secret = keys.secret_access_key.as_ref().map(ExposeSecret::expose_secret);
    let token = keys.session_token.as_ref().map(ExposeSecret::expose_secret);
    match (keys.access_key_id.as_deref(), secret, token) {
        (None, None, None) => Ok(None),
        (Some(id), Some(secret), token) => Ok(Some(StaticKeys::new(id, secret, token, "backend_kwargs"))),
        _ => Err(Error::config("`aws_access_key_id` and `aws_secret_access_key` are not both there")
            .with_hint(
                "Set both in backend_kwargs, or neither, so that the environment or a profile is used",
            )),
    }
}

/// The older name of the token takes precedence, as in botocore.
pub(super) fn environment_keys(environment: &Environment) -> Result<Option<StaticKeys>> {
    let Some(id) = environment.non_empty("AWS_ACCESS_KEY_ID") else { return Ok(None) };
    let secret = environment.non_empty("AWS_SECRET_ACCESS_KEY").ok_or_else(|| {
        no_credentials("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY")
            .with_hint("Set both, or neither")
    })?;
    // The older name first, as in botocore's `EnvProvider`.
    let token =
        environment.non_empty("AWS_SECURITY_TOKEN").or_else(|| environment.non_empty("AWS_SESSION_TOKEN"));
    Ok(Some(StaticKeys::new(id, secret, token, "the environment")))
}
