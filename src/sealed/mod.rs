//! Values that only the holder of a key can read: for stores whose server must not know them.
//!
//! The format is described in `docs/sealed-values.md`, with test vectors, so that others can read and write
//! it. A record is bound to its kind, its name and its version: one that was changed, cut or moved to another
//! name is an error, never another value and never absence.
//!
//! | file | contents |
//! |---|---|
//! | `key.rs` | [`Keys`]: one that seals, and those that open; [`new_key_text`] |
//! | `record.rs` | [`Record`]: what a store keeps |
//! | `envelope.rs` | [`Keys::seal`] and [`Keys::open`] |
//!
//! Where the texts of keys come from is `store/kit/sealing.rs`.

mod envelope;
mod key;
mod record;

pub use self::envelope::Place;
pub use self::key::{Key, Keys, SHORTEST_KEY, is_key_id, new_key_text};
pub use self::record::Record;

/// The version of the format that is written; no other one is known yet.
pub const FORMAT: i64 = 1;
