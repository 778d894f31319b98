//! Options that resemble those of a secrets backend, which Airflow silently ignores.

use crate::config::airflow::AirflowConfig;
use crate::config::airflow::ini::Ini;

/// A name that was written, and the one that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The name that was written, and its place.
    pub written: String,
    /// The name that Airflow reads.
    pub meant: String,
}

/// The options of a section that configure a backend, and others that Airflow reads there.
struct Known {
    section: &'static str,
    chosen: [&'static str; 2],
    single: &'static str,
    others: &'static [&'static str],
    /// Other names for them.
    words: &'static [(&'static str, &'static str)],
}

const KNOWN: [Known; 2] = [
    Known {
        section: "secrets",
        chosen: ["backend", "backend_kwargs"],
        single: "backend_kwarg__",
        others: &["use_cache", "cache_ttl_seconds", "backends_order"],
        words: &[
            ("secrets_backend", "backend"),
            ("secret_backend", "backend"),
            ("backend_class", "backend"),
            ("class", "backend"),
            ("secrets_backend_kwargs", "backend_kwargs"),
            ("backend_args", "backend_kwargs"),
            ("kwargs", "backend_kwargs"),
            ("backend_options", "backend_kwargs"),
        ],
    },
    Known {
        section: "workers",
        chosen: ["secrets_backend", "secrets_backend_kwargs"],
        single: "secrets_backend_kwarg__",
        others: &["execution_api_timeout", "execution_api_retries", "execution_api_retry_wait_min"],
        words: &[("backend", "secrets_backend"), ("backend_kwargs", "secrets_backend_kwargs")],
    },
];

/// The forms of an option that Airflow calls sensitive.
const FORMS: [&str; 3] = ["", "_cmd", "_secret"];

impl AirflowConfig {
    /// Names in the environment and in the file that are nearly right.
    pub fn near_misses(&self) -> Vec<NearMiss> {
        let of_environment = self.variables.keys().filter_map(|name| {
            let meant = variable(name)?;
            Some(NearMiss { written: name.clone(), meant })
        });
        let options = self.ini.iter().flat_map(Ini::options);
        let of_file = options.filter_map(|(section, key)| {
            let written = format!("`{key}` in [{section}] of {}", self.file.display());
            Some(NearMiss { written, meant: option(section, key)? })
        });
        of_environment.chain(of_file).collect()
    }
}

/// The correct name of a variable.
fn variable(name: &str) -> Option<String> {
    let upper = name.to_uppercase();
    let rest = upper.strip_prefix("AIRFLOW")?;
    let rest = rest.trim_start_matches('_').to_lowercase();
    for known in &KNOWN {
        let plural = rest.strip_prefix(known.section);
        let rest = plural.or_else(|| rest.strip_prefix(known.section.strip_suffix('s')?));
        let Some(key) = rest.and_then(|rest| rest.strip_prefix('_')) else { continue };
        let key = key.trim_start_matches('_');
        let right = key_of(known, key)?;
        let section = known.section.to_uppercase();
        let meant = format!("AIRFLOW__{section}__{}", right.to_uppercase());
        return (meant != name).then_some(meant);
    }
    None
}

/// The correct name of an option in the file, and its section.
fn option(section: &str, key: &str) -> Option<String> {
    let plain = section.to_lowercase();
    let is_near =
        |known: &&Known| plain == known.section || strsim::damerau_levenshtein(&plain, known.section) <= 1;
    let known = KNOWN.iter().find(is_near)?;
    let right = key_of(known, &key.to_lowercase())?;
    let is_right = section == known.section && right == key;
    (!is_right).then(|| format!("`{right}` in [{}]", known.section))
}

