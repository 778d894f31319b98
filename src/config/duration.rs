//! Durations in the forms that people write.

use std::time::Duration;

/// Reads seconds (`60`, `0.5`), a number with a unit (`500ms`, `3s`, `10m`, `1h`, `1d`) or an ISO 8601
/// duration of days and smaller units (`PT60S`, `PT1H30M`, `P1DT12H`). `None` if it is none of these or
/// negative.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_prefix('p') {
        Some(iso) => parse_iso(iso),
        None => parse_simple(&text),
    }
}

fn parse_simple(text: &str) -> Option<Duration> {
    let digits =
        text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    scaled(number, seconds)
}

/// The part after `P`: days, and after `T` hours, minutes and seconds, in this order and with at least one in
/// each present part. Years, months and weeks are not accepted: no option here takes such a long duration.
fn parse_iso(text: &str) -> Option<Duration> {
    let (days, time) = match text.split_once('t') {
        Some((days, time)) => (days, Some(time)),
        None => (text, None),
    };
    let days = (!days.is_empty() || time.is_none()).then(|| of_units(days, &[('d', 86400.0)]));
    let time = time.map(|time| of_units(time, &[('h', 3600.0), ('m', 60.0), ('s', 1.0)]));
    days.unwrap_or(Some(Duration::ZERO))?.checked_add(time.unwrap_or(Some(Duration::ZERO))?)
}

/// Numbers with these units in order, at least one of them.
fn of_units(mut text: &str, units: &[(char, f64)]) -> Option<Duration> {
    let mut total = None;
    for (unit, seconds) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            total = Some(total.unwrap_or(Duration::ZERO).checked_add(scaled(number, *seconds)?)?);
            text = rest;
        }
    }
    total.filter(|_| text.is_empty())
}

fn scaled(number: &str, seconds: f64) -> Option<Duration> {
    if !number.starts_with(|character: char| character.is_ascii_digit()) {
        return None;
    }
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_forms_are_read() {
        let cases = [
            ("60", 60_000),
            ("0", 0),
            ("0.5", 500),
            (" 3s ", 3_000),
            ("500ms", 500),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("PT60S", 60_000),
            ("PT1H30M", 5_400_000),
            ("pt0.25s", 250),
            ("P1D", 86_400_000),
            ("P1DT12H", 129_600_000),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "s",
            "-1",
            "1w",
            "PT",
            "PT5",
            "PT1M1H",
            "P",
            "P1",
            "P1DT",
            "P1H",
            "P1W",
            "PT1D",
            "1e3",
            ".5",
            "inf",
            "nan",
            "1.2.3s",
            "99999999999999999999d",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
