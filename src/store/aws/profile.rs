//! Profiles: the contents of `~/.aws/config` and `~/.aws/credentials`.
//!
//! Sources: botocore/configloader.py (sections), botocore/session.py (`full_config`: the keys of the
//! credentials file replace those of the config file), botocore/configprovider.py (`AWS_DEFAULT_PROFILE`
//! takes precedence over `AWS_PROFILE`). The vendor's parser reads each file separately, since botocore's
//! order depends on which file a key is in.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_config::profile::{Profile, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::property::PropertiesKey;
use aws_runtime::env_config::section::SsoSession;
use aws_types::os_shim_internal::{Env, Fs};
use futures_util::FutureExt;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::redact::{Shown, ShownPath};
use crate::store::environment::Environment;
use crate::store::kit::files::{WatchedFiles, expand};

/// The profile that applies if none is named.
const DEFAULT_PROFILE: &str = "default";

/// The contents of the two files. Debug shows names only: values may be credentials.
#[derive(Clone, Default)]
pub(super) struct Profiles {
    /// The profile that is used.
    selected: String,
    config: ProfileSet,
    credentials: ProfileSet,
    /// The names of the `[services ...]` sections, which the vendor's parser does not list.
    services: BTreeSet<String>,
}

/// A profile in one file, or in both: then the credentials file takes precedence.
#[derive(Clone, Copy, Default)]
pub(super) struct Section<'profiles> {
    credentials: Option<&'profiles Profile>,
    config: Option<&'profiles Profile>,
}

impl<'profiles> Section<'profiles> {
    /// The value of `key`; an empty one counts as unset.
    pub(super) fn value(self, key: &str) -> Option<&'profiles str> {
        self.written(key).filter(|value| !value.is_empty())
    }

    /// Whether `key` is present, even with an empty value.
    pub(super) fn has(self, key: &str) -> bool {
        self.written(key).is_some()
    }

    fn written(self, key: &str) -> Option<&'profiles str> {
        let of = |profile: Option<&'profiles Profile>| profile.and_then(|profile| profile.get(key));
        of(self.credentials).or_else(|| of(self.config))
    }
}

impl Profiles {
    /// Reads both files and selects a profile: `name`, else that of the environment, else `default`.
    ///
    /// A named profile that is in neither file is a `Config` error, like botocore's `ProfileNotFound`.
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
        let profiles = Self {
            selected: asked.unwrap_or(DEFAULT_PROFILE).to_owned(),
            services: services(&config),
            config: parse(&config, EnvConfigFileKind::Config, &config_file)?,
            credentials: parse(&credentials, EnvConfigFileKind::Credentials, &credentials_file)?,
        };
        if asked.is_some_and(|asked| profiles.profile(asked).is_none()) {
            return Err(profiles.unknown(&config_file, &credentials_file));
        }
        Ok(profiles)
    }

    fn unknown(&self, config_file: &Path, credentials_file: &Path) -> Error {
        let known: Vec<_> = self.names().into_iter().collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::config(format!(
            "the AWS profile `{}` is neither in `{}` nor in `{}`",
            Shown(&self.selected),
            ShownPath(config_file),
            ShownPath(credentials_file),
        ))
        .with_hint(format!(
            "Correct `profile_name` or AWS_PROFILE, or add the profile; profiles there: {known}"
        ))
    }

    fn names(&self) -> BTreeSet<&str> {
        self.config.profiles().chain(self.credentials.profiles()).collect()
    }

    /// The name of the profile that is used.
    pub(super) fn selected(&self) -> &str {
        &self.selected
    }

    /// A value of the selected profile; an empty one counts as unset.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.profile(&self.selected)?.value(key)
    }

    /// A profile, combined from both files.
    pub(super) fn profile(&self, name: &str) -> Option<Section<'_>> {
        let section = Section {
            credentials: self.credentials.get_profile(name),
            config: self.config.get_profile(name),
        };
        (section.credentials.is_some() || section.config.is_some()).then_some(section)
    }

    /// A profile, from the credentials file alone.
    pub(super) fn in_credentials_file(&self, name: &str) -> Option<Section<'_>> {
        let credentials = Some(self.credentials.get_profile(name)?);
        Some(Section { credentials, config: None })
    }

    /// A profile, from the config file alone.
    pub(super) fn in_config_file(&self, name: &str) -> Option<Section<'_>> {
        let config = Some(self.config.get_profile(name)?);
        Some(Section { credentials: None, config })
    }

    /// A section `[sso-session name]`.
    pub(super) fn sso_session(&self, name: &str) -> Option<&SsoSession> {
        self.config.sso_session(name)
    }

    /// The value of `key` for `service` in the `[services ...]` section that the selected profile names. A
    /// section that does not exist is a `Config` error.
    pub(super) fn service(&self, service: &str, key: &str) -> Result<Option<String>> {
        let Some(name) = self.get("services") else { return Ok(None) };
        if !self.services.contains(name) {
            return Err(Error::config(format!(
                "the AWS profile `{}` names a section [services {}] that is not there",
                Shown(&self.selected),
                Shown(name)
            ))
            .with_hint("Add the section to the AWS config file, or remove `services` from the profile"));
        }
        let key = PropertiesKey::builder()
            .section_key("services")
            .section_name(name)
            .property_name(service)
            .sub_property_name(key)
            .build();
        let found = key.ok().and_then(|key| self.config.other_sections().get(&key));
        Ok(found.filter(|value| !value.is_empty()).cloned())
    }
}

