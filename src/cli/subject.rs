//! The subject of a command: a connection, a variable or a config value, and how it is looked up.

use crate::backend::{AskedName, Explained, Plan, Route, plan};
use crate::cli::setup::{Client, Setup};
use crate::config::airflow::AirflowConfig;
use crate::error::{Error, Result};
use crate::store::convention::{Kind, Lookup};
use crate::value::SecretValue;

/// The word for a kind on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum KindWord {
    /// A connection, by its connection id.
    #[value(alias = "connections")]
    Connection,
    /// A variable, by its key.
    #[value(alias = "variables")]
    Variable,
    /// A config value, by the text of its `_secret` option.
    Config,
}

impl From<KindWord> for Kind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Connection => Self::Connection,
            KindWord::Variable => Self::Variable,
            KindWord::Config => Self::Config,
        }
    }
}

/// One secret, as Airflow names it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Subject {
    /// The kind of the secret.
    #[arg(value_name = "KIND")]
    kind: KindWord,
    /// Airflow's name of it: a connection id, a variable's key, or the text of a `_secret` option.
    #[arg(value_name = "ID")]
    id: String,
    /// The team that asks, where Airflow runs with `[core] multi_team`; without it, no team.
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
}

impl Subject {
    /// Airflow's lookup. Config values have no team.
    pub(super) fn lookup(&self) -> Lookup<'_> {
        let kind = Kind::from(self.kind);
        let team = self.team.as_deref().filter(|_| kind != Kind::Config);
        Lookup { kind, id: &self.id, team }
    }

    /// The subject of a lookup without a team.
    #[cfg(test)]
    pub(super) fn of(lookup: Lookup<'_>) -> Self {
        let kind = match lookup.kind {
            Kind::Connection => KindWord::Connection,
            Kind::Variable => KindWord::Variable,
            Kind::Config => KindWord::Config,
        };
        Self { kind, id: lookup.id.to_owned(), team: None }
    }
}

/// The outcome of a lookup.
#[derive(Debug)]
pub(super) enum LookedUp {
    /// The store was not asked; the text is the reason.
    NotAsked(String),
    /// The store was not asked because of an error: no secret can have the name, or the lookup pattern is
    /// invalid.
    Refused(Error),
    /// The store was asked.
    Asked(Explained),
}

impl LookedUp {
    /// What was asked for.
    pub(super) fn steps(&self) -> &[AskedName] {
        if let Self::Asked(explained) = self { &explained.steps } else { &[] }
    }

    /// The secret, `None` if there is none.
    pub(super) fn value(&self) -> Option<&SecretValue> {
        match self {
            Self::Asked(Explained { outcome: Ok(reply), .. }) => reply.value.as_ref(),
            _ => None,
        }
    }

    /// The error, even if Airflow is answered None.
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            Self::Asked(explained) => explained.error.as_ref(),
            Self::Refused(error) => Some(error),
            Self::NotAsked(_) => None,
        }
    }
}

/// Why a store is not asked.
#[derive(Debug)]
pub(super) enum Unasked {
    /// As configured: switched off, excluded by a pattern, or ambiguous.
    Meant(String),
    /// An error of the id or of the configuration.
    Wrong(Error),
}

impl Unasked {
    /// For commands that make no lookup: an error in either case.
    pub(super) fn into_error(self, setup: &Setup) -> Error {
        match self {
            Self::Meant(reason) => Error::config(reason),
            Self::Wrong(error) => error.with_store(setup.entry.info.name),
        }
    }
}

impl From<Unasked> for LookedUp {
    fn from(unasked: Unasked) -> Self {
        match unasked {
            Unasked::Meant(reason) => Self::NotAsked(reason),
            Unasked::Wrong(error) => Self::Refused(error),
        }
    }
}

/// The names that the lookup would ask for.
pub(super) fn route(setup: &Setup, airflow: &AirflowConfig, lookup: Lookup<'_>) -> Result<Route, Unasked> {
    match plan(&setup.settings, lookup, || airflow.multi_team()) {
        Ok(Plan::Ask(route)) => Ok(route),
        Ok(Plan::Skip(skipped)) => {
            let meant = || Unasked::Meant(skipped.reason(lookup.kind));
            Err(skipped.as_error(lookup.id).map_or_else(meant, Unasked::Wrong))
        }
        Err(error) => Err(Unasked::Wrong(error)),
    }
}

/// Makes one lookup as Airflow would; returns what it would log as well.
pub(super) fn look_up(
    setup: &Setup,
    client: &Client,
    airflow: &AirflowConfig,
    lookup: Lookup<'_>,
) -> Result<(LookedUp, Vec<String>)> {
    match route(setup, airflow, lookup) {
        Err(unasked) => Ok((unasked.into(), Vec::new())),
        Ok(route) => {
            let (explained, heard) = client.run(client.backend.explain(lookup, &route))?;
            Ok((LookedUp::Asked(explained), heard))
        }
    }
}
