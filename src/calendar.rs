//! Days as dates, in the calendar that all the world counts by (and its rules before there was one).
//!
//! Source: H. Hinnant's "chrono-compatible low-level date algorithms", by eras of 400 years that begin in March, so that a leap
//! day comes last.

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
}
