//! The options of Doppler, and what they mean.

use crate::error::{Error, Result};
use crate::store::environment::Environment;
use crate::store::kit::address::ENDPOINT;
use crate::store::kit::place::Place;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{
    CONFIG_PREFIX, CONNECTIONS_PREFIX, NAME_PREFIX, PrefixDefaults, SEPARATOR, VARIABLES_PREFIX,
};

use super::error::DOPPLER;

/// The environment variables that this store reads besides those that all stores share: those of Doppler's
/// CLI.
pub(super) const VARIABLES: &[&str] = &["DOPPLER_CONFIG", "DOPPLER_PROJECT", "DOPPLER_TOKEN"];

/// Airflow's usual prefixes, in the letters that Doppler has.
pub(super) const DEFAULTS: PrefixDefaults =
    PrefixDefaults::new(["AIRFLOW_CONNECTIONS", "AIRFLOW_VARIABLES", "AIRFLOW_CONFIG"], "_");

/// The address of the API.
pub(super) const ADDRESS: OptionSpec = ENDPOINT.with_default("https://api.doppler.com");

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "token",
        OptionKind::Secret,
        "A token of Doppler, best a service token that may read; else DOPPLER_TOKEN.",
    ),
    OptionSpec::new(
        "project",
        OptionKind::Text,
        "The project; else DOPPLER_PROJECT, else that of a service token.",
    ),
    OptionSpec::new(
        "config",
        OptionKind::Text,
        "The config with the secrets; else DOPPLER_CONFIG, else that of a service token.",
    ),
    CONNECTIONS_PREFIX.with_default(DEFAULTS.prefixes.connections),
    VARIABLES_PREFIX.with_default(DEFAULTS.prefixes.variables),
    CONFIG_PREFIX.with_default(DEFAULTS.prefixes.config),
    SEPARATOR.with_default(DEFAULTS.separator),
    NAME_PREFIX,
    ADDRESS,
    VERIFY,
    CA_BUNDLE,
];

/// Whether a secret that this token is not shown is not there: restricted ones have no value for people.
pub(super) fn shows_all(token: &str) -> bool {
    ["dp.st.", "dp.sa."].iter().any(|beginning| token.starts_with(beginning))
}

/// Where the secrets are. A service token knows it by itself, a token that belongs to no config does not.
pub(super) fn place(options: &Options, environment: &Environment) -> Result<Place> {
    let containers = [("project", "DOPPLER_PROJECT"), ("config", "DOPPLER_CONFIG")];
    let place = Place::read(&containers, options, environment);
    // Of service accounts, of people and of the CLI.
    let is_wide = |token: &str| ["dp.sa.", "dp.pt.", "dp.ct."].iter().any(|kind| token.starts_with(kind));
    if !place.is_whole() && DOPPLER.token(options, environment).is_some_and(is_wide) {
        let what = "the token for Doppler is not a service token, so it belongs to no config";
        let hint = "Write `project` and `config`, or use a service token (it begins with `dp.st.`)";
        return Err(Error::config(what).with_hint(hint));
    }
    Ok(place)
}
