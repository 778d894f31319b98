//! The options of Secret Manager, and what they mean.
//!
//! Sources: apache-airflow-providers-google 22.8.0, `cloud/secrets/secret_manager.py` and
//! `cloud/utils/credentials_provider.py`.

use std::fmt;

use serde_json::Value as Json;
use url::Url;

use crate::error::{Error, Result};
use crate::store::kit::address::{ENDPOINT, checked};
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, PrefixDefaults, SEPARATOR, VARIABLES_PREFIX};
use crate::value::json::{self, Value};

use super::name::{checked_location, checked_principal, checked_project};

/// The environment variables that this store reads besides those that all stores share.
pub(super) const VARIABLES: &[&str] = &[
    "CLOUDSDK_ACTIVE_CONFIG_NAME",
    "CLOUDSDK_CONFIG",
    "CLOUDSDK_CORE_PROJECT",
    "GCE_METADATA_HOST",
    "GCE_METADATA_ROOT",
    "GCE_METADATA_TIMEOUT",
    "GCLOUD_PROJECT",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
    "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
    "NO_GCE_CHECK",
];

/// The defaults of the official class.
pub(super) const DEFAULTS: PrefixDefaults =
    PrefixDefaults::new(["airflow-connections", "airflow-variables", "airflow-config"], "-");

pub(super) const KEY_PATH: &str = "gcp_key_path";
const KEY: &str = "gcp_keyfile_dict";
const FILE: &str = "gcp_credential_config_file";
const SCOPES: &str = "gcp_scopes";
const CHAIN: &str = "impersonation_chain";
const ANONYMOUS: &str = "anonymous";

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    CONNECTIONS_PREFIX.with_default(DEFAULTS.prefixes.connections),
    VARIABLES_PREFIX.with_default(DEFAULTS.prefixes.variables),
    CONFIG_PREFIX.with_default(DEFAULTS.prefixes.config),
    OptionSpec::new(SEPARATOR.key, OptionKind::Text, "What separates prefix and id.")
        .with_default(DEFAULTS.separator),
    OptionSpec::new(KEY_PATH, OptionKind::Text, "The JSON file of a service account's key."),
    OptionSpec::new(KEY, OptionKind::SecretObject, "The content of such a file."),
    OptionSpec::new(
        FILE,
        OptionKind::SecretJson("the path of a credentials file, or its content"),
        "Credentials of any type that application default credentials know: a path, or the JSON itself.",
    ),
    OptionSpec::new(
        SCOPES,
        OptionKind::Json("scopes with commas between them, or a list of scopes"),
        "What a token is good for; https://www.googleapis.com/auth/cloud-platform if nothing is written.",
    ),
    OptionSpec::new(
        "project_id",
        OptionKind::Text,
        "The project with the secrets; else the one that the credentials name.",
    ),
    OptionSpec::new(
        CHAIN,
        OptionKind::Json("a service account, or a list of service accounts"),
        "The service account to read as; of a list the last one, each account before it delegating to the \
        next.",
    ),
    OptionSpec::new(
        "location",
        OptionKind::Text,
        "The region of regional secrets, such as europe-west1; nothing for global ones.",
    ),
    OptionSpec::new(ANONYMOUS, OptionKind::Boolean, "Send no credentials: for an emulator.")
        .with(OptionDefault::Boolean(false)),
    ENDPOINT,
    OptionSpec::new(
        "iam_endpoint_url",
        OptionKind::Text,
        "The address of the IAM Service Account Credentials API, where service accounts are impersonated.",
    ),
    VERIFY,
    CA_BUNDLE,
];

/// Where the options say that credentials are. Debug shows no key.
#[derive(Clone, PartialEq)]
pub(super) enum Written {
    /// Nothing is set: application default credentials.
    Default,
    /// A file, and the option that names it.
    Path(String, &'static str),
    /// Credentials themselves, and the option that holds them.
    Content(Json, &'static str),
    /// No credentials.
    Anonymous,
}

impl fmt::Debug for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Default => "Default",
            Self::Path(_, option) | Self::Content(_, option) => option,
            Self::Anonymous => "Anonymous",
        })
    }
}

