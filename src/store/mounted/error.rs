//! Faults of mounted files. Texts contain paths, never contents.

use std::io;
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::redact::{Shown, quoted_path};
use crate::store::SecretName;

/// What lets a process of Kubernetes read what is mounted into its pod.
pub(super) const TO_READ: &str = "Let the user of this process read it; in Kubernetes by `fsGroup` \
    of the pod and `defaultMode: 0440` of the volume";

fn error(kind: ErrorKind, code: &'static str, message: String) -> Error {
    Error::new(kind, message).with_code(code)
}

/// The folder that is configured does not exist, so nothing is known about its files.
pub(super) fn no_folder(folder: &Path) -> Error {
    let message = format!("the folder {} with mounted files does not exist", quoted_path(folder));
    error(ErrorKind::Config, "FileNotFoundError", message).with_hint(
        "Mount the secrets there, or correct the path; a relative one starts at the working directory",
    )
}

/// The operating system refuses to open or read a file or a folder.
pub(super) fn input_output(path: &Path, cause: io::Error) -> Error {
    let path = quoted_path(path);
    match cause.kind() {
        io::ErrorKind::PermissionDenied => {
            error(ErrorKind::Denied, "PermissionError", format!("the mounted file {path} may not be read"))
                .with_source(cause)
                .with_hint(TO_READ)
        }
        _ => error(ErrorKind::Unreachable, "OSError", format!("the mounted file {path} cannot be read"))
            .with_source(cause)
            .temporary(None),
    }
}

/// A pipe, a socket or a device.
pub(super) fn not_a_file(path: &Path) -> Error {
    error(ErrorKind::Config, "OSError", format!("{} is not a regular file", quoted_path(path)))
        .with_hint("Mount a file there that holds the value")
}

/// More than [`super::read::MAX_SIZE`].
pub(super) fn too_big(path: &Path) -> Error {
    let message = format!("the mounted file {} is larger than 1 MiB", quoted_path(path));
    error(ErrorKind::Config, "OSError", message).with_hint("Mount the value alone, as a file of its own")
}

/// Something that is no text, such as a keystore. `place` counts bytes from one.
pub(super) fn binary(path: &Path, place: usize) -> Error {
    let message = format!(
        "the mounted file {} is not a text: byte {place} is not valid in UTF-8, or is zero",
        quoted_path(path)
    );
    error(ErrorKind::Malformed, "UnicodeDecodeError", message)
        .with_hint("Store text as UTF-8, and binary content such as a keystore in base64")
}

/// A name that was not made by the rules of this store, such as that of a bundle.
pub(super) fn outside(name: &SecretName) -> Error {
    let message =
        format!("`{}` is not the path of a file in a folder with mounted files", Shown(name.as_str()));
    Error::new(ErrorKind::InvalidName, message)
        .with_hint("Write the path of a file below `path`, without parts that begin with a dot")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_file_and_the_remedy() {
        let path = Path::new("/s/c/a");
        insta::assert_snapshot!(no_folder(Path::new("/s")), @r#"the folder "/s" with mounted files does not exist (FileNotFoundError). Mount the secrets there, or correct the path; a relative one starts at the working directory"#);
        insta::assert_snapshot!(input_output(path, io::ErrorKind::PermissionDenied.into()), @r#"the mounted file "/s/c/a" may not be read (PermissionError): permission denied. Let the user of this process read it; in Kubernetes by `fsGroup` of the pod and `defaultMode: 0440` of the volume"#);
        assert!(input_output(path, io::ErrorKind::StaleNetworkFileHandle.into()).is_temporary());
        insta::assert_snapshot!(binary(path, 3), @r#"the mounted file "/s/c/a" is not a text: byte 3 is not valid in UTF-8, or is zero (UnicodeDecodeError). Store text as UTF-8, and binary content such as a keystore in base64"#);
        insta::assert_snapshot!(too_big(path), @r#"the mounted file "/s/c/a" is larger than 1 MiB (OSError). Mount the value alone, as a file of its own"#);
        insta::assert_snapshot!(not_a_file(path), @r#""/s/c/a" is not a regular file (OSError). Mount a file there that holds the value"#);
        insta::assert_snapshot!(outside(&"x".into()), @r"`x` is not the path of a file in a folder with mounted files. Write the path of a file below `path`, without parts that begin with a dot");
    }
}
