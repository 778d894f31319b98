//! Errors of the audit file, and their descriptions. Texts contain paths and numbers.

use std::io;
use std::path::Path;

use super::file::Objection;
use crate::error::{Error, ErrorKind};
use crate::redact::quoted_path;

fn error(kind: ErrorKind, message: String) -> Error {
    Error::new(kind, message).with_operation("audit")
}

/// The file can be opened, but must not be used.
pub(super) fn refused(path: &Path, objection: Objection) -> Error {
    let what = match objection {
        Objection::NoFile => "is not a regular file".to_owned(),
        Objection::Foreign(owner) => format!("belongs to another user (uid {owner})"),
        Objection::Open(mode) => format!("can be read or written by others (mode {mode:04o})"),
        Objection::Linked(names) => format!("has {names} names: it is a hard link"),
        Objection::OpenFolder(mode) => {
            format!("is in a folder that any user may write to (mode {mode:04o})")
        }
    };
    let error = error(ErrorKind::Config, format!("the audit file {} {what}", quoted_path(path)));
    match objection {
        Objection::NoFile => error.with_hint("Name a file in `audit_path`"),
        Objection::Foreign(_) => error.with_hint("Name a file of its own in `audit_path` for each user"),
        Objection::Open(_) => error.with_hint(format!("Run: chmod 600 {}", quoted_path(path))),
        Objection::Linked(_) => error.with_hint("Move the file away: the next line begins another one"),
        Objection::OpenFolder(_) => {
            let folder = path.parent().unwrap_or(path);
            error.with_hint(format!("Run: chmod o-w {}", quoted_path(folder)))
        }
    }
}

/// The operating system refuses to open the file.
pub(super) fn unopened(path: &Path, cause: io::Error) -> Error {
    // A pipe without a reader, a folder and a link each have an error code of their own that does not say so.
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            return error(
                ErrorKind::Config,
                format!("the audit file {} is a symbolic link", quoted_path(path)),
            )
            .with_hint("Name the file itself in `audit_path`");
        }
        Ok(metadata) if !metadata.is_file() => return refused(path, Objection::NoFile),
        _ => {}
    }
    let (what, hint) = match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            ("has no folder to be in", "Make the folder, and let the user of this process write to it")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ("may not be opened", "Let the user of this process write to its folder and to itself")
        }
        _ => return unwritten(path, cause),
    };
    error(ErrorKind::Config, format!("the audit file {} {what}", quoted_path(path)))
        .with_source(cause)
        .with_hint(hint)
}

/// The line is missing from the file, or incomplete.
pub(super) fn unwritten(path: &Path, cause: io::Error) -> Error {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
    let is_full = matches!(cause.kind(), StorageFull | QuotaExceeded | FileTooLarge | WriteZero);
    let message = format!("a line could not be written to the audit file {}", quoted_path(path));
    let error = error(ErrorKind::Unreachable, message).with_source(cause).temporary(None);
    if is_full { error.with_hint("Make room where the file is") } else { error }
}

/// The line was written, but the file is larger than its limit.
pub(super) fn unrotated(path: &Path, cause: io::Error) -> Error {
    let message = format!("the audit file {} could not be rotated, so it grows on", quoted_path(path));
    error(ErrorKind::Unreachable, message)
        .with_source(cause)
        .with_hint("Let the user of this process rename files in its folder")
        .temporary(None)
}
