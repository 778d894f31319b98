//! Which options take their value from the backend: those whose `_SECRET` or `_secret` form contains an id.
//!
//! Source: `_get_env_var_option`, `_get_option_from_secrets` and the order in `get` in
//! `_shared/configuration/parser.py` of Airflow 3.3.2. Airflow has these forms for the options that it calls
//! sensitive; no list includes those of providers, so every option of that form is reported.

use crate::config::airflow::{AirflowConfig, variable_of};

/// These have the same ending, but are options in their own right; so is every `client_secret`.
const OPTIONS_BY_THEMSELVES: [&str; 1] = ["AIRFLOW__API_AUTH__JWT_SECRET"];

/// An option that would take its value from the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBy {
    /// Such as `AIRFLOW__SENTRY__SENTRY_DSN_SECRET`, or `[sentry] sentry_dsn_secret of
    /// /opt/airflow/airflow.cfg`.
    pub place: String,
    /// What Airflow reads first, so that the backend is not asked.
    pub hidden_by: Option<String>,
}

impl AirflowConfig {
    /// The options whose `_SECRET` form asks the backend for `id`: those of the environment, then those of
    /// the file.
    pub fn named_by(&self, id: &str) -> Vec<NamedBy> {
        self.named(|text| text == id)
    }

    /// Every option that asks a backend, in the same order.
    pub fn named_by_any(&self) -> Vec<NamedBy> {
        self.named(|_| true)
    }

    fn named(&self, is_meant: impl Fn(&str) -> bool) -> Vec<NamedBy> {
        self.of_variables(&is_meant).into_iter().chain(self.of_options(&is_meant)).collect()
    }

    fn of_variables(&self, is_meant: impl Fn(&str) -> bool) -> Vec<NamedBy> {
        let meant = self.variables.iter().filter(|(name, value)| is_meant(value) && !is_by_itself(name));
        let named = meant.filter_map(|(name, _)| {
            let option = name.strip_suffix("_SECRET")?;
            option.strip_prefix("AIRFLOW__")?.split_once("__")?;
            Some(NamedBy { place: name.clone(), hidden_by: self.set_before(option, &["", "_CMD"]) })
        });
        named.collect()
    }

    fn of_options(&self, is_meant: impl Fn(&str) -> bool) -> Vec<NamedBy> {
        let Some(ini) = &self.ini else { return Vec::new() };
        let place = |section: &str, option: &str| format!("[{section}] {option} of {}", self.file.display());
        let named = ini.options().filter_map(|(section, option)| {
            let key = option.strip_suffix("_secret")?;
            let variable = variable_of(section, key);
            if !is_meant(&ini.get(section, option).ok()??) || is_by_itself(&variable_of(section, option)) {
                return None;
            }
            let command = format!("{key}_cmd");
            let earlier =
                [key, command.as_str()].into_iter().find(|option| ini.raw(section, option).is_some());
            let hidden_by = self.set_before(&variable, &["", "_CMD", "_SECRET"]);
            let hidden_by = hidden_by.or_else(|| earlier.map(|option| place(section, option)));
            Some(NamedBy { place: place(section, option), hidden_by })
        });
        named.collect()
    }

    /// The first of the forms of `option` that is set in the environment.
    fn set_before(&self, option: &str, forms: &[&str]) -> Option<String> {
        let names = forms.iter().map(|form| format!("{option}{form}"));
        names.into_iter().find(|name| self.variables.contains_key(name))
    }
}

fn is_by_itself(variable: &str) -> bool {
    OPTIONS_BY_THEMSELVES.contains(&variable) || variable.ends_with("__CLIENT_SECRET")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(file: &str, variables: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("airflow.cfg");
        std::fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = AirflowConfig::read(variables, Some(&path)).unwrap();
        let shown = |text: String| text.replace(&path.display().to_string(), "FILE");
        let named = config.named_by("dsn").into_iter();
        named.map(|named| (shown(named.place), named.hidden_by.map(shown))).collect()
    }

    fn pair(place: &str, hidden_by: Option<&str>) -> (String, Option<String>) {
        (place.to_owned(), hidden_by.map(str::to_owned))
    }

    #[test]
    fn options_of_the_environment_are_hidden_by_the_value_and_by_the_command() {
        let secret = ("AIRFLOW__SENTRY__SENTRY_DSN_SECRET", "dsn");
        assert_eq!(named("", &[secret, ("OTHER_SECRET", "dsn")]), [pair(secret.0, None)]);
        for other in ["AIRFLOW__SENTRY__SENTRY_DSN", "AIRFLOW__SENTRY__SENTRY_DSN_CMD"] {
            assert_eq!(named("", &[secret, (other, "")]), [pair(secret.0, Some(other))]);
        }
        assert_eq!(named("", &[("AIRFLOW__SENTRY__SENTRY_DSN_SECRET", "other")]), []);
        assert_eq!(named("", &[("AIRFLOW__API_AUTH__JWT_SECRET", "dsn")]), []);
    }

    #[test]
    fn options_of_the_file_are_hidden_by_what_airflow_reads_before_them() {
        let file = "[sentry]\nsentry_dsn_secret = dsn\n";
        let place = "[sentry] sentry_dsn_secret of FILE";
        assert_eq!(named(file, &[]), [pair(place, None)]);
        for other in ["AIRFLOW__SENTRY__SENTRY_DSN", "AIRFLOW__SENTRY__SENTRY_DSN_SECRET"] {
            assert_eq!(named(file, &[(other, "x")]), [pair(place, Some(other))]);
        }
        for (line, option) in [
            ("sentry_dsn = x", "sentry_dsn"),
            ("sentry_dsn =", "sentry_dsn"),
            ("sentry_dsn_cmd = x", "sentry_dsn_cmd"),
        ] {
            let hidden_by = format!("[sentry] {option} of FILE");
            assert_eq!(named(&format!("{file}{line}\n"), &[]), [pair(place, Some(&hidden_by))]);
        }
    }
}
