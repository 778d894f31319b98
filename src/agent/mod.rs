//! One process that reads secrets for all others of a host.
//!
//! Airflow's work is made of short processes, so a cache in a process answers few lookups. The agent holds
//! the store, its logins and the cache; the other processes ask it through a Unix socket and build none of
//! these.
//!
//! | file | contents |
//! |---|---|
//! | `place.rs` | the folder of the sockets, and the name of the socket of a configuration |
//! | `pod.rs` | whether only the containers of this pod can reach a socket |
//! | `wire.rs` | requests and replies, and their frames |
//! | `failure.rs` | errors on the wire |
//! | `incoming.rs` | messages as they arrive |
//! | `client.rs`, `connection.rs` | asking the agent, without a runtime, and leaving it alone when it does not answer |
//! | `remote.rs` | a backend whose store is asked by the agent |
//! | `members.rs` | a chain whose stores are asked by the agent, one after the other |
//! | `limits.rs` | how many clients it serves, and how long it stays without one |
//! | `caller.rs` | who asks an agent, and what that process may ask for |
//! | `serve.rs` | the agent: its place, its socket and its clients |
//! | `work.rs`, `ahead.rs` | answering, and refreshing what is in use before it expires |
//! | `others.rs` | at most so many agents of a user |
//! | `start.rs` | starting an agent from a process that has met none |
//!
//! The wire carries the kind, the id and the team of a lookup. Prefixes, patterns and the rules of teams are
//! applied by the agent, which cannot be asked for the name of a secret in the store.

mod ahead;
mod caller;
mod client;
mod connection;
mod failure;
mod incoming;
mod limits;
mod members;
mod others;
mod place;
mod pod;
mod remote;
mod serve;
mod start;
#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;
mod waiting;
mod wire;
mod work;

pub use client::{Asked, Client};
pub use limits::Limits;
pub use members::Members;
pub use others::make_room;
pub use place::Place;
pub use pod::check_volume;
pub use remote::{Reached, Remote};
pub use serve::{Agent, is_taken};
pub use start::{Order, Program, run_part, start};
pub use wire::Status;
pub use work::{Inquiry, Work};
