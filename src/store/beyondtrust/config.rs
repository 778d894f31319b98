//! The options of Secrets Safe, and what they mean.

use url::Url;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, SEPARATOR, VARIABLES_PREFIX};

use super::login::{Login, PsAuth};
use super::record::is_id;
use super::search::Scope;

/// The environment variables that this store reads besides those that all stores share: those in the examples
/// of BeyondTrust's lookup plugin for Ansible.
pub(super) const VARIABLES: &[&str] = &[
    "PASSWORD_SAFE_API_KEY",
    "PASSWORD_SAFE_API_URL",
    "PASSWORD_SAFE_CLIENT_ID",
    "PASSWORD_SAFE_CLIENT_SECRET",
];

/// The address of Password Safe.
pub(super) const ADDRESS: OptionSpec = OptionSpec::new(
    "address",
    OptionKind::Text,
    "The address of Password Safe, such as https://NAME.ps.beyondtrustcloud.com, with or without the path of \
    its API; else PASSWORD_SAFE_API_URL.",
);

/// The path of the API at an address that does not have it.
const API: &str = "BeyondTrust/api/public/v3";

/// The option with the id of a folder.
const FOLDER_ID: &str = "folder_id";

/// The option with the version of the API.
const API_VERSION: OptionSpec = OptionSpec::new(
    "api_version",
    OptionKind::Text,
    "The version of the answers, such as 3.1 or V3_1; without it Password Safe chooses, and all are \
    understood.",
);

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    ADDRESS,
    OptionSpec::new(
        "api_key",
        OptionKind::Secret,
        "The key of an API registration, `;runas=USER;` after it or not; else PASSWORD_SAFE_API_KEY.",
    ),
    OptionSpec::new(
        "run_as",
        OptionKind::Text,
        "The user that reads with `api_key`, with its domain and a backslash before it.",
    ),
    OptionSpec::new(
        "run_as_password",
        OptionKind::Secret,
        "The password of `run_as`, where the API registration requires it.",
    ),
    OptionSpec::new(
        "client_id",
        OptionKind::Text,
        "The application user that reads, instead of `api_key`; else PASSWORD_SAFE_CLIENT_ID.",
    ),
    OptionSpec::new(
        "client_secret",
        OptionKind::Secret,
        "The secret of `client_id`; else PASSWORD_SAFE_CLIENT_SECRET.",
    ),
    OptionSpec::new(
        FOLDER_ID,
        OptionKind::Text,
        "The id of the folder with the secrets, whose titles are then whole names; without it the prefixes \
        are folders.",
    ),
    API_VERSION,
    CONNECTIONS_PREFIX,
    VARIABLES_PREFIX,
    CONFIG_PREFIX,
    SEPARATOR,
    OptionSpec::new(
        "owner_id",
        OptionKind::Ignored("reading needs no owner"),
        "The owner of new secrets, as other tools write it; reading needs none.",
    ),
    OptionSpec::new(
        "owner_type",
        OptionKind::Ignored("reading needs no owner"),
        "What `owner_id` is, as other tools write it; reading needs none.",
    ),
    VERIFY,
    CA_BUNDLE,
];

/// The address of the API. No I/O.
pub(super) fn address(options: &Options, environment: &Environment) -> Result<Url> {
    let text = options.non_empty_or(ADDRESS.key, environment, "PASSWORD_SAFE_API_URL");
    let text = text.ok_or_else(|| {
        Error::config("there is no address of Password Safe")
            .with_hint("Write `address` or set PASSWORD_SAFE_API_URL")
    })?;
    let text = text.trim();
    // Checked as it is written, since what is appended could make an address of something that is none.
    let given = checked(text, ADDRESS.key)?;
    let path = given.path().trim_end_matches('/').to_ascii_lowercase();
    if path.contains("/api/public/v") {
        return Ok(given);
    }
    let rest = if path.ends_with("/beyondtrust") { API.trim_start_matches("BeyondTrust/") } else { API };
    checked(&format!("{}/{rest}", text.trim_end_matches('/')), ADDRESS.key)
}

/// What can never work, whatever the environment of the lookup has.
pub(super) fn check(options: &Options, environment: &Environment) -> Result<()> {
    let is_written = options.non_empty_or(ADDRESS.key, environment, "PASSWORD_SAFE_API_URL").is_some();
    if is_written { address(options, environment).map(drop) } else { Ok(()) }
}

/// Whether names are titles within one folder.
pub(super) fn has_folder(options: &Options) -> bool {
    options.non_empty(FOLDER_ID).is_some()
}

/// Where the secrets are.
pub(super) fn scope(options: &Options) -> Result<Scope> {
    let Some(id) = options.non_empty(FOLDER_ID) else { return Ok(Scope::Paths) };
    let id = id.trim().trim_matches(['{', '}']);
    if is_id(id) {
        return Ok(Scope::Folder(id.to_owned()));
    }
    let hint = "Write the id that Password Safe shows, such as 9b7d1c6e-0000-4000-8000-000000000001";
    Err(Error::config(format!("`{FOLDER_ID}` is not the id of a folder")).with_hint(hint))
}

/// The version of the API as requests have it: `3.1`, also for `V3_1`.
pub(super) fn version(options: &Options) -> Option<String> {
    let text = options.non_empty(API_VERSION.key)?.trim();
    Some(text.trim_start_matches(['v', 'V']).replace('_', "."))
}

