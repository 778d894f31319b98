//! Moments as Vault writes them: RFC 3339 in UTC, with up to nine digits behind the second.

use std::time::{Duration, SystemTime};

use crate::calendar;

/// The moment of `text`; `None` for what is none, for one with another zone, and for one before 1970, which Go's zero time
/// (the year 1) is.
pub(super) fn moment(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers::<3>(date, '-')?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers::<3>(whole, ':')?;
    calendar::moment([year, month, day], [hour, minute, second])?
        .checked_add(Duration::from_nanos(nanoseconds(fraction)?.into()))
}

fn numbers<const COUNT: usize>(text: &str, separator: char) -> Option<[u64; COUNT]> {
    let read = |digits: &str| {
        let is_number =
            !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|_| is_number)
    };
    text.split(separator).map(read).collect::<Option<Vec<_>>>()?.try_into().ok()
}

fn nanoseconds(fraction: &str) -> Option<u32> {
    let is_fraction = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    format!("{fraction:0<9}").parse().ok().filter(|_| is_fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (text, seconds, nanoseconds) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T12:10:15.5Z", 951_826_215, 500_000_000),
            ("2026-03-01T12:30:00.000000001Z", 1_772_368_200, 1),
            ("2099-12-31T23:59:59Z", 4_102_444_799, 0),
        ] {
            assert_eq!(
                moment(text),
                Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "0001-01-01T00:00:00Z",
            "2026-03-01",
            "2026-03-01T12:30:00+01:00",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T12:30Z",
            "+026-03-01T12:30:00Z",
            "2026-03-01T12:30:00.0000000001Z",
            "2026-03-01T12:30:00.-1Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
