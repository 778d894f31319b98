//! Changes of secrets: for the command line.
//!
//! What is checked first makes no call: whether the backend may be written to, whether the store takes what
//! is asked for, whether a secret should be a reference. Then the store is asked what it has, and only a
//! difference is written. Afterwards the cache forgets the name, and the secret is read back.

mod settings;
#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use crate::backend::lookup::Backend;
use crate::backend::plan::Route;
use crate::backend::references::refuse_plain;
use crate::backend::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::store::convention::{Form, Kind, Lookup};
use crate::store::{Current, Expect, NewSecret, Removal, SecretName, State, Write, same_contents};
use crate::value::connection::parse;
use crate::value::{Dialect, SecretValue, Text};

pub(in crate::backend) use self::settings::OPTIONS;
pub use self::settings::WriteSettings;

/// A secret as it should be.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What Airflow is to get.
    pub text: SecretValue,
    /// How the store holds it.
    pub form: Form,
    /// What is expected to be there.
    pub expect: Expect,
    /// Tags beside those of the options.
    pub tags: Vec<(String, String)>,
    /// When it expires.
    pub expires: Option<SystemTime>,
}

/// What a command did to a secret, or would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There was none.
    Created,
    /// It was another.
    Updated,
    /// It was the same already.
    Unchanged,
    /// It can be restored.
    Deleted,
    /// It is gone.
    Purged,
    /// It is back.
    Restored,
    /// There was nothing to delete or to restore.
    Nothing,
}

/// The outcome of a command for one secret.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Its name in the store.
    pub name: SecretName,
    /// What was done.
    pub change: Change,
    /// The version that it has now, as far as the store has versions and nothing was only planned.
    pub version: Option<String>,
    /// What was found before.
    pub before: Current,
    /// Why the secret could not be read back, if it could not: it is written.
    pub unread: Option<Error>,
}

impl Changed {
    fn new(name: &SecretName, change: Change, before: Current) -> Self {
        Self { name: name.clone(), change, version: before.version.clone(), before, unread: None }
    }
}

impl Backend {
    /// Refuses to change anything where the options or the store forbid it. Makes no call.
    pub fn check_writable(&self) -> Result<()> {
        let checked = self.writable_stack().map(drop);
        self.named(checked)
    }

    /// Makes the secret of `lookup` what `wish` says; with `is_real` false, only finds out what that means.
    pub async fn set(
        &self,
        lookup: Lookup<'_>,
        route: &Route,
        wish: &Wish,
        is_real: bool,
    ) -> Result<Changed> {
        self.named(self.set_one(lookup, route, wish, is_real).await)
    }

    async fn set_one(
        &self,
        lookup: Lookup<'_>,
        route: &Route,
        wish: &Wish,
        is_real: bool,
    ) -> Result<Changed> {
        let (stack, name) = self.writable(route)?;
        let tags = self.all_tags(&wish.tags);
        check_accepted(&stack, wish, &tags)?;
        if self.settings.references.are_required() {
            refuse_plain(lookup, &wish.text, name)?;
        }
        let value = self.contents(lookup.kind, wish)?;
        let before = stack.write.current(name).await?;
        wish.expect.check(name, &before)?;
        if wish.expires.is_none() && is_there(&stack, lookup.kind, name, &before, (&value, &tags)).await {
            return Ok(Changed::new(name, Change::Unchanged, before));
        }
        let change = if before.state == State::Present { Change::Updated } else { Change::Created };
        let mut changed = Changed::new(name, change, before);
        if is_real {
            let secret = NewSecret { value, tags, expires: wish.expires, token: token() };
            let written = stack.write.put(name, &secret, &changed.before).await;
            // A failed write may have been made.
            stack.store.cache().withdraw(name);
            changed.version = written?;
            changed.unread = self.read_back(&stack, lookup.kind, name, &wish.text).await?;
        }
        Ok(changed)
    }

