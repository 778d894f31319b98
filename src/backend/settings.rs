//! The settings of a backend.

use std::sync::Arc;

use crate::backend::agent::AgentSettings;
use crate::backend::audit::AuditLog;
use crate::backend::bundle::{self, BundleNames};
use crate::backend::chain::{ChainSettings, FOREIGN, Routing};
use crate::backend::misses;
use crate::backend::on_error::{self, OnError};
use crate::backend::pattern::{self, Patterns};
use crate::backend::prefetch::{self, Prefetch};
use crate::backend::references::ReferenceSettings;
use crate::backend::telemetry::Metrics;
use crate::backend::write::WriteSettings;
use crate::layers::{Counters, LayerSettings};
use crate::store::StoreEntry;
use crate::store::convention::{Convention, Kind};
use crate::store::environment::Environment;
use crate::store::options::{OptionKind, OptionSpec, Options};

/// The options of all stores.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        pattern::option(Kind::Connection),
        OptionKind::Text,
        "Only connection ids that match this regular expression from their start are looked up.",
    ),
    OptionSpec::new(
        pattern::option(Kind::Variable),
        OptionKind::Text,
        "Only variable keys that match this regular expression from their start are looked up.",
    ),
    OptionSpec::new(
        pattern::option(Kind::Config),
        OptionKind::Text,
        "Only config values whose name matches this regular expression from its start are looked up.",
    ),
    OptionSpec::new(
        "on_error",
        OptionKind::Choice(on_error::WORDS),
        "What becomes of an error: as the official class does, raise, miss, deny (denied lookups stop \
        Airflow's search) or stop (every error does).",
    )
    .with_default(on_error::WORDS[0]),
    misses::OPTION,
    bundle::OPTION,
    prefetch::OPTION,
];

/// Plain data, valid in forked processes too. Debug shows no values of options.
#[derive(Debug)]
pub struct Settings {
    /// The store.
    pub entry: &'static StoreEntry,
    /// The checked options.
    pub options: Options,
    /// The identity-bearing environment when the backend was constructed.
    pub environment: Environment,
    /// Names and values according to the official class.
    pub convention: Arc<dyn Convention>,
    /// The lookup patterns.
    pub patterns: Patterns,
    /// What happens to errors.
    pub on_error: OnError,
    /// Whether each lookup that finds nothing is logged.
    pub log_misses: bool,
    /// The secrets that contain many others.
    pub bundles: BundleNames,
    /// What is read in advance.
    pub prefetch: Prefetch,
    /// Where each access is recorded, if anywhere.
    pub audit: Option<AuditLog>,
    /// Where lookups are reported.
    pub metrics: Metrics,
    /// Whether the agent of the host is asked.
    pub agent: AgentSettings,
    /// What values may refer to.
    pub references: ReferenceSettings,
    /// Whether and how secrets may be changed.
    pub writes: WriteSettings,
    /// Whether it is no member of a chain.
    pub is_alone: bool,
    /// As a member of a chain: the lookups that concern it.
    pub routing: Arc<Routing>,
    /// The members, if this is a chain.
    pub chain: Option<Arc<ChainSettings>>,
    /// Cache, limits, retries and timeouts.
    pub layers: LayerSettings,
}

impl Settings {
    /// Whether its secrets come from a class of another package.
    pub fn is_foreign(&self) -> bool {
        self.entry.info.name == FOREIGN.info.name
    }

    /// Where it is counted.
    pub fn counters(&self) -> &'static Counters {
        self.layers.account.counters(self.entry.info.name)
    }

    /// Whether `word` is the registry name of its store, or a word for it.
    pub fn is_called(&self, word: &str) -> bool {
        self.entry.info.name == word || self.entry.tools.words.contains(&word)
    }
}