/// The key that Airflow reads, possibly `key` itself; `None` if this is not an option of a backend.
fn key_of(known: &Known, key: &str) -> Option<String> {
    if known.others.contains(&key) {
        return None;
    }
    let single = known.single.trim_end_matches('_');
    if let Some(rest) = key.strip_prefix(single).filter(|rest| rest.starts_with('_')) {
        let rest = rest.trim_start_matches('_');
        // Without a rest it is not known which option was meant.
        return (!rest.is_empty()).then(|| format!("{}{rest}", known.single));
    }
    // The empty form comes last, since every key ends with it.
    let (stem, form) = FORMS.iter().rev().find_map(|form| Some((key.strip_suffix(form)?, *form)))?;
    if known.chosen.contains(&key) || known.chosen.contains(&stem) {
        return Some(key.to_owned());
    }
    if let Some((_, right)) = known.words.iter().find(|(word, _)| *word == stem) {
        return Some(format!("{right}{form}"));
    }
    let distance = |right: &str| strsim::damerau_levenshtein(stem, right);
    let (distance, right) = known.chosen.iter().map(|right| (distance(right), *right)).min()?;
    (distance <= 2).then(|| format!("{right}{form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(variables: &[&str], file: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("airflow.cfg");
        std::fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|name| ((*name).to_owned(), "canary".to_owned()));
        let airflow = AirflowConfig::read(variables, Some(&path)).unwrap();
        let shown = |near: NearMiss| {
            format!("{} -> {}", near.written.replace(path.to_str().unwrap(), "F"), near.meant)
        };
        airflow.near_misses().into_iter().map(shown).collect()
    }

    #[test]
    fn variables_that_airflow_does_not_read_are_reported() {
        for (name, meant) in [
            ("AIRFLOW_SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND"),
            ("AIRFLOW__SECRETS_BACKEND", "AIRFLOW__SECRETS__BACKEND"),
            ("AIRFLOW__SECRET__BACKEND", "AIRFLOW__SECRETS__BACKEND"),
            ("AIRFLOW__SECRETS__BACKENDS", "AIRFLOW__SECRETS__BACKEND"),
            ("AIRFLOW__SECRETS__BACKEND_KWARG", "AIRFLOW__SECRETS__BACKEND_KWARGS"),
            ("AIRFLOW__SECRETS__BACKEND_KWARGS_COMMAND", ""),
            ("AIRFLOW__SECRETS__BACKEND_KWARG_CMD", "AIRFLOW__SECRETS__BACKEND_KWARG__CMD"),
            ("AIRFLOW__SECRETS__BACKEND_KWARG_ROLE_ARN", "AIRFLOW__SECRETS__BACKEND_KWARG__ROLE_ARN"),
            ("AIRFLOW__WORKERS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND"),
            ("AIRFLOW__WORKERS__SECRET_BACKEND_KWARGS", "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS"),
            ("airflow__secrets__backend", "AIRFLOW__SECRETS__BACKEND"),
        ] {
            let expected: Vec<String> =
                if meant.is_empty() { vec![] } else { vec![format!("{name} -> {meant}")] };
            assert_eq!(reported(&[name], ""), expected, "{name}");
        }
        let right = [
            "AIRFLOW__SECRETS__BACKEND",
            "AIRFLOW__SECRETS__BACKEND_KWARGS_CMD",
            "AIRFLOW__SECRETS__BACKEND_KWARG__PROFILE_NAME",
            "AIRFLOW__SECRETS__USE_CACHE",
            "AIRFLOW__WORKERS__SECRETS_BACKEND",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT",
            "AIRFLOW_HOME",
        ];
        assert_eq!(reported(&right, ""), [""; 0]);
    }

    #[test]
    fn options_and_sections_of_the_file_are_reported() {
        assert_eq!(
            reported(
                &[],
                "[secret]\nbackend = canary\n[secrets]\nbackends = canary\nBACKEND_KWARGS = \
                canary\nuse_cache = 1\n"
            ),
            [
                "`backend` in [secret] of F -> `backend` in [secrets]",
                "`BACKEND_KWARGS` in [secrets] of F -> `backend_kwargs` in [secrets]",
                "`backends` in [secrets] of F -> `backend` in [secrets]",
            ]
        );
        assert_eq!(
            reported(
                &[],
                "[secrets]\nbackend = a\nbackend_kwargs = {}\nbackend_kwargs_cmd = x\n[core]\nbackend = 1\n"
            ),
            [""; 0]
        );
        assert_eq!(
            reported(&[], "[Workers]\nbackend = canary"),
            ["`backend` in [Workers] of F -> `secrets_backend` in [workers]"]
        );
    }
}
