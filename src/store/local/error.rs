//! Faults of a file, and their descriptions. Texts contain paths, lines and names, never a value.
//!
//! The codes are the names of the exceptions that Airflow's own class raises for the same fault.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::redact::{Quoted, quoted_path};
use crate::store::convention::Kind;

/// The most problems of one file that are reported.
const MAX_REPORTED: usize = 5;

/// Something in a file that cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    line: Option<usize>,
    message: Cow<'static, str>,
}

impl Problem {
    /// A problem in `line`, which counts from one.
    pub(super) fn at(line: usize, message: impl Into<Cow<'static, str>>) -> Self {
        Self { line: Some(line), message: message.into() }
    }

    /// A problem of the whole file, or one whose text names the place.
    pub(super) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { line: None, message: message.into() }
    }

    /// A file without any content.
    pub(super) fn empty() -> Self {
        Self::at(1, "the file is empty")
    }

    /// A file that contains something other than names with values.
    pub(super) fn no_object() -> Self {
        Self::at(1, "the file should contain an object, with names as keys")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "line {line}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

fn error(kind: ErrorKind, code: &'static str, message: String) -> Error {
    Error::new(kind, message).with_operation("read").with_code(code)
}

/// The contents of a file violate its format.
pub(super) fn unreadable(path: &Path, problems: &[Problem]) -> Error {
    let mut reported: Vec<String> = problems.iter().take(MAX_REPORTED).map(Problem::to_string).collect();
    if let Some(more) = problems.len().checked_sub(MAX_REPORTED).filter(|more| *more > 0) {
        reported.push(format!("and {more} more"));
    }
    let message = format!("failed to load the secret file {}: {}", quoted_path(path), reported.join("; "));
    error(ErrorKind::Malformed, "AirflowFileParseException", message)
}

/// The name of a file does not show its format.
pub(super) fn unsupported(path: &Path, extensions: &'static str) -> Error {
    let message = format!(
        "unsupported format of the secret file {}: its name must end in {extensions}",
        quoted_path(path)
    );
    let error = error(ErrorKind::Config, "AirflowUnsupportedFileTypeException", message);
    // A leading dot makes a hidden file, not an extension: a file that is only called `.env` has none.
    let is_hidden = path.extension().is_none()
        && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    if is_hidden { error.with_hint("Give it a name before the dot, such as secrets.env") } else { error }
}

/// The operating system refuses to open or read the file.
pub(super) fn input_output(path: &Path, cause: io::Error) -> Error {
    let (kind, code, what) = match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
            (ErrorKind::Config, "FileNotFoundError", "does not exist")
        }
        io::ErrorKind::PermissionDenied => (ErrorKind::Denied, "PermissionError", "may not be read"),
        _ => (ErrorKind::Unreachable, "OSError", "cannot be read"),
    };
    let error = error(kind, code, format!("the secret file {} {what}", quoted_path(path))).with_source(cause);
    match kind {
        ErrorKind::Config => {
            error.with_hint("A relative path starts at the working directory of the process")
        }
        ErrorKind::Denied => error.with_hint("Let the user of this process read it"),
        _ => error.temporary(None),
    }
}

/// The operating system refuses to write the file, which is as it was.
pub(super) fn unwritten(path: &Path, cause: io::Error) -> Error {
    let (kind, what, hint) = match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            ErrorKind::Denied,
            "may not be replaced",
            "Let the user of this process write in its folder: a new file takes the place of the old one",
        ),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            (ErrorKind::Config, "is in a folder that does not exist", "Create the folder first")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => (
            ErrorKind::Unreachable,
            "does not fit on its disk",
            "Make room in its folder: the old and the new file need it at the same time",
        ),
        _ => (ErrorKind::Unreachable, "cannot be written", "Check the disk and the folder of the file"),
    };
    let text = format!("the secret file {} {what}; it is as it was", quoted_path(path));
    Error::new(kind, text).with_operation("write").with_code("OSError").with_source(cause).with_hint(hint)
}

/// Another process writes the files of this folder and does not end.
pub(super) fn locked(path: &Path) -> Error {
    let text = format!("another process has been writing beside {} for too long", quoted_path(path));
    Error::new(ErrorKind::Timeout, text).with_operation("write").with_hint("Try again when it has ended")
}

/// The file belongs to another user, to whom a new file could not be given.
pub(super) fn of_another_user(path: &Path) -> Error {
    let text = format!(
        "the secret file {} belongs to another user or group, who could not read a new one",
        quoted_path(path)
    );
    Error::new(ErrorKind::Denied, text)
        .with_operation("write")
        .with_hint("Run this as the owner of the file; it is as it was")
}

/// The format of the file cannot hold the secret, or not in this place.
pub(super) fn cannot_hold(path: &Path, name: &str, reason: &str) -> Error {
    let text = format!(
        "{} cannot be written to the secret file {}: {reason}; it is as it was",
        Quoted(name),
        quoted_path(path)
    );
    Error::new(ErrorKind::Unsupported, text).with_operation("write")
}

/// There is no file in which this kind is written.
pub(super) fn not_written(kind: Kind) -> Error {
    let text = format!("no file for {} is configured that can be written", kind.plural());
    Error::new(ErrorKind::Config, text).with_operation("write").with_hint(format!(
        "Name one in `{}_file_path`; Astro's settings file is only read",
        if kind == Kind::Config { "configs" } else { kind.group() }
    ))
}

