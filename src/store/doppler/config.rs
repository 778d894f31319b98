//! The options of Doppler, and what they mean.

use std::fmt;

use http::HeaderValue;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::PerKind;
use crate::store::environment::Environment;
use crate::store::kit::address::{ENDPOINT, checked};
use crate::store::kit::rest::bearer;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, PrefixDefaults, SEPARATOR, VARIABLES_PREFIX};
use crate::store::tools::{Finding, Severity};

/// The environment variables that this store reads besides those that all stores share: those of Doppler's
/// CLI.
pub(super) const VARIABLES: &[&str] = &["DOPPLER_CONFIG", "DOPPLER_PROJECT", "DOPPLER_TOKEN"];

/// Airflow's usual prefixes, in the letters that Doppler has.
pub(super) const DEFAULTS: PrefixDefaults = PrefixDefaults {
    prefixes: PerKind {
        connections: "AIRFLOW_CONNECTIONS",
        variables: "AIRFLOW_VARIABLES",
        config: "AIRFLOW_CONFIG",
    },
    separator: "_",
};

const ADDRESS: OptionSpec = ENDPOINT.with_default("https://api.doppler.com");

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
    ADDRESS,
    VERIFY,
    CA_BUNDLE,
];

/// The address of the API. No I/O: constructors ask for it, too.
pub(super) fn address(options: &Options) -> Result<Url> {
    checked(options.text_of(&ADDRESS), ADDRESS.key)
}

/// What requests are sent with.
pub(super) fn authorization(options: &Options, environment: &Environment) -> Result<HeaderValue> {
    let error =
        |what| Error::new(ErrorKind::Unauthenticated, what).with_hint("Write `token` or set DOPPLER_TOKEN");
    let token = options.non_empty_or("token", environment, "DOPPLER_TOKEN");
    let token = token.ok_or_else(|| error("there is no token for Doppler"))?;
    bearer(token.trim()).ok_or_else(|| error("the token for Doppler has characters that no token can have"))
}

/// The beginnings of tokens that belong to no config: of service accounts, of persons, of the CLI.
const WIDE: [&str; 3] = ["dp.sa.", "dp.pt.", "dp.ct."];

/// What is wrong with a token that does not say where the secrets are, where the options do not either.
pub(super) fn without_place(options: &Options, environment: &Environment) -> Option<Finding> {
    let token = options.non_empty_or("token", environment, "DOPPLER_TOKEN")?.trim();
    let place = Place::read(options, environment);
    let is_known = place.project.is_some() && place.config.is_some();
    let is_wide = WIDE.iter().any(|beginning| token.starts_with(beginning));
    (is_wide && !is_known).then(|| {
        Finding::new(
            Severity::Problem,
            "config",
            "the token is not a service token, so it belongs to no config",
            "Write `project` and `config`, or use a service token (it begins with `dp.st.`)",
        )
    })
}

/// Where the secrets are; a service token knows it by itself.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The project.
    pub(super) project: Option<String>,
    /// The config.
    pub(super) config: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.config {
            Some(config) => write!(formatter, "config `{}`", Shown(config))?,
            None => formatter.write_str("the token's own config")?,
        }
        self.project.as_ref().map_or(Ok(()), |project| write!(formatter, " of project `{}`", Shown(project)))
    }
}

impl Place {
    /// What is written, or in the environment.
    pub(super) fn read(options: &Options, environment: &Environment) -> Self {
        let text = |key, variable| options.non_empty_or(key, environment, variable).map(str::to_owned);
        Self { project: text("project", "DOPPLER_PROJECT"), config: text("config", "DOPPLER_CONFIG") }
    }
}
