//! Numbers, booleans and dates as `PyYAML` 6.0 recognises them (`yaml/resolver.py`, `yaml/constructor.py`).

use crate::value::json::{Int, MAX_INT_DIGITS};

/// The `!!bool` value of a word, ignoring case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(["yes", "true", "on"]) {
        Some(true)
    } else {
        is_one_of(["no", "false", "off"]).then_some(false)
    }
}

/// `010`, `0x1F`, `0b1`, `1_000` and `1:30` (base 60), with a sign.
pub(super) fn looks_like_int(text: &str) -> bool {
    let digits = unsigned(text);
    let rest_is = |prefix, is_digit: fn(char) -> bool| {
        digits.strip_prefix(prefix).is_some_and(|rest: &str| !rest.is_empty() && rest.chars().all(is_digit))
    };
    digits == "0"
        || rest_is("0b", |digit| matches!(digit, '0' | '1' | '_'))
        || rest_is("0x", |digit| digit.is_ascii_hexdigit() || digit == '_')
        || rest_is("0", |digit| matches!(digit, '0'..='7' | '_'))
        || (!digits.starts_with('0') && is_number(digits))
        || (!digits.starts_with('0')
            && split_sexagesimal(digits).is_some_and(|(_, last)| is_below_sixty(last)))
}

/// `1.5`, `1.`, `.5`, `1.5e+3` (the exponent needs a sign), `1:30.5`, `.inf` and `.nan`.
pub(super) fn looks_like_float(text: &str) -> bool {
    let digits = unsigned(text);
    let has_sign = digits.len() != text.len();
    match digits.split_once('.') {
        None => false,
        Some(("", "inf" | "Inf" | "INF")) => true,
        Some(("", "nan" | "NaN" | "NAN")) => !has_sign,
        Some(("", fraction)) => !has_sign && is_number(without_exponent(fraction)),
        Some((whole, fraction)) if is_number(whole) => all_digits(without_exponent(fraction)),
        Some((whole, fraction)) => {
            all_digits(fraction) && split_sexagesimal(whole).is_some_and(|(_, last)| is_below_sixty(last))
        }
    }
}

/// `2001-12-14`, possibly with a time.
pub(super) fn looks_like_timestamp(text: &str) -> bool {
    is_date(text) || date_and_time(text).is_some()
}

/// The `!!int` value of a text; `None` if it is not a number, or one that Python refuses to write.
pub(super) fn integer(text: &str) -> Option<Int> {
    let text: String = text.chars().filter(|character| *character != '_').collect();
    let digits = unsigned(&text);
    let decimal = match digits.as_bytes() {
        [b'0', b'b', ..] => to_decimal([(digits.get(2..)?, 2)])?,
        [b'0', b'x', ..] => to_decimal([(digits.get(2..)?, 16)])?,
        [b'0', _, ..] => to_decimal([(digits, 8)])?,
        _ => sexagesimal_integer(digits)?,
    };
    let sign = if text.starts_with('-') { "-" } else { "" };
    Int::from_decimal(&format!("{sign}{decimal}"))
}

/// The `!!float` value of a text; `None` if it is not a number.
pub(super) fn float(text: &str) -> Option<f64> {
    let text: String =
        text.chars().filter(|character| *character != '_').collect::<String>().to_ascii_lowercase();
    let digits = unsigned(&text);
    let number = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => return Some(f64::NAN),
        _ => sexagesimal_float(digits)?,
    };
    Some(if text.starts_with('-') { -number } else { number })
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// A digit, then digits and underscores.
fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && all_digits(text)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// Removes an exponent: a letter, a mandatory sign, and digits.
fn without_exponent(fraction: &str) -> &str {
    match fraction.split_once(['e', 'E']) {
        Some((before, exponent)) if unsigned(exponent).len() < exponent.len() => {
            let digits = unsigned(exponent);
            let is_exponent = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            if is_exponent { before } else { fraction }
        }
        _ => fraction,
    }
}

/// The first part of a number in base 60, and the others.
fn split_sexagesimal(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|(first, _)| is_number(first))
}

fn is_below_sixty(parts: &str) -> bool {
    parts.split(':').all(|part| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [ten, digit] => (b'0'..=b'5').contains(ten) && digit.is_ascii_digit(),
        _ => false,
    })
}

