//! The options of Doppler, and what they mean.

use std::fmt;

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::PerKind;
use crate::store::environment::Environment;
use crate::store::kit::address::ENDPOINT;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, PrefixDefaults, SEPARATOR, VARIABLES_PREFIX};

use super::error::DOPPLER;

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

/// The address of the API.
pub(super) const ADDRESS: OptionSpec = ENDPOINT.with_default("https://api.doppler.com");

/// What comes before every name.
pub(super) const NAME_PREFIX: OptionSpec = OptionSpec::new(
    "secret_name_prefix",
    OptionKind::Text,
    "What comes before the name of every secret, of whatever kind, so that several installations can share a \
    config.",
);

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

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Of one config, whose secrets it sees without exception.
    Service,
    /// Of a service account, which sees every secret of the configs that it may read.
    Account,
    /// Of a person or the CLI: restricted secrets have no value for it.
    Person,
    /// Not known.
    Other,
}

impl TokenKind {
    /// By its first letters.
    pub(super) fn of(token: &str) -> Self {
        match token.get(..6) {
            Some("dp.st.") => Self::Service,
            Some("dp.sa.") => Self::Account,
            Some("dp.pt." | "dp.ct.") => Self::Person,
            _ => Self::Other,
        }
    }

    /// Whether a secret that this token is not shown is not there.
    pub(super) const fn sees_all(self) -> bool {
        matches!(self, Self::Service | Self::Account)
    }
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
    /// What is written, or in the environment. A token that belongs to no config has to be told both.
    pub(super) fn read(options: &Options, environment: &Environment) -> Result<Self> {
        let text = |key, variable| options.non_empty_or(key, environment, variable).map(str::to_owned);
        let (project, config) = (text("project", "DOPPLER_PROJECT"), text("config", "DOPPLER_CONFIG"));
        let is_known = project.is_some() && config.is_some();
        let kind = DOPPLER.token(options, environment).map(TokenKind::of);
        match kind {
            Some(TokenKind::Account | TokenKind::Person) if !is_known => {
                let what = "the token for Doppler is not a service token, so it belongs to no config";
                Err(Error::config(what).with_hint(
                    "Write `project` and `config`, or use a service token (it begins with `dp.st.`)",
                ))
            }
            _ => Ok(Self { project, config }),
        }
    }
}
