//! What Airflow will see: its configuration file and environment, read according to its rules.
//!
//! Source: `_shared/configuration/parser.py` and `configuration.py` of Airflow 3.3.2. An option is searched
//! in this order: environment, environment `_CMD`, environment `_SECRET`, file, file `_cmd`, file `_secret`.

mod chosen;
mod command;
mod expand;
mod ini;
mod named;
mod near;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

pub use self::chosen::{Chosen, Component, shown_class};
use self::expand::{Variables, expand};
use self::ini::Ini;
pub use self::named::NamedBy;
pub use self::near::NearMiss;

/// Airflow's configuration: its options, and where each comes from.
pub struct AirflowConfig {
    variables: Variables,
    file: PathBuf,
    ini: Option<Ini>,
}

/// The value of an option and the place it comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// The value after interpolation and expansion.
    pub text: String,
    /// Such as `AIRFLOW__SECRETS__BACKEND` or `[secrets] backend of /opt/airflow/airflow.cfg`.
    pub place: String,
    /// The value before environment variables in it were replaced.
    written: String,
}

impl AirflowConfig {
    /// Reads the file that `variables` name, or `file` instead. A missing file counts as empty, unless `file`
    /// names it.
    pub fn read(variables: impl IntoIterator<Item = (String, String)>, file: Option<&Path>) -> Result<Self> {
        let variables: Variables = variables.into_iter().collect();
        let path = match file {
            Some(file) => file.to_owned(),
            None => usual_file(&variables)?,
        };
        let ini = match std::fs::read_to_string(&path) {
            Ok(text) => Some(Ini::parse(&text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => None,
            Err(error) => {
                let message = format!("`{}` could not be read: {}", path.display(), error.kind());
                return Err(
                    Error::config(message).with_hint("Check AIRFLOW_HOME, AIRFLOW_CONFIG and --config")
                );
            }
        };
        Ok(Self { variables, file: path, ini })
    }

    /// The environment of this process. Variables that are not Unicode are left out.
    pub fn of_process(file: Option<&Path>) -> Result<Self> {
        let variables = std::env::vars_os();
        let readable =
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::read(readable, file)
    }

    /// The configuration file, whether it exists or not.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether the configuration file exists.
    pub fn has_file(&self) -> bool {
        self.ini.is_some()
    }

    /// A variable of the environment.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The variables whose name begins with `prefix`, with the rest of the name.
    fn variables_with<'config>(
        &'config self,
        prefix: &'config str,
    ) -> impl Iterator<Item = (&'config str, &'config str)> {
        let all = self.variables.iter();
        all.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// Whether Airflow separates teams.
    pub fn multi_team(&self) -> bool {
        let found = self.option("core", "multi_team", false).ok().flatten();
        // The words that Airflow's `getboolean` accepts.
        found.is_some_and(|found| matches!(found.text.trim().to_lowercase().as_str(), "t" | "true" | "1"))
    }

    /// An option, if it is set anywhere. The command of its `_cmd` form is only run for options that Airflow
    /// calls sensitive.
    fn option(&self, section: &str, key: &str, is_sensitive: bool) -> Result<Option<Found>> {
        match self.of_environment(section, key, is_sensitive)? {
            Some(found) => Ok(Some(found)),
            None => self.of_file(section, key, is_sensitive),
        }
    }

    fn of_environment(&self, section: &str, key: &str, is_sensitive: bool) -> Result<Option<Found>> {
        let name = variable_of(section, key);
        if let Some(written) = self.variables.get(&name) {
            return self.found(written, name).map(Some);
        }
        if !is_sensitive {
            return Ok(None);
        }
        let command = format!("{name}_CMD");
        if let Some(words) = self.variables.get(&command) {
            let text = command::run(words, &command)?;
            return Ok(Some(Found { written: text.clone(), text, place: command }));
        }
        let secret = format!("{name}_SECRET");
        if self.variables.contains_key(&secret) { Err(from_itself(&secret)) } else { Ok(None) }
    }

    fn of_file(&self, section: &str, key: &str, is_sensitive: bool) -> Result<Option<Found>> {
        let Some(ini) = &self.ini else { return Ok(None) };
        let place = |key: &str| format!("[{section}] {key} of {}", self.file.display());
        // An empty value counts as well: Airflow's `has_option` is true for it, so `_cmd` is not considered.
        if let Some(written) = ini.get(section, key)? {
            return self.found(&written, place(key)).map(Some);
        }
        if !is_sensitive {
            return Ok(None);
        }
        if let Some(words) = ini.get(section, &format!("{key}_cmd"))? {
            let place = place(&format!("{key}_cmd"));
            let text = command::run(&words, &place)?;
            return Ok(Some(Found { written: text.clone(), text, place }));
        }
        match ini.raw(section, &format!("{key}_secret")) {
            Some(_) => Err(from_itself(&place(&format!("{key}_secret")))),
            None => Ok(None),
        }
    }

    fn found(&self, written: &str, place: String) -> Result<Found> {
        Ok(Found { text: expand(written, &self.variables)?, place, written: written.to_owned() })
    }
}

/// `AIRFLOW_CONFIG`, else `airflow.cfg` in `AIRFLOW_HOME`, else in `~/airflow`.
fn usual_file(variables: &Variables) -> Result<PathBuf> {
    if let Some(file) = variables.get("AIRFLOW_CONFIG") {
        return expand(file, variables).map(PathBuf::from);
    }
    let home = variables.get("AIRFLOW_HOME").map_or("~/airflow", String::as_str);
    Ok(Path::new(&expand(home, variables)?).join("airflow.cfg"))
}

/// The environment variable of an option.
fn variable_of(section: &str, key: &str) -> String {
    format!("AIRFLOW__{}__{}", section.replace('.', "_").to_uppercase(), key.to_uppercase())
}

/// The configuration of the backend cannot come from the backend: Airflow would recurse until its stack
/// overflows.
fn from_itself(place: &str) -> Error {
    Error::config(format!("{place} takes the backend's own options from the backend"))
        .with_hint("Write the options themselves, or use the _CMD form")
}

#[cfg(test)]
mod tests;
