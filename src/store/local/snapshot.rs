//! A file with its parsed contents, read again only when it changes.
//!
//! Airflow's class reads and parses the file at every lookup, and twice for a connection.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;

use super::read::{Content, Fingerprint};

/// A file and what was parsed from it. Debug shows the path.
pub(super) struct Snapshot<T> {
    path: PathBuf,
    kept: Mutex<Option<Kept<T>>>,
}

struct Kept<T> {
    fingerprint: Fingerprint,
    parsed: Arc<T>,
}

impl<T> Snapshot<T> {
    /// A file that has not been read yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, kept: Mutex::new(None) }
    }

    /// The path as the user wrote it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The result of `parse` for the present contents of the file. An error is not kept: the next lookup
    /// tries again, since a file may be read while it is being written.
    pub(super) fn current(&self, parse: impl FnOnce(&str) -> Result<T>) -> Result<Arc<T>> {
        let now = Fingerprint::of(&self.path)?;
        if let Some(parsed) = self.kept_for(now) {
            return Ok(parsed);
        }
        // No lock is held during this: a hanging file system must not block lookups that can be answered.
        let content = Content::read(&self.path)?;
        let parsed = Arc::new(parse(content.text(&self.path)?)?);
        self.keep(content.fingerprint, &parsed);
        Ok(parsed)
    }

    fn kept_for(&self, now: Fingerprint) -> Option<Arc<T>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| kept.fingerprint == now).map(|kept| Arc::clone(&kept.parsed))
    }

    /// A file that changed a moment ago is not kept: its next change might be invisible.
    fn keep(&self, fingerprint: Fingerprint, parsed: &Arc<T>) {
        let kept = fingerprint.is_settled().then(|| Kept { fingerprint, parsed: Arc::clone(parsed) });
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

impl<T> fmt::Debug for Snapshot<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Snapshot({:?})", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::cell::Cell;
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    struct Fixture {
        _folder: tempfile::TempDir,
        snapshot: Snapshot<String>,
        parsed: Cell<usize>,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let snapshot = Snapshot::new(folder.path().join("a.env"));
            Self { _folder: folder, snapshot, parsed: Cell::new(0) }
        }

        fn write(&self, content: &str, age: u64) {
            std::fs::write(self.snapshot.path(), content).unwrap();
            let file = File::options().write(true).open(self.snapshot.path()).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }

        fn read(&self) -> Result<String> {
            let current = self.snapshot.current(|text| {
                self.parsed.set(self.parsed.get() + 1);
                if text == "broken" { Err(Error::config("broken")) } else { Ok(text.to_owned()) }
            });
            current.map(|text| text.to_string())
        }
    }

    #[test]
    fn an_unchanged_file_is_parsed_once() {
        let fixture = Fixture::new();
        fixture.write("a", 10);
        assert_eq!((fixture.read().unwrap(), fixture.read().unwrap()), ("a".to_owned(), "a".to_owned()));
        assert_eq!(fixture.parsed.get(), 1);
    }

    #[test]
    fn a_change_of_time_size_or_inode_is_seen() {
        let fixture = Fixture::new();
        fixture.write("a", 10);
        fixture.read().unwrap();
        fixture.write("b", 9);
        assert_eq!(fixture.read().unwrap(), "b");
        fixture.write("cc", 9);
        assert_eq!(fixture.read().unwrap(), "cc");
        let path = fixture.snapshot.path();
        let modified = std::fs::metadata(path).unwrap().modified().unwrap();
        let other = path.with_extension("new");
        std::fs::write(&other, "dd").unwrap();
        File::options().write(true).open(&other).unwrap().set_modified(modified).unwrap();
        std::fs::rename(&other, path).unwrap();
        assert_eq!(fixture.read().unwrap(), "dd");
    }

    #[test]
    fn a_file_that_has_just_changed_is_read_each_time() {
        let fixture = Fixture::new();
        fixture.write("a", 0);
        fixture.read().unwrap();
        std::fs::write(fixture.snapshot.path(), "b").unwrap();
        assert_eq!(fixture.read().unwrap(), "b");
    }

    #[test]
    fn a_broken_or_missing_file_is_tried_again() {
        let fixture = Fixture::new();
        fixture.read().unwrap_err();
        fixture.write("broken", 10);
        fixture.read().unwrap_err();
        fixture.read().unwrap_err();
        assert_eq!(fixture.parsed.get(), 2);
        fixture.write("a", 10);
        assert_eq!(fixture.read().unwrap(), "a");
        std::fs::remove_file(fixture.snapshot.path()).unwrap();
        fixture.read().unwrap_err();
        fixture.write("a", 10);
        assert_eq!(fixture.read().unwrap(), "a");
    }
}
