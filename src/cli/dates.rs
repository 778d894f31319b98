//! Moments for people and programs, in UTC.

use std::time::{Duration, SystemTime};

use crate::moment;

const DAY: u64 = 86_400;

/// Such as `2026-03-01T12:30:00Z`. Moments before 1970 are clamped, since there were no secrets then.
pub(super) fn iso(moment: SystemTime) -> String {
    moment::to_seconds(moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// How long ago, in its largest unit: `3d`, `5h`, `12m`, `40s`.
pub(super) fn age(moment: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(moment).unwrap_or(Duration::ZERO).as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..DAY => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_1970_there_were_no_secrets() {
        assert_eq!(iso(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn ages_have_one_unit() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (seconds, expected) in [(5, "5s"), (61, "1m"), (7200, "2h"), (90_000, "1d")] {
            assert_eq!(age(now - Duration::from_secs(seconds), now), expected);
        }
        assert_eq!(age(now + Duration::from_secs(5), now), "0s");
    }
}
