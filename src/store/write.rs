//! What a store has to be able to do so that its secrets can be changed.

use std::time::SystemTime;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::store::name::SecretName;
use crate::value::json::{self, Value};
use crate::value::{SecretValue, Text};

/// What a store takes beside a value, and what it can undo. A request for anything else is refused before any
/// call.
#[allow(clippy::struct_excessive_bools)] // independent abilities, each with a name of its own
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepts {
    /// Tags, or what the store has in their place.
    pub tags: bool,
    /// A date after which the secret is no longer read.
    pub expiry: bool,
    /// How long a deleted secret can be restored.
    pub recovery_days: bool,
    /// Whether a deleted secret can be restored, so that a purge is something else than a deletion.
    pub restore: bool,
    /// Whether secrets have versions that a write can name.
    pub versions: bool,
}

/// Whether there is a secret under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is none.
    Absent,
    /// It is deleted, and may be restored.
    Deleted,
    /// There is one.
    Present,
}

/// What a store has under a name before a change. Its value is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Whether it exists.
    pub state: State,
    /// The version that is read, where there are versions.
    pub version: Option<String>,
    /// Its tags, where the store has tags.
    pub tags: Vec<(String, String)>,
}

impl Current {
    /// Nothing.
    pub const ABSENT: Self = Self { state: State::Absent, version: None, tags: Vec::new() };

    /// A secret with this version.
    pub fn present(version: Option<String>) -> Self {
        Self { state: State::Present, version, tags: Vec::new() }
    }

    /// Those of `wanted` that it does not have.
    pub fn missing_tags(&self, wanted: &[(String, String)]) -> Vec<(String, String)> {
        wanted.iter().filter(|tag| !self.tags.contains(tag)).cloned().collect()
    }
}

/// What a write expects to find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// A secret, or none.
    #[default]
    Anything,
    /// None: the write creates it.
    Absent,
    /// One: the write changes it.
    Present,
    /// One of this version.
    Version(String),
}

impl Expect {
    /// Refuses a write that finds something else.
    pub fn check(&self, name: &SecretName, current: &Current) -> Result<()> {
        let found = match (current.state, &current.version) {
            (State::Absent, _) => "there is none".to_owned(),
            (State::Deleted, _) => "it is deleted".to_owned(),
            (State::Present, Some(version)) => format!("its version is {version}"),
            (State::Present, None) => "there is one".to_owned(),
        };
        let (is_met, wanted) = match self {
            Self::Anything => (true, String::new()),
            Self::Absent => (current.state == State::Absent, "no such secret".to_owned()),
            Self::Present => (current.state == State::Present, "a secret that exists".to_owned()),
            Self::Version(version) => (
                current.state == State::Present && current.version.as_ref() == Some(version),
                format!("version {version}"),
            ),
        };
        if is_met {
            return Ok(());
        }
        let text = format!("`{name}` was not written: the write expected {wanted}, and {found}");
        Err(Error::new(ErrorKind::Conflict, text).with_hint("Look at it with `strongroom describe`"))
    }
}

/// A value on its way into a store. Debug shows no value.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The contents as the store's convention has them.
    pub value: SecretValue,
    /// Tags that the secret has afterwards; others that it has are kept.
    pub tags: Vec<(String, String)>,
    /// When it expires.
    pub expires: Option<SystemTime>,
    /// Different for each write, and the same in all attempts to make it.
    pub token: String,
}

/// How a secret is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// For good, where it could be restored otherwise.
    pub purge: bool,
    /// How many days it can be restored, in place of what the store does by itself.
    pub recovery_days: Option<u32>,
}

/// Changes of secrets.
///
/// Each call makes at most one change: a retry of a call whose answer was lost must be harmless, or
/// [`Self::is_repeatable`] says that it is not. A failed call leaves the secret as it was, or its error names
/// what was done.
#[async_trait]
pub trait Write: Send + Sync {
    /// What the store takes beside a value.
    fn accepts(&self) -> Accepts;

