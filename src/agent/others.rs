//! At most so many agents of a user: a configuration that changes all the time would else fill the memory.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use crate::agent::client::Client;
use crate::agent::place::Place;

/// The most agents of a user. Each has a configuration of its own.
const MOST: usize = 8;

/// Asks the agents that were idle for the longest time to stop, until one more is not too many. An agent
/// whose socket the operator has named is none of them.
pub fn make_room(place: &Place) {
    if place.is_named() {
        return;
    }
    // Two that start at the same time would stop two others each.
    let _one_by_one = turnstile(place);
    let mut at_work: Vec<(Duration, Client)> = place.others().into_iter().filter_map(idle).collect();
    at_work.sort_by_key(|(idle, _)| *idle);
    for (_, client) in at_work.into_iter().skip(MOST - 1) {
        // One that does not hear it ends by itself when it is idle.
        let _ = client.stop();
    }
}

fn turnstile(place: &Place) -> Option<File> {
    let path = place.turnstile();
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).ok()?;
    file.lock().ok()?;
    Some(file)
}

/// How long an agent has been idle, if there is one.
fn idle(place: Place) -> Option<(Duration, Client)> {
    let client = Client::new(place);
    let status = client.status().ok()?;
    Some((status.idle, client))
}
