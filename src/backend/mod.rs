//! From Airflow's words to the store's, and back.
//!
//! A [`Lookup`](crate::store::convention::Lookup) is *planned* first (is this kind on, is the id ambiguous,
//! does it match the pattern, which names are asked in which order), then *asked*, and its outcome *settled*
//! by the error policy. A remembered answer skips all of it.

pub mod audit;
mod bundle;
mod inspect;
mod lookup;
mod memo;
pub mod misses;
mod on_error;
mod pattern;
mod plan;
mod prefetch;
#[cfg(test)]
#[cfg(feature = "memory")]
mod promise_tests;
mod reply;
mod settings;
mod settle;
pub mod telemetry;
mod warnings;

use crate::store::options::OptionSpec;

pub use bundle::BundleNames;
pub use lookup::Backend;
pub use on_error::{Failure, OnError};
pub use pattern::Patterns;
pub use plan::{Fault, Plan, Refusal, plan, plan_odd};
pub use prefetch::Prefetch;
pub use reply::{Explained, Held, Reply, Step};
pub use settings::Settings;
pub use settle::settle;
pub use warnings::Warnings;

/// Every option of the backend itself, the same for every store.
pub fn options() -> impl Iterator<Item = &'static OptionSpec> {
    settings::OPTIONS.iter().chain(audit::OPTIONS).chain(telemetry::OPTIONS)
}
