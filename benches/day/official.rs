//! A model of the official class: one `GetSecretValue` for each lookup, no cache, and botocore's retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::server::Server;
use crate::tally::Part;

/// Attempts of botocore's standard mode, the default of botocore 1.44.5 (`botocore/retries/standard.py`).
pub(crate) const STANDARD: u32 = 3;
/// Attempts of its legacy mode, the default before (`botocore/data/_retry.json`).
pub(crate) const LEGACY: u32 = 5;

/// `botocore/retries/quota.py`; the legacy mode has none, which makes no difference to short-lived
/// processes.
const QUOTA: u32 = 500;
const PRICE: u32 = 5;
const LONGEST_WAIT: f64 = 20.0;

/// A client of one process.
#[derive(Debug)]
pub(crate) struct Official {
    server: Arc<Server>,
    part: Part,
    attempts: u32,
    quota: AtomicU32,
}

impl Official {
    /// A new client.
    pub(crate) fn new(server: Arc<Server>, part: Part, attempts: u32) -> Self {
        Self { server, part, attempts, quota: AtomicU32::new(QUOTA) }
    }

    /// Reads a secret; returns whether the store returned one. The name makes no difference.
    pub(crate) async fn look_up(&self, _id: &str) -> bool {
        let mut longest = 1.0_f64;
        for attempt in 1..=self.attempts {
            if self.server.call(self.part).await {
                self.give_back(if attempt == 1 { 1 } else { PRICE });
                return true;
            }
            if attempt == self.attempts || !self.pay() {
                break;
            }
            let wait = fastrand::f64() * longest.min(LONGEST_WAIT);
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
            longest *= 2.0;
        }
        false
    }

    fn pay(&self) -> bool {
        self.quota.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(PRICE)).is_ok()
    }

    fn give_back(&self, amount: u32) {
        let left = self.quota.load(Ordering::Relaxed);
        self.quota.store((left + amount).min(QUOTA), Ordering::Relaxed);
    }
}
