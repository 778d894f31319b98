//! Values that refer to other secrets: `secret_coordinate::MEMBER:NAME#KEY`.
//!
//! | file | contents |
//! |---|---|
//! | `parse.rs` | the text of a reference |
//! | `places.rs` | where references are in a value: JSON, URIs, the whole |
//! | `settings.rs`, `plain.rs`, `teams.rs` | what may be referred to, what must be, and by which team |
//! | `members.rs` | the stores that a reference can lead to |
//! | `resolve.rs`, `select.rs` | reading what is referred to, once each, within the lookup |
//! | `led.rs` | what a refresh of an id has to reach |
//! | `refusal.rs` | the errors |
//!
//! A value knows from the moment of its read whether it may hold a reference (`SecretValue::may_refer`), so
//! lookups of other values pay nothing. A resolved value is remembered no longer than its parts.

mod led;
mod members;
mod parse;
mod places;
mod plain;
mod refusal;
mod resolve;
mod select;
mod settings;
mod teams;
#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;

pub(super) use led::{Led, Target};
pub use parse::{Reference, is_reference};
pub use places::{find_references, with_whole_password};
pub(super) use plain::refuse_plain;
pub(super) use settings::OPTIONS;
pub use settings::ReferenceSettings;
