//! The answers of the cache.

use crate::error::Error;
use crate::process::Timestamp;
use crate::value::SecretValue;

/// An answer of the cache.
#[derive(Clone, Debug)]
pub struct Cached {
    /// The secret, or `None` if it is absent.
    pub value: Option<SecretValue>,
    /// Where the answer comes from.
    pub origin: Origin,
    /// When the store gave it.
    pub fetched: Timestamp,
    /// From this moment the cache has to be asked again.
    pub ask_again: Timestamp,
}

/// Where an answer comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The store was read for it, by this caller or by one that shared the read.
    Store,
    /// Memory, within its time to live.
    Memory,
    /// Memory, after its time to live, since the store does not answer: with the error of the last attempt.
    Stale(Error),
}
