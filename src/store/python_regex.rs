//! Translation of Python's regular expressions for the engine.
//!
//! The engine (`fancy-regex`) is close to Python's `re`; this translates the differences that people use. The
//! remaining ones are listed in `docs/differences.md`. Source: "Regular Expression Syntax" in the
//! documentation of Python's `re`.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

/// Translates `pattern` as `re.match(pattern, ..., re.IGNORECASE)` understands it: anchored at the start,
/// ignoring case.
pub(super) fn anchored(pattern: &str) -> String {
    let (flags, body) = leading_flags(pattern);
    // The engine has no `a`, `u` and `L`: text is always Unicode.
    let kept: String = flags.chars().filter(|flag| "msx".contains(*flag)).collect();
    // In a verbose pattern a comment at the end would swallow the bracket that closes the group.
    let end = if kept.contains('x') { "\n)" } else { ")" };
    let mut translation = Translation { text: format!(r"(?i{kept})\A(?:"), has_lines: kept.contains('m') };
    translation.add(&mut body.chars().peekable());
    translation.text + end
}

/// Splits off flags at the very start, such as `(?x)`.
fn leading_flags(pattern: &str) -> (&str, &str) {
    let flags = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')'));
    match flags {
        Some((flags, body)) if !flags.is_empty() && flags.chars().all(|flag| "aiLmsux".contains(flag)) => {
            (flags, body)
        }
        _ => ("", pattern),
    }
}

struct Translation {
    text: String,
    /// Whether `$` means the end of any line.
    has_lines: bool,
}

impl Translation {
    fn add(&mut self, rest: &mut Peekable<Chars<'_>>) {
        while let Some(character) = rest.next() {
            match character {
                '\\' => self.add_escape(rest),
                '[' => self.add_class(rest),
                // Python's `$` also matches before a last line break.
                '$' if !self.has_lines => self.text.push_str(r"(?=\n?\z)"),
                _ => self.text.push(character),
            }
        }
    }

    fn add_escape(&mut self, rest: &mut Peekable<Chars<'_>>) {
        match rest.next() {
            Some('Z') => self.text.push_str(r"\z"),
            Some('0') => self.add_octal(rest),
            Some(escaped) => self.text.extend(['\\', escaped]),
            None => self.text.push('\\'),
        }
    }

    /// `\0` and up to two further octal digits.
    fn add_octal(&mut self, rest: &mut Peekable<Chars<'_>>) {
        let mut code = 0;
        for _ in 0..2 {
            let Some(digit) = rest.peek().and_then(|digit| digit.to_digit(8)) else { break };
            code = code * 8 + digit;
            rest.next();
        }
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, r"\x{code:02x}");
    }

    /// Within brackets Python has no nesting and no set operations, and a `]` in first place is a literal.
    fn add_class(&mut self, rest: &mut Peekable<Chars<'_>>) {
        self.text.push('[');
        if rest.next_if_eq(&'^').is_some() {
            self.text.push('^');
        }
        if rest.next_if_eq(&']').is_some() {
            self.text.push_str(r"\]");
        }
        while let Some(character) = rest.next() {
            match character {
                ']' => return self.text.push(']'),
                '\\' => self.add_escape(rest),
                // The engine would take these for nested classes and set operations.
                '[' | '&' | '~' => self.text.extend(['\\', character]),
                _ => self.text.push(character),
            }
        }
    }
}
