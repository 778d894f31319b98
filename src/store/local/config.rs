//! Which files are read for what.
//!
//! The three `*_file_path` options are those of `airflow.secrets.local_filesystem.LocalFilesystemBackend`
//! (3.3.2); `settings_file_path` is our own.

use std::path::PathBuf;

use crate::store::PerKind;
use crate::store::convention::Kind;
use crate::store::options::{OptionKind, OptionSpec, Options};

/// The option that names the file with variables.
pub(super) const VARIABLES_FILE_PATH: OptionSpec = OptionSpec::new(
    "variables_file_path",
    OptionKind::Text,
    "A .env, .json, .yaml or .yml file with variables; nothing means that there are none.",
);

/// The option that names the file with connections.
pub(super) const CONNECTIONS_FILE_PATH: OptionSpec = OptionSpec::new(
    "connections_file_path",
    OptionKind::Text,
    "A .env, .json, .yaml or .yml file with connections; nothing means that there are none.",
);

/// The option that names the file with configuration options.
pub(super) const CONFIGS_FILE_PATH: OptionSpec = OptionSpec::new(
    "configs_file_path",
    OptionKind::Text,
    "A .env, .json, .yaml or .yml file with configuration options; nothing means that there are none.",
);

/// The option that names Astro's settings file.
pub(super) const SETTINGS_FILE_PATH: OptionSpec = OptionSpec::new(
    "settings_file_path",
    OptionKind::Text,
    "Astro's airflow_settings.yaml; it answers for connections and variables that the other files do not \
    hold.",
);

/// The files of one configured backend. Relative paths start at the working directory, as in Airflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalConfig {
    /// The file of each kind.
    pub files: PerKind<Option<PathBuf>>,
    /// Astro's settings file.
    pub settings: Option<PathBuf>,
    /// Whether names without a meaning in the settings file are errors.
    pub is_strict: bool,
}

impl LocalConfig {
    /// Reads the paths. A missing option, null and the empty text all mean that there is no such file.
    pub fn from_options(options: &Options) -> Self {
        let path = |option: &OptionSpec| options.non_empty(option.key).map(PathBuf::from);
        Self {
            files: PerKind {
                connections: path(&CONNECTIONS_FILE_PATH),
                variables: path(&VARIABLES_FILE_PATH),
                config: path(&CONFIGS_FILE_PATH),
            },
            settings: path(&SETTINGS_FILE_PATH),
            is_strict: options.boolean("strict").unwrap_or(false),
        }
    }

    /// Whether a file may answer for `kind`.
    pub fn serves(&self, kind: Kind) -> bool {
        // Astro's settings have no config values.
        self.files.of(kind).is_some() || (self.settings.is_some() && kind != Kind::Config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    #[test]
    fn null_and_empty_mean_no_file() {
        let mut options = Options::default();
        options.set(VARIABLES_FILE_PATH.key, OptionValue::Null);
        options.set(CONNECTIONS_FILE_PATH.key, OptionValue::Text(String::new()));
        options.set(CONFIGS_FILE_PATH.key, OptionValue::Text("a.env".to_owned()));
        let files = PerKind { config: Some("a.env".into()), ..PerKind::default() };
        let expected = LocalConfig { files, ..LocalConfig::default() };
        assert_eq!(LocalConfig::from_options(&options), expected);
    }

    #[test]
    fn the_settings_file_answers_for_connections_and_variables() {
        let config = LocalConfig { settings: Some("airflow_settings.yaml".into()), ..LocalConfig::default() };
        assert_eq!(Kind::ALL.map(|kind| config.serves(kind)), [true, true, false]);
        assert_eq!(Kind::ALL.map(|kind| LocalConfig::default().serves(kind)), [false; 3]);
    }
}
