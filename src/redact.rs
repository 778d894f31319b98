//! Text that may be shown.
//!
//! Secrets never get as far as a message: [`crate::value::SecretValue`] and [`crate::value::Text`] print
//! `[REDACTED]`, and errors are built from names and codes. What is left to do here is to keep foreign *names*
//! harmless: one of them must not forge a log line, and none needs a page.

use std::fmt::{self, Write};

const LONGEST: usize = 512;

/// Displays a foreign text with its control characters escaped, cut after 512 characters.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'text>(pub &'text str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(LONGEST) {
            if character.is_control() {
                write!(formatter, "{}", character.escape_default())?;
            } else {
                formatter.write_char(character)?;
            }
        }
        if characters.next().is_some() { formatter.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_texts_cut() {
        assert_eq!(Shown("a\nWARNING forged\u{7f} é").to_string(), r"a\nWARNING forged\u{7f} é");
        assert_eq!(Shown(&"x".repeat(600)).to_string().chars().count(), LONGEST + 1);
        assert_eq!(Shown(&"x".repeat(LONGEST)).to_string().len(), LONGEST);
    }
}
