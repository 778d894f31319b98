//! The answer to a lookup, and what it is derived from.

use std::time::Duration;

use crate::backend::chain::{Chain, MemberSearch};
use crate::backend::on_error::Failure;
use crate::backend::references::Reference;
use crate::error::{Error, Result};
use crate::layers::{Cached, Counter, Origin};
use crate::masking::Stamp;
use crate::process::Timestamp;
use crate::store::SecretName;
use crate::value::SecretValue;

/// The answer for Airflow, and its origin.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The secret, or `None` if there is none.
    pub value: Option<SecretValue>,
    /// The age of the answer, if the store gave one.
    pub age: Option<Duration>,
    /// The state of the log maskers to which the value was passed.
    pub masked: Stamp,
    /// `value`, `absent`, `stale`, `skipped`, `refused`, or the kind of the error that counts as a miss.
    pub outcome: &'static str,
    /// The position of the member of a chain that has the value.
    pub member: Option<u32>,
}

impl Reply {
    /// The answer of the store, `age` ago.
    #[allow(clippy::inline_always)] // a part of every warm lookup
    #[inline(always)]
    pub(crate) fn known(value: Option<SecretValue>, age: Duration, is_stale: bool) -> Self {
        let outcome = match &value {
            Some(_) if is_stale => "stale",
            Some(_) => "value",
            None => "absent",
        };
        Self { value, age: Some(age), masked: Stamp::default(), outcome, member: None }
    }

    /// None, for a reason other than the store's answer.
    pub fn none(outcome: &'static str) -> Self {
        Self { value: None, age: None, masked: Stamp::default(), outcome, member: None }
    }
}

/// What the store answered to a lookup, before the error policy applies.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The answer, or why there is none.
    pub outcome: Result<Known>,
    /// Warnings for the log, besides the error.
    pub notes: Vec<String>,
}

impl Answered {
    /// An error, without warnings.
    pub fn failed(error: Error) -> Self {
        Self { outcome: Err(error), notes: Vec::new() }
    }
}

/// An answer of the store.
#[derive(Clone, Debug)]
pub struct Known {
    /// The secret, or `None` if there is none.
    pub value: Option<SecretValue>,
    /// How old the answer is.
    pub age: Duration,
    /// How long it may be repeated.
    pub fresh_for: Duration,
    /// Whether it is an old value, served while the store does not answer.
    pub is_stale: bool,
}

/// What an answer is derived from: it is as old as its oldest part, and fresh until the first part expires.
pub(super) struct Trail<'a> {
    pub(super) fetched: Timestamp,
    pub(super) ask_again: Timestamp,
    pub(super) epoch: u64,
    pub(super) is_stale: bool,
    /// The error because of which it is unknown whether a name that was absent before still is.
    pub(super) doubt: Option<Error>,
    /// An error that may have meant absence, after which the next name was asked.
    pub(super) passed_over: Option<Error>,
    /// Set if only memory may be asked: what it reports besides the answer.
    pub(super) memory: Option<Memory>,
    /// Warnings for the log, if another process writes it.
    pub(super) notes: Option<Vec<String>>,
    /// What was asked, if the caller wants to know.
    pub(super) steps: Option<Vec<AskedName>>,
    /// The chain whose member is asked, and its position: references may lead to the other members.
    pub(super) chain: Option<(&'a Chain, usize)>,
    /// Whether Airflow has teams, where the plan had to know.
    pub(super) has_teams: Option<bool>,
}

/// The state of a lookup that must not wait.
pub(super) struct Memory {
    /// Whether the same lookup is already under way elsewhere, so that its names are being refreshed.
    pub(super) is_under_way: bool,
    /// Whether a part of the answer should be refreshed.
    pub(super) is_due: bool,
    /// The counters for the parts of the answer, incremented once it is complete.
    pub(super) counters: Vec<&'static Counter>,
}

/// An answer from memory alone.
#[derive(Clone, Debug)]
pub struct Held {
    /// What Airflow is answered.
    pub reply: Reply,
    /// Whether a part of it should be refreshed now, by a lookup in the background.
    pub is_due: bool,
}

/// A lookup, and what was asked on the way to its answer.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What Airflow is answered.
    pub outcome: Result<Reply, Failure>,
    /// The error, even if Airflow is answered None.
    pub error: Option<Error>,
    /// The names that were asked for, in order.
    pub steps: Vec<AskedName>,
    /// What each member of a chain contributed.
    pub members: Vec<MemberSearch>,
}

/// One name that was asked for on the way to an answer.
#[derive(Clone, Debug)]
pub struct AskedName {
    /// The name in the store.
    pub name: SecretName,
    /// `value`, `absent`, `stale`, or the kind of the error.
    pub outcome: &'static str,
    /// Whether the store was asked, and not memory.
    pub asked_store: bool,
    /// How long it took.
    pub took: Duration,
    /// The reference that led to it, if one did.
    pub referred: Option<Box<Referred>>,
}

/// A reference that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred {
    /// The reference as it is written.
    pub reference: Reference,
    /// Where it is in what holds it; empty if it is all of it.
    pub place: Vec<String>,
    /// The member that was asked.
    pub member: String,
    /// How many references led to the secret.
    pub depth: usize,
}

impl Trail<'_> {
    pub(super) fn new(epoch: u64) -> Self {
        let end = Timestamp::ORIGIN.plus(Duration::MAX);
        Self {
            fetched: end,
            ask_again: end,
            epoch,
            is_stale: false,
            doubt: None,
            passed_over: None,
            memory: None,
            notes: None,
            steps: None,
            chain: None,
            has_teams: None,
        }
    }

    /// Notes the outcome for a name, if the caller wants to know.
    pub(super) fn note(&mut self, name: &SecretName, cached: &Result<Cached>, took: Duration) {
        let Some(steps) = &mut self.steps else { return };
        let outcome = match cached {
            Ok(Cached { origin: Origin::Stale(_), .. }) => "stale",
            Ok(Cached { value: Some(_), .. }) => "value",
            Ok(Cached { value: None, .. }) => "absent",
            Err(error) => error.kind().as_str(),
        };
        let asked_store = !matches!(cached, Ok(Cached { origin: Origin::Memory, .. }));
        steps.push(AskedName { name: name.clone(), outcome, asked_store, took, referred: None });
    }

    /// Continues with the next name after `error`. The answer is not remembered, since an error is not an
    /// absence.
    pub(super) fn pass_over(&mut self, error: Error) {
        self.ask_again = Timestamp::ORIGIN;
        self.passed_over = Some(error);
    }

    pub(super) fn add(&mut self, cached: &Cached) {
        self.fetched = self.fetched.min(cached.fetched);
        self.ask_again = self.ask_again.min(cached.ask_again);
        if let Origin::Stale(error) = &cached.origin {
            self.is_stale = true;
            if cached.value.is_none() {
                self.doubt = Some(error.clone());
            }
        }
    }
}
