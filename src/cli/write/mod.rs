//! `strongroom set`, `delete` and `restore`: changes of secrets.
//!
//! | file | contents |
//! |---|---|
//! | `set.rs`, `remove.rs` | the commands |
//! | `target.rs` | the store that is changed, and what is asked before that |
//! | `input.rs`, `contents.rs` | the value: where it comes from, and how the store gets it |
//! | `shown.rs` | what was done |
//!
//! A value is never a word of a command line, which every user of the machine can read.

mod contents;
mod input;
mod remove;
mod set;
mod shown;
mod target;

pub(super) use remove::{DeleteArguments, RestoreArguments, delete, restore};
pub(super) use set::{SetArguments, set};
