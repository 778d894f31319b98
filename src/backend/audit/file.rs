//! Adds lines to a file that belongs to this user alone.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::error;
use crate::error::Result;
use crate::process::effective_user;

/// How often writing a line is attempted before it counts as lost. The second attempt succeeds unless other
/// processes interfere again.
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
    /// The same, because the file has another name.
    Linked(u64),
    /// Any user may move the file out of its folder and put another one in its place.
    OpenFolder(u32),
}

/// The objection to `metadata`, if there is one.
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

/// The objection to the folder of `path`: any user may write to it, unless it is like `/tmp`, where only
/// owners can move files. A missing folder is reported when the file is opened.
fn objection_to_folder(path: &Path) -> Option<Objection> {
    let permissions = std::fs::metadata(path.parent()?).ok()?.mode() & 0o7777;
    // World-writable (0o002) and without the sticky bit (0o1000).
    (permissions & 0o1002 == 0o0002).then_some(Objection::OpenFolder(permissions))
}

/// Opens `path` for appending, or creates it. Never follows a link and never blocks, not even to wait for a
/// pipe's reader.
pub(super) fn open(path: &Path) -> Result<File> {
    if let Some(objection) = objection_to_folder(path) {
        return Err(error::refused(path, objection));
    }
    // Also read, to check after writing that the line begins where another one ends.
    let opened = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        // A link could lead elsewhere (O_NOFOLLOW), a pipe would block (O_NONBLOCK), and a terminal could
        // become the controlling one (O_NOCTTY).
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path);
    let file = opened.map_err(|cause| error::unopened(path, cause))?;
    // Of the open file, since the path may lead to another one by now.
    let metadata = file.metadata().map_err(|cause| error::unopened(path, cause))?;
    match objection(&metadata) {
        Some(objection) => Err(error::refused(path, objection)),
        None => Ok(file),
    }
}

/// Appends `line`, which ends with a line feed, so that it is a line of its own: after an incomplete line it
/// is written twice, and its first copy is lost with that line.
pub(super) fn append(path: &Path, line: &[u8]) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if add_line(&mut open(path)?, line).map_err(|cause| error::unwritten(path, cause))? {
            return Ok(());
        }
    }
    let interfered = io::Error::other("the file was taken away or cut at each attempt");
    Err(error::unwritten(path, interfered))
}

/// Writes `line` with one call, and returns whether it can be found as a line.
///
/// It cannot if the file has been rotated twice in the meantime, which deletes it, or if the file ended with
/// an incomplete line, left by a process that ran out of space. That is checked after the write and not
/// before: while another process writes, its line is temporarily incomplete.
pub(super) fn add_line(file: &mut File, line: &[u8]) -> io::Result<bool> {
    write_at_once(file, line)?;
    // With O_APPEND the position is after what was written, even if other processes have written since.
    let start = file.stream_position()?.saturating_sub(line.len() as u64);
    Ok(is_begin_of_line(file, start)? && file.metadata()?.nlink() > 0)
}

fn is_begin_of_line(file: &File, position: u64) -> io::Result<bool> {
    let Some(before) = position.checked_sub(1) else { return Ok(true) };
    let mut byte = [b'\n'];
    // Nothing is read if the file was truncated in the meantime; then the line counts as found.
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
