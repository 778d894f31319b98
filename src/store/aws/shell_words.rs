//! Splitting a line into words as Python's `shlex.split` does: profile sections and `credential_process` need it.

/// Why a line cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SplitError {
    /// A quotation mark has no partner.
    OpenQuote,
    /// The line ends in a backslash.
    OpenEscape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// The words of `line`. Nothing is expanded: there is no shell.
pub(super) fn split(line: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = Quote::None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Quote::None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (Quote::None, '\'') => (quote, word) = (Quote::Single, word.or(Some(String::new()))),
            (Quote::None, '"') => (quote, word) = (Quote::Double, word.or(Some(String::new()))),
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::None | Quote::Double, '\\') => {
                let next = characters.next().ok_or(SplitError::OpenEscape)?;
                let word = word.get_or_insert_default();
                // Within double quotes a backslash only escapes itself and the quotation mark.
                if quote == Quote::Double && !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    if quote == Quote::None { Ok(words) } else { Err(SplitError::OpenQuote) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_shlex() {
        for (line, expected) in [
            ("a b  c", &["a", "b", "c"][..]),
            (r#"profile "with space""#, &["profile", "with space"]),
            (r"a\ b 'c\d' ''", &["a b", r"c\d", ""]),
            (r#""a\"b\\c\d" e"f"g"#, &[r#"a"b\c\d"#, "efg"]),
            ("$HOME `id` #x", &["$HOME", "`id`", "#x"]),
            ("", &[]),
        ] {
            assert_eq!(split(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn what_is_left_open_is_an_error() {
        assert_eq!(split("'a"), Err(SplitError::OpenQuote));
        assert_eq!(split("a\\"), Err(SplitError::OpenEscape));
    }
}
