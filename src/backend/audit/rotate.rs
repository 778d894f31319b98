//! Renames a full file, once, whichever process notices it first.

use std::ffi::OsString;
use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};

use super::{AuditSettings, error, file};
use crate::error::Result;
use crate::process::no_fork;

/// Renames the file if `additional` more bytes would exceed the limit. Never waits: while another process
/// rotates, lines may go to either file.
pub(super) fn make_room(settings: &AuditSettings, additional: usize) -> Result<()> {
    let path = settings.path();
    match settings.max_bytes() {
        Some(bound) if is_full(path, bound, additional) => rotate(path, bound, additional),
        _ => Ok(()),
    }
}

/// A file that is missing or not ours is never full: its problem is reported when it is opened.
fn is_full(path: &Path, bound: u64, additional: usize) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| {
        let size = metadata.len();
        file::objection(&metadata).is_none() && size > 0 && size.saturating_add(additional as u64) > bound
    })
}

fn rotate(path: &Path, bound: u64, additional: usize) -> Result<()> {
    // A child would inherit the lock and hold it for its whole life.
    let _held = no_fork();
    let lock = file::open(&beside(path, ".lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(cause)) => return Err(error::unrotated(path, cause)),
    }
    // The previous holder of the lock may have rotated: a second rename would delete the file that it
    // renamed.
    if !is_full(path, bound, additional) {
        return Ok(());
    }
    match std::fs::rename(path, put_aside(path)) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(error::unrotated(path, cause)),
        _ => Ok(()),
    }
}

/// The path of a full audit file, until the next one is full.
pub fn put_aside(path: &Path) -> PathBuf {
    beside(path, ".1")
}

/// The path with `suffix` at its end.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
