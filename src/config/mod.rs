//! From what the user wrote to what it means.
//!
//! [`RawOptions`] holds the words as they came (from Python's kwargs, or as text from the environment),
//! `read` checks them against the declarations of [`OptionSpec`], [`configure`] composes the typed whole.

#[cfg(feature = "cli")]
pub mod airflow;
mod duration;
mod forgive;
mod meant;
mod rate;
mod raw;
mod read;
mod settings;

pub use duration::parse_duration;
pub use raw::{RawOptions, RawValue};
pub use settings::{Configured, Kwargs, OPTIONS, configure, configure_from};

use crate::store::StoreEntry;
use crate::store::options::OptionSpec;

/// Every option that `entry` takes: its own, the backend's, the layers', and those of the configuration.
pub fn options_of(entry: &StoreEntry) -> impl Iterator<Item = &'static OptionSpec> + use<> {
    let own = [crate::layers::OPTIONS, OPTIONS].into_iter().flatten();
    entry.options.iter().chain(crate::backend::options()).chain(own)
}
