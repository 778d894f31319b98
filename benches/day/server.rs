//! The simulated store: a token bucket, a constant latency, and no other failures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::tally::Part;

/// A store that allows so many calls a second, and as many at once after a second without calls.
#[derive(Debug)]
pub(crate) struct Server {
    rate: f64,
    latency: Duration,
    bucket: Mutex<Bucket>,
    calls: [AtomicU64; Part::ALL.len()],
    throttled: AtomicU64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Server {
    /// A store with a full bucket.
    pub(crate) fn new(rate: u32, latency: Duration) -> Self {
        let bucket = Bucket { tokens: f64::from(rate), filled: Instant::now() };
        Self {
            rate: f64::from(rate),
            latency,
            bucket: Mutex::new(bucket),
            calls: [const { AtomicU64::new(0) }; Part::ALL.len()],
            throttled: AtomicU64::new(0),
        }
    }

    /// One call; returns whether it was allowed. A refusal takes as long as an answer.
    pub(crate) async fn call(&self, part: Part) -> bool {
        self.calls[part as usize].fetch_add(1, Ordering::Relaxed);
        let allowed = self.take();
        if !allowed {
            self.throttled.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(self.latency).await;
        allowed
    }

    fn take(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let gained = now.duration_since(bucket.filled).as_secs_f64() * self.rate;
        bucket.tokens = (bucket.tokens + gained).min(self.rate);
        bucket.filled = now;
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        allowed
    }

    /// How often a part of Airflow has called.
    pub(crate) fn calls(&self, part: Part) -> u64 {
        self.calls[part as usize].load(Ordering::Relaxed)
    }

    /// How many calls were refused.
    pub(crate) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }
}
