//! Where credentials are: named by an option, or application default credentials.
//!
//! Source: google-auth 2.62.2, `_default.py` (order), `_cloud_sdk.py` (gcloud's files). The App Engine
//! service of old runtimes is left out.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::ShownPath;
use crate::store::environment::Environment;
use crate::store::google::config::{GoogleSettings, KEY_PATH, Written, as_service_account};
use crate::store::kit::files::WatchedFiles;

pub(super) const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// Disables the metadata server.
const NO_METADATA: &str = "NO_GCE_CHECK";

/// Where credentials were found.
#[derive(Clone, PartialEq)]
pub(super) enum Found {
    /// In a file or an option.
    Content {
        /// The contents.
        json: Json,
        /// The option or variable that named the place.
        named_by: &'static str,
        /// The project that the user configured in gcloud, if the file is gcloud's own.
        gcloud_project: Option<String>,
    },
    /// Nowhere, so the metadata server has to supply them.
    Metadata,
    /// No credentials are wanted.
    Anonymous,
}

impl Found {
    /// The contents of the file.
    pub(super) fn content(&self) -> Option<&Json> {
        match self {
            Self::Content { json, .. } => Some(json),
            Self::Metadata | Self::Anonymous => None,
        }
    }

    /// Treats credentials that `named_by` expects to be a service account key as one.
    fn named_as_key(self, named_by: &str) -> Self {
        match self {
            Self::Content { json, named_by: named, gcloud_project } if named_by == KEY_PATH => {
                Self::Content { json: as_service_account(json), named_by: named, gcloud_project }
            }
            other => other,
        }
    }

    /// Whether the metadata server is asked for tokens.
    pub(super) fn needs_metadata(&self) -> bool {
        *self == Self::Metadata
    }

    /// Whether no option names credentials, so that the environment may name the project.
    pub(super) fn is_default(&self) -> bool {
        matches!(self, Self::Metadata | Self::Content { named_by: VARIABLE | WELL_KNOWN, .. })
    }
}

/// Leaves out the contents.
impl std::fmt::Debug for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Content { named_by, .. } => named_by,
            Self::Metadata => "Metadata",
            Self::Anonymous => "Anonymous",
        })
    }
}

const WELL_KNOWN: &str = "gcloud's application default credentials";

/// Finds credentials. Files that influence the result are watched, including missing ones.
pub(super) fn find(
    settings: &GoogleSettings,
    environment: &Environment,
    files: &mut WatchedFiles,
) -> Result<Found> {
    match &settings.credentials {
        Written::Anonymous => Ok(Found::Anonymous),
        Written::Content(json, named_by) => {
            Ok(Found::Content { json: json.clone(), named_by, gcloud_project: None })
        }
        Written::Path(path, named_by) => {
            from_file(Path::new(path), named_by, files).map(|found| found.named_as_key(named_by))
        }
        Written::Default => match environment.non_empty(VARIABLE) {
            Some(path) => from_file(Path::new(path), VARIABLE, files),
            None => match well_known(environment, files)? {
                Found::Metadata if is_metadata_off(environment) => Err(nothing_found()),
                found => Ok(found),
            },
        },
    }
}

/// The comparison of google-auth (`_metadata.py`): no other spelling counts.
fn is_metadata_off(environment: &Environment) -> bool {
    environment.get(NO_METADATA) == Some("true")
}

fn nothing_found() -> Error {
    let text = format!(
        "no credentials are configured, and {NO_METADATA} keeps the metadata server from being asked"
    );
    Error::new(ErrorKind::Unauthenticated, text).with_hint(format!(
        "Set {VARIABLE}, run `gcloud auth application-default login`, write `gcp_key_path`, or remove \
        {NO_METADATA}"
    ))
}

fn from_file(path: &Path, named_by: &'static str, files: &mut WatchedFiles) -> Result<Found> {
    files.watch(path);
    let content = fs::read(path).map_err(|error| {
        unusable(path, named_by, &error.to_string())
            .with_hint("Correct the path, or let this user read the file")
    })?;
    let json: Option<Json> = serde_json::from_slice(&content).ok().filter(Json::is_object);
    let json = json.ok_or_else(|| {
        unusable(path, named_by, "it is no JSON object").with_hint("Download the key, or make the file, anew")
    })?;
    Ok(Found::Content { json, named_by, gcloud_project: None })
}

fn unusable(path: &Path, named_by: &str, reason: &str) -> Error {
    // A truncated key is not valid JSON, and is therefore taken for a path.
    let shown = ShownPath(path);
    Error::config(format!("the credentials file `{shown}` of {named_by} cannot be used: {reason}"))
}

