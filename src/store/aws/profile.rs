//! Profiles: what `~/.aws/config` and `~/.aws/credentials` say.
//!
//! Sources: botocore/configloader.py (sections), botocore/session.py (`full_config`: the keys of the credentials file
//! replace those of the config file), botocore/configprovider.py (`AWS_DEFAULT_PROFILE` goes before `AWS_PROFILE`).

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::aws::files::{WatchedFiles, expand};
use crate::store::aws::ini::{self, Section, Sections};
use crate::store::aws::shell_words;
use crate::store::environment::Environment;

/// The profile that applies where none was asked for.
const DEFAULT_PROFILE: &str = "default";

/// What the two files say. Debug shows names only: values may be credentials.
#[derive(Clone, Default)]
pub(super) struct Profiles {
    /// Which profile is used, and whether somebody asked for it.
    selected: String,
    /// The config file's keys, replaced by those of the credentials file.
    merged: BTreeMap<String, Section>,
    /// The credentials file alone.
    credentials: Sections,
    /// The config file's profiles alone.
    config: BTreeMap<String, Section>,
    sso_sessions: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
}

impl Profiles {
    /// Reads both files and selects a profile: `name`, else that of the environment, else `default`.
    ///
    /// A profile that was asked for and is in neither file is a `Config` error, as botocore's `ProfileNotFound`.
    pub(super) fn load(
        name: Option<&str>,
        environment: &Environment,
        watched: &mut WatchedFiles,
    ) -> Result<Self> {
        let config_file = file(environment, "AWS_CONFIG_FILE", "~/.aws/config");
        let credentials_file = file(environment, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
        let config = read(&config_file, watched)?;
        let credentials = read(&credentials_file, watched)?;
        let asked = name.or_else(|| environment_profile(environment));
        let profiles = Self::new(asked.unwrap_or(DEFAULT_PROFILE), config, credentials);
        if asked.is_some_and(|asked| !profiles.merged.contains_key(asked)) {
            return Err(profiles.unknown(&config_file, &credentials_file));
        }
        Ok(profiles)
    }

    fn new(selected: &str, config: Sections, credentials: Sections) -> Self {
        let mut profiles = Self { selected: selected.to_owned(), ..Self::default() };
        for (header, section) in config {
            profiles.sort_in(&header, section);
        }
        profiles.config = profiles.merged.clone();
        for (name, section) in &credentials {
            let merged = profiles.merged.entry(name.clone()).or_default();
            merged.extend(section.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        profiles.credentials = credentials;
        profiles
    }

    /// `[default]`, `[profile name]`, `[sso-session name]`, `[services name]`; other sections mean nothing here.
    fn sort_in(&mut self, header: &str, section: Section) {
        if header == DEFAULT_PROFILE {
            self.merged.insert(header.to_owned(), section);
            return;
        }
        let words = shell_words::split(header).unwrap_or_default();
        let [kind, name] = words.as_slice() else { return };
        let map = match kind.as_str() {
            "profile" => &mut self.merged,
            "sso-session" => &mut self.sso_sessions,
            "services" => &mut self.services,
            _ => return,
        };
        map.insert(name.clone(), section);
    }

    fn unknown(&self, config_file: &Path, credentials_file: &Path) -> Error {
        let known: Vec<_> = self.merged.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::config(format!(
            "the AWS profile `{}` is neither in `{}` nor in `{}`",
            Shown(&self.selected),
            Shown(&config_file.to_string_lossy()),
            Shown(&credentials_file.to_string_lossy()),
        ))
        .with_hint(format!(
            "Correct `profile_name` or AWS_PROFILE, or add the profile; profiles there: {known}"
        ))
    }

    /// The name of the profile that is used.
    pub(super) fn selected(&self) -> &str {
        &self.selected
    }

    /// A value of the selected profile; an empty one is none.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.merged.get(&self.selected)?.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The keys and values of a profile, both files taken together.
    pub(super) fn profile(&self, name: &str) -> Option<&Section> {
        self.merged.get(name)
    }

    /// A profile as the credentials file has it.
    pub(super) fn in_credentials_file(&self, name: &str) -> Option<&Section> {
        self.credentials.get(name)
    }

    /// A profile as the config file has it.
    pub(super) fn in_config_file(&self, name: &str) -> Option<&Section> {
        self.config.get(name)
    }

    /// A section `[sso-session name]`.
    pub(super) fn sso_session(&self, name: &str) -> Option<&Section> {
        self.sso_sessions.get(name)
    }

    /// The value of `key` for `service` in the `[services ...]` section that the selected profile names. A section
    /// that does not exist is a `Config` error.
    pub(super) fn service(&self, service: &str, key: &str) -> Result<Option<String>> {
        let Some(name) = self.get("services") else { return Ok(None) };
        let section = self.services.get(name).ok_or_else(|| {
            Error::config(format!(
                "the AWS profile `{}` names a section [services {name}] that is not there",
                self.selected
            ))
            .with_hint("Add the section to the AWS config file, or remove `services` from the profile")
        })?;
        let found = section.get(service).and_then(|block| ini::nested(block).remove(key));
        Ok(found.filter(|value| !value.is_empty()))
    }
}

impl fmt::Debug for Profiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = self.merged.keys().collect();
        formatter
            .debug_struct("Profiles")
            .field("selected", &self.selected)
            .field("known", &known)
            .finish_non_exhaustive()
    }
}

/// The profile that the environment asks for (botocore's order; the AWS SDKs only know `AWS_PROFILE`).
fn environment_profile(environment: &Environment) -> Option<&str> {
    environment.non_empty("AWS_DEFAULT_PROFILE").or_else(|| environment.non_empty("AWS_PROFILE"))
}

fn file(environment: &Environment, variable: &str, default: &str) -> PathBuf {
    expand(environment.non_empty(variable).unwrap_or(default), environment)
}

/// A file that is not there has no sections; one that cannot be read or understood is a `Config` error.
fn read(path: &Path, watched: &mut WatchedFiles) -> Result<Sections> {
    watched.watch(path);
    let text = match fs::read_to_string(path) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
            ) =>
        {
            return Ok(Sections::new());
        }
        Err(error) => return Err(unreadable(path, &error.to_string())),
    };
    ini::parse(&text).map_err(|error| unreadable(path, &format!("line {}: {}", error.line, error.reason)))
}

