//! Changes of secrets: new versions, deletion, restoration, custom metadata.
//!
//! In version 2 of the engine each write names the version that it replaces (check-and-set), so that two
//! writers never overwrite each other, and a write that is sent twice counts once. Version 1 has nothing of
//! the kind. Source: the KV API reference of Vault, "Create/update secret", "Delete latest version of
//! secret", "Undelete secret versions", "Delete metadata and all versions".

use std::time::SystemTime;

use async_trait::async_trait;
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::store::vault::Vault;
use crate::store::vault::access::TokenReply;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::config::KvVersion;
use crate::store::vault::error::{denied, foreign, no_answer, refused};
use crate::store::vault::in_operation;
use crate::store::vault::place::SecretPath;
use crate::store::{Accepts, Current, Description, NewSecret, Removal, SecretName, State, Write};
use crate::value::json::Value;

/// The operation of a change.
const WRITE: &str = "write";

#[async_trait]
impl Write for Vault {
    /// What version 2 has, unless version 1 is configured.
    fn accepts(&self) -> Accepts {
        let has_versions = self.settings.version != Some(KvVersion::One);
        Accepts { tags: has_versions, restore: has_versions, versions: has_versions, ..Accepts::default() }
    }

    async fn current(&self, name: &SecretName) -> Result<Current> {
        let outcome = self.current_secret(name).await;
        outcome.map_err(|error| in_operation(error, WRITE))
    }

    async fn put(&self, name: &SecretName, secret: &NewSecret, over: &Current) -> Result<Option<String>> {
        let outcome = self.put_secret(name, secret, over).await;
        outcome.map_err(|error| in_operation(error, WRITE))
    }

    /// A write that names a version cannot happen twice. Nothing is known of a mount before the first call.
    fn is_repeatable(&self, over: &Current) -> bool {
        over.version.is_some() || self.settings.version == Some(KvVersion::Two)
    }

    async fn delete(&self, name: &SecretName, how: Removal, over: &Current) -> Result<()> {
        let outcome = self.delete_secret(name, how, over).await;
        outcome.map_err(|error| in_operation(error, WRITE))
    }

    async fn restore(&self, name: &SecretName, over: &Current) -> Result<()> {
        let outcome = self.restore_secret(name, over).await;
        outcome.map_err(|error| in_operation(error, WRITE))
    }
}

impl Vault {
    async fn current_secret(&self, name: &SecretName) -> Result<Current> {
        let (place, version, _) = self.target(name, "looking at").await?;
        if version == KvVersion::One {
            let held = self.read(name).await?;
            return Ok(held.map_or(Current::ABSENT, |_| Current::present(None)));
        }
        // A name without a path is a mount.
        if place.path.is_empty() {
            return Err(Error::new(ErrorKind::InvalidName, format!("`{name}` names a mount and no secret"))
                .with_hint("Use an id that is not empty"));
        }
        Ok(self.describe_secret(name).await?.map_or(Current::ABSENT, |described| current(&described)))
    }

    async fn put_secret(
        &self,
        name: &SecretName,
        secret: &NewSecret,
        over: &Current,
    ) -> Result<Option<String>> {
        let (place, version, subject) = self.target(name, "writing").await?;
        let data: serde_json::Value =
            serde_json::from_str(secret.value.expose()).map_err(|_| not_json(&subject))?;
        if version == KvVersion::One {
            if !secret.tags.is_empty() {
                return Err(without_tags(&subject));
            }
            self.change(name, &Own::post(place.whole(""), &data), &subject, "update").await?;
            return Ok(None);
        }
        let has_new_tags = self.tag(name, &place, over.missing_tags(&secret.tags), over, &subject).await?;
        let known = over.version.as_deref().and_then(|version| version.parse::<u64>().ok()).unwrap_or(0);
        let body = json!({"options": {"cas": known}, "data": data});
        let call = Own::post(place.whole("data"), &body);
        let written = self.change(name, &call, &subject, "update").await;
        let answer = match written {
            Ok(answer) => answer,
            Err(error) => {
                let error = self.or_conflict(name, over, error).await;
                return Err(if has_new_tags { half_done(error) } else { error });
            }
        };
        let json = answer.reply.json();
        let data = json.as_ref().and_then(Value::as_object).and_then(|members| members.get("data"));
        let version = data.and_then(Value::as_object).and_then(|data| data.get("version"));
        Ok(version.and_then(Value::as_i64).map(|version| version.to_string()))
    }

