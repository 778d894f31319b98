//! Python's `int` and `float` as far as JSON needs them.

use std::borrow::Cow;
use std::fmt;

use crate::value::text::Text;

/// Python refuses to convert longer decimal integers (`sys.int_info.default_max_str_digits`), so JSON with
/// one is an error in Airflow too.
pub const MAX_INT_DIGITS: usize = 4300;

/// An integer of any size. Debug shows none of its digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Int(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    /// Canonical decimal digits of a number beyond 64 bits: no plus sign, no leading zero.
    Big(Text),
}

impl Int {
    /// Reads ASCII decimal digits after an optional sign; None for anything else. Leading zeros are dropped.
    pub fn from_decimal(decimal: &str) -> Option<Self> {
        if let Ok(small) = decimal.parse::<i64>() {
            return Some(Self(Repr::Small(small)));
        }
        let (sign, digits) = match decimal.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", decimal.strip_prefix('+').unwrap_or(decimal)),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let canonical = format!("{sign}{}", digits.trim_start_matches('0'));
        // Without its leading zeros it may fit.
        Some(Self(canonical.parse().map_or_else(|_| Repr::Big(Text::from(canonical)), Repr::Small)))
    }

    /// Python's `int(float)`: rounds towards zero. None for NaN and the infinities.
    pub fn from_float(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        // Rust prints every digit of the exact value, which Python's int() keeps as well.
        match format!("{:.0}", float.trunc()).as_str() {
            "-0" => Some(Self(Repr::Small(0))),
            decimal => Self::from_decimal(decimal),
        }
    }

    /// The number, when it fits 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Repr::Small(small) = self.0 { Some(small) } else { None }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.0 == Repr::Small(0)
    }

    /// The result of Python's `str(int)`.
    pub fn to_decimal(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Small(small) => Cow::Owned(small.to_string()),
            Repr::Big(digits) => Cow::Borrowed(digits.to_str().unwrap_or_default()),
        }
    }
}

impl From<i64> for Int {
    fn from(small: i64) -> Self {
        Self(Repr::Small(small))
    }
}

impl fmt::Debug for Int {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Int([REDACTED])")
    }
}

/// `repr(float)` of Python (Python/pystrtod.c, format code `r`): the shortest digits that read back the same,
/// plain between 1e-4 and 1e16, and with an exponent of at least two digits outside; `nan`, `inf`, `-inf`.
pub fn float_repr(float: f64) -> String {
    if !float.is_finite() {
        return if float.is_nan() {
            "nan"
        } else if float > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let scientific = shortest(float);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if (-4..16).contains(&exponent) => plain(mantissa, exponent),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        Err(_) => scientific,
    }
}

/// Shortest scientific notation. Where two notations of that length are equally near, Rust takes the upper
/// one and Python the one with the even last digit, as Rust does when rounding to a given length.
fn shortest(float: f64) -> String {
    let upper = format!("{float:e}");
    let digits = upper.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit).count();
    let nearest = format!("{float:.*e}", digits.saturating_sub(1));
    if nearest.parse() == Ok(float) { nearest } else { upper }
}

/// Scientific notation without its exponent, always with a decimal point.
fn plain(mantissa: &str, exponent: i32) -> String {
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let digits = mantissa.replace('.', "");
    let Ok(whole_count) = usize::try_from(exponent + 1) else {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        return format!("{sign}0.{:0>width$}", digits, width = digits.len() + zeros);
    };
    if whole_count == 0 {
        return format!("{sign}0.{digits}");
    }
    let (whole, fraction) = digits.split_at_checked(whole_count).unwrap_or((&digits, ""));
    format!("{sign}{whole:0<whole_count$}.{}", if fraction.is_empty() { "0" } else { fraction })
}
