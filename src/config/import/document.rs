//! From text to a value.

use crate::error::{Error, Result};
use crate::value::Text;
use crate::value::json::{self, Value};

/// Reads JSON if the text begins like JSON, and YAML otherwise.
pub(super) fn read(text: &str) -> Result<Value> {
    // Editors of some systems begin a file with it.
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(['{', '[']) {
        let read = json::parse(&Text::from(text));
        return read.map_err(|error| malformed("JSON", &error.to_string()));
    }
    yaml(text)
}

#[cfg(feature = "local")]
fn yaml(text: &str) -> Result<Value> {
    crate::store::local::yaml_document(text).map_err(|problem| malformed("YAML", &problem))
}

#[cfg(not(feature = "local"))]
fn yaml(_text: &str) -> Result<Value> {
    Err(Error::new(
        crate::error::ErrorKind::Unsupported,
        "this build reads no YAML, since it has no store for local files",
    )
    .with_hint("Write the configuration as JSON"))
}

fn malformed(language: &str, problem: &str) -> Error {
    Error::config(format!("the configuration is no valid {language}: {problem}"))
}