/// The typed options.
#[derive(Clone, Debug)]
pub(super) struct GoogleSettings {
    /// Where credentials come from.
    pub(super) credentials: Written,
    /// The scopes that the user set; empty for the default one.
    pub(super) scopes: Vec<String>,
    /// The service accounts of the chain; secrets are read as the last one.
    pub(super) chain: Vec<String>,
    /// The project that the user set.
    pub(super) project: Option<String>,
    /// The region of regional secrets.
    pub(super) location: Option<String>,
    /// The address of Secret Manager, if it is not the usual one.
    pub(super) endpoint: Option<Url>,
    /// The same for the IAM Service Account Credentials API.
    pub(super) iam_endpoint: Option<Url>,
}

impl GoogleSettings {
    /// Reads the options. No I/O: this also runs in the constructor of the Python class.
    pub(super) fn read(options: &Options) -> Result<Self> {
        let settings = Self {
            credentials: credentials(options)?,
            scopes: texts(options, SCOPES, split)?,
            chain: chain(options)?,
            project: options
                .non_empty("project_id")
                .map(|id| checked_project(id, "project_id"))
                .transpose()?,
            location: options.non_empty("location").map(checked_location).transpose()?,
            endpoint: options
                .non_empty("endpoint_url")
                .map(|text| checked(text, ENDPOINT.key))
                .transpose()?,
            iam_endpoint: options
                .non_empty("iam_endpoint_url")
                .map(|text| checked(text, "iam_endpoint_url"))
                .transpose()?,
        };
        settings.check_project()?;
        Ok(settings)
    }

    /// The official class raises in its constructor if the project is not known. Here the constructor reports
    /// that as well, if it needs no file for it.
    fn check_project(&self) -> Result<()> {
        let named = match &self.credentials {
            Written::Content(json, _) => {
                json.get("type").is_some_and(|kind| kind != "service_account")
                    || json.get("project_id").is_some_and(Json::is_string)
            }
            Written::Anonymous => false,
            Written::Default | Written::Path(..) => true,
        };
        if named || self.project.is_some() || !self.chain.is_empty() { Ok(()) } else { Err(no_project()) }
    }
}

/// The project is not known.
pub(super) fn no_project() -> Error {
    Error::config("no project is known")
        .with_hint("Write `project_id`, set GOOGLE_CLOUD_PROJECT, or use credentials that name their project")
}

/// A key in an option, whatever its `type`.
pub(super) fn written_key(object: &Value) -> Result<Written> {
    Ok(Written::Content(as_service_account(with_line_breaks(to_json(object, KEY)?)), KEY))
}

fn credentials(options: &Options) -> Result<Written> {
    let path = options.non_empty(KEY_PATH).map(|path| Written::Path(path.to_owned(), KEY_PATH));
    let object = options.object(KEY).filter(|object| object.is_truthy());
    let content = object.map(written_key);
    let file = options.json(FILE).filter(|value| value.is_truthy()).map(config_file);
    let anonymous = options.boolean(ANONYMOUS).filter(|anonymous| *anonymous).map(|_| Written::Anonymous);
    let mut written = [path.map(Ok), content, file, anonymous.map(Ok)].into_iter().flatten();
    let first = written.next().unwrap_or(Ok(Written::Default))?;
    if written.next().is_some() {
        return Err(Error::config(format!(
            "`{KEY_PATH}`, `{KEY}`, `{FILE}` and `{ANONYMOUS}` exclude each other"
        ))
        .with_hint("Keep one of them"));
    }
    check_extension(&first)?;
    Ok(first)
}

