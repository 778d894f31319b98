//! Days as dates and dates as days, in the calendar that all the world counts by (and its rules before there was one).
//!
//! Source: H. Hinnant's "chrono-compatible low-level date algorithms", by eras of 400 years that begin in March, so that a leap
//! day comes last.

#[cfg(feature = "http")]
use std::time::{Duration, SystemTime};

/// Seconds of a day.
pub(crate) const DAY: u64 = 86_400;

/// Days from the first of March of the year 0 to 1970.
const BEFORE_1970: u64 = 719_468;

/// Days of an era.
const ERA: u64 = 146_097;

/// Year, month and day of a day since 1970.
pub(crate) fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(BEFORE_1970);
    let (era, day_of_era) = (shifted / ERA, shifted % ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// A moment in UTC from year, month and day, and hour, minute and second. `None` for what no clock shows, and outside of the
/// years 1970 to 9999.
#[cfg(feature = "http")]
pub(crate) fn moment([year, month, day]: [u64; 3], [hour, minute, second]: [u64; 3]) -> Option<SystemTime> {
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    // A leap second is the sixtieth.
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Days since 1970.
#[cfg(feature = "http")]
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year % 400;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year / 400 * ERA + day_of_era - BEFORE_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (day, expected) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (20_512, (2026, 2, 28)),
            (20_513, (2026, 3, 1)),
            (47_481, (2099, 12, 31)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(day), expected);
        }
    }

    #[cfg(feature = "http")]
    #[test]
    fn every_day_comes_back() {
        for day in 0..2_932_897 {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[cfg(feature = "http")]
    #[test]
    fn what_no_clock_shows_is_no_moment() {
        let midnight = [0, 0, 0];
        let known = moment([2000, 2, 29], [12, 10, 15]);
        assert_eq!(known, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(951_826_215)));
        assert_eq!(moment([1970, 1, 1], midnight), Some(SystemTime::UNIX_EPOCH));
        for date in [
            [1, 1, 1],
            [1969, 12, 31],
            [10_000, 1, 1],
            [2026, 0, 1],
            [2026, 13, 1],
            [2026, 1, 0],
            [2026, 1, u64::MAX],
        ] {
            assert_eq!(moment(date, midnight), None, "{date:?}");
        }
        for time in [[24, 0, 0], [0, 60, 0], [0, 0, 61], [u64::MAX, 0, 0], [0, u64::MAX, 0]] {
            assert_eq!(moment([2026, 1, 1], time), None, "{time:?}");
        }
    }
}
