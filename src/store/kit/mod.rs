//! What stores share, written once.
//!
//! | file | contents |
//! |---|---|
//! | `token.rs` | holding what a login hands out: renewed before its end, replaced when it is refused |

// A store alone needs a part of it only; nothing is unused where all stores are built.
#[cfg(feature = "http")]
#[cfg_attr(
    not(all(feature = "aws", feature = "azure", feature = "google", feature = "vault")),
    allow(dead_code)
)]
pub(in crate::store) mod token;
