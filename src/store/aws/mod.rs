//! What the stores of AWS share: identity, region, endpoint, network and errors.
//!
//! | file | contents |
//! |---|---|
//! | `config.rs`, `role.rs`, `client_words.rs`, `words.rs` | the options and the typed settings they become |
//! | `profile.rs` | `~/.aws/config` and `~/.aws/credentials` |
//! | `region.rs`, `endpoint.rs`, `trust.rs` | where the service is, and which certificates are trusted |
//! | `credentials/` | the identity |
//! | `access.rs`, `workshop.rs`, `sdk.rs`, `http_client.rs` | assembling what a client is built from |
//! | `store.rs`, `batches.rs`, `calls.rs` | the store around each service: one secret, several, and failures |
//! | `aliases.rs` | what more than one store does with values |
//! | `identity.rs` | the identity, for other stores |
//! | `checks.rs`, `key_age.rs`, `policy.rs` | what the command line reports about a configuration, and the policies it prints |
//! | `error.rs` | what went wrong |
//!
//! Everything follows boto3 and the Amazon provider, so that an operator who changes the class path keeps the
//! same identity in the same region. The AWS SDK for Rust parses the files and talks to the places that have
//! credentials; where it differs (order of credentials, `AWS_REGION`, CA bundles), its own readers are not
//! used.

mod access;
mod aliases;
mod batches;
mod caller;
mod calls;
mod checks;
mod client_words;
mod codes;
mod config;
mod credentials;
mod endpoint;
mod error;
mod http_client;
#[cfg(feature = "vault")]
mod identity;
mod key_age;
mod policy;
mod profile;
mod query;
mod region;
mod role;
mod sdk;
#[cfg(feature = "aws-secrets-manager")]
pub mod secrets_manager;
mod store;
#[cfg(feature = "aws-ssm")]
pub mod systems_manager;
#[cfg(test)]
mod testing;
mod trust;
mod words;
mod workshop;
mod write;

use self::access::{Service, attempts};
use self::config::plays_no_part;
#[cfg(feature = "vault")]
pub(in crate::store) use self::identity::AwsIdentity;

/// The environment variables that the stores of AWS read besides those that all stores share.
pub(super) const VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_EC2_METADATA_V1_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SSM",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
    "AWS_METADATA_SERVICE_TIMEOUT",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];
