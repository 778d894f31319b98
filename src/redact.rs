//! Text that may be shown.
//!
//! Secrets never reach a message: [`crate::value::SecretValue`] and [`crate::value::Text`] print
//! `[REDACTED]`, and errors are built from names and codes. What remains is to keep foreign *names* harmless:
//! none may forge a log line or fill a page.

use std::fmt::{self, Write};
use std::path::Path;

const LONGEST: usize = 512;

/// Whether the character makes a terminal show what follows in another order, so that a name reads as another
/// ("Bidirectional formatting characters" in Unicode's annex 9).
fn reorders(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether line readers take the character for a line end although it is not a control character, as Python's
/// `str.splitlines` and log viewers do.
fn breaks_lines(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether a character controls a terminal, the order of letters on it, or where a line ends.
pub fn is_harmful(character: char) -> bool {
    character.is_control() || reorders(character) || breaks_lines(character)
}

/// Displays a foreign text, cut after 512 characters, with those characters escaped that control a terminal
/// or change the order of letters.
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

/// Displays a foreign text in double quotes, with the same characters and any quotes escaped, and cut as
/// well: an id may be megabytes long.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'text>(pub &'text str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(formatter, "{:?}…", self.0.get(..end).unwrap_or_default()),
            None => write!(formatter, "{:?}", self.0),
        }
    }
}

/// Displays what an option or a variable names as a file, if it can be one. Sometimes it holds the contents
/// of the file instead: the JSON of a key, a PEM, a token.
#[derive(Clone, Copy, Debug)]
pub struct ShownPath<'path>(pub &'path Path);

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        if is_path(&text) { write!(formatter, "{}", Shown(&text)) } else { formatter.write_str(NO_PATH) }
    }
}

/// The same in double quotes.
pub fn quoted_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    if is_path(&text) { Quoted(&text).to_string() } else { NO_PATH.to_owned() }
}

const NO_PATH: &str = "(not shown: it is no path)";

/// The longest plausible file name, in bytes; tokens and keys are longer.
const LONGEST_FILE_NAME: usize = 100;

/// How tokens begin: of Vault, of JSON in base64 (such as a JWT), of GitHub, Google and AWS.
const TOKENS: [&str; 13] = [
    "hvs.",
    "hvb.",
    "hvr.",
    "s.",
    "eyJ",
    "ewog",
    "ewoJ",
    "ghp_",
    "github_pat_",
    "ya29.",
    "AIza",
    "AKIA",
    "ASIA",
];

/// Whether `text` looks like the path of a file: short names between slashes, and nothing that looks like
/// JSON, a PEM or a token.
fn is_path(text: &str) -> bool {
    let text = text.trim();
    let is_token =
        !text.contains('/') && text.len() > 20 && TOKENS.iter().any(|begin| text.starts_with(begin));
    let has_foreign_letter = text.chars().any(|letter| letter.is_control() || "{}\"".contains(letter));
    let is_pem = text.contains("-----");
    let has_long_name = text.split('/').any(|name| name.len() > LONGEST_FILE_NAME);
    !(is_token || has_foreign_letter || is_pem || has_long_name || text.starts_with('['))
}

/// A word of a shell, quoted where it has to be.
pub fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { shell_quoted(text) }
}

/// Like [`shell_word`], but always quoted.
pub fn shell_quoted(text: &str) -> String {
    let escaped = text.replace('\'', r"'\''");
    if !escaped.chars().any(is_harmful) {
        return format!("'{escaped}'");
    }
    // The notation of bash, zsh and ksh for characters that must not be sent to a terminal.
    let mut word = String::from("$'");
    for letter in text.chars() {
        match letter {
            '\'' | '\\' => word.extend(['\\', letter]),
            letter if is_harmful(letter) => word.extend(format!("\\u{:04x}", u32::from(letter)).chars()),
            letter => word.push(letter),
        }
    }
    word + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_line_elsewhere_is_escaped() {
        assert_eq!(Shown("a\u{2028}b\u{2029}c\u{85}").to_string(), r"a\u{2028}b\u{2029}c\u{85}");
        assert_eq!(Quoted("a\u{2028}\u{2029}\n\u{202e}\"").to_string(), r#""a\u{2028}\u{2029}\n\u{202e}\"""#);
    }

    #[test]
    fn quoted_texts_are_cut_between_letters() {
        assert_eq!(Quoted(&"é".repeat(LONGEST)).to_string(), format!("\"{}\"", "é".repeat(LONGEST)));
        assert_eq!(Quoted(&"é".repeat(2_000_000)).to_string(), format!("\"{}\"…", "é".repeat(LONGEST)));
    }

    #[test]
    fn a_value_in_place_of_a_path_is_shown_only_if_it_is_a_path() {
        for path in [
            "/opt/keys/key.json",
            "key.json",
            "~/a b/ü.pem",
            "C:\\keys\\k.pem",
            "s.pem",
            "/run/secrets/eyJ",
            "",
        ] {
            assert_eq!(ShownPath(Path::new(path)).to_string(), Shown(path).to_string(), "{path}");
        }
        for text in [
            r#"{"type": "service_account", "private_key": "canary"}"#,
            " {canary",
            r#"["canary"]"#,
            "\"canary\"",
            "-----BEGIN PRIVATE KEY-----\ncanary",
            "-----BEGIN PRIVATE KEY----- canary",
            "canary\ncanary",
            "hvs.CAESIcanarycanarycanary",
            "eyJ0eXBlIjoiY2FuYXJ5canary",
            &"canary".repeat(20),
        ] {
            assert_eq!(ShownPath(Path::new(text)).to_string(), "(not shown: it is no path)", "{text}");
            assert_eq!(quoted_path(Path::new(text)), "(not shown: it is no path)", "{text}");
        }
    }

    #[test]
    fn control_characters_are_escaped_and_long_texts_cut() {
        assert_eq!(Shown("a\nWARNING forged\u{7f} é").to_string(), r"a\nWARNING forged\u{7f} é");
        assert_eq!(Shown("a\u{202e}b\u{2066}").to_string(), r"a\u{202e}b\u{2066}");
        assert_eq!(Shown(&"x".repeat(600)).to_string().chars().count(), LONGEST + 1);
        assert_eq!(Shown(&"x".repeat(LONGEST)).to_string().len(), LONGEST);
    }

    #[test]
    fn words_of_a_shell_stay_one_word() {
        assert_eq!(shell_word("https://h:8200/a"), "https://h:8200/a");
        assert_eq!(shell_word("a'b $c"), r"'a'\''b $c'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("a\u{1b}[31m'\\"), r"$'a\u001b[31m\'\\'");
    }
}
