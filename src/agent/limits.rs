//! The bounds of an agent.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::process::Lockable;

/// The most clients at the same time.
const MOST_CLIENTS: u32 = 2000;

/// Descriptors that are kept for the store, the log and the clients that are turned away.
const RESERVED: u64 = 128;

/// The bounds of an agent.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it stays without a client; `None` is for ever.
    pub idle: Option<Duration>,
    /// Clients at the same time. The next ones ask the store themselves.
    pub most_clients: u32,
    /// How much of its memory may be locked; `None` leaves the memory alone.
    pub memory: Option<Lockable>,
}

impl Limits {
    /// What suits a host: as many clients as a host has processes, if this one may open so many descriptors.
    /// It raises its own limit for them as far as the system permits.
    pub fn usual(idle: Option<Duration>, memory: Lockable) -> Self {
        Self { idle, most_clients: most_clients(raised().current), memory: Some(memory) }
    }
}

fn raised() -> Rlimit {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, ..limit };
    if setrlimit(Resource::Nofile, most).is_ok() { most } else { limit }
}

/// How many clients fit; `None` is no limit.
fn most_clients(descriptors: Option<u64>) -> u32 {
    let free = descriptors.map_or(u64::MAX, |most| most.saturating_sub(RESERVED));
    u32::try_from(free).unwrap_or(u32::MAX).min(MOST_CLIENTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_descriptors_for_the_store() {
        let of = [None, Some(100_000), Some(1024), Some(100)].map(most_clients);
        assert_eq!(of, [2000, 2000, 896, 0]);
    }

    #[test]
    fn the_own_limit_is_raised_to_the_highest_that_is_permitted() {
        let most = raised();
        assert_eq!(getrlimit(Resource::Nofile).current, most.current);
        assert_eq!(most.current, most.maximum);
    }
}
