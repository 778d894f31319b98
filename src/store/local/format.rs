//! The format of a file, which its name determines.

use std::path::Path;

use crate::error::{Error, Result};
use crate::value::Text;
use crate::value::json::{self, Object};

use super::error::{Problem, unreadable, unsupported};
use super::unread::Note;
use super::{dotenv, yaml};

/// The formats of Airflow's own class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Lines of `KEY=value`.
    Env,
    /// A JSON object.
    Json,
    /// A YAML mapping.
    Yaml,
}

impl Format {
    /// Determined by the extension, ignoring case. (A file called just `.env` has none, in Rust as in
    /// Python.)
    pub(super) fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("env") => Ok(Self::Env),
            Some("json") => Ok(Self::Json),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            _ => Err(unsupported(path, ".env, .json, .yaml or .yml")),
        }
    }

    /// The names and values in a file, and notes about others. The values of an `.env` file are arrays of all
    /// lines with that key.
    pub(super) fn parse(self, path: &Path, content: &str) -> Result<(Object, Vec<Note>)> {
        // Editors on Windows write a byte order mark, which is not part of the contents.
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        let described = |problem| unreadable(path, &[problem]);
        match self {
            Self::Env => dotenv::parse(content).map(unnoted).map_err(|problems| unreadable(path, &problems)),
            Self::Json => parse_json(content).map(unnoted).map_err(described),
            Self::Yaml => yaml::parse(content).map_err(described),
        }
    }
}

fn unnoted(object: Object) -> (Object, Vec<Note>) {
    (object, Vec::new())
}

/// Reads a JSON file; of a repeated name the last value counts, as in Python.
fn parse_json(content: &str) -> std::result::Result<Object, Problem> {
    if content.is_empty() {
        return Err(Problem::empty());
    }
    let value = json::parse(&Text::from(content)).map_err(|error| Problem::new(error.to_string()))?;
    value.into_object().ok_or_else(Problem::no_object)
}

/// Refuses a settings file whose name is not that of a YAML file.
pub(super) fn require_yaml(path: &Path) -> Result<(), Error> {
    match Format::of(path) {
        Ok(Format::Yaml) => Ok(()),
        _ => Err(unsupported(path, ".yaml or .yml")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::value::Value;

    fn parsed(path: &str, content: &str) -> String {
        let path = Path::new(path);
        match Format::of(path).and_then(|format| format.parse(path, content)) {
            Ok((object, _)) => json::write(&Value::from(object)).to_str().unwrap().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_extension_decides_and_its_case_does_not_matter() {
        assert_eq!(parsed("a.ENV", "A=1"), r#"{"A": ["1"]}"#);
        assert_eq!(parsed("a.b.Json", r#"{"A": 1}"#), r#"{"A": 1}"#);
        assert_eq!(parsed("a.yml", "A: 1"), r#"{"A": 1}"#);
        assert_eq!(parsed("..yaml", "A: 1"), r#"{"A": 1}"#);
        for path in [".env", "env", "a.env.bak", "a.", "a.env/..", ""] {
            let error = Format::of(Path::new(path)).unwrap_err();
            assert_eq!(
                (error.kind(), error.code()),
                (ErrorKind::Config, Some("AirflowUnsupportedFileTypeException"))
            );
        }
    }

    #[test]
    fn json_must_be_an_object() {
        insta::assert_snapshot!(parsed("a.json", ""), @r#"failed to load the secret file "a.json": line 1: the file is empty (read: AirflowFileParseException)"#);
        insta::assert_snapshot!(parsed("a.json", "[1]"), @r#"failed to load the secret file "a.json": line 1: the file should contain an object, with names as keys (read: AirflowFileParseException)"#);
        insta::assert_snapshot!(parsed("a.json", "{\n\"a\": canary}"), @r#"failed to load the secret file "a.json": expected a value: line 2 column 6 (char 7) (read: AirflowFileParseException)"#);
        insta::assert_snapshot!(parsed("a.json", " "), @r#"failed to load the secret file "a.json": expected a value: line 1 column 2 (char 1) (read: AirflowFileParseException)"#);
        assert_eq!(
            parsed("a.json", r#"{"a": NaN, "b": "\ud83d", "a": 1e400}"#),
            r#"{"a": Infinity, "b": "\ud83d"}"#
        );
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(parsed("a.env", "\u{feff}A=1"), r#"{"A": ["1"]}"#);
        assert_eq!(parsed("a.json", "\u{feff}{}"), "{}");
        assert_eq!(parsed("a.yaml", "\u{feff}a: 1"), r#"{"a": 1}"#);
    }

    #[test]
    fn settings_are_yaml() {
        require_yaml(Path::new("airflow_settings.yaml")).unwrap();
        insta::assert_snapshot!(require_yaml(Path::new("s.json")).unwrap_err(), @r#"unsupported format of the secret file "s.json": its name must end in .yaml or .yml (read: AirflowUnsupportedFileTypeException)"#);
    }
}