/// A path, or the contents of such a file.
fn config_file(value: &Value) -> Result<Written> {
    match value.as_str() {
        Some(path) => Ok(Written::Path(path.to_owned(), FILE)),
        None if value.as_object().is_some() => Ok(Written::Content(to_json(value, FILE)?, FILE)),
        None => Err(Error::config(format!("`{FILE}` is neither a path nor a JSON object"))),
    }
}

fn check_extension(written: &Written) -> Result<()> {
    let Written::Path(path, KEY_PATH) = written else { return Ok(()) };
    // Lower case only, as in the official class.
    if path.as_bytes().ends_with(b".json") {
        return Ok(());
    }
    Err(Error::config(format!("`{KEY_PATH}` does not name a .json file"))
        .with_hint("Keys in the old .p12 format are not supported: make a JSON key"))
}

fn to_json(value: &Value, option: &str) -> Result<Json> {
    let text = json::write(value);
    serde_json::from_slice(text.as_bytes()).map_err(|_| Error::config(format!("`{option}` is no plain JSON")))
}

/// A key that went through an environment variable often has a literal `
/// ` for each line break (`credentials_provider.py` undoes it).
fn with_line_breaks(mut key: Json) -> Json {
    if let Some(Json::String(text)) = key.get_mut("private_key") {
        *text = text.replace("\\n", "\n");
    }
    key
}

/// `gcp_key_path` and `gcp_keyfile_dict` hold the key of a service account, whatever their `type`: the
/// official class does not check it there (google-auth, `oauth2/service_account.py`).
pub(super) fn as_service_account(mut key: Json) -> Json {
    if let Some(members) = key.as_object_mut() {
        members.insert("type".to_owned(), "service_account".into());
    }
    key
}

/// Scopes are separated by commas with optional spaces (`_get_scopes`).
fn split(text: &str) -> Vec<String> {
    text.split(',').map(|scope| scope.trim().to_owned()).filter(|scope| !scope.is_empty()).collect()
}

/// The service accounts to impersonate. If the last entry is empty, the official class does not impersonate
/// (`credentials_provider.py`, `if self.target_principal`); an empty entry before it is not an account and is
/// left out.
fn chain(options: &Options) -> Result<Vec<String>> {
    let written = options.json(CHAIN).and_then(Value::as_array).unwrap_or_default();
    if written.last().is_some_and(|target| !target.is_truthy()) {
        return Ok(Vec::new());
    }
    let accounts = texts(options, CHAIN, |text| vec![text.to_owned()])?;
    accounts.iter().filter(|account| !account.is_empty()).map(|account| checked_principal(account)).collect()
}

/// A text, split by `one`, or a list of texts; null in a list is an empty text.
fn texts(options: &Options, key: &str, one: impl Fn(&str) -> Vec<String>) -> Result<Vec<String>> {
    let Some(value) = options.json(key).filter(|value| value.is_truthy()) else { return Ok(Vec::new()) };
    let found = match value.as_array() {
        Some(list) => list.iter().map(|item| text_or_nothing(item).map(str::to_owned)).collect(),
        None => value.as_str().map(one),
    };
    found.ok_or_else(|| {
        Error::config(format!("`{key}` in backend_kwargs is neither a text nor a list of texts"))
    })
}

