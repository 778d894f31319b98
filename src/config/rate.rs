//! Rates in the forms that people write.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::duration::parse_duration;
use crate::store::options::Rate;

/// The longest period. Longer ones are quotas, which a single process cannot keep.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Reads `40/s`, `100/m`, `5/10s`; a number alone is per second. `None` if it is none of these, zero, or per
/// more than a day.
pub(crate) fn parse_rate(text: &str) -> Option<Rate> {
    let (calls, per) = text.split_once('/').unwrap_or((text, "s"));
    let calls: NonZeroU32 = calls.trim().parse().ok()?;
    let per = per.trim();
    if per.is_empty() {
        return None;
    }
    let has_number = per.starts_with(|character: char| character.is_ascii_digit());
    let per = parse_duration(&if has_number { per.to_owned() } else { format!("1{per}") })?;
    (per > Duration::ZERO && per <= LONGEST).then_some(Rate { calls, per })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_forms_are_read() {
        for (text, calls, milliseconds) in [
            ("40/s", 40, 1000),
            ("40", 40, 1000),
            (" 100 / m ", 100, 60_000),
            ("5/10s", 5, 10_000),
            ("1/500ms", 1, 500),
        ] {
            let rate = parse_rate(text).unwrap();
            assert_eq!((rate.calls.get(), rate.per), (calls, Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "0/s",
            "-1/s",
            "1.5/s",
            "40/",
            "40/0s",
            "40/x",
            "/s",
            "40/s/s",
            "1/2d",
            "1/9300000000000000000s",
        ] {
            assert!(parse_rate(text).is_none(), "{text}");
        }
    }
}
