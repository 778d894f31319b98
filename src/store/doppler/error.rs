//! What Doppler's statuses mean. Its words are not shown, since they may hold what was sent.

use crate::error::{Error, ErrorKind};
use crate::store::kit::service::Dialect;
use crate::store::kit::vendor::Vendor;
use crate::value::json::Value;

use super::config::ADDRESS;

/// The service in its own words. It says 400 to a token of another config.
pub(super) const DOPPLER: Dialect = Dialect {
    vendor: Vendor {
        name: "Doppler",
        inside: "Doppler",
        server: "Doppler",
        rejects: "Doppler does not accept the token",
        address: ADDRESS.key,
    },
    address: ADDRESS,
    address_variable: None,
    token: ("token", "DOPPLER_TOKEN"),
    is_own: |body| body.get("success").and_then(Value::as_bool) == Some(false),
    kinds: &[(400, ErrorKind::Denied), (404, ErrorKind::Config)],
    hints: &[
        (ErrorKind::Denied, "Correct `project` and `config`, or make a token that may read there"),
        (ErrorKind::Config, "Correct `project` and `config`, or make a token that may read there"),
        (ErrorKind::Unauthenticated, "Check `token` or DOPPLER_TOKEN: it may be revoked or expired"),
        (ErrorKind::Unreachable, "Try again later; https://www.dopplerstatus.com has Doppler's outages"),
    ],
};

/// A secret that only services may see.
pub(super) fn restricted(subject: &str) -> Error {
    let what = format!("{subject} was denied: the secret is restricted, and the token is a person's");
    Error::new(ErrorKind::Denied, what)
        .with_hint("Read with a service token, or change the visibility of the secret to masked")
}