    /// Deletes the secret of `lookup`; with `is_real` false, only finds out what that means.
    pub async fn delete(&self, route: &Route, how: Removal, is_real: bool) -> Result<Changed> {
        self.named(self.delete_one(route, how, is_real).await)
    }

    async fn delete_one(&self, route: &Route, how: Removal, is_real: bool) -> Result<Changed> {
        let (stack, name) = self.writable(route)?;
        let accepts = stack.write.accepts();
        if how.recovery_days.is_some() && !accepts.recovery_days {
            return Err(cannot(
                &stack,
                "keep a deleted secret for a number of days",
                "Leave --recovery-days out",
            ));
        }
        let before = stack.write.current(name).await?;
        let is_left = before.state == State::Present || (how.purge && before.state == State::Deleted);
        if !is_left {
            return Ok(Changed::new(name, Change::Nothing, before));
        }
        let change = if how.purge || !accepts.restore { Change::Purged } else { Change::Deleted };
        let changed = Changed::new(name, change, before);
        if is_real {
            let outcome = stack.write.delete(name, how, &changed.before).await;
            stack.store.cache().withdraw(name);
            outcome?;
        }
        Ok(changed)
    }

    /// Brings the deleted secret of `lookup` back; with `is_real` false, only finds out what that means.
    pub async fn restore(&self, route: &Route, is_real: bool) -> Result<Changed> {
        self.named(self.restore_one(route, is_real).await)
    }

    async fn restore_one(&self, route: &Route, is_real: bool) -> Result<Changed> {
        let (stack, name) = self.writable(route)?;
        if !stack.write.accepts().restore {
            return Err(cannot(&stack, "restore a deleted secret", "Write it again with `strongroom set`"));
        }
        let before = stack.write.current(name).await?;
        let change = match before.state {
            State::Absent => Change::Nothing,
            State::Present => Change::Unchanged,
            State::Deleted => Change::Restored,
        };
        let changed = Changed::new(name, change, before);
        if is_real && change == Change::Restored {
            let outcome = stack.write.restore(name, &changed.before).await;
            stack.store.cache().withdraw(name);
            outcome?;
        }
        Ok(changed)
    }

    /// The store, and the name that is changed: the first one that a lookup asks for, so that no other one
    /// answers in its place.
    fn writable<'route>(&self, route: &'route Route) -> Result<(Arc<Stack>, &'route SecretName)> {
        let name = route.0.first().ok_or_else(|| Error::internal("a route without a name"))?;
        Ok((self.writable_stack()?, name))
    }

    fn writable_stack(&self) -> Result<Arc<Stack>> {
        if self.settings.writes.read_only {
            return Err(Error::config("the backend is `read_only`, so nothing is written")
                .with_hint("Remove `read_only` from backend_kwargs, if secrets are to be written with it"));
        }
        let stack = self.up_to_date()?;
        if !stack.write.is_possible() {
            return Err(cannot(&stack, "be written to", "Change the secret with the tools of the store"));
        }
        Ok(stack)
    }

    /// What the secret has to hold. A form that would lose a part of the value is refused.
    fn contents(&self, kind: Kind, wish: &Wish) -> Result<SecretValue> {
        let convention = &self.settings.convention;
        let value = convention.write(kind, wish.form, wish.text.clone())?;
        let read = convention.read(kind, value.clone())?;
        if read.is_some_and(|read| same_to_airflow(kind, &read, &wish.text)) {
            return Ok(value);
        }
        let text = "Airflow would not get all of this value from this store, so nothing was written";
        Err(Error::new(ErrorKind::Unsupported, text).with_hint(
            "Write it in another --format, and leave out what the store cannot hold, such as a description",
        ))
    }

    fn all_tags(&self, own: &[(String, String)]) -> Vec<(String, String)> {
        let configured = self.settings.writes.tags.iter();
        let kept = configured.filter(|(key, _)| !own.iter().any(|(other, _)| other == key));
        kept.chain(own).cloned().collect()
    }

    /// Reads the secret back and compares it with what was meant. Returns why that is not possible, if it is
    /// not.
    async fn read_back(
        &self,
        stack: &Stack,
        kind: Kind,
        name: &SecretName,
        text: &SecretValue,
    ) -> Result<Option<Error>> {
        let read = match stack.write.read(name).await {
            Ok(read) => read,
            Err(error) => return Ok(Some(error)),
        };
        let read = read.map(|value| self.settings.convention.read(kind, value)).transpose()?.flatten();
        match read {
            Some(read) if same_to_airflow(kind, &read, text) => Ok(None),
            _ => Err(Error::new(
                ErrorKind::Malformed,
                format!("`{name}` was written, but Airflow would read something else than was given"),
            )
            .with_hint(
                "Another writer may have changed it since, or this form cannot hold the value: try \
                       another --format",
            )),
        }
    }
}

