//! What belongs to the operating-system process: forks, the runtime, deadlines, the clock, other programs.
//!
//! Airflow forks between scheduler and task, often twice, from processes with live threads. Whatever is alive
//! (runtime, clients, credentials, caches) therefore belongs to one *generation* of the process: a child
//! abandons what it inherited, without running a destructor or taking a lock, and builds its own.
//!
//! This is the only folder with `unsafe`.

mod clock;
mod deadline;
mod driver;
#[cfg(feature = "agent")]
mod foreign;
mod fork;
#[cfg(feature = "programs")]
mod kept;
#[cfg(feature = "agent")]
mod memory;
#[cfg(feature = "cli")]
mod orphan;
mod outside;
#[cfg(feature = "programs")]
mod program;
mod random;
mod runtime;
mod spare;
mod terminal;
mod thread;
mod user;

pub use clock::{Clock, Timestamp};
pub use deadline::Deadline;
pub use driver::{Driver, Interest, Shift};
#[cfg(feature = "agent")]
pub use foreign::{Peer, forget_parent, passed_listener, peer, peer_user};
pub use fork::{
    ForkCell, Generation, NoFork, OncePerProcess, between_forks, generation, install_fork_handlers, no_fork,
};
#[cfg(feature = "agent")]
pub use memory::{Lockable, hide_memory, protect_memory};
#[cfg(feature = "cli")]
pub use orphan::orphans_are_reaped;
pub use outside::{is_outside, outside};
#[cfg(feature = "programs")]
pub use program::{Outcome, Program, may_pass};
pub use random::{full_jitter, seed_jitter};
pub use runtime::Runtime;
pub use spare::Spare;
#[cfg(feature = "cli")]
pub use terminal::Hidden;
pub use terminal::terminal_width;
pub use thread::{ThreadNumber, is_main_thread, thread_number, until_gone};
pub use user::effective_user;
