//! Adds lines to a file that belongs to this user alone.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::error;
use crate::error::Result;
use crate::process::effective_user;

/// How often a line is written before it counts as lost. Once more is enough, unless others interfere again.
const ATTEMPTS: usize = 3;

/// Why a file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// A folder, a pipe, a device.
    NoFile,
    /// Another user could read the lines, or write others.
    Foreign(u32),
    /// The same, by its permissions.
    Open(u32),
    /// The same, by another name that the file has.
    Linked(u64),
    /// Everybody may take the file away from its folder and put another in its place.
    OpenFolder(u32),
}

/// What speaks against `metadata`, if anything.
pub(super) fn objection(metadata: &Metadata) -> Option<Objection> {
    let permissions = metadata.mode() & 0o7777;
    match metadata {
        _ if !metadata.is_file() => Some(Objection::NoFile),
        _ if metadata.uid() != effective_user() => Some(Objection::Foreign(metadata.uid())),
        _ if permissions & 0o077 != 0 => Some(Objection::Open(permissions)),
        _ if metadata.nlink() > 1 => Some(Objection::Linked(metadata.nlink())),
        _ => None,
    }
}

/// What speaks against the folder of `path`: that everybody may write to it, unless it is as `/tmp`, where
/// files are safe from all but their owners. One that is missing is an error of the opening.
fn objection_to_folder(path: &Path) -> Option<Objection> {
    let permissions = std::fs::metadata(path.parent()?).ok()?.mode() & 0o7777;
    (permissions & 0o1002 == 0o0002).then_some(Objection::OpenFolder(permissions))
}

/// Opens `path` for appending, or makes it. Never follows a link and never waits, not even for a pipe's
/// reader.
pub(super) fn open(path: &Path) -> Result<File> {
    if let Some(objection) = objection_to_folder(path) {
        return Err(error::refused(path, objection));
    }
    let opened = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path);
    let file = opened.map_err(|cause| error::unopened(path, cause))?;
    let metadata = file.metadata().map_err(|cause| error::unopened(path, cause))?;
    match objection(&metadata) {
        Some(objection) => Err(error::refused(path, objection)),
        None => Ok(file),
    }
}

/// Appends `line`, which ends in a line feed, so that it stands on a line of its own: behind half a line it
/// is written twice, and the first of the two is lost with that half.
pub(super) fn append(path: &Path, line: &[u8]) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if add_line(&mut open(path)?, line).map_err(|cause| error::unwritten(path, cause))? {
            return Ok(());
        }
    }
    let interfered = io::Error::other("the file was taken away or cut at each attempt");
    Err(error::unwritten(path, interfered))
}

/// Writes `line` by one call, and says whether it can be found as a line.
///
/// It cannot if the file has meanwhile been rotated twice, which deletes it, or if the end of the file was
/// half a line, from a process that was out of space. That is looked at behind the write and not before it:
/// while another process writes, its line can be seen growing.
pub(super) fn add_line(file: &mut File, line: &[u8]) -> io::Result<bool> {
    write_at_once(file, line)?;
    // With O_APPEND the position is behind what was written, whoever else has written meanwhile.
    let start = file.stream_position()?.saturating_sub(line.len() as u64);
    Ok(is_begin_of_line(file, start)? && file.metadata()?.nlink() > 0)
}

fn is_begin_of_line(file: &File, position: u64) -> io::Result<bool> {
    let Some(before) = position.checked_sub(1) else { return Ok(true) };
    let mut byte = [b'\n'];
    // Nothing is read where the file was emptied meanwhile.
    file.read_at(&mut byte, before)?;
    Ok(byte == [b'\n'])
}

fn write_at_once(file: &mut File, line: &[u8]) -> io::Result<()> {
    loop {
        match file.write(line) {
            Ok(written) if written == line.len() => return Ok(()),
            Ok(written) => return Err(cut_short(written, line.len())),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
}

fn cut_short(written: usize, wanted: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::WriteZero,
        format!("only {written} of {wanted} bytes of a line were written"),
    )
}
