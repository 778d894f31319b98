//! Reading several secrets with requests that read more than one at once.
//!
//! The batches are sent one after the other, since the services grant an account few requests per second. For
//! the same reason a single secret is never requested as a batch. A secret that a batch does not answer is
//! read on its own by the caller, so a name that spoils a whole batch costs requests but no answer.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::error::{Error, Result};
use crate::store::SecretName;
use crate::store::aws::store::{AwsStore, SecretService};
use crate::value::SecretValue;

/// What a store answers for one secret.
pub(super) type Answer = Result<Option<SecretValue>>;

/// Why a batch was not answered.
#[derive(Debug)]
pub(super) enum BatchFailure {
    /// Batches do not work for this identity or at this endpoint, for the given reason.
    Unavailable(String),
    /// Either that, or one of these secrets may not be read; the reason applies in the first case.
    #[cfg_attr(not(feature = "aws-ssm"), allow(dead_code, reason = "Secrets Manager distinguishes the two"))]
    Denied(String),
    /// This batch was refused, maybe because of one of its secrets: each may be read on its own.
    Refused,
    /// An error unrelated to the secrets: other names would fail in the same way.
    Failed(Error),
}

#[cfg(test)]
impl BatchFailure {
    /// A short description of the variant; for an error, its kind and what is special about it.
    pub(super) fn in_short(&self) -> String {
        match self {
            Self::Unavailable(_) => "unavailable".to_owned(),
            Self::Denied(_) => "denied".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::Failed(error) => {
                let temporary = if error.is_temporary() { " temporary" } else { "" };
                let miss = if error.is_upstream_miss() { " miss" } else { "" };
                format!("{}{temporary}{miss}", error.kind().as_str())
            }
        }
    }
}

/// Reads several secrets with as few requests as possible. `None` is for those that have to be read on their
/// own.
pub(super) async fn read_many<S: SecretService>(
    store: &AwsStore<S>,
    names: &[SecretName],
) -> Vec<Option<Answer>> {
    let names_once = distinct(names);
    let mut known = Known::default();
    read_in_batches(store, &names_once, &mut known).await;
    names.iter().map(|name| known.of(name)).collect()
}

/// Notes the answers of batches. A failure unrelated to single names applies to all that are left.
async fn read_in_batches<S: SecretService>(store: &AwsStore<S>, names: &[SecretName], known: &mut Known) {
    let names: Vec<SecretName> = names.iter().filter(|name| S::fits(name)).cloned().collect();
    // A single name needs no batch.
    for batch in names.chunks(S::LARGEST_BATCH.get()).filter(|batch| batch.len() > 1) {
        if store.batches.is_off() {
            return;
        }
        match store.read_batch(batch, known).await {
            Ok(()) => store.batches.note_answer(),
            Err(BatchFailure::Refused) => {}
            Err(BatchFailure::Unavailable(reason)) => return store.batches.switch_off(&reason),
            Err(BatchFailure::Denied(reason)) => store.batches.note_denial(&reason),
            Err(BatchFailure::Failed(error)) => {
                // `note` keeps the first answer, so names that were answered by an earlier batch keep it.
                return names.iter().for_each(|name| known.note(name, Err(error.clone())));
            }
        }
    }
}

/// Whether batches are attempted. Once off, they stay off for the life of the store: permissions change
/// rarely, and a failing batch before each read would double the requests.
#[derive(Debug, Default)]
pub(super) struct BatchSwitch {
    is_off: AtomicBool,
    denials: AtomicU8,
}

impl BatchSwitch {
    /// Whether every secret is read on its own.
    pub(super) fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Relaxed)
    }

    fn note_answer(&self) {
        self.denials.store(0, Ordering::Relaxed);
    }

    /// One denied batch may be due to one of its secrets; two in a row are taken for a missing permission.
    fn note_denial(&self, reason: &str) {
        // A second denial in a row is not due to the names of one batch.
        if self.denials.fetch_add(1, Ordering::Relaxed) > 0 {
            self.switch_off(reason);
        }
    }

    fn switch_off(&self, reason: &str) {
        if !self.is_off.swap(true, Ordering::Relaxed) {
            tracing::debug!("secrets are read one at a time from now on: {reason}");
        }
    }
}

/// The answers so far.
#[derive(Default)]
pub(super) struct Known(HashMap<SecretName, Answer>);

impl Known {
    fn of(&self, name: &SecretName) -> Option<Answer> {
        self.0.get(name).cloned()
    }

    /// Notes an answer, unless there is one already.
    pub(super) fn note(&mut self, name: &SecretName, answer: Answer) {
        self.0.entry(name.clone()).or_insert(answer);
    }
}

/// The names without duplicates, in order.
fn distinct(names: &[SecretName]) -> Vec<SecretName> {
    let mut seen = HashSet::new();
    names.iter().filter(|name| seen.insert(*name)).cloned().collect()
}
