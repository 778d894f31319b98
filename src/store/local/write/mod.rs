//! Changes of a file: one entry is replaced in its text, and everything else stays as it is, comments and
//! order among it.
//!
//! | file | contents |
//! |---|---|
//! | `place.rs` | the lock, and the new file that takes the place of the old one |
//! | `env.rs`, `json.rs`, `yaml.rs` | the change of a text of each format |
//!
//! A changed text is read again before it is written: unless it differs from the old one in this entry alone,
//! nothing is written.

mod env;
mod json;
mod place;
#[cfg(test)]
mod tests;
mod yaml;

use std::path::Path;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::store::convention::Kind;
use crate::store::{Accepts, Current, NewSecret, Removal, SecretName, State, Write};
use crate::value::json::Object;
use crate::value::{SecretValue, Text, Value};

use super::LocalFiles;
use super::convention::split_name;
use super::error::cannot_hold;
use super::files::Files;
use super::format::Format;

/// An entry as it should be; `None` removes it.
type Wanted<'value> = Option<&'value Value>;

/// Why a text cannot be changed, as the rest of a sentence.
type Reason = &'static str;

#[async_trait]
impl Write for LocalFiles {
    fn accepts(&self) -> Accepts {
        Accepts::default()
    }

    async fn current(&self, name: &SecretName) -> Result<Current> {
        let name = name.clone();
        let find = move |files: &Files| {
            let (kind, id) = split_name(&name)?;
            Format::of(files.written(kind)?)?;
            Ok(if files.has_written(kind, id)? { Current::present(None) } else { Current::ABSENT })
        };
        self.read(find).await.flatten()
    }

    async fn put(&self, name: &SecretName, secret: &NewSecret, over: &Current) -> Result<Option<String>> {
        let (name, value, was) = (name.clone(), secret.value.clone(), over.state);
        self.read(move |files| change(files, &name, Some(&value), was)).await.flatten()?;
        Ok(None)
    }

    /// The lock and the replacement of the whole file make a second write of the same harmless, but another
    /// writer may have come in between.
    fn is_repeatable(&self, _over: &Current) -> bool {
        false
    }

    async fn delete(&self, name: &SecretName, _how: Removal, over: &Current) -> Result<()> {
        let (name, was) = (name.clone(), over.state);
        self.read(move |files| change(files, &name, None, was)).await.flatten()
    }

    async fn restore(&self, _name: &SecretName, _over: &Current) -> Result<()> {
        Err(super::INFO.cannot("restore", "restore a deleted secret"))
    }
}

/// Changes one entry under the lock of its folder. `was` is what the caller has found: a change by another
/// process in between is a conflict.
fn change(files: &Files, name: &SecretName, value: Option<&SecretValue>, was: State) -> Result<()> {
    let (kind, id) = split_name(name)?;
    let path = files.written(kind)?;
    let format = Format::of(path)?;
    let wanted = value.map(|value| entry(path, (kind, id), format, value)).transpose()?;
    let place = place::Place::of(path)?;
    let _lock = place.lock()?;
    let is_there = files.has_written(kind, id)?;
    if is_there != (was == State::Present) {
        return Err(conflict(name, is_there));
    }
    let old = place.content()?;
    let new = changed(path, format, &old, id, wanted.as_ref())?;
    place.replace(&new)
}

fn conflict(name: &SecretName, is_there: bool) -> crate::error::Error {
    let what = if is_there { "created" } else { "deleted" };
    crate::error::Error::new(
        crate::error::ErrorKind::Conflict,
        format!("`{name}` was {what} by another process in the meantime, and not written"),
    )
    .with_operation("write")
    .with_hint("Look at it, and try again")
}

/// The value in terms of the file: JSON connections become objects, as Airflow's class requires.
fn entry(path: &Path, (kind, id): (Kind, &str), format: Format, value: &SecretValue) -> Result<Value> {
    let text = value.expose();
    let is_object = kind == Kind::Connection && text.trim_start().starts_with('{');
    if !is_object {
        return Ok(Value::from(text));
    }
    if format == Format::Env {
        let reason = "a line holds a connection as a URI, and this is JSON: write it with --format uri";
        return Err(cannot_hold(path, id, reason));
    }
    let parsed =
        crate::value::json::parse(&Text::from(text)).ok().filter(|value| value.as_object().is_some());
    parsed.ok_or_else(|| cannot_hold(path, id, "it is not a JSON object"))
}

/// The text of the file after the change, which is checked by reading it.
fn changed(
    path: &Path,
    format: Format,
    old: &str,
    id: &str,
    wanted: Wanted<'_>,
) -> Result<Zeroizing<String>> {
    let before = if old.is_empty() { Object::new() } else { format.parse(path, old)?.0 };
    let (mark, text) = match old.strip_prefix('\u{feff}') {
        Some(text) => ("\u{feff}", text),
        None => ("", old),
    };
    let edited = match format {
        Format::Env => Ok(env::changed(text, id, wanted)),
        Format::Json => json::changed(text, id, wanted),
        Format::Yaml => yaml::changed(text, id, wanted),
    };
    let edited = edited.map_err(|reason| cannot_hold(path, id, reason))?;
    let new = Zeroizing::new(format!("{mark}{}", edited.as_str()));
    let after = format.parse(path, &new).ok().map(|(after, _)| after);
    if after.is_some_and(|after| is_meant(&before, &after, id, wanted, format)) {
        return Ok(new);
    }
    Err(cannot_hold(path, id, refused(format)))
}

fn refused(format: Format) -> Reason {
    match format {
        Format::Env => {
            "a line is KEY=value, so neither holds a line break, the key no `=` and no `#` at its start, and \
             the value is not empty"
        }
        Format::Json | Format::Yaml => "it cannot be changed in its place: edit the file by hand",
    }
}

/// Whether both are the same in a file, where NaN is equal to itself.
fn same(one: &Value, other: &Value) -> bool {
    one == other || crate::value::json::write(one) == crate::value::json::write(other)
}

/// Whether `after` is `before` but for the entry `id`, which is as wanted.
fn is_meant(before: &Object, after: &Object, id: &str, wanted: Wanted<'_>, format: Format) -> bool {
    let own = Text::from(id);
    let is_other = |(key, _): &&(Text, Value)| *key != own;
    let others = |object: &Object| object.iter().filter(is_other).count();
    let is_kept = |(key, value): &(Text, Value)| after.get_text(key).is_some_and(|kept| same(kept, value));
    let is_right = match (wanted, after.get(id)) {
        (None, found) => found.is_none(),
        (Some(wanted), Some(found)) if format == Format::Env => {
            found.as_array().is_some_and(|lines| lines == std::slice::from_ref(wanted))
        }
        (Some(wanted), found) => found == Some(wanted),
    };
    is_right && others(before) == others(after) && before.iter().filter(is_other).all(is_kept)
}
