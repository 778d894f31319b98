//! The options of the Central Credential Provider, and what they mean.

use std::path::PathBuf;

use url::Url;

use crate::error::{Error, Result};
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::files::expand;
use crate::store::kit::place::Place;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, NAME_PREFIX, SEPARATOR, VARIABLES_PREFIX};

use super::convention::DEFAULTS;

/// The environment variables that this store reads besides those that all stores share.
pub(super) const VARIABLES: &[&str] = &["CYBERARK_APP_ID", "CYBERARK_CCP_ADDRESS", "CYBERARK_SAFE"];

/// The address of the provider.
pub(super) const ADDRESS: OptionSpec = OptionSpec::new(
    "address",
    OptionKind::Text,
    "The address of the Central Credential Provider, such as https://ccp.example.com; else \
    CYBERARK_CCP_ADDRESS.",
);

const APP_ID: OptionSpec =
    OptionSpec::new("app_id", OptionKind::Text, "The application that reads; else CYBERARK_APP_ID.");

const SAFE: OptionSpec =
    OptionSpec::new("safe", OptionKind::Text, "The safe with the objects; else CYBERARK_SAFE.");

const SAFE_NAME: OptionSpec =
    OptionSpec::new("safe_name", OptionKind::Text, "Another way to write `safe`, which takes precedence.");

const FOLDER: OptionSpec =
    OptionSpec::new("folder", OptionKind::Text, "The folder in the safe.").with_default("Root");

const CERTIFICATE: OptionSpec = OptionSpec::new(
    "client_certificate",
    OptionKind::Text,
    "A PEM file with the certificate of the application, for a provider that asks for one.",
);

const KEY: OptionSpec = OptionSpec::new(
    "client_key",
    OptionKind::Text,
    "The PEM file with the key of `client_certificate`, without a password; else the same file.",
);

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    ADDRESS,
    APP_ID,
    SAFE,
    SAFE_NAME,
    FOLDER,
    CERTIFICATE,
    KEY,
    OptionSpec::new("reason", OptionKind::Text, "What is written into the audit of each read."),
    CONNECTIONS_PREFIX.with_default(DEFAULTS.prefixes.connections),
    VARIABLES_PREFIX.with_default(DEFAULTS.prefixes.variables),
    CONFIG_PREFIX.with_default(DEFAULTS.prefixes.config),
    SEPARATOR.with_default(DEFAULTS.separator),
    NAME_PREFIX.with_doc(
        "What comes before the name of every object, of whatever kind, so that several installations can \
        share a safe.",
    ),
    VERIFY,
    CA_BUNDLE,
];

/// What is asked for in every lookup.
#[derive(Debug)]
pub(super) struct Asked {
    /// The application.
    pub(super) app_id: String,
    /// The safe.
    pub(super) safe: String,
    /// The folder in it.
    pub(super) folder: String,
    /// What the audit has.
    pub(super) reason: Option<String>,
}

impl Asked {
    /// Reads it from the options. A semicolon would end a part of the query.
    pub(super) fn read(options: &Options, environment: &Environment) -> Result<Self> {
        let app_id = options
            .non_empty_or(APP_ID.key, environment, "CYBERARK_APP_ID")
            .ok_or_else(|| missing("application", "Write `app_id` or set CYBERARK_APP_ID"))?;
        let safe =
            safe(options, environment).ok_or_else(|| missing("safe", "Write `safe` or set CYBERARK_SAFE"))?;
        let folder = options.text_of(&FOLDER);
        for (key, text) in [(SAFE.key, safe), (FOLDER.key, folder)] {
            if text.contains(';') {
                return Err(Error::config(format!("`{key}` has a semicolon, which no query can have"))
                    .with_hint("Rename it in CyberArk"));
            }
        }
        Ok(Self {
            app_id: app_id.to_owned(),
            safe: safe.to_owned(),
            folder: folder.to_owned(),
            reason: options.non_empty("reason").map(str::to_owned),
        })
    }

    /// What finds an object.
    pub(super) fn query(&self, object: &str) -> String {
        format!("Safe={};Folder={};Object={object}", self.safe, self.folder)
    }
}

