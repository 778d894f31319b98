//! From Airflow's words to the store's, and back.
//!
//! A [`Lookup`](crate::store::convention::Lookup) is *planned* first (is this kind on, is the id ambiguous,
//! does it match the pattern, which names are asked in which order), then *asked*, and its outcome *settled*
//! by the error policy. A remembered answer skips all of it.

pub mod audit;
mod lookup;
mod memo;
mod on_error;
mod pattern;
mod plan;
mod python_regex;
mod settings;
pub mod telemetry;
mod warnings;

pub use lookup::{Backend, settle};
pub use memo::Answer;
pub use on_error::{Failure, OnError};
pub use pattern::Patterns;
pub use plan::{Plan, plan};
pub use settings::{OPTIONS, Settings};
pub use warnings::Warnings;
