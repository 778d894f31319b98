//! `$NAME`, `${NAME}` and `~` in values, as Airflow's `expand_env_var` replaces them.
//!
//! Source: `posixpath.expandvars` and `expanduser` of Python 3.11, `_shared/configuration/parser.py` of
//! Airflow 3.3.2.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Airflow repeats the replacement until nothing changes, so it never ends for a variable that contains
/// itself and more.
const ROUNDS: usize = 20;

/// The environment that Airflow is started with.
pub(super) type Variables = BTreeMap<String, String>;

/// Repeats the replacement until nothing changes.
pub(super) fn expand(text: &str, variables: &Variables) -> Result<String> {
    let mut text = text.to_owned();
    for _ in 0..ROUNDS {
        let next = expand_user(expand_variables(&text, variables), variables);
        if next == text {
            return Ok(text);
        }
        text = next;
    }
    Err(Error::config("a value of the configuration names an environment variable that holds itself")
        .with_hint("Airflow would never come to an end with it; write the value without the variable"))
}

/// The names of variables in `text`, whether they are set or not.
pub(super) fn named(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        let Some((name, end)) = name_at(after) else {
            rest = after;
            continue;
        };
        names.push(name);
        rest = after.get(end..).unwrap_or_default();
    }
    names
}

fn expand_variables(text: &str, variables: &Variables) -> String {
    let mut output = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        output.push_str(before);
        let found = name_at(after).and_then(|(name, end)| Some((variables.get(name)?, end)));
        if let Some((value, end)) = found {
            output.push_str(value);
            rest = after.get(end..).unwrap_or_default();
        } else {
            output.push('$');
            rest = after;
        }
    }
    output.push_str(rest);
    output
}

/// The name that follows a dollar sign, and where it ends.
fn name_at(text: &str) -> Option<(&str, usize)> {
    if let Some(braced) = text.strip_prefix('{') {
        let (name, _) = braced.split_once('}')?;
        return Some((name, name.len() + 2));
    }
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let end = text.find(|letter| !is_letter(letter)).unwrap_or(text.len());
    if end == 0 { None } else { Some((text.get(..end)?, end)) }
}

/// Replaces a `~` at the beginning; the home of another user is left unchanged.
fn expand_user(text: String, variables: &Variables) -> String {
    let Some(rest) = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return text;
    };
    // Like Python, asks the user database if HOME is not set.
    let home =
        variables.get("HOME").cloned().or_else(|| std::env::home_dir()?.into_os_string().into_string().ok());
    match home {
        Some(home) => format!("{}{rest}", home.trim_end_matches('/')),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        let pairs = [("HOME", "/root"), ("A", "x"), ("B", "$A$A"), ("EMPTY", "")];
        let variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        expand(text, &variables).unwrap()
    }

    #[test]
    fn the_results_are_those_of_python() {
        for (text, expected) in [
            (r#"{"b": "~/x$HOME"}"#, r#"{"b": "~/x/root"}"#),
            ("~/airflow", "/root/airflow"),
            ("~", "/root"),
            ("~other/x", "~other/x"),
            ("$B-${A}b", "xx-xb"),
            ("$AB ${NO} $ $$A ${", "$AB ${NO} $ $x ${"),
            ("a${EMPTY}b", "ab"),
        ] {
            assert_eq!(expanded(text), expected, "{text}");
        }
    }

    #[test]
    fn without_home_the_user_database_knows_it() {
        let expanded = expand("~/airflow", &Variables::new()).unwrap();
        assert!(expanded.starts_with('/') && expanded.ends_with("/airflow"), "{expanded}");
    }

    #[test]
    fn a_variable_that_holds_itself_is_an_error() {
        let variables = Variables::from([("A".to_owned(), "x$A".to_owned())]);
        assert!(expand("$A", &variables).is_err());
    }

    #[test]
    fn names_are_listed_whether_set_or_not() {
        assert_eq!(named("a $A ${B c} $ $5x-${"), ["A", "B c", "5x"]);
    }
}