/// Whether Airflow gets the same from both.
fn same_to_airflow(kind: Kind, read: &SecretValue, meant: &SecretValue) -> bool {
    // A reference is no connection before it is resolved.
    if kind != Kind::Connection || read.expose() == meant.expose() {
        return read.expose() == meant.expose();
    }
    let parsed = |value: &SecretValue| parse(&Text::from(value.expose()), Dialect::default()).ok();
    match (parsed(read), parsed(meant)) {
        (Some(read), Some(meant)) => {
            let fields = [
                (&read.conn_type, &meant.conn_type),
                (&read.login, &meant.login),
                (&read.password, &meant.password),
                (&read.host, &meant.host),
                (&read.schema, &meant.schema),
                (&read.description, &meant.description),
                (&read.port, &meant.port),
            ];
            // An empty field and none are the same to Airflow.
            let is_same = |(one, other): &(&crate::value::Value, &crate::value::Value)| {
                one == other || (!one.is_truthy() && !other.is_truthy())
            };
            fields.iter().all(is_same) && read.extra_dejson().ok() == meant.extra_dejson().ok()
        }
        _ => false,
    }
}

/// Whether the store holds just this already. An identity that may write but not read cannot know.
async fn is_there(
    stack: &Stack,
    kind: Kind,
    name: &SecretName,
    before: &Current,
    (value, tags): (&SecretValue, &[(String, String)]),
) -> bool {
    if before.state != State::Present || !before.missing_tags(tags).is_empty() {
        return false;
    }
    let Ok(Some(held)) = stack.write.read(name).await else { return false };
    // The text of a variable counts to its last space, that of a connection only as JSON.
    let as_json = |value: &SecretValue| SecretValue::structured(value.expose());
    let is_json = kind == Kind::Connection
        && [&held, value].iter().all(|value| value.expose().trim_start().starts_with('{'));
    same_contents(&held, value) || (is_json && same_contents(&as_json(&held), &as_json(value)))
}

fn check_accepted(stack: &Stack, wish: &Wish, tags: &[(String, String)]) -> Result<()> {
    let accepts = stack.write.accepts();
    if !tags.is_empty() && !accepts.tags {
        return Err(cannot(stack, "hold tags", "Leave --tag and `tags` of backend_kwargs out"));
    }
    if wish.expires.is_some() && !accepts.expiry {
        return Err(cannot(stack, "let a secret expire", "Leave --expires out"));
    }
    if matches!(wish.expect, Expect::Version(_)) && !accepts.versions {
        return Err(cannot(stack, "compare versions", "Use --update-only"));
    }
    Ok(())
}

fn cannot(stack: &Stack, what: &str, hint: &'static str) -> Error {
    stack.write.info().cannot("write", what).with_hint(hint)
}

/// A token for one write: different for each, and no secret.
fn token() -> String {
    use std::hash::{BuildHasher, Hasher};
    let part = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() & u128::from(u64::MAX);
    format!("{:016x}{now:016x}{:08x}", part(), std::process::id())
}