fn missing(what: &str, hint: &'static str) -> Error {
    Error::config(format!("there is no {what} for the Central Credential Provider")).with_hint(hint)
}

fn safe<'text>(options: &'text Options, environment: &'text Environment) -> Option<&'text str> {
    let written = options.non_empty(SAFE.key).or_else(|| options.non_empty(SAFE_NAME.key));
    written.or_else(|| environment.non_empty("CYBERARK_SAFE"))
}

/// Where the objects are, for messages.
pub(super) fn place(options: &Options, environment: &Environment) -> Place {
    Place::of(SAFE.key, safe(options, environment))
}

/// The address of the service, which is `AIMWebService` unless the address has a path. No I/O.
pub(super) fn address(options: &Options, environment: &Environment) -> Result<Url> {
    let text = options.non_empty_or(ADDRESS.key, environment, "CYBERARK_CCP_ADDRESS");
    let text = text.ok_or_else(|| missing("address", "Write `address` or set CYBERARK_CCP_ADDRESS"))?;
    let mut url = checked(text.trim(), ADDRESS.key)?;
    if url.path().trim_matches('/').is_empty() {
        url.set_path("AIMWebService");
    }
    Ok(url)
}

/// What can never work, whatever the environment of the lookup has.
pub(super) fn check(options: &Options, environment: &Environment) -> Result<()> {
    if options.non_empty(KEY.key).is_some() && options.non_empty(CERTIFICATE.key).is_none() {
        return Err(Error::config("`client_key` is written without `client_certificate`")
            .with_hint("Write the file with the certificate, too"));
    }
    let is_written = options.non_empty_or(ADDRESS.key, environment, "CYBERARK_CCP_ADDRESS").is_some();
    if is_written { address(options, environment).map(drop) } else { Ok(()) }
}

/// The files of the application's certificate and its key.
pub(super) fn certificate(options: &Options, environment: &Environment) -> Option<[PathBuf; 2]> {
    let certificate = options.non_empty(CERTIFICATE.key)?;
    let key = options.non_empty(KEY.key).unwrap_or(certificate);
    Some([certificate, key].map(|path| expand(path, environment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_safe_folder_and_object() {
        let written = [("app_id", "A"), ("safe_name", "S")];
        let read = |written: &[(&'static str, &str)]| {
            Asked::read(&Options::of_texts(written), &Environment::default())
        };
        assert_eq!(read(&written).unwrap().query("o"), "Safe=S;Folder=Root;Object=o");
        let of_folder = read(&[&written[..], &[("folder", "Root\\a")]].concat()).unwrap();
        assert_eq!(of_folder.query("o"), "Safe=S;Folder=Root\\a;Object=o");
        for (written, text) in [
            (&written[..1], "there is no safe"),
            (&written[1..], "there is no application"),
            (&[("app_id", "A"), ("safe", "S;Object=x")], "`safe` has a semicolon"),
        ] {
            let error = read(written).unwrap_err();
            assert!(error.to_string().starts_with(text), "{error}");
        }
    }

    #[test]
    fn an_address_without_a_path_is_that_of_the_usual_service() {
        let none = Environment::default();
        let at = |text: &str| address(&Options::of_texts(&[("address", text)]), &none).unwrap();
        assert_eq!(at("https://h").as_str(), "https://h/AIMWebService");
        assert_eq!(at("https://h/Other").as_str(), "https://h/Other");
        assert!(address(&Options::default(), &none).is_err());
    }

    #[test]
    fn a_certificate_may_hold_its_key() {
        let none = Environment::default();
        let files = |written: &[(&'static str, &str)]| certificate(&Options::of_texts(written), &none);
        let pair = |one: &str, two: &str| Some([one, two].map(PathBuf::from));
        assert_eq!(files(&[("client_certificate", "/c")]), pair("/c", "/c"));
        assert_eq!(files(&[("client_certificate", "/c"), ("client_key", "/k")]), pair("/c", "/k"));
        assert!(check(&Options::of_texts(&[("client_key", "/k")]), &none).is_err());
        assert!(check(&Options::default(), &none).is_ok());
    }
}