fn text_or_nothing(item: &Value) -> Option<&str> {
    if item.is_null() { Some("") } else { item.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::options::OptionValue;
    use crate::value::Text;

    fn read(pairs: &[(&'static str, &str)]) -> Result<GoogleSettings> {
        let mut options = Options::default();
        for (key, text) in pairs {
            let parsed = json::parse(&Text::from(*text)).unwrap_or_else(|_| Value::String(Text::from(*text)));
            let kind = OPTIONS.iter().find(|spec| spec.key == *key).unwrap().kind;
            let value = match kind {
                OptionKind::SecretObject => OptionValue::Object(parsed),
                OptionKind::Json(_) | OptionKind::SecretJson(_) => OptionValue::Json(parsed),
                OptionKind::Boolean => OptionValue::Boolean(*text == "true"),
                _ => OptionValue::Text((*text).to_owned()),
            };
            options.set(key, value);
        }
        GoogleSettings::read(&options)
    }

    #[test]
    fn sources_of_credentials_exclude_each_other() {
        let dict = r#"{"project_id": "p"}"#;
        for pairs in [
            [("gcp_key_path", "/a.json"), ("gcp_keyfile_dict", dict)],
            [("gcp_key_path", "/a.json"), ("gcp_credential_config_file", "/b")],
            [("gcp_credential_config_file", "/b"), ("gcp_keyfile_dict", dict)],
            [("anonymous", "true"), ("gcp_keyfile_dict", dict)],
        ] {
            assert!(read(&pairs).unwrap_err().to_string().contains("exclude each other"));
        }
        assert_eq!(read(&[("gcp_key_path", ""), ("gcp_keyfile_dict", dict)]).unwrap().project, None);
    }

    #[test]
    fn a_key_has_its_line_breaks_and_is_not_shown() {
        let settings =
            read(&[("gcp_keyfile_dict", r#"{"project_id": "p", "private_key": "a\\ncanary"}"#)]).unwrap();
        let Written::Content(key, KEY) = &settings.credentials else { panic!("{settings:?}") };
        assert_eq!(key["private_key"], "a\ncanary");
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn scopes_and_chains_are_texts_or_lists() {
        let settings = read(&[("gcp_scopes", " https://a , https://b,"), ("impersonation_chain", "a@b,c@d")]);
        assert!(settings.is_err(), "a comma makes one principal, which is invalid");
        let settings =
            read(&[("gcp_scopes", " https://a , https://b,"), ("impersonation_chain", r#"["a@b", "c@d"]"#)])
                .unwrap();
        assert_eq!(settings.scopes, ["https://a", "https://b"]);
        assert_eq!(settings.chain, ["a@b", "c@d"]);
        assert_eq!(read(&[("gcp_scopes", r#"["https://a"]"#)]).unwrap().scopes, ["https://a"]);
        assert!(read(&[("gcp_scopes", "5")]).is_err());
    }

    #[test]
    fn empty_entries_of_a_chain_are_no_accounts() {
        for (chain, expected) in [
            ("\"\"", &[][..]),
            ("[]", &[]),
            ("[\"\"]", &[]),
            ("[null]", &[]),
            (r#"["a@b", ""]"#, &[]),
            (r#"["", "a@b"]"#, &["a@b"]),
            (r#"["c@d", null, "a@b"]"#, &["c@d", "a@b"]),
        ] {
            assert_eq!(read(&[("impersonation_chain", chain)]).unwrap().chain, expected, "{chain}");
        }
        assert!(read(&[("impersonation_chain", "[5]")]).is_err());
    }

    #[test]
    fn a_key_is_used_whatever_its_type() {
        for kind in ["", r#""type": "authorized_user", "#, r#""type": 5, "#] {
            let key = format!(r#"{{{kind}"project_id": "p", "private_key": "canary"}}"#);
            let settings = read(&[("gcp_keyfile_dict", &key)]).unwrap();
            let Written::Content(key, KEY) = &settings.credentials else { panic!("{settings:?}") };
            assert_eq!(key["type"], "service_account");
        }
    }

    #[test]
    fn what_can_never_work_is_an_error_of_the_constructor() {
        for pairs in [
            vec![("gcp_key_path", "/a.p12")],
            vec![("gcp_key_path", "/a.txt")],
            vec![("gcp_keyfile_dict", r#"{"client_email": "a"}"#)],
            vec![("anonymous", "true")],
            vec![("project_id", "a/b")],
            vec![("location", "evil.example/")],
            vec![("endpoint_url", "http://user:canary@h")],
            vec![("gcp_credential_config_file", "[1]")],
        ] {
            let error = read(&pairs).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{pairs:?}");
            assert!(!error.to_string().contains("canary"));
        }
        assert!(read(&[("anonymous", "true"), ("project_id", "p")]).is_ok());
    }
}