    /// Adds custom metadata to those that are there; returns whether there was something to add.
    async fn tag(
        &self,
        name: &SecretName,
        place: &SecretPath,
        missing: Vec<(String, String)>,
        over: &Current,
        subject: &str,
    ) -> Result<bool> {
        if missing.is_empty() {
            return Ok(false);
        }
        let all: serde_json::Map<_, _> =
            over.tags.iter().cloned().chain(missing).map(|(key, value)| (key, json!(value))).collect();
        let call = Own::post(place.whole("metadata"), &json!({"custom_metadata": all}));
        self.change(name, &call, subject, "update").await?;
        Ok(true)
    }

    async fn delete_secret(&self, name: &SecretName, how: Removal, _over: &Current) -> Result<()> {
        let (place, version, subject) = self.target(name, "deleting").await?;
        let part = match version {
            KvVersion::One => "",
            KvVersion::Two if how.purge => "metadata",
            KvVersion::Two => "data",
        };
        self.change(name, &Own::delete(place.whole(part)), &subject, "delete").await.map(drop)
    }

    async fn restore_secret(&self, name: &SecretName, over: &Current) -> Result<()> {
        let (place, _, subject) = self.target(name, "restoring").await?;
        let version = over.version.as_deref().and_then(|version| version.parse::<u64>().ok());
        let version = version.ok_or_else(|| Error::internal("a deleted secret without a version"))?;
        let call = Own::post(place.whole("undelete"), &json!({"versions": [version]}));
        self.change(name, &call, &subject, "update").await.map(drop)
    }

    async fn target(&self, name: &SecretName, doing: &str) -> Result<(SecretPath, KvVersion, String)> {
        let subject = format!("{doing} `{name}`");
        let place = self.place(name, &subject)?;
        let version = self.version(&place, name, &subject).await?;
        Ok((place, version, subject))
    }

    /// Sends a change; an answer that is no success is an error.
    async fn change(
        &self,
        name: &SecretName,
        call: &Own,
        subject: &str,
        capability: &str,
    ) -> Result<TokenReply> {
        let call = Call::of(call).map_err(|error| no_answer(&error, subject))?;
        let answer = self.access.ask(&call, name, subject).await?;
        match answer.reply.status {
            200..=299 => Ok(answer),
            403 if answer.reply.is_of_vault() => Err(denied(subject, &call.path, capability)),
            403 | 404 if !answer.reply.is_of_vault() => Err(foreign(&answer.reply, subject)),
            _ => Err(refused(&answer.reply, subject)),
        }
    }

    /// A write that names a version is refused with a status that has other causes, too: the version says
    /// which it was.
    async fn or_conflict(&self, name: &SecretName, over: &Current, error: Error) -> Error {
        if error.code() != Some("400") {
            return error;
        }
        match self.current_secret(name).await {
            Ok(current) if current.version != over.version => {
                let version = current.version.unwrap_or_else(|| "none".to_owned());
                let text = format!("`{name}` was changed by another writer: its version is {version} now");
                Error::new(ErrorKind::Conflict, text)
                    .with_code("400")
                    .with_hint("Look at it with `strongroom describe`, and try again")
            }
            _ => error,
        }
    }
}

fn current(described: &Description) -> Current {
    let is_destroyed = described.form.as_deref().is_some_and(|form| form.contains("destroyed"));
    let is_deleted = described.deleted.is_some_and(|moment| moment <= SystemTime::now());
    let state = match described.version {
        None => State::Absent,
        // There is nothing to bring back.
        Some(_) if is_destroyed => State::Absent,
        Some(_) if is_deleted => State::Deleted,
        Some(_) => State::Present,
    };
    Current { state, version: described.version.clone(), tags: described.tags.clone() }
}

/// Python's JSON has numbers that no other has, such as NaN.
fn not_json(subject: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("{subject}: Vault takes no JSON with NaN or Infinity"))
        .with_hint("Write such a number as a text")
}

fn without_tags(subject: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{subject}: a KV engine of version 1 has no tags"))
        .with_hint("Leave --tag and `tags` of backend_kwargs out, or use an engine of version 2")
}

/// A write consists of two requests where there are new tags.
fn half_done(error: Error) -> Error {
    error.about("its custom metadata were changed and its value was not")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_description_says_what_a_write_finds() {
        let now = SystemTime::now();
        let described = |version: Option<&str>, deleted, form: &str| {
            let described = Description {
                version: version.map(str::to_owned),
                deleted,
                form: Some(form.to_owned()),
                ..Description::of("a")
            };
            current(&described).state
        };
        assert_eq!(described(None, None, "KV 2, without any version"), State::Absent);
        assert_eq!(described(Some("1"), None, "KV 2"), State::Present);
        assert_eq!(described(Some("1"), Some(now + Duration::from_secs(60)), "KV 2"), State::Present);
        assert_eq!(described(Some("1"), Some(now), "KV 2, current version deleted"), State::Deleted);
        assert_eq!(described(Some("1"), Some(now), "KV 2, current version destroyed"), State::Absent);
    }
}
