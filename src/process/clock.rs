//! The clock that measures ages, which tests can control.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The start of clocks that do not show the system's time: some time after the origin.
const START: Timestamp = Timestamp(1_000_000_000);

/// A moment on the clock, in nanoseconds since an arbitrary origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment before all others: whatever ends here has ended.
    pub const ORIGIN: Self = Self(0);

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    #[allow(clippy::inline_always)] // a part of every warm lookup
    #[inline(always)]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment less `duration`, at least the beginning of time.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// This moment plus `duration`, at most the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// The source of [`Timestamp`]s.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// `CLOCK_BOOTTIME` where available, so that a suspended laptop does not keep old values.
    #[default]
    System,
    /// A clock for tests: it moves only by [`Clock::advance`].
    Manual(Arc<AtomicU64>),
    /// tokio's time since the given moment, for simulations: if tokio's time is paused, so is this clock.
    Tokio(Instant),
}

impl Clock {
    /// A clock for tests, some time after its origin.
    pub fn manual() -> Self {
        Self::Manual(Arc::new(AtomicU64::new(START.0)))
    }

    /// A clock that follows the runtime that the calling code runs in.
    pub fn tokio() -> Self {
        Self::Tokio(Instant::now())
    }

    /// The present moment.
    #[allow(clippy::inline_always)] // a part of every warm lookup
    #[inline(always)]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(system_nanos()),
            Self::Manual(nanos) => Timestamp(nanos.load(Ordering::SeqCst)),
            Self::Tokio(start) => START.plus(start.elapsed()),
        }
    }

    /// Advances a manual clock; the others advance on their own.
    pub fn advance(&self, duration: Duration) {
        if let Self::Manual(nanos) = self {
            let step = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            nanos.fetch_add(step, Ordering::SeqCst);
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK_ID: libc::clockid_t = libc::CLOCK_BOOTTIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK_ID: libc::clockid_t = libc::CLOCK_MONOTONIC;

#[allow(unsafe_code)]
fn system_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid, writable timespec, and the clock exists on every supported system.
    unsafe { libc::clock_gettime(CLOCK_ID, &raw mut now) };
    // It counts from the start of the machine, so it is neither negative nor, for 584 years, too large.
    now.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.now().since(start), Duration::from_secs(3));
        assert_eq!(start.since(clock.now()), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_of_tokio_is_paused_with_it() {
        let clock = Clock::tokio();
        let start = clock.now();
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        assert_eq!(clock.now().since(start), Duration::from_secs(86_400));
    }

    #[test]
    fn the_system_clock_moves() {
        let start = Clock::System.now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(Clock::System.now() > start);
        assert!(start > Timestamp::ORIGIN);
    }

    #[test]
    fn adding_saturates() {
        assert!(Timestamp::ORIGIN.plus(Duration::MAX) > Clock::System.now());
    }
}
