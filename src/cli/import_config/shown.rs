//! Options in the forms in which they are printed.

use std::fmt;

use toml_writer::TomlWrite;

use crate::error::{Error, Result};
use crate::value::json::{self, Object, Value};

/// `backend_kwargs`, in which Airflow finds nothing to replace: it does so after a dollar sign.
pub(super) fn kwargs(options: &Object) -> Result<String> {
    let value = plain(options);
    let text = serde_json::to_string_pretty(&value)
        .map_err(|error| Error::internal("JSON could not be written").with_source(error))?;
    Ok(format!("{}\n", text.replace('$', r"\u0024")))
}

/// The options for programs.
pub(super) fn plain(options: &Object) -> serde_json::Value {
    let written = json::write(&Value::from(options.clone()));
    written.to_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// A stores file with one store.
pub(super) fn stores_file(name: &str, store: &str, options: &Object) -> Result<String> {
    write(name, store, options).map_err(|_| {
        Error::config("a text of the configuration cannot be written as TOML")
            .with_hint("It has half of a character; write the options as JSON")
    })
}

fn write(name: &str, store: &str, options: &Object) -> Result<String, fmt::Error> {
    let mut text = String::from("[[stores]]\n");
    pair(&mut text, "name", &Value::from(name))?;
    text.newline()?;
    pair(&mut text, "store", &Value::from(store))?;
    text.newline()?;
    for (key, value) in options {
        pair(&mut text, key.to_str().ok_or(fmt::Error)?, value)?;
        text.newline()?;
    }
    Ok(text)
}

fn pair(text: &mut String, key: &str, value: &Value) -> fmt::Result {
    text.key(key)?;
    text.space()?;
    text.keyval_sep()?;
    text.space()?;
    put(text, value)
}

fn put(text: &mut String, value: &Value) -> fmt::Result {
    match value {
        // TOML has no null; the options that know it take the word.
        Value::Null => text.value("null"),
        Value::Bool(boolean) => text.value(*boolean),
        Value::Int(number) => match number.as_i64() {
            Some(number) => text.value(number),
            None => text.value(&*number.to_decimal()),
        },
        Value::Float(number) => text.value(*number),
        Value::String(string) => text.value(string.to_str().ok_or(fmt::Error)?),
        Value::Array(items) => {
            text.open_array()?;
            for (index, item) in items.iter().enumerate() {
                separate(text, index)?;
                put(text, item)?;
            }
            text.close_array()
        }
        Value::Object(members) => {
            text.open_inline_table()?;
            for (index, (key, value)) in members.iter().enumerate() {
                separate(text, index)?;
                pair(text, key.to_str().ok_or(fmt::Error)?, value)?;
            }
            text.close_inline_table()
        }
    }
}

fn separate(text: &mut String, index: usize) -> fmt::Result {
    if index == 0 {
        return Ok(());
    }
    text.val_sep()?;
    text.space()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;

    fn options(text: &str) -> Object {
        json::parse(&Text::from(text)).unwrap().into_object().unwrap()
    }

    #[test]
    fn options_become_a_table() {
        let given = r#"{"a": "b\"c", "d e": 1, "f": {"g": [true, 1.5, null], "h": {}}, "i": "two\nlines"}"#;
        insta::assert_snapshot!(stores_file("my store", "vault", &options(given)).unwrap(), @r#"
        [[stores]]
        name = "my store"
        store = "vault"
        a = 'b"c'
        "d e" = 1
        f = {g = [true, 1.5, "null"], h = {}}
        i = """
        two
        lines"""
        "#);
        assert!(stores_file("a", "b", &options(r#"{"a": "\ud800"}"#)).is_err());
    }

    #[test]
    fn a_dollar_sign_is_not_replaced_by_airflow() {
        assert_eq!(kwargs(&options(r#"{"a": "b$HOME"}"#)).unwrap(), "{\n  \"a\": \"b\\u0024HOME\"\n}\n");
    }
}
