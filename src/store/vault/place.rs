//! From a name to a place on the server: the mount, its version, the path below it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::store::SecretName;
use crate::store::vault::Vault;
use crate::store::vault::access::TokenReply;
use crate::store::vault::config::KvVersion;
use crate::store::vault::diagnosis::{Engine, Question, engine, engine_call};
use crate::store::vault::error::{name_refused, no_answer, no_kv, version_unknown};
use crate::store::vault::path::{collapse, fault};

/// After this many absences and no value, a store checks the version of the mount: an engine of version 1
/// answers a path of version 2 as if the secret did not exist.
const SUSPICIOUS: u32 = 3;

/// Where a secret is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SecretPath {
    /// The mount.
    pub(super) mount: String,
    /// The path below the mount.
    pub(super) path: String,
}

impl SecretPath {
    /// The whole path, with `part` of the engine between the mount and the path; version 1 has no parts.
    pub(super) fn whole(&self, part: &str) -> String {
        let Self { mount, path } = self;
        if part.is_empty() { format!("{mount}/{path}") } else { format!("{mount}/{part}/{path}") }
    }
}

/// The versions that the server has reported.
#[derive(Debug, Default)]
pub(super) struct Versions(Mutex<HashMap<String, KvVersion>>);

/// The outcomes of a store's reads so far.
#[derive(Debug, Default)]
pub(super) struct Sightings(AtomicU32);

impl Sightings {
    /// Notes a value, or the right engine: the mount is correct.
    pub(super) fn note_value(&self) {
        self.0.store(u32::MAX, Ordering::Relaxed);
    }

    /// Whether there was a value, or the mount was found to be correct.
    fn are_sure(&self) -> bool {
        self.0.load(Ordering::Relaxed) == u32::MAX
    }

    /// Notes an absence; true for the one after which to check the mount.
    pub(super) fn note_absence(&self) -> bool {
        let count = |seen: u32| seen.checked_add(1).filter(|seen| *seen != u32::MAX);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count)
            .is_ok_and(|seen| seen + 1 == SUSPICIOUS)
    }
}

impl Vault {
    /// The place of `name`: below the configured mount, or below the mount that it begins with.
    pub(super) fn place(&self, name: &SecretName, subject: &str) -> Result<SecretPath> {
        if let Some(reason) = fault(name.as_str()) {
            return Err(name_refused(subject, reason));
        }
        let name = collapse(name.as_str());
        let mount = self.settings.mount.as_deref();
        let below = mount.and_then(|mount| Some((mount, name.strip_prefix(mount)?.strip_prefix('/')?)));
        let (mount, path) = below.or_else(|| name.split_once('/')).unwrap_or((&name, ""));
        Ok(SecretPath { mount: mount.to_owned(), path: path.to_owned() })
    }

    /// The version of the engine at `place`: the configured one, or what the server reports. `name` is for
    /// messages.
    pub(super) async fn version(
        &self,
        place: &SecretPath,
        name: &SecretName,
        subject: &str,
    ) -> Result<KvVersion> {
        if let Some(version) = self.settings.version.or_else(|| self.versions.get(&place.mount)) {
            return Ok(version);
        }
        let call = engine_call(&place.mount).map_err(|error| no_answer(&error, subject))?;
        let answer = self.access.ask(&call, name, subject).await?;
        match engine(&answer.reply) {
            Some(Engine::Kv(version)) => {
                self.versions.note(&place.mount, version);
                Ok(version)
            }
            Some(Engine::Other) => Err(no_kv(subject, &place.mount)),
            None if answer.reply.status == 403 && answer.reply.is_of_vault() => {
                let mount = place.mount.as_str();
                Err(self.question(&answer, mount, &call.path, KvVersion::Two, subject).unseen().await)
            }
            None => Err(version_unknown(subject, &place.mount, answer.reply.status)),
        }
    }

    /// Makes sure that a 404 to a request for names is an absence: a mount of another version, or without an
    /// engine, gives the same answer. The mount is checked once; without `kv_engine_version` the server has
    /// already reported its version.
    pub(super) async fn sure_of_absence(&self, answer: &TokenReply, question: &Question<'_>) -> Result<()> {
        let in_words = answer.reply.has_words();
        if self.settings.version.is_none() || (self.sightings.are_sure() && !in_words) {
            return Ok(());
        }
        if let Some(error) = question.misdirected(in_words).await {
            return Err(error);
        }
        self.sightings.note_value();
        Ok(())
    }

    /// The further questions after an unsuccessful `answer` to a read of `path`.
    pub(super) fn question<'read>(
        &'read self,
        answer: &'read TokenReply,
        mount: &'read str,
        path: &'read str,
        version: KvVersion,
        subject: &'read str,
    ) -> Question<'read> {
        Question {
            server: &self.access.server,
            token: &answer.token,
            is_written_down: self.access.tokens.is_written_down(),
            mount,
            path,
            version,
            capability: "read",
            subject,
        }
    }
}

impl Versions {
    fn get(&self, mount: &str) -> Option<KvVersion> {
        // The map is consistent even if a thread panicked with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(mount).copied()
    }

    fn note(&self, mount: &str, version: KvVersion) {
        // The map is consistent even if a thread panicked with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mount.to_owned(), version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_absence_without_a_value_is_examined_once() {
        let sightings = Sightings::default();
        assert_eq!([(); 5].map(|()| sightings.note_absence()), [false, false, true, false, false]);
        let sightings = Sightings::default();
        sightings.note_value();
        assert!([(); 5].iter().all(|()| !sightings.note_absence()));
    }
}
