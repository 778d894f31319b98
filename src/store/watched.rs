//! Files that a store was built from, and whether they have changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells one state of a file from another without reading it. Kubernetes and most editors replace a file, which
/// changes the inode; whoever writes in place changes the time or the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    seconds: i64,
    nanos: i64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            inode: metadata.ino(),
            size: metadata.size(),
            seconds: metadata.mtime(),
            nanos: metadata.mtime_nsec(),
        })
    }
}

/// Files and the state in which they were when they were read; a file that was missing may appear.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct WatchedFiles(Vec<(PathBuf, Option<Stamp>)>);

impl WatchedFiles {
    /// Notes the present state of `path`. Call it before reading the file, so that no change falls between.
    pub(in crate::store) fn watch(&mut self, path: &Path) {
        if self.0.iter().all(|(known, _)| known != path) {
            self.0.push((path.to_owned(), Stamp::of(path)));
        }
    }

    /// Whether any file is not what it was: one `stat` each.
    pub(in crate::store) fn have_changed(&self) -> bool {
        self.0.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_replaced_removed_or_made_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials");
        let watch = || {
            let mut files = WatchedFiles::default();
            files.watch(&path);
            assert!(!files.have_changed());
            files
        };
        let absent = watch();
        fs::write(&path, "a").unwrap();
        assert!(absent.have_changed());
        let written = watch();
        fs::write(&path, "ab").unwrap();
        assert!(written.have_changed());
        let replaced = watch();
        fs::write(directory.path().join("new"), "ab").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        assert!(replaced.have_changed());
        let removed = watch();
        fs::remove_file(&path).unwrap();
        assert!(removed.have_changed());
    }
}
