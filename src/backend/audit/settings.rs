//! The configuration of the audit log.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::store::options::{OptionKind, OptionSpec, Options};

/// The options of the audit log, the same for every store.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "audit_path",
        OptionKind::Text,
        "A file that gets one line of JSON for each access; an absolute path.",
    ),
    OptionSpec::new(
        "audit_max_bytes",
        OptionKind::Count,
        "The size at which the audit file becomes `<audit_path>.1`, replacing the one before; 0 leaves it to \
        other tools.",
    )
    .with_default("104857600"),
    OptionSpec::new(
        "audit_required",
        OptionKind::Boolean,
        "Whether a lookup fails when its line cannot be written.",
    )
    .with_default("false"),
];

const MAX_BYTES: u64 = 100 * 1024 * 1024;

/// The typed options of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    path: PathBuf,
    max_bytes: u64,
    required: bool,
}

impl AuditSettings {
    /// Reads the options; `None` without a path. Does no I/O.
    ///
    /// A relative path is refused: each process of Airflow has a working directory of its own, so the lines
    /// would be scattered over several files.
    pub fn from_options(options: &Options) -> Result<Option<Self>> {
        let required = options.boolean("audit_required").unwrap_or(false);
        let Some(path) = options.non_empty("audit_path") else {
            return if required { Err(required_without_path()) } else { Ok(None) };
        };
        if !Path::new(path).is_absolute() {
            return Err(Error::config("`audit_path` in backend_kwargs is a relative path")
                .with_hint("Write the whole path, which starts with /"));
        }
        let max_bytes = options.count("audit_max_bytes").unwrap_or(MAX_BYTES);
        Ok(Some(Self { path: PathBuf::from(path), max_bytes, required }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The limit for the size of the file, if there is one.
    pub fn max_bytes(&self) -> Option<u64> {
        (self.max_bytes > 0).then_some(self.max_bytes)
    }

    /// Whether a lookup has to fail when its line cannot be written.
    pub fn is_required(&self) -> bool {
        self.required
    }
}

/// If the audit log is required, it must not be silently missing.
fn required_without_path() -> Error {
    Error::config("`audit_required` in backend_kwargs is true, but there is no `audit_path`")
        .with_hint("Name the file in `audit_path`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn options(path: &str) -> Options {
        let mut options = Options::default();
        options.set("audit_path", OptionValue::Text(path.to_owned()));
        options
    }

    #[test]
    fn it_is_off_without_a_path() {
        assert_eq!(AuditSettings::from_options(&Options::default()).unwrap(), None);
        assert_eq!(AuditSettings::from_options(&options("")).unwrap(), None);
    }

    #[test]
    fn defaults_agree_with_their_declarations() {
        let settings = AuditSettings::from_options(&options("/a/b")).unwrap().unwrap();
        assert_eq!((settings.path(), settings.is_required()), (Path::new("/a/b"), false));
        let declared = |key| OPTIONS.iter().find(|spec| spec.key == key).unwrap().default;
        assert_eq!(settings.max_bytes().unwrap().to_string(), declared("audit_max_bytes"));
        assert_eq!(settings.is_required().to_string(), declared("audit_required"));
    }

    #[test]
    fn zero_leaves_the_size_to_others() {
        let mut options = options("/a");
        options.set("audit_max_bytes", OptionValue::Count(0));
        assert_eq!(AuditSettings::from_options(&options).unwrap().unwrap().max_bytes(), None);
    }

    #[test]
    fn a_relative_path_is_refused_and_so_is_a_duty_without_a_file() {
        for path in ["audit.jsonl", "~/audit.jsonl", "./a"] {
            let error = AuditSettings::from_options(&options(path)).unwrap_err();
            insta::allow_duplicates! {
                insta::assert_snapshot!(error, @"`audit_path` in backend_kwargs is a relative path. Write \
                the whole path, which starts with /");
            }
        }
        let mut options = Options::default();
        options.set("audit_required", OptionValue::Boolean(true));
        let error = AuditSettings::from_options(&options).unwrap_err();
        insta::assert_snapshot!(error, @"`audit_required` in backend_kwargs is true, but there is no \
        `audit_path`. Name the file in `audit_path`");
    }
}