fn sexagesimal_integer(digits: &str) -> Option<String> {
    match digits.split_once(':') {
        None => to_decimal([(digits, 10)]),
        Some((first, parts)) => {
            let parts: Option<Vec<u32>> = parts.split(':').map(|part| part.parse().ok()).collect();
            let mut number = Decimal::default();
            number.push_digits(first, 10)?;
            parts?.into_iter().for_each(|part| number.multiply_add(60, part));
            number.finish()
        }
    }
}

/// Starts with the last part, as Python does, since the result for floats depends on the order.
fn sexagesimal_float(digits: &str) -> Option<f64> {
    let parts: Option<Vec<f64>> = digits.split(':').map(|part| part.parse().ok()).collect();
    let (mut sum, mut base) = (0.0, 1.0);
    let parts = parts?;
    if let [part] = parts.as_slice() {
        return Some(*part);
    }
    for part in parts.iter().rev() {
        sum += part * base;
        base *= 60.0;
    }
    Some(sum)
}

fn to_decimal([(digits, radix)]: [(&str, u32); 1]) -> Option<String> {
    let mut number = Decimal::default();
    number.push_digits(digits, radix)?;
    number.finish()
}

/// A whole number of any size under construction: base one billion, least significant part first.
#[derive(Default)]
struct Decimal(Vec<u32>);

impl Decimal {
    const BASE: u64 = 1_000_000_000;

    fn push_digits(&mut self, digits: &str, radix: u32) -> Option<()> {
        // A decimal digit needs at most five digits of another base (binary), so no time is spent on numbers
        // that Python would refuse anyway.
        if digits.is_empty() || digits.len() > MAX_INT_DIGITS * 5 {
            return None;
        }
        digits.chars().try_for_each(|digit| {
            self.multiply_add(radix, digit.to_digit(radix)?);
            Some(())
        })
    }

    fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for part in &mut self.0 {
            let sum = u64::from(*part) * u64::from(factor) + carry;
            *part = u32::try_from(sum % Self::BASE).unwrap_or(0);
            carry = sum / Self::BASE;
        }
        if carry > 0 {
            self.0.push(u32::try_from(carry).unwrap_or(0));
        }
    }

    /// The digits; `None` if there are more than Python writes.
    fn finish(self) -> Option<String> {
        let mut parts = self.0.iter().rev();
        let first = parts.next().map_or_else(|| "0".to_owned(), u32::to_string);
        let decimal = parts.fold(first, |decimal, part| format!("{decimal}{part:09}"));
        (decimal.len() <= MAX_INT_DIGITS).then_some(decimal)
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [year, month, day] if digits(year, 4..=4) && digits(month,
        2..=2) && digits(day, 2..=2))
}

/// Date, time and zone: `2001-12-14t21:59:43.10-05:00`, `2001-12-14 21:59:43.10 -5`.
fn date_and_time(text: &str) -> Option<()> {
    let (date, time) = text.split_once(['T', 't', ' ', '\t'])?;
    let by_letter = text.get(date.len()..)?.starts_with(['T', 't']);
    let time = if by_letter { time } else { time.trim_start_matches([' ', '\t']) };
    let [year, month, day] = three(date.split('-'))?;
    let zone_start = time.find(|character| !matches!(character, '0'..='9' | ':' | '.')).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone_start)?;
    let [hour, minute, second] = three(clock.split(':'))?;
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    let is_time = digits(year, 4..=4) && digits(month, 1..=2) && digits(day, 1..=2);
    let is_clock = digits(hour, 1..=2) && digits(minute, 2..=2) && digits(second, 2..=2);
    (is_time && is_clock && digits(fraction, 0..=usize::MAX) && is_zone(zone)).then_some(())
}

fn is_zone(zone: &str) -> bool {
    let zone = if zone.is_empty() { return true } else { zone.trim_start_matches([' ', '\t']) };
    let Some(offset) = zone.strip_prefix(['-', '+']) else { return zone == "Z" };
    match offset.split_once(':') {
        None => digits(offset, 1..=2),
        Some((hours, minutes)) => digits(hours, 1..=2) && digits(minutes, 2..=2),
    }
}

fn three<'text>(mut parts: impl Iterator<Item = &'text str>) -> Option<[&'text str; 3]> {
    let three = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(three)
}

fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
