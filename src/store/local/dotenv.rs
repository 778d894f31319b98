//! Files of `KEY=value` lines, by the rules of Airflow's `_parse_env_file` (3.3.2): nothing is trimmed or
//! unquoted, and `export A` is a key like any other.

use crate::value::json::Object;
use crate::value::text::is_white_space;
use crate::value::{Text, Value};

use super::error::Problem;

/// Reads the lines of a file. Every value becomes an array: a key may occur in several lines, and whether
/// that is allowed depends on the use of the file.
pub(super) fn parse(content: &str) -> Result<Object, Vec<Problem>> {
    let mut keys: Vec<(&str, Vec<Value>)> = Vec::new();
    let mut positions = std::collections::HashMap::new();
    let mut problems = Vec::new();
    for (line, number) in lines(content).zip(1..) {
        match entry(line) {
            Ok(None) => {}
            Ok(Some((key, value))) => {
                let position = *positions.entry(key).or_insert_with(|| {
                    keys.push((key, Vec::new()));
                    keys.len() - 1
                });
                keys.get_mut(position).into_iter().for_each(|(_, values)| values.push(Value::from(value)));
            }
            Err(message) => problems.push(Problem::at(number, message)),
        }
    }
    if problems.is_empty() {
        Ok(keys.into_iter().map(|(key, values)| (Text::from(key), Value::from(values))).collect())
    } else {
        Err(problems)
    }
}

/// Key and value of a line; `None` for an empty line and a comment.
fn entry(line: &str) -> Result<Option<(&str, &str)>, &'static str> {
    if line.is_empty() || line.trim_start_matches(is_space).starts_with('#') {
        return Ok(None);
    }
    match line.split_once('=') {
        None => Err("the line has no equal sign (\"=\")"),
        Some(("", _)) => Err("the key before the equal sign is empty"),
        Some((_, "")) => Err("the value after the equal sign is empty"),
        Some(entry) => Ok(Some(entry)),
    }
}

/// The key of a line that is valid.
pub(super) fn key_of(line: &str) -> Option<&str> {
    entry(line).ok().flatten().map(|(key, _)| key)
}

/// Python's `str.splitlines`, which has more line ends than `
/// `.
fn lines(content: &str) -> impl Iterator<Item = &str> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((line, after)) = rest.split_once(is_line_end) else {
            return Some(std::mem::take(&mut rest));
        };
        let is_pair = rest.get(line.len()..).is_some_and(|end| end.starts_with("\r\n"));
        rest = if is_pair { after.strip_prefix('\n').unwrap_or(after) } else { after };
        Some(line)
    })
}

/// Whether Python ends a line here.
pub(super) fn is_line_end(character: char) -> bool {
    matches!(character, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The meaning of `\s` in Python.
fn is_space(character: char) -> bool {
    is_white_space(character.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;
    use proptest::prelude::*;

    fn parsed(content: &str) -> String {
        let object = parse(content).unwrap();
        json::write(&Value::from(object)).to_str().unwrap().to_owned()
    }

    fn problems(content: &str) -> String {
        parse(content).unwrap_err().iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_first_equal_sign_divides_and_nothing_is_trimmed() {
        assert_eq!(
            parsed("A=1=2\n B = x \nexport C='q'"),
            r#"{"A": ["1=2"], " B ": [" x "], "export C": ["'q'"]}"#
        );
    }

    #[test]
    fn comments_start_a_line_and_hashes_elsewhere_belong_to_the_value() {
        assert_eq!(parsed("#a\n \t# b\n\u{1f}#c\n\nA=1#b\nB=#"), r##"{"A": ["1#b"], "B": ["#"]}"##);
    }

    #[test]
    fn repeated_keys_are_collected() {
        assert_eq!(parsed("A=1\nB=2\nA=3"), r#"{"A": ["1", "3"], "B": ["2"]}"#);
    }

    #[test]
    fn an_empty_file_has_no_keys() {
        assert_eq!(parsed(""), "{}");
        assert_eq!(parsed("\n\n# only a comment"), "{}");
    }

    #[test]
    fn lines_end_as_in_python() {
        let content = "a\nb\r\nc\rd\u{b}e\u{c}f\u{1c}g\u{1d}h\u{1e}i\u{85}j\u{2028}k\u{2029}l\n\nm";
        assert_eq!(lines(content).collect::<String>(), "abcdefghijklm");
        assert_eq!(lines(content).count(), 14);
        assert_eq!(lines("a\r\n\r\n").collect::<Vec<_>>(), ["a", ""]);
        assert_eq!(lines("a\n\r").collect::<Vec<_>>(), ["a", ""]);
    }

    #[test]
    fn every_bad_line_is_reported() {
        insta::assert_snapshot!(problems("A\nB=1\n=x\nC=\n  \n="), @r#"
        line 1: the line has no equal sign ("=")
        line 3: the key before the equal sign is empty
        line 4: the value after the equal sign is empty
        line 5: the line has no equal sign ("=")
        line 6: the key before the equal sign is empty
        "#);
    }

    proptest! {
        #[test]
        fn never_panics(content in "\\PC*|[=#\\r\\n A]*") {
            let _ = parse(&content);
        }
    }
}
