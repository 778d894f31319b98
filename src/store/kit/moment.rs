//! Moments as services write them in JSON and XML: RFC 3339.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The moment of `text`, such as `2026-11-22T12:00:00.5Z`; `None` for what is no moment, and for one before 1970, which the zero
/// time of Go (the year 1) is.
pub fn rfc3339(text: &str) -> Option<SystemTime> {
    let moment = SystemTime::from(OffsetDateTime::parse(text, &Rfc3339).ok()?);
    (moment >= SystemTime::UNIX_EPOCH).then_some(moment)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (text, seconds, nanoseconds) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T12:10:15.5Z", 951_826_215, 500_000_000),
            ("2000-02-29T14:10:15+02:00", 951_826_215, 0),
            ("2026-03-01T12:30:00.000000001Z", 1_772_368_200, 1),
            ("2099-12-31T23:59:59Z", 4_102_444_799, 0),
        ] {
            let expected = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
            assert_eq!(rfc3339(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-03-01",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T12:30Z",
            "2026-03-01T12:30:00",
            "+026-03-01T12:30:00Z",
            "2026-03-01T12:30:00.-1Z",
            "10000-03-01T12:30:00Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
