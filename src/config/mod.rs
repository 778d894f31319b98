//! From what the user wrote to its meaning.
//!
//! [`RawOptions`] holds the values as they were passed (from Python's kwargs, or as text from the
//! environment), `read` checks them against the declarations of [`OptionSpec`], and [`configure`] composes
//! the typed result.

#[cfg(feature = "cli")]
pub mod airflow;
mod chain;
mod duration;
mod forgive;
pub mod import;
mod meant;
mod member;
mod rate;
mod raw;
mod read;
mod references;
mod settings;
mod spelling;
mod stores_file;
mod tool;

pub use duration::parse_duration;
pub use raw::{RawOptions, RawValue};
#[cfg(all(test, feature = "memory"))]
pub(crate) use settings::configure_part;
pub use settings::{Configured, Kwargs, OPTIONS, configure, configure_from};
pub use spelling::option_of;
pub use stores_file::{StoresFile, with_stores_file, with_stores_text};

use crate::layers::ASKED_EACH_TIME;
use crate::store::StoreEntry;
use crate::store::options::OptionSpec;

/// Every option that `entry` accepts: its own, and those of the backend, the layers and the configuration.
pub fn options_of(entry: &StoreEntry) -> impl Iterator<Item = &'static OptionSpec> + use<> {
    let own = [crate::layers::OPTIONS, OPTIONS].into_iter().flatten();
    let keeps_values = entry.rules.keeps_values;
    let of_entry = move |spec: &'static OptionSpec| {
        if keeps_values || spec.key != ASKED_EACH_TIME.key { spec } else { &ASKED_EACH_TIME }
    };
    entry.options.iter().chain(crate::backend::options()).chain(own).map(of_entry)
}
