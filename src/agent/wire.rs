//! Requests and replies, and their frames.
//!
//! A frame is four bytes, the length of what follows (little endian), and a message in the format of
//! [`postcard`]. Client and agent are of one build: its version is part of the name of the socket, and the
//! first message of a connection.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::agent::failure::WireError;
use crate::backend::chain::{Time, Turn};
use crate::error::{Error, Result};
use crate::store::convention::{Kind, Lookup};
use crate::value::SecretValue;

/// The version of the messages and of the product.
pub(super) const VERSION: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));

/// The longest message of a client, in bytes: ids beyond that are no names of anything.
pub(super) const MOST_ASKED: usize = 64 << 10;

/// The longest message of the agent, in bytes. Stores read answers of at most 16 MiB.
pub(super) const MOST_ANSWERED: usize = 17 << 20;

/// The bytes before each message.
pub(super) const HEAD: usize = 4;

/// How often the agent says that it is still at work, and how long a client waits for a word of it.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(100);
pub(super) const SILENCE: Duration = Duration::from_millis(250);

/// The grain of a member's time, in milliseconds.
const EVEN: u64 = 10;

/// What a client wants.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request<'a> {
    /// The answer to a lookup.
    #[serde(borrow)]
    Lookup(WireLookup<'a>),
    /// The next lookup of the id, or every next lookup, asks the store.
    Refresh { id: Option<&'a str>, team: Option<&'a str> },
    /// Figures.
    Status,
    /// The end of the agent.
    Stop,
}

/// A [`Lookup`], and whether Airflow has teams where the client had to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WireLookup<'a> {
    kind: u8,
    pub(super) id: &'a str,
    pub(super) team: Option<&'a str>,
    pub(super) multi_team: Option<bool>,
    member: Option<WireTurn>,
}

/// Which member of a chain is asked, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WireTurn {
    index: u32,
    left: Duration,
    is_share: bool,
}

impl<'a> WireLookup<'a> {
    pub(super) fn new(lookup: Lookup<'a>, multi_team: Option<bool>) -> Self {
        let kind = Kind::ALL.iter().position(|kind| *kind == lookup.kind).unwrap_or_default();
        let kind = u8::try_from(kind).unwrap_or_default();
        Self { kind, id: lookup.id, team: lookup.team, multi_team, member: None }
    }

    /// The same, of one member of a chain. The time is rounded up, so that an error shows a plain one.
    pub(super) fn of_member(self, turn: Turn) -> Self {
        let left = u64::try_from(turn.time.left.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let left = Duration::from_millis(left.div_ceil(EVEN).saturating_mul(EVEN));
        let index = u32::try_from(turn.index).unwrap_or(u32::MAX);
        Self { member: Some(WireTurn { index, left, is_share: turn.time.is_share }), ..self }
    }

    /// The member that is asked, if it is one of a chain, and its time.
    pub(super) fn member(&self) -> Option<(usize, Time)> {
        let member = self.member?;
        let time = Time { left: member.left, is_share: member.is_share };
        Some((usize::try_from(member.index).ok()?, time))
    }

    /// The lookup, if there is such a kind.
    pub(super) fn lookup(&self) -> Option<Lookup<'a>> {
        let kind = *Kind::ALL.get(usize::from(self.kind))?;
        Some(Lookup { kind, id: self.id, team: self.team })
    }
}

/// What the agent says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply<'a> {
    /// It is at work; another reply follows.
    Working,
    /// The answer to a lookup.
    #[serde(borrow)]
    Answer(WireAnswer<'a>),
    /// Figures.
    Status(Status),
    /// It is done.
    Done,
    /// It does not serve this client, and why.
    Refused(&'a str),
}

/// The answer to a lookup, before the error policy of the client.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireAnswer<'a> {
    #[serde(borrow)]
    pub(super) outcome: std::result::Result<WireKnown<'a>, WireError>,
    /// What the log of the lookup should have as warnings.
    pub(super) notes: Vec<String>,
}

/// What the store said.
#[derive(Serialize, Deserialize)]
pub(super) struct WireKnown<'a> {
    value: Option<&'a str>,
    is_structured: bool,
    #[serde(borrow)]
    resolved: Vec<&'a str>,
    valid_for: Option<Duration>,
    pub(super) age: Duration,
    pub(super) fresh_for: Duration,
    pub(super) is_stale: bool,
}

impl std::fmt::Debug for WireKnown<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WireKnown").field("age", &self.age).finish_non_exhaustive()
    }
}

impl<'a> WireKnown<'a> {
    pub(super) fn new(
        value: Option<&'a SecretValue>,
        age: Duration,
        fresh_for: Duration,
        is_stale: bool,
    ) -> Self {
        Self {
            value: value.map(SecretValue::expose),
            is_structured: value.is_some_and(SecretValue::is_structured),
            resolved: value
                .map(SecretValue::resolved)
                .into_iter()
                .flatten()
                .map(SecretValue::expose)
                .collect(),
            valid_for: value.and_then(SecretValue::valid_for),
            age,
            fresh_for,
            is_stale,
        }
    }

