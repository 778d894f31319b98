//! The files that an identity was read from.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::environment::Environment;

/// What distinguishes one state of a file from another without reading it. Kubernetes and most editors
/// replace a file, which changes the inode; writing in place changes the time or the size.
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

/// Files with their state at the time they were read; a missing file is watched too, since it may appear.
#[derive(Clone, Debug, Default)]
pub struct WatchedFiles(Vec<(PathBuf, Option<Stamp>)>);

impl WatchedFiles {
    /// Notes the present state of `path`. Call it before reading the file, so that a change in between is
    /// noticed.
    pub fn watch(&mut self, path: &Path) {
        if self.0.iter().all(|(known, _)| known != path) {
            self.0.push((path.to_owned(), Stamp::of(path)));
        }
    }

    /// Also watches what `others` watches.
    pub fn join(&mut self, others: Self) {
        let is_new = |(path, _): &(PathBuf, _)| self.0.iter().all(|(known, _)| known != path);
        let others: Vec<_> = others.0.into_iter().filter(is_new).collect();
        self.0.extend(others);
    }

    /// Whether any file differs from its noted state: one `stat` each.
    pub fn have_changed(&self) -> bool {
        self.0.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }
}

/// A path as the user wrote it, with `~` and `$HOME` for the home directory (botocore/configloader.py expands
/// both).
pub fn expand(path: &str, environment: &Environment) -> PathBuf {
    let Some(home) = environment.non_empty("HOME") else { return PathBuf::from(path) };
    if path == "~" {
        return PathBuf::from(home);
    }
    match path.strip_prefix("~/") {
        Some(rest) => Path::new(home).join(rest),
        None => PathBuf::from(path.replace("${HOME}", home).replace("$HOME/", &format!("{home}/"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_directory_is_filled_in() {
        let environment = Environment::read(|name| (name == "HOME").then(|| "/home/a".to_owned()));
        for (written, expected) in [
            ("~/.aws/config", "/home/a/.aws/config"),
            ("~", "/home/a"),
            ("$HOME/x", "/home/a/x"),
            ("${HOME}/x", "/home/a/x"),
            ("/etc/~x", "/etc/~x"),
        ] {
            assert_eq!(expand(written, &environment), PathBuf::from(expected));
        }
        assert_eq!(expand("~/x", &Environment::default()), PathBuf::from("~/x"));
    }
}
