//! Reading in advance what will be asked for, in as few calls as the store allows.

use super::flight::Boarding;
use super::reason::Reason;
use super::together::Seat;
use super::{Cache, concerns_identity};
use crate::error::Error;
use crate::process::Timestamp;
use crate::store::{SecretName, one_by_one};

/// How many names are read before the outcome is checked, if the store reads one at a time.
const ONE_BY_ONE: usize = 64;

impl Cache {
    /// Reads the names that memory does not know, and remembers the answers. Returns the errors of the names
    /// that could not be read; if a whole request fails for a reason that concerns all names, the rest is not
    /// attempted.
    pub async fn warm(&self, names: &[SecretName]) -> Vec<(SecretName, Error)> {
        let is_unknown = |name: &&SecretName| self.landed(name, Timestamp::ORIGIN).is_none();
        let unknown: Vec<SecretName> = names.iter().filter(is_unknown).cloned().collect();
        let (mut rest, mut failed) = (unknown.as_slice(), Vec::new());
        while !rest.is_empty() {
            // Checked each time: a store may find out in between that it cannot read several.
            let batch = self.inner.batch_size().get();
            let size = if batch == 1 { ONE_BY_ONE } else { batch };
            let (chunk, later) = rest.split_at(size.min(rest.len()));
            let alone = batch == 1 || chunk.len() == 1;
            let errors = if alone { self.warm_each(chunk).await } else { self.warm_together(chunk).await };
            // If every name failed for the same outage or identity, the rest of the list would fail as well.
            let is_hopeless = errors.len() == chunk.len()
                && errors.iter().all(|(_, error)| error.kind().is_outage() || concerns_identity(error));
            failed.extend(errors);
            if is_hopeless {
                break;
            }
            rest = later;
        }
        failed
    }

    async fn warm_each(&self, names: &[SecretName]) -> Vec<(SecretName, Error)> {
        let answers = one_by_one(names, async |name: &SecretName| {
            Ok(self.share(name, Reason::First, Timestamp::ORIGIN).await?.value)
        });
        let answers = answers.await.into_iter().zip(names);
        answers.filter_map(|(answer, name)| Some((name.clone(), answer.err()?))).collect()
    }

    /// Names that another caller is reading are left to that caller.
    pub(super) async fn warm_together(&self, names: &[SecretName]) -> Vec<(SecretName, Error)> {
        let boardings: Vec<Boarding<'_>> = names.iter().map(|name| self.board.join(name)).collect();
        let mut seats = Seat::free_in(&boardings);
        let wanted: Vec<SecretName> = seats.iter().map(|seat| seat.name().clone()).collect();
        let answers = self.inner.get_many(&wanted).await;
        let mut failed = Vec::new();
        for (seat, answer) in seats.iter_mut().zip(answers) {
            // The store did not answer for this name; the lookup reads it on its own.
            let Some(answer) = answer else { continue };
            failed.extend(self.seated(seat, answer).map(|error| (seat.name().clone(), error)));
        }
        failed
    }
}
