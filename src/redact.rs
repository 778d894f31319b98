//! Text that may be shown.
//!
//! Secrets never get as far as a message: [`crate::value::SecretValue`] and [`crate::value::Text`] print
//! `[REDACTED]`, and errors are built from names and codes. What is left to do here is to keep foreign *names*
//! harmless: one of them must not forge a log line, and none needs a page.

use std::fmt::{self, Write};

const LONGEST: usize = 512;

/// Whether a terminal shows what follows in another order, so that a name reads as another ("Bidirectional formatting
/// characters" in Unicode's annex 9).
fn reorders(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character controls a terminal, or the order of letters on it.
pub fn is_harmful(character: char) -> bool {
    character.is_control() || reorders(character)
}

/// Displays a foreign text with the characters escaped that control a terminal or change the order of letters, cut
/// after 512 characters.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'text>(pub &'text str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(LONGEST) {
            if is_harmful(character) {
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
        assert_eq!(Shown("a\u{202e}b\u{2066}").to_string(), r"a\u{202e}b\u{2066}");
        assert_eq!(Shown(&"x".repeat(600)).to_string().chars().count(), LONGEST + 1);
        assert_eq!(Shown(&"x".repeat(LONGEST)).to_string().len(), LONGEST);
    }
}
