//! Places where secrets live: one folder per store, the same file names in each.
//!
//! | file | contents |
//! |---|---|
//! | `mod.rs` | the [`Store`] itself, what it offers to [`Inspect`], and its [`StoreEntry`] |
//! | `config.rs` | its options and the typed settings they become |
//! | `convention.rs` | how the official Airflow class names and reads secrets here |
//! | `error.rs` | from the SDK's errors to [`crate::error::Error`] |
//!
//! To add a store, see `CONTRIBUTING.md`.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "azure")]
pub mod azure;
#[cfg(feature = "beyondtrust")]
pub mod beyondtrust;
mod contract;
pub mod convention;
#[cfg(feature = "delinea")]
pub mod delinea;
mod description;
#[cfg(feature = "doppler")]
pub mod doppler;
mod entry;
pub mod environment;
#[cfg(feature = "google")]
pub mod google;
pub mod kit;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
mod listing;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "mounted-files")]
pub mod mounted;
mod name;
mod one_by_one;
#[cfg(feature = "onepassword")]
pub mod onepassword;
pub mod options;
pub mod pattern;
mod per_kind;
pub mod prefix;
mod python_regex;
pub mod registry;
pub mod tags;
pub mod tools;
#[cfg(feature = "vault")]
pub mod vault;
mod write;

pub use crate::store::contract::{Inspect, Store, StoreInfo};
pub use crate::store::description::{Description, ENABLED};
pub use crate::store::entry::{OptionRules, StoreEntry};
pub use crate::store::listing::{Listing, Page};
pub use crate::store::name::SecretName;
pub(crate) use crate::store::name::short_key;
pub use crate::store::one_by_one::one_by_one;
pub use crate::store::per_kind::PerKind;
pub use crate::store::write::{Accepts, Current, Expect, NewSecret, Removal, State, Write, same_contents};
