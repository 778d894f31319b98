//! Reading a whole file, and detecting whether it has changed.

use std::fs::{File, Metadata};
use std::path::Path;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::error::Result;
use crate::store::kit::reading::read_all;

use super::error::{Problem, input_output, not_a_file, too_big, unreadable};

/// The largest file that is read. Secrets are small; a bigger file is a mistake in the path.
pub(super) const MAX_SIZE: u64 = 16 << 20;

/// Space for what a file may have grown by since its size was read.
const SPARE: usize = 4096;

/// Two changes of a file within this time may leave the same modification time (file systems have a
/// resolution of up to two seconds), so contents that were read this soon after a change may be outdated
/// without any sign.
const SETTLING: Duration = Duration::from_secs(2);

/// What changes when a file changes: stored with the parsed contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    modified: Option<SystemTime>,
    size: u64,
    inode: (u64, u64),
}

impl Fingerprint {
    /// The fingerprint of the file that `path` now refers to: one `stat`.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| input_output(path, error))?;
        Self::new(path, &metadata)
    }

    fn new(path: &Path, metadata: &Metadata) -> Result<Self> {
        if !metadata.is_file() {
            return Err(not_a_file(path));
        }
        if metadata.len() > MAX_SIZE {
            return Err(too_big(path));
        }
        Ok(Self { modified: metadata.modified().ok(), size: metadata.len(), inode: inode(metadata) })
    }

    /// Whether the next change is certain to be visible.
    pub(super) fn is_settled(&self) -> bool {
        let age = self.modified.and_then(|modified| modified.elapsed().ok());
        age.is_some_and(|age| age >= SETTLING)
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// The text of a file, wiped when dropped, and the fingerprint of the file before it was read.
pub(super) struct Content {
    /// That of the file that was actually read, even if its name now belongs to another one.
    pub(super) fingerprint: Fingerprint,
    bytes: Zeroizing<Vec<u8>>,
}

impl Content {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let failed = |error| input_output(path, error);
        let file = File::open(path).map_err(failed)?;
        // From the open file and not from its name, which may already refer to another file.
        let fingerprint = Fingerprint::new(path, &file.metadata().map_err(failed)?)?;
        let size = usize::try_from(fingerprint.size).unwrap_or(SPARE);
        let bytes = read_all(file, size.saturating_add(SPARE), MAX_SIZE).map_err(failed)?;
        bytes.map(|bytes| Self { fingerprint, bytes }).ok_or_else(|| too_big(path))
    }

    /// The text, which must be UTF-8.
    pub(super) fn text(&self, path: &Path) -> Result<&str> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let before = self.bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.split(|byte| *byte == b'\n').count();
            unreadable(path, &[Problem::at(line, "the text is not valid UTF-8; store it as UTF-8")])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn read(path: &Path) -> Result<String> {
        let content = Content::read(path)?;
        content.text(path).map(str::to_owned)
    }

    #[test]
    fn whole_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.env");
        std::fs::write(&path, "A=é\n").unwrap();
        assert_eq!(read(&path).unwrap(), "A=é\n");
    }

    #[test]
    fn a_file_over_sixteen_mebibytes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.env");
        File::create(&path).unwrap().set_len(MAX_SIZE + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(Fingerprint::of(&path).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn missing_files_and_folders_are_errors_of_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("absent"), folder.path().join("a\0b")] {
            let kind = read(&path).unwrap_err().kind();
            assert_eq!(kind, Fingerprint::of(&path).unwrap_err().kind());
            assert_eq!(kind, ErrorKind::Config, "{path:?}");
        }
    }

    #[test]
    fn other_encodings_name_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.env");
        std::fs::write(&path, b"A=1\nB=\xE9canary").unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains("line 2: the text is not valid UTF-8"), "{error}");
    }

    #[test]
    fn a_file_settles_two_seconds_after_its_last_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.env");
        let file = File::create(&path).unwrap();
        assert!(!Fingerprint::of(&path).unwrap().is_settled());
        file.set_modified(SystemTime::now() - Duration::from_secs(3)).unwrap();
        assert!(Fingerprint::of(&path).unwrap().is_settled());
    }
}
