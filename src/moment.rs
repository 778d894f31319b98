//! Moments in UTC as RFC 3339 writes them.

use std::time::{Duration, SystemTime};

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const TO_SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const TO_MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Such as `2026-03-01T12:30:00Z`.
pub fn to_seconds(since_epoch: Duration) -> String {
    written(since_epoch, TO_SECONDS)
}

/// Such as `2026-02-28T23:59:59.999Z`.
pub fn to_milliseconds(since_epoch: Duration) -> String {
    written(since_epoch, TO_MILLISECONDS)
}

/// A moment after the year 9999 becomes the end of that year.
fn written(since_epoch: Duration, format: &[BorrowedFormatItem<'_>]) -> String {
    let nanoseconds = i128::try_from(since_epoch.as_nanos()).unwrap_or(i128::MAX);
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds);
    moment.unwrap_or(PrimitiveDateTime::MAX.assume_utc()).format(format).unwrap_or_default()
}

/// The moment of `text`; `None` if it is not a moment, or is before 1970, as Go's zero time (the year 1) is.
pub fn read(text: &str) -> Option<SystemTime> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let seconds = u64::try_from(moment.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, moment.nanosecond()))
}

/// The same, of a service that leaves out the time zone and means UTC.
pub fn read_utc(text: &str) -> Option<SystemTime> {
    read(text).or_else(|| read(&format!("{text}Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_826_215, "2000-02-29T12:10:15Z"),
            (1_772_368_200, "2026-03-01T12:30:00Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(to_seconds(Duration::from_secs(seconds)), expected);
            assert_eq!(read(expected), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn what_is_smaller_is_cut_off() {
        let moment = Duration::new(1_772_323_199, 999_999_999);
        assert_eq!(to_seconds(moment), "2026-02-28T23:59:59Z");
        assert_eq!(to_milliseconds(moment), "2026-02-28T23:59:59.999Z");
        assert_eq!(to_milliseconds(Duration::from_millis(50)), "1970-01-01T00:00:00.050Z");
    }

    #[test]
    fn the_last_moment_is_of_the_year_9999() {
        for far in [Duration::from_secs(253_402_300_800), Duration::MAX] {
            assert_eq!(to_milliseconds(far), "9999-12-31T23:59:59.999Z");
        }
    }

    #[test]
    fn fractions_and_other_zones_are_read() {
        for (text, seconds, nanoseconds) in [
            ("2000-02-29T12:10:15.5Z", 951_826_215, 500_000_000),
            ("2026-03-01T12:30:00.000000001Z", 1_772_368_200, 1),
            ("2026-03-01T13:30:00+01:00", 1_772_368_200, 0),
            ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
        ] {
            let expected = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_moment_gives_none() {
        for text in [
            "",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-03-01",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T12:30Z",
            "+026-03-01T12:30:00Z",
            "2026-03-01T12:30:00.-1Z",
            "2026-03-01T12:30:00Z ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        let moment = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_768_473_000_120));
        for text in ["2026-01-15T10:30:00.12", "2026-01-15T10:30:00.12Z", "2026-01-15T11:30:00.12+01:00"] {
            assert_eq!(read_utc(text), moment, "{text}");
        }
        assert_eq!((read_utc(""), read_utc("soon"), read_utc("0001-01-01T00:00:00")), (None, None, None));
    }
}
