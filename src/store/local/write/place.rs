//! The lock of a folder, and the new file that takes the place of the old one.
//!
//! Readers find the old file or the new one, never a part of either. The new file is readable by its owner
//! alone, who is that of the old one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::error::Result;
use crate::store::local::error::{locked, of_another_user, too_big, unwritten};
use crate::store::local::read::{Content, MAX_SIZE};

/// How long the lock of another process is awaited, and how often it is tried.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

/// Its owner may read and write it.
const MODE: u32 = 0o600;

/// A file that is to be replaced, or does not exist yet.
pub(super) struct Place {
    /// The path of the user, for messages.
    shown: PathBuf,
    /// The file itself, behind symbolic links.
    file: PathBuf,
    folder: PathBuf,
}

impl Place {
    /// The place of the file at `path`.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let file = match std::fs::canonicalize(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => path.to_owned(),
            Err(error) => return Err(unwritten(path, error)),
        };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        Ok(Self { shown: path.to_owned(), file, folder })
    }

    /// Waits for the lock of the folder; it ends with the returned file. A lock on the file itself would end
    /// with its replacement.
    pub(super) fn lock(&self) -> Result<File> {
        let folder = File::open(&self.folder).map_err(|error| unwritten(&self.shown, error))?;
        let start = Instant::now();
        loop {
            match folder.try_lock() {
                Ok(()) => return Ok(folder),
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(locked(&self.shown)),
                Err(TryLockError::Error(error)) => return Err(unwritten(&self.shown, error)),
            }
        }
    }

    /// The present text; empty where there is no file.
    pub(super) fn content(&self) -> Result<Zeroizing<String>> {
        if !self.file.exists() {
            return Ok(Zeroizing::default());
        }
        let content = Content::read(&self.shown)?;
        content.text(&self.shown).map(|text| Zeroizing::new(text.to_owned()))
    }

    /// Puts a file with this text in the place of the old one.
    pub(super) fn replace(&self, text: &str) -> Result<()> {
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_SIZE {
            return Err(too_big(&self.shown));
        }
        let new = self.new_file();
        // What a process left that was killed; under the lock no other one is at work.
        let _ = std::fs::remove_file(&new);
        let outcome = self.write(&new, text).and_then(|()| self.put_in_place(&new));
        if outcome.is_err() {
            let _ = std::fs::remove_file(&new);
        }
        outcome
    }

    fn new_file(&self) -> PathBuf {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        self.folder.join(format!(".{name}.strongroom-new"))
    }

    fn write(&self, new: &Path, text: &str) -> Result<()> {
        let failed = |error| unwritten(&self.shown, error);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(MODE).open(new).map_err(failed)?;
        // The mode of a new file is subject to the umask.
        file.set_permissions(std::fs::Permissions::from_mode(MODE)).map_err(failed)?;
        self.give_to_owner(&file)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// A new file of root would be closed to the user of Airflow.
    fn give_to_owner(&self, file: &File) -> Result<()> {
        let Ok(old) = std::fs::metadata(&self.file) else { return Ok(()) };
        let new = file.metadata().map_err(|error| unwritten(&self.shown, error))?;
        if (old.uid(), old.gid()) == (new.uid(), new.gid()) {
            return Ok(());
        }
        match fchown(file, Some(old.uid()), Some(old.gid())) {
            Ok(()) => Ok(()),
            // The group has no right to it, so it makes no difference.
            Err(_) if old.uid() == new.uid() => Ok(()),
            Err(_) => Err(of_another_user(&self.shown)),
        }
    }

    fn put_in_place(&self, new: &Path) -> Result<()> {
        std::fs::rename(new, &self.file).map_err(|error| unwritten(&self.shown, error))?;
        // After a power failure the folder may still name the old file; the write itself is done.
        let _ = File::open(&self.folder).and_then(|folder| folder.sync_all());
        Ok(())
    }
}