impl fmt::Debug for Profiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Profiles")
            .field("selected", &self.selected)
            .field("known", &self.names())
            .finish_non_exhaustive()
    }
}

/// The profile that the environment names (botocore's order; the AWS SDKs only know `AWS_PROFILE`).
fn environment_profile(environment: &Environment) -> Option<&str> {
    environment.non_empty("AWS_DEFAULT_PROFILE").or_else(|| environment.non_empty("AWS_PROFILE"))
}

fn file(environment: &Environment, variable: &str, default: &str) -> PathBuf {
    expand(environment.non_empty(variable).unwrap_or(default), environment)
}

/// A missing file is empty; one that cannot be read is a `Config` error.
fn read(path: &Path, watched: &mut WatchedFiles) -> Result<Zeroizing<String>> {
    watched.watch(path);
    match fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
            ) =>
        {
            Ok(Zeroizing::default())
        }
        Err(error) => Err(unreadable(path, &error.to_string())),
    }
}

/// The parser's errors name the line and what it expected there, but none of the contents.
fn parse(text: &str, kind: EnvConfigFileKind, path: &Path) -> Result<ProfileSet> {
    let files = EnvConfigFiles::builder().with_contents(kind, text).build();
    // The parser is a future because it usually reads files; here it has the text and never waits.
    let (disk, environment) = (Fs::from_slice(&[]), Env::from_slice(&[]));
    let loaded = aws_config::profile::load(&disk, &environment, &files, None).now_or_never();
    let loaded = loaded.ok_or_else(|| Error::internal("parsing an AWS file waited for something"))?;
    loaded.map_err(|error| {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        unreadable(path, &reason.split_whitespace().collect::<Vec<_>>().join(" "))
    })
}

/// The names in `[services name]`.
fn services(config: &str) -> BTreeSet<String> {
    let headers = config.lines().filter_map(|line| Some(line.strip_prefix('[')?.split_once(']')?.0));
    let names =
        headers.filter_map(|header| header.trim().strip_prefix("services")?.split_whitespace().next());
    names.map(str::to_owned).collect()
}

fn unreadable(path: &Path, reason: &str) -> Error {
    Error::config(format!("the AWS file `{}` cannot be read: {reason}", ShownPath(path)))
        .with_hint("Correct the file, or point AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE to others")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Profiles from the texts of both files.
    pub(in crate::store::aws) fn profiles(selected: &str, config: &str, credentials: &str) -> Profiles {
        Profiles {
            selected: selected.to_owned(),
            services: services(config),
            config: parse(config, EnvConfigFileKind::Config, Path::new("config")).unwrap(),
            credentials: parse(credentials, EnvConfigFileKind::Credentials, Path::new("credentials"))
                .unwrap(),
        }
    }

    const CONFIG: &str = "[default]\nregion = r0 # said so\n[profile a b]\nx = 1\n[profile ac]\nregion = \
    r1\nservices = s\n\
        [plain]\nregion = r2\n[sso-session work]\nsso_region = r3\n[services s]\n\
        secrets_manager =\n  endpoint_url = http://sm\nsts =\n  endpoint_url =\n";

    #[test]
    fn sections_are_those_of_the_vendors_format() {
        let profiles = profiles("ac", CONFIG, "[plain]\naws_access_key_id = AK\n[default]\nregion = other\n");
        assert_eq!(profiles.get("region"), Some("r1"));
        assert!(profiles.profile("a b").is_none(), "three words are no profile");
        let plain = profiles.profile("plain").unwrap();
        assert!(
            plain.has("aws_access_key_id") && !plain.has("region"),
            "only the credentials file names profiles so"
        );
        assert_eq!(profiles.profile("default").unwrap().value("region").unwrap(), "other");
        assert_eq!(profiles.in_config_file("default").unwrap().value("region").unwrap(), "r0");
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
        Environment::of(pairs)
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

    #[test]
    fn an_unparsable_line_is_named_without_its_content() {
        let error =
            parse("[default]\ncanary-0a1b\n", EnvConfigFileKind::Config, Path::new("/c")).unwrap_err();
        insta::assert_snapshot!(error, @"the AWS file `/c` cannot be read: error parsing on line 2: Expected \
        an '=' sign defining a property. Correct the file, or point AWS_CONFIG_FILE and \
        AWS_SHARED_CREDENTIALS_FILE to others");
    }
}