/// Who signs in, and how. What is written takes precedence over what is set, and a key over a client.
pub(super) fn login(options: &Options, environment: &Environment) -> Result<Login> {
    let set = |name| environment.non_empty(name);
    if let Some(key) = options.non_empty("api_key") {
        return key_login(key, options);
    }
    if let Some(id) = options.non_empty("client_id") {
        return client_login(id, options, environment);
    }
    if let Some(key) = set("PASSWORD_SAFE_API_KEY") {
        return key_login(key, options);
    }
    if let Some(id) = set("PASSWORD_SAFE_CLIENT_ID") {
        return client_login(id, options, environment);
    }
    let hint = "Write `api_key` and `run_as`, or `client_id` and `client_secret`";
    Err(missing("there is no one to sign in to Secrets Safe as").with_hint(hint))
}

fn key_login(key: &str, options: &Options) -> Result<Login> {
    let text = |name| options.non_empty(name).map(str::trim);
    let key = PsAuth::read(key.trim(), text("run_as"), text("run_as_password"));
    if key.run_as.is_empty() {
        let what = "there is no user for the API key of Secrets Safe";
        return Err(missing(what).with_hint("Write `run_as`, the user that reads with the key"));
    }
    let header = key.header().ok_or_else(|| {
        let what =
            "the API key of Secrets Safe, its user or its password has characters that no header can hold";
        missing(what).with_hint("Correct `api_key`, `run_as` and `run_as_password`")
    })?;
    Ok(Login::Key { header, run_as: key.run_as })
}

fn client_login(id: &str, options: &Options, environment: &Environment) -> Result<Login> {
    let secret = options.non_empty_or("client_secret", environment, "PASSWORD_SAFE_CLIENT_SECRET");
    let secret = secret.ok_or_else(|| {
        let what = "there is no secret for `client_id` of Secrets Safe";
        missing(what).with_hint("Write `client_secret` or set PASSWORD_SAFE_CLIENT_SECRET")
    })?;
    Ok(Login::Client { id: id.trim().to_owned(), secret: Zeroizing::new(secret.trim().to_owned()) })
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_path_of_the_api_once() {
        for (written, expected) in [
            ("https://h", "https://h/BeyondTrust/api/public/v3"),
            (" https://h/ ", "https://h/BeyondTrust/api/public/v3"),
            ("https://h/beyondtrust/", "https://h/beyondtrust/api/public/v3"),
            ("https://h/BeyondTrust/api/public/v3/", "https://h/BeyondTrust/api/public/v3/"),
            ("https://h/x", "https://h/x/BeyondTrust/api/public/v3"),
        ] {
            let written = Options::of_texts(&[("address", written)]);
            assert_eq!(address(&written, &Environment::default()).unwrap().as_str(), expected);
        }
        for written in ["h", "ftp://h", "https://u:canary@h"] {
            let written = Options::of_texts(&[("address", written)]);
            let error = check(&written, &Environment::default()).unwrap_err();
            assert!(error.to_string().starts_with("`address` is not"), "{error}");
        }
        let error = address(&Options::default(), &Environment::default()).unwrap_err();
        assert!(error.to_string().starts_with("there is no address of Password Safe. Write"), "{error}");
        assert!(check(&Options::default(), &Environment::default()).is_ok());
    }

    #[test]
    fn what_is_written_takes_precedence_over_what_is_set() {
        let set = Environment::of(&[
            ("PASSWORD_SAFE_API_KEY", "canary;runas=set;"),
            ("PASSWORD_SAFE_CLIENT_ID", "id"),
            ("PASSWORD_SAFE_CLIENT_SECRET", "canary"),
        ]);
        for (written, words) in [
            (&[][..], "the user `set`, with an API key"),
            (&[("client_id", "c")], "the client `c`"),
            (
                &[("client_id", "c"), ("api_key", "canary"), ("run_as", "d\\u")],
                "the user `d\\u`, with an API key",
            ),
        ] {
            assert_eq!(login(&Options::of_texts(written), &set).unwrap().words(), words);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (written, text) in [
            (&[][..], "there is no one to sign in to Secrets Safe as. Write `api_key` and `run_as`"),
            (&[("api_key", "canary")], "there is no user for the API key of Secrets Safe. Write `run_as`"),
            (
                &[("client_id", "c")],
                "there is no secret for `client_id` of Secrets Safe. Write `client_secret`",
            ),
            (
                &[("api_key", "canary\ncanary"), ("run_as", "u")],
                "the API key of Secrets Safe, its user or its",
            ),
        ] {
            let error = login(&Options::of_texts(written), &Environment::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert!(error.to_string().starts_with(text) && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_folder_has_an_id_and_a_version_two_spellings() {
        let id = "9B7d1c6e-0000-4000-8000-000000000001";
        let of = |key: &'static str, text: &str| Options::of_texts(&[(key, text)]);
        assert_eq!(scope(&of("folder_id", &format!("{{{id}}}"))).unwrap(), Scope::Folder(id.to_owned()));
        assert_eq!(scope(&of("folder_id", "a/b")).unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(scope(&Options::default()).unwrap(), Scope::Paths);
        for text in ["3.1", "V3_1", "v3.1", " V3_1 "] {
            assert_eq!(version(&of("api_version", text)).as_deref(), Some("3.1"));
        }
        assert_eq!(version(&Options::default()), None);
    }
}
