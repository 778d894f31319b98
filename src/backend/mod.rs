//! From Airflow's terms to the store's, and back.
//!
//! A [`Lookup`](crate::store::convention::Lookup) is *planned* first (is this kind on, is the id ambiguous,
//! does it match the pattern, which names are asked in which order), then *asked*, and its outcome *settled*
//! by the error policy. A remembered answer skips all of it.
//!
//! Callers pass kind, id and team, and get a [`Reply`], or the reason why the store is not asked
//! ([`Skipped`]). The names of secrets in the store are decided here: a [`Route`] is passed on and shown
//! elsewhere, but never created there. Planning is a step of its own since it may ask Python for `[core]
//! multi_team`, while asking must not.

mod agent;
pub mod audit;
mod bundle;
pub mod chain;
pub mod closing;
mod guests;
mod inspect;
mod lookup;
#[cfg(test)]
#[cfg(feature = "memory")]
mod lookup_tests;
mod memo;
pub mod misses;
mod on_error;
pub mod path;
mod pattern;
mod plan;
mod prefetch;
mod prefixes;
#[cfg(test)]
#[cfg(feature = "memory")]
mod promise_tests;
mod references;
mod reply;
mod settings;
mod settle;
mod stack;
pub mod telemetry;
mod walk;
mod warnings;
mod write;

use crate::store::options::OptionSpec;

pub use agent::{AgentMode, AgentSettings};
pub use bundle::BundleNames;
pub use guests::{AgentGroup, EveryTeam};
pub use inspect::Listed;
pub use lookup::Backend;
#[cfg(feature = "agent")]
pub(crate) use memo::{Memo, Remembered};
pub use on_error::{Failure, OnError};
pub use pattern::Patterns;
pub use plan::{Plan, Route, Skipped, plan, plan_odd};
pub use prefetch::Prefetch;
pub use references::{Reference, ReferenceSettings, find_references, is_reference, with_whole_password};
pub use reply::{Answered, AskedName, Explained, Held, Known, Referred, Reply};
pub use settings::Settings;
pub use settle::{settle, settle_asked};
pub use warnings::Warnings;
pub use write::{Change, Changed, Wish, WriteSettings};

/// Every option of the backend itself, the same for all stores.
pub fn options() -> impl Iterator<Item = &'static OptionSpec> {
    settings::OPTIONS
        .iter()
        .chain(agent::OPTIONS)
        .chain(audit::OPTIONS)
        .chain(telemetry::OPTIONS)
        .chain(references::OPTIONS)
        .chain(path::OPTIONS)
        .chain(write::OPTIONS)
}