fn unreadable(path: &Path, reason: &str) -> Error {
    Error::config(format!("the AWS file `{}` cannot be read: {reason}", Shown(&path.to_string_lossy())))
        .with_hint("Correct the file, or point AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE to others")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Profiles from the texts of both files.
    pub(in crate::store::aws) fn profiles(selected: &str, config: &str, credentials: &str) -> Profiles {
        Profiles::new(selected, ini::parse(config).unwrap(), ini::parse(credentials).unwrap())
    }

    const CONFIG: &str = "[default]\nregion = r0\n[profile a b]\nx = 1\n[profile \"a c\"]\nregion = r1\nservices = s\n\
        [plain]\nregion = r2\n[sso-session work]\nsso_region = r3\n[services s]\nsecrets_manager =\n  endpoint_url = http://sm\nsts =\n  endpoint_url =\n";

    #[test]
    fn sections_are_sorted_as_botocore_does() {
        let profiles =
            profiles("a c", CONFIG, "[plain]\naws_access_key_id = AK\n[default]\nregion = other\n");
        assert_eq!(profiles.get("region"), Some("r1"));
        assert!(profiles.profile("a b").is_none(), "three words are no profile");
        assert_eq!(
            profiles.profile("plain").unwrap().len(),
            1,
            "only the credentials file names profiles so"
        );
        assert_eq!(profiles.profile("default").unwrap().get("region").unwrap(), "other");
        assert_eq!(profiles.in_config_file("default").unwrap().get("region").unwrap(), "r0");
        assert_eq!(profiles.sso_session("work").unwrap().get("sso_region").unwrap(), "r3");
        assert_eq!(
            profiles.service("secrets_manager", "endpoint_url").unwrap().as_deref(),
            Some("http://sm")
        );
        assert_eq!(profiles.service("sts", "endpoint_url").unwrap(), None);
    }

    #[test]
    fn a_services_section_that_is_missing_is_a_configuration_error() {
        let profiles = profiles("default", "[default]\nservices = nowhere\n", "");
        assert!(
            profiles.service("sts", "endpoint_url").unwrap_err().to_string().contains("[services nowhere]")
        );
    }

    fn environment(pairs: &[(&'static str, &str)]) -> Environment {
        Environment::read(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_unknown_profile_names_the_profile_and_both_files() {
        let environment =
            environment(&[("HOME", "/nonexistent"), ("AWS_PROFILE", "nobody"), ("AWS_CONFIG_FILE", "~/c")]);
        let error = Profiles::load(None, &environment, &mut WatchedFiles::default()).unwrap_err();
        insta::assert_snapshot!(error, @r#"the AWS profile `nobody` is neither in `/nonexistent/c` nor in `/nonexistent/.aws/credentials`. Correct `profile_name` or AWS_PROFILE, or add the profile; profiles there: none"#);
    }

    #[test]
    fn the_profile_is_asked_for_by_name_then_by_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        fs::write(&path, "[profile one]\n[profile two]\n[profile three]\n").unwrap();
        let path = path.to_string_lossy().into_owned();
        let environment = environment(&[
            ("AWS_CONFIG_FILE", &path),
            ("AWS_PROFILE", "one"),
            ("AWS_DEFAULT_PROFILE", "two"),
        ]);
        let load = |name| {
            Profiles::load(name, &environment, &mut WatchedFiles::default()).unwrap().selected().to_owned()
        };
        assert_eq!((load(None), load(Some("three"))), ("two".to_owned(), "three".to_owned()));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let profiles = profiles("default", "", "[default]\naws_secret_access_key = canary-0a1b\n");
        assert!(!format!("{profiles:?}").contains("canary-0a1b"));
    }
}