    /// A copy of the value.
    pub(super) fn value(&self) -> Option<SecretValue> {
        let make = if self.is_structured { SecretValue::structured } else { SecretValue::text };
        let mut value = self.value.map(make)?;
        if !self.resolved.is_empty() {
            value = value.with_resolved(self.resolved.iter().copied().map(SecretValue::text).collect());
        }
        Some(match self.valid_for {
            Some(valid_for) => value.with_valid_for(valid_for),
            None => value,
        })
    }
}

/// Figures of an agent at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its process.
    pub pid: u32,
    /// The store that it reads.
    pub store: String,
    /// How long it has been at work.
    pub up: Duration,
    /// How long ago it was last asked for a secret, or else started.
    pub idle: Duration,
    /// Clients that are connected, this one included.
    pub clients: u32,
    /// Clients that were turned away, since there were as many as it serves.
    pub refused: u64,
    /// Lookups that were asked of it.
    pub lookups: u64,
    /// Those of them that were answered from its memory.
    pub from_memory: u64,
    /// Refreshes of its own, before an entry expired.
    pub refreshes: u64,
    /// Requests to the store.
    pub calls: u64,
    /// The longest time between two words to a client that waited.
    pub longest_gap: Duration,
}

/// A message in its frame. The bytes may hold a secret: they are overwritten when they are dropped.
pub(super) fn frame(message: &impl Serialize) -> Result<Zeroizing<Vec<u8>>> {
    // The size is known before, so that no half of a secret stays behind in memory that was outgrown.
    let length = postcard::experimental::serialized_size(message).map_err(|_| unwritable())?;
    let mut bytes = Zeroizing::new(vec![0; HEAD + length]);
    let head = u32::try_from(length).map_err(|_| unwritable())?;
    bytes[..HEAD].copy_from_slice(&head.to_le_bytes());
    postcard::to_slice(message, &mut bytes[HEAD..]).map_err(|_| unwritable())?;
    Ok(bytes)
}

fn unwritable() -> Error {
    Error::internal("a message of the agent could not be written")
}

/// The length of the message after `head`, if the other side may send that much.
pub(super) fn length(head: [u8; HEAD], most: usize) -> Option<usize> {
    let length = usize::try_from(u32::from_le_bytes(head)).ok()?;
    (1..=most).contains(&length).then_some(length)
}

/// Reads a message; nothing that follows it is allowed.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (message, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(bytes: &[u8]) -> &[u8] {
        let head: [u8; HEAD] = bytes[..HEAD].try_into().unwrap();
        assert_eq!(length(head, MOST_ANSWERED), Some(bytes.len() - HEAD));
        &bytes[HEAD..]
    }

    #[test]
    fn a_value_arrives_as_it_was_and_is_not_shown() {
        let value = SecretValue::structured("{\"canary\": 1}").with_resolved(vec![SecretValue::text("part")]);
        let value = value.with_valid_for(Duration::from_secs(5));
        let known = WireKnown::new(Some(&value), Duration::from_secs(2), Duration::from_secs(7), true);
        assert_eq!(format!("{known:?}"), "WireKnown { age: 2s, .. }");
        let reply = Reply::Answer(WireAnswer { outcome: Ok(known), notes: vec!["n".to_owned()] });
        let bytes = frame(&reply).unwrap();
        let Some(Reply::Answer(WireAnswer { outcome: Ok(known), notes })) = read(body(&bytes)) else {
            panic!("another reply arrived")
        };
        let copy = known.value().unwrap();
        assert_eq!((copy.expose(), copy.is_structured()), (value.expose(), true));
        assert_eq!((copy.valid_for(), known.fresh_for), (value.valid_for(), Duration::from_secs(7)));
        assert_eq!(copy.resolved().iter().map(SecretValue::expose).collect::<Vec<_>>(), ["part"]);
        assert!(known.is_stale && notes == ["n"]);
    }

    #[test]
    fn lengths_beyond_the_limit_are_refused() {
        assert_eq!(length(0_u32.to_le_bytes(), 9), None);
        assert_eq!(length(9_u32.to_le_bytes(), 9), Some(9));
        assert_eq!(length(10_u32.to_le_bytes(), 9), None);
        assert_eq!(length([0xFF; HEAD], MOST_ANSWERED), None);
    }

    #[test]
    fn nothing_may_follow_a_message() {
        let bytes = frame(&Request::Status).unwrap();
        assert_eq!(read(body(&bytes)), Some(Request::Status));
        assert_eq!(read::<Request<'_>>(&[body(&bytes), &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn every_lookup_arrives_as_it_was(
            kind in 0..3_usize,
            id: String,
            team: Option<String>,
            teams: Option<bool>,
        ) {
            let lookup = Lookup { kind: Kind::ALL[kind], id: &id, team: team.as_deref() };
            let bytes = frame(&Request::Lookup(WireLookup::new(lookup, teams))).unwrap();
            let Some(Request::Lookup(copy)) = read(body(&bytes)) else { panic!("another request arrived") };
            let arrived = copy.lookup().unwrap();
            prop_assert_eq!((arrived.kind, arrived.id, arrived.team), (lookup.kind, lookup.id, lookup.team));
            prop_assert_eq!(copy.multi_team, teams);
        }

        #[test]
        fn foreign_bytes_are_refused_and_never_panic(bytes: Vec<u8>) {
            let _ = read::<Request<'_>>(&bytes);
            let _ = read::<Reply<'_>>(&bytes);
        }
    }
}
