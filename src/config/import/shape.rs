//! Whose configuration it is.

use crate::config::import::block::{nearest, plain};
use crate::config::import::{Tool, airbyte, fivetran, kestra};
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::value::json::{Object, Value};

/// The tool whose keys these are.
pub(super) fn tool_of(members: &Object, kind: Option<&str>) -> Result<Tool> {
    if kestra::is_meant(members) {
        return Ok(Tool::Kestra);
    }
    if fivetran::is_meant(members) {
        return Ok(Tool::Fivetran);
    }
    if airbyte::is_meant(members) || kind.is_some_and(airbyte::has_type) {
        return Ok(Tool::Airbyte);
    }
    if kind.is_some_and(fivetran::has_type) {
        return Ok(Tool::Fivetran);
    }
    if kind.is_some_and(kestra::has_type) {
        return Ok(Tool::Kestra);
    }
    Err(suggested(members))
}

/// An error for what belongs to none of the tools.
pub(super) fn unrecognised(what: &str) -> Error {
    Error::config(what).with_hint(
        "Known are: the JSON of a secret storage of Airbyte, such as {\"auth_type\": ..., \"awsRegion\": \
        ...}; the \
         YAML of Kestra with `kestra: {secret: {type: ...}}`; the JSON of an external secrets manager of \
         Fivetran, {\"type\": \"AWS_SECRET_MANAGER\", \"config\": {...}}",
    )
}

fn suggested(members: &Object) -> Error {
    let keys: Vec<&str> = members.iter().filter_map(|(key, _)| key.to_str()).collect();
    let known: Vec<&str> = airbyte::keys().chain(["kestra", "secret", "type", "config"]).collect();
    let near = keys.iter().find_map(|key| Some((*key, nearest(key, &known)?)));
    let error = unrecognised("the configuration has no key of Airbyte, Kestra or Fivetran");
    match near {
        Some((key, near)) if plain(key) != plain(near) || key != near => {
            let hint = error.hint().unwrap_or_default().to_owned();
            error.with_hint(format!("Did you mean `{near}` by `{}`? {hint}", Shown(key)))
        }
        _ => error,
    }
}

/// The object of `key`, if that is what it is.
pub(super) fn object<'a>(members: &'a Object, key: &str) -> Option<&'a Object> {
    members.get(key).and_then(Value::as_object)
}

/// The text of `key`, if that is what it is.
pub(super) fn text<'a>(members: &'a Object, key: &str) -> Option<&'a str> {
    members.get(key).and_then(Value::as_str)
}
