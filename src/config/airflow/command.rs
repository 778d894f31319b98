//! The `_CMD` form of an option: a program that prints the value.
//!
//! Source: `run_command` in `_shared/configuration/parser.py` of Airflow 3.3.2, `shlex.split` of Python 3.11.

use std::process::Command;

use crate::error::{Error, Result};

/// Runs `command`, which was found at `place`. Errors show neither the command nor its output.
pub(super) fn run(command: &str, place: &str) -> Result<String> {
    let words = split(command).ok_or_else(|| failed(place, "has a quotation mark without its partner"))?;
    let (program, arguments) = words.split_first().ok_or_else(|| failed(place, "is empty"))?;
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| failed(place, &format!("could not be run: {}", error.kind())))?;
    if !output.status.success() {
        let code =
            output.status.code().map_or_else(|| "by a signal".to_owned(), |code| format!("with {code}"));
        return Err(failed(place, &format!("ended {code}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn failed(place: &str, what: &str) -> Error {
    Error::config(format!("the command in {place} {what}"))
        .with_hint("Run the command by hand as the user that Airflow runs as")
}

/// Splits words like a shell: at white space, with quotes and backslashes. `None` if a quote is not closed.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            letter if letter.is_ascii_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => quoted(&mut letters, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(letters.next()?),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads to the closing quotation mark; a backslash escapes that and itself.
fn quoted(letters: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match letters.next()? {
            '"' => return Some(()),
            '\\' => match letters.next()? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            inner => word.push(inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_shlex() {
        let words = |text| split(text).unwrap();
        assert_eq!(words(r#"a  'b c'"d \" \x"e\ f ''"#), ["a", r#"b cd " \xe f"#, ""]);
        assert!(words(" ").is_empty());
        assert_eq!((split("'a"), split("\"a"), split("a\\")), (None, None, None));
    }

    #[test]
    fn the_output_is_the_unchanged_value() {
        assert_eq!(run("printf '%s\\n' a", "X_CMD").unwrap(), "a\n");
    }

    #[test]
    fn a_failure_shows_nothing_of_the_command() {
        for command in ["sh -c 'echo canary >&2; exit 3'", "/nonexistent/canary", "'canary", ""] {
            let error = run(command, "X_CMD").unwrap_err().to_string();
            assert!(error.starts_with("the command in X_CMD ") && !error.contains("canary"), "{error}");
        }
    }
}