    /// What is under `name`. A name that no secret can have is an error.
    async fn current(&self, name: &SecretName) -> Result<Current>;

    /// Writes a value where `over` was found, and returns the version that it got. Where the store can
    /// compare, another writer in between is an [`ErrorKind::Conflict`].
    async fn put(&self, name: &SecretName, secret: &NewSecret, over: &Current) -> Result<Option<String>>;

    /// Whether the same [`Self::put`] can be sent twice and writes once.
    fn is_repeatable(&self, _over: &Current) -> bool {
        false
    }

    /// Deletes a secret that exists, or purges one that is deleted.
    async fn delete(&self, name: &SecretName, how: Removal, over: &Current) -> Result<()>;

    /// Brings a deleted secret back. Only asked where [`Accepts::restore`] is set.
    async fn restore(&self, name: &SecretName, over: &Current) -> Result<()>;
}

/// Whether two secrets hold the same: structured ones in any order of their fields.
pub fn same_contents(one: &SecretValue, other: &SecretValue) -> bool {
    if one.is_structured() != other.is_structured() {
        return false;
    }
    let parsed = |value: &SecretValue| json::parse(&Text::from(value.expose())).ok();
    one.expose() == other.expose()
        || (one.is_structured() && parsed(one).zip(parsed(other)).is_some_and(|(a, b)| same_json(&a, &b)))
}

fn same_json(one: &Value, other: &Value) -> bool {
    match (one.as_object(), other.as_object()) {
        (Some(one), Some(other)) => {
            let has = |(key, value): &(Text, Value)| {
                other.get_text(key).is_some_and(|found| same_json(value, found))
            };
            one.len() == other.len() && one.iter().all(has)
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current(state: State, version: Option<&str>) -> Current {
        Current { state, version: version.map(str::to_owned), tags: vec![("a".into(), "1".into())] }
    }

    #[test]
    fn what_is_expected_is_found_or_a_conflict() {
        let name = SecretName::from("a");
        let version = Expect::Version("3".to_owned());
        for (expect, found, is_met) in [
            (&Expect::Anything, current(State::Deleted, None), true),
            (&Expect::Absent, current(State::Absent, None), true),
            (&Expect::Absent, current(State::Deleted, None), false),
            (&Expect::Present, current(State::Present, None), true),
            (&Expect::Present, current(State::Absent, None), false),
            (&version, current(State::Present, Some("3")), true),
            (&version, current(State::Present, Some("4")), false),
            (&version, current(State::Present, None), false),
        ] {
            let outcome = expect.check(&name, &found).map_err(|error| error.kind());
            assert_eq!(outcome, if is_met { Ok(()) } else { Err(ErrorKind::Conflict) }, "{expect:?}");
        }
        insta::assert_snapshot!(version.check(&name, &current(State::Present, Some("4"))).unwrap_err(),
            @"`a` was not written: the write expected version 3, and its version is 4. Look at it with \
            `strongroom describe`");
    }

    #[test]
    fn the_order_of_fields_makes_no_difference() {
        let same = |a, b| same_contents(&SecretValue::structured(a), &SecretValue::structured(b));
        assert!(same(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#, r#"{"b": {"d": 3, "c": 2}, "a": 1}"#));
        assert!(!same(r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#) && !same(r#"{"a": 1}"#, r#"{"a": 2}"#));
        assert!(!same_contents(&SecretValue::text("{}"), &SecretValue::structured("{}")));
        assert!(!same_contents(&SecretValue::text(r#"{"a":1}"#), &SecretValue::text(r#"{"a": 1}"#)));
    }

    #[test]
    fn tags_that_are_there_are_not_set_again() {
        let wanted = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
        assert_eq!(current(State::Present, None).missing_tags(&wanted), wanted[1..]);
    }
}
