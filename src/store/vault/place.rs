//! From a name to a place in the server: the mount, its version, the path below it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::store::SecretName;
use crate::store::vault::Vault;
use crate::store::vault::config::KvVersion;
use crate::store::vault::diagnosis::{Engine, engine};
use crate::store::vault::error::{mount_differs, name_refused, version_unknown};
use crate::store::vault::path::{collapse, fault};

/// After so many absences and no value, a store looks whether the mount is what it was taken for: an engine of version 1 says
/// the same of a path of version 2 as of a secret that is not there.
const SUSPICIOUS: u32 = 3;

/// Where a secret is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The mount.
    pub(super) mount: String,
    /// Below the mount.
    pub(super) path: String,
}

/// The versions that the server told.
#[derive(Debug, Default)]
pub(super) struct Versions(Mutex<HashMap<String, KvVersion>>);

/// What the reads of a store brought so far.
#[derive(Debug, Default)]
pub(super) struct Sightings(AtomicU32);

impl Sightings {
    /// A value: the mount is the right one.
    pub(super) fn note_value(&self) {
        self.0.store(u32::MAX, Ordering::Relaxed);
    }

    /// An absence; true for the one at which to look.
    pub(super) fn note_absence(&self) -> bool {
        let count = |seen: u32| seen.checked_add(1).filter(|seen| *seen != u32::MAX);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count)
            .is_ok_and(|seen| seen + 1 == SUSPICIOUS)
    }
}

impl Vault {
    /// Where `name` is: below the configured mount, or below the mount that it begins with.
    pub(super) fn place(&self, name: &SecretName, subject: &str) -> Result<Place> {
        if let Some(reason) = fault(name.as_str()) {
            return Err(name_refused(subject, reason));
        }
        let name = collapse(name.as_str());
        let mount = self.settings.mount.as_deref();
        let below = mount.and_then(|mount| Some((mount, name.strip_prefix(mount)?.strip_prefix('/')?)));
        let (mount, path) = below.or_else(|| name.split_once('/')).unwrap_or((&name, ""));
        Ok(Place { mount: mount.to_owned(), path: path.to_owned() })
    }

    /// The version of the engine at `place`: the configured one, or what the server says.
    pub(super) async fn version(&self, place: &Place, subject: &str) -> Result<KvVersion> {
        if let Some(version) = self.settings.version.or_else(|| self.versions.get(&place.mount)) {
            return Ok(version);
        }
        let (token, _) = self.access.tokens.get(&self.access.server).await?;
        match engine(&self.access.server, token.secret(), &place.mount).await {
            Ok(Engine::Kv(version)) => {
                self.versions.note(&place.mount, version);
                Ok(version)
            }
            Ok(Engine::Other) => Err(mount_differs(subject, &place.mount, 2, "another engine than KV")),
            Err(status) => Err(version_unknown(subject, &place.mount, status.unwrap_or_default())),
        }
    }
}

impl Versions {
    fn get(&self, mount: &str) -> Option<KvVersion> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(mount).copied()
    }

    fn note(&self, mount: &str, version: KvVersion) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mount.to_owned(), version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_absence_without_a_value_is_looked_into_once() {
        let sightings = Sightings::default();
        assert_eq!([(); 5].map(|()| sightings.note_absence()), [false, false, true, false, false]);
        let sightings = Sightings::default();
        sightings.note_value();
        assert!([(); 5].iter().all(|()| !sightings.note_absence()));
    }
}