/// A directory, a pipe or a device.
pub(super) fn not_a_file(path: &Path) -> Error {
    error(ErrorKind::Config, "OSError", format!("{} is not a regular file", quoted_path(path)))
}

/// More than [`super::read::MAX_SIZE`].
pub(super) fn too_big(path: &Path) -> Error {
    error(
        ErrorKind::Config,
        "OSError",
        format!("the secret file {} is larger than 16 MiB", quoted_path(path)),
    )
    .with_hint("Keep secrets alone in it")
}

/// Several values for names that may have only one.
pub(super) fn not_unique(path: &Path, names: &[String]) -> Error {
    let message =
        format!("the secret file {} has no single value for {}", quoted_path(path), names.join(", "));
    error(ErrorKind::Malformed, "VariableNotUnique", message)
        .with_hint("Leave one value for each; nothing else in this file is used until then")
}

/// Several connections with one id.
pub(super) fn connection_not_unique(path: &Path, id: &str) -> Error {
    let message =
        format!("several values for connection {} in the secret file {}", Quoted(id), quoted_path(path));
    error(ErrorKind::Malformed, "ConnectionNotUnique", message).with_hint("Leave one")
}

/// An invalid connection.
pub(super) fn bad_connection(path: &Path, id: &str, reason: &str) -> Error {
    let message = format!("connection {} in the secret file {}: {reason}", Quoted(id), quoted_path(path));
    error(ErrorKind::Malformed, "AirflowException", message)
}

/// An invalid variable.
pub(super) fn bad_variable(path: &Path, name: &str, reason: &str) -> Error {
    let message = format!("variable {} in the secret file {}: {reason}", Quoted(name), quoted_path(path));
    error(ErrorKind::Malformed, "AirflowException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_name_file_and_lines_and_stay_short() {
        let problems: Vec<_> = (1..=7).map(|line| Problem::at(line, "the key is empty")).collect();
        let error = unreadable(Path::new("/tmp/a\u{202e}.env"), &problems);
        assert_eq!(error.kind(), ErrorKind::Malformed);
        insta::assert_snapshot!(error, @r#"failed to load the secret file "/tmp/a\u{202e}.env": line 1: the key is empty; line 2: the key is empty; line 3: the key is empty; line 4: the key is empty; line 5: the key is empty; and 2 more (read: AirflowFileParseException)"#);
        insta::assert_snapshot!(unreadable(Path::new("a.json"), &[Problem::empty()]), @r#"failed to load the secret file "a.json": line 1: the file is empty (read: AirflowFileParseException)"#);
    }

    #[test]
    fn a_wrong_extension_says_which_are_right() {
        let error = unsupported(Path::new("/a.txt"), ".env");
        assert_eq!(error.kind(), ErrorKind::Config);
        insta::assert_snapshot!(error, @r#"unsupported format of the secret file "/a.txt": its name must end in .env (read: AirflowUnsupportedFileTypeException)"#);
        insta::assert_snapshot!(unsupported(Path::new("/x/.env"), ".env"), @r#"unsupported format of the secret file "/x/.env": its name must end in .env (read: AirflowUnsupportedFileTypeException). Give it a name before the dot, such as secrets.env"#);
    }

    #[test]
    fn errors_of_the_operating_system_are_distinguished() {
        let reported = |kind: io::ErrorKind| input_output(Path::new("a.env"), kind.into());
        assert_eq!(reported(io::ErrorKind::NotFound).kind(), ErrorKind::Config);
        assert_eq!(reported(io::ErrorKind::PermissionDenied).kind(), ErrorKind::Denied);
        assert!(reported(io::ErrorKind::StaleNetworkFileHandle).is_temporary());
        insta::assert_snapshot!(reported(io::ErrorKind::NotFound), @r#"the secret file "a.env" does not exist (read: FileNotFoundError): entity not found. A relative path starts at the working directory of the process"#);
        insta::assert_snapshot!(reported(io::ErrorKind::PermissionDenied), @r#"the secret file "a.env" may not be read (read: PermissionError): permission denied. Let the user of this process read it"#);
    }

    #[test]
    fn other_texts() {
        let path = Path::new("c.yaml");
        insta::assert_snapshot!(not_a_file(path), @r#""c.yaml" is not a regular file (read: OSError)"#);
        insta::assert_snapshot!(too_big(path), @r#"the secret file "c.yaml" is larger than 16 MiB (read: OSError). Keep secrets alone in it"#);
        insta::assert_snapshot!(not_unique(path, &["a".to_owned(), "b".to_owned()]), @r#"the secret file "c.yaml" has no single value for a, b (read: VariableNotUnique). Leave one value for each; nothing else in this file is used until then"#);
        insta::assert_snapshot!(connection_not_unique(path, "x"), @r#"several values for connection "x" in the secret file "c.yaml" (read: ConnectionNotUnique). Leave one"#);
        insta::assert_snapshot!(bad_connection(path, "x", "no"), @r#"connection "x" in the secret file "c.yaml": no (read: AirflowException)"#);
    }
}
