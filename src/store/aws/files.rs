//! The files that an identity was read from.

use std::path::{Path, PathBuf};

use crate::store::environment::Environment;
pub(super) use crate::store::watched::WatchedFiles;

/// A path as the user wrote it, with `~` and `$HOME` for the home directory (botocore/configloader.py expands both).
pub(super) fn expand(path: &str, environment: &Environment) -> PathBuf {
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
