//! When what expires is renewed.

use std::time::{Duration, SystemTime};

/// When what expires is renewed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// So long before the end; of a short life, after four fifths, so that it is not renewed at every call.
    pub(crate) before: Duration,
    /// After a renewal that failed while the old one still works, the next one is tried this much later.
    pub(crate) again: Duration,
}

impl Schedule {
    /// When to renew what works until `expires`.
    pub(crate) fn renew_at(&self, now: SystemTime, expires: SystemTime) -> SystemTime {
        let lifetime = expires.duration_since(now).unwrap_or_default();
        expires.checked_sub(self.before.min(lifetime / 5)).unwrap_or(expires)
    }
}
