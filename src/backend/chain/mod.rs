//! Several stores in one backend, asked in order.
//!
//! A chain has [`Member`]s, each with settings and, once it is asked, a running backend of its own: cache,
//! queue, retries and naming are the member's, exactly as without a chain. What the chain adds is which
//! members a lookup concerns ([`Routing`]), in which order they are asked, what the error of one of them
//! means for the others, and one deadline for the whole.
//!
//! The chain caches nothing: an absence is kept by the member that reported it, so a repeated lookup costs
//! one look into the memory of each member until one has the value. It only keeps which members a lookup
//! concerns, so that a repeated lookup runs no regular expression.

mod ask;
mod elsewhere;
mod entry;
mod explained;
mod fate;
mod foreign;
mod memory;
mod plan;
mod routes;
mod routing;
mod running;
mod settings;
#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;

pub use elsewhere::{Elsewhere, Time, Turn};
pub use entry::{CHAIN, DEFAULT_OPTION, STORES_FILE_OPTION, STORES_OPTION, entry_of};
pub use explained::MemberSearch;
pub(crate) use foreign::{CLASS_OPTION, FOREIGN};
pub use foreign::{Caller, Class, Question, install_caller};
pub(super) use plan::{Leg, plan};
pub use routing::Routing;
pub(super) use running::Chain;
pub use settings::{ChainSettings, Member};
