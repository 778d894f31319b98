//! What stores share, written once.
//!
//! | file | contents |
//! |---|---|
//! | `token.rs` | holding what a login hands out: renewed before its end, replaced when it is refused |

#[cfg(feature = "http")]
pub(in crate::store) mod token;