/// The file of `gcloud auth application-default login`; without it, the metadata server.
fn well_known(environment: &Environment, files: &mut WatchedFiles) -> Result<Found> {
    let Some(folder) = gcloud_folder(environment) else { return Ok(Found::Metadata) };
    let path = folder.join("application_default_credentials.json");
    if !path.exists() {
        // Watched although it is missing: a login with gcloud creates it.
        files.watch(&path);
        return Ok(Found::Metadata);
    }
    let found = from_file(&path, WELL_KNOWN, files)?;
    let Found::Content { json, named_by, .. } = found else { return Ok(found) };
    let gcloud_project = gcloud_project(&folder, environment, files);
    Ok(Found::Content { json, named_by, gcloud_project })
}

fn gcloud_folder(environment: &Environment) -> Option<PathBuf> {
    let named = environment.non_empty("CLOUDSDK_CONFIG").map(PathBuf::from);
    named.or_else(|| Some(Path::new(environment.non_empty("HOME")?).join(".config/gcloud")))
}

/// The output of `gcloud config get project`. google-auth runs that command; here the file is read.
fn gcloud_project(folder: &Path, environment: &Environment, files: &mut WatchedFiles) -> Option<String> {
    if let Some(project) = environment.non_empty("CLOUDSDK_CORE_PROJECT") {
        return Some(project.to_owned());
    }
    let active = folder.join("active_config");
    files.watch(&active);
    let named = environment.non_empty("CLOUDSDK_ACTIVE_CONFIG_NAME").map(str::to_owned);
    let name = named.or_else(|| fs::read_to_string(active).ok()).unwrap_or_else(|| "default".to_owned());
    let path = folder.join("configurations").join(format!("config_{}", name.trim()));
    files.watch(&path);
    project_in(&fs::read_to_string(path).ok()?)
}

/// `project` in the section `core`.
fn project_in(content: &str) -> Option<String> {
    let mut section = "";
    for line in content.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if let Some((key, value)) = line.split_once('=')
            && section == "core"
            && key.trim() == "project"
        {
            return Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::{OptionValue, Options};

    fn found(pairs: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Result<Found> {
        let mut options = Options::default();
        for (key, text) in pairs {
            options.set(key, OptionValue::Text((*text).to_owned()));
        }
        let environment = Environment::of(variables);
        find(&GoogleSettings::read(&options).unwrap(), &environment, &mut WatchedFiles::default())
    }

    #[test]
    fn the_order_is_google_auths() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (key, named) = (write("key.json", r#"{"a": 1}"#), write("named.json", r#"{"a": 2}"#));
        let home = folder.path().to_str().unwrap();
        assert_eq!(found(&[], &[("HOME", home)]).unwrap(), Found::Metadata);
        write(".config/gcloud/application_default_credentials.json", r#"{"a": 3}"#);
        write(".config/gcloud/active_config", "mine\n");
        write(".config/gcloud/configurations/config_mine", "[auth]\nproject = no\n[core]\nproject = p1\n");
        let all = [(VARIABLE, named.as_str()), ("HOME", home)];
        let a = |found: &Found| found.content().unwrap()["a"].as_i64().unwrap();
        assert_eq!(a(&found(&[("gcp_key_path", &key)], &all).unwrap()), 1);
        assert_eq!(a(&found(&[], &all).unwrap()), 2);
        let gcloud = found(&[], &all[1..]).unwrap();
        assert_eq!(a(&gcloud), 3);
        let Found::Content { gcloud_project, .. } = gcloud else { panic!() };
        assert_eq!(gcloud_project.as_deref(), Some("p1"));
    }

    #[test]
    fn the_metadata_server_can_be_disabled() {
        let error = found(&[], &[("NO_GCE_CHECK", "true")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        insta::assert_snapshot!(error, @"no credentials are configured, and NO_GCE_CHECK keeps the metadata \
        server from being asked. Set GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth application-default \
        login`, write `gcp_key_path`, or remove NO_GCE_CHECK");
        for other in ["True", "1", "false", ""] {
            assert_eq!(found(&[], &[("NO_GCE_CHECK", other)]).unwrap(), Found::Metadata);
        }
    }

    #[test]
    fn a_truncated_key_is_not_shown_as_a_path() {
        for text in [r#"{"private_key": "canary"#, "canary\n-----", r#""canary"#] {
            let error = unusable(Path::new(text), "a", "no such file").to_string();
            assert!(error.contains("(not shown: it is no path)") && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_named_file_must_be_valid() {
        let error = found(&[], &[(VARIABLE, "/nonexistent.json")]).unwrap_err();
        insta::assert_snapshot!(error, @"the credentials file `/nonexistent.json` of \
        GOOGLE_APPLICATION_CREDENTIALS cannot be used: No such file or directory (os error 2). Correct the \
        path, or let this user read the file");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "canary").unwrap();
        let error = found(&[], &[(VARIABLE, file.path().to_str().unwrap())]).unwrap_err();
        assert!(error.to_string().contains("no JSON object") && !error.to_string().contains("canary"));
    }
}
