//! The options of CyberArk's accounts, and what they mean.

use url::Url;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::place::Place;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{
    CONFIG_PREFIX, CONNECTIONS_PREFIX, NAME_PREFIX, PrefixDefaults, SEPARATOR, VARIABLES_PREFIX,
};

use super::login::{Login, Way};

/// The environment variables that this store reads besides those that all stores share.
pub(super) const VARIABLES: &[&str] =
    &["CYBERARK_ADDRESS", "CYBERARK_IDENTITY_URL", "CYBERARK_PASSWORD", "CYBERARK_SAFE", "CYBERARK_USERNAME"];

/// Airflow's usual prefixes, without the slashes that no account has in its name.
pub(in crate::store) const DEFAULTS: PrefixDefaults =
    PrefixDefaults::new(["airflow-connections", "airflow-variables", "airflow-config"], "-");

/// The address of the web access.
pub(super) const ADDRESS: OptionSpec = OptionSpec::new(
    "address",
    OptionKind::Text,
    "The address of the Password Vault Web Access, such as https://pvwa.example.com or \
    https://NAME.privilegecloud.cyberark.cloud; else CYBERARK_ADDRESS.",
);

/// The address of the tenant that issues tokens of OAuth.
pub(super) const IDENTITY_URL: OptionSpec = OptionSpec::new(
    "identity_url",
    OptionKind::Text,
    "The address of the Identity tenant that issues tokens, such as https://NAME.id.cyberark.cloud: for \
    `auth` oauth alone; else CYBERARK_IDENTITY_URL.",
);

const AUTH: OptionSpec = OptionSpec::new(
    "auth",
    OptionKind::Choice(&["cyberark", "ldap", "radius", "windows", "oauth"]),
    "How to log in: cyberark, ldap, radius, windows, or oauth at Privilege Cloud on Shared Services; oauth \
    for hosts below privilegecloud.cyberark.cloud, else cyberark.",
);

const SAFE: OptionSpec = OptionSpec::new(
    "safe",
    OptionKind::Text,
    "The safe with the accounts; else CYBERARK_SAFE, else every safe that the user may list.",
);

const SAFE_NAME: OptionSpec =
    OptionSpec::new("safe_name", OptionKind::Text, "Another way to write `safe`, which takes precedence.");

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    ADDRESS,
    OptionSpec::new("username", OptionKind::Text, "The user that reads; else CYBERARK_USERNAME."),
    OptionSpec::new("password", OptionKind::Secret, "The password of `username`; else CYBERARK_PASSWORD."),
    AUTH,
    IDENTITY_URL,
    SAFE,
    SAFE_NAME,
    OptionSpec::new(
        "reason",
        OptionKind::Text,
        "What is written into the audit of accounts whose platform requires a reason.",
    ),
    CONNECTIONS_PREFIX.with_default(DEFAULTS.prefixes.connections),
    VARIABLES_PREFIX.with_default(DEFAULTS.prefixes.variables),
    CONFIG_PREFIX.with_default(DEFAULTS.prefixes.config),
    SEPARATOR.with_default(DEFAULTS.separator),
    NAME_PREFIX.with_doc(
        "What comes before the name of every account, of whatever kind, so that several installations can \
        share a safe.",
    ),
    OptionSpec::new(
        "platform_id",
        OptionKind::Ignored("reading needs no platform"),
        "The platform of new accounts, as other tools write it; reading needs none.",
    ),
    VERIFY,
    CA_BUNDLE,
];

/// The address of the application, which is `PasswordVault` unless the address has a path. No I/O.
pub(super) fn address(options: &Options, environment: &Environment) -> Result<Url> {
    let text = options.non_empty_or(ADDRESS.key, environment, "CYBERARK_ADDRESS").ok_or_else(|| {
        Error::config("there is no address of CyberArk").with_hint("Write `address` or set CYBERARK_ADDRESS")
    })?;
    let mut url = checked(text.trim(), ADDRESS.key)?;
    if url.path().trim_matches('/').is_empty() {
        url.set_path("PasswordVault");
    }
    Ok(url)
}

/// What can never work, whatever the environment of the lookup has.
pub(super) fn check(options: &Options, environment: &Environment) -> Result<()> {
    if options.non_empty_or(ADDRESS.key, environment, "CYBERARK_ADDRESS").is_some() {
        address(options, environment)?;
    }
    match options.non_empty(IDENTITY_URL.key) {
        Some(text) => checked(text.trim(), IDENTITY_URL.key).map(drop),
        None => Ok(()),
    }
}

/// The safe, if the accounts are in one.
pub(super) fn safe<'text>(options: &'text Options, environment: &'text Environment) -> Option<&'text str> {
    options.non_empty(SAFE.key).or_else(|| {
        let written = options.non_empty(SAFE_NAME.key);
        written.or_else(|| environment.non_empty("CYBERARK_SAFE"))
    })
}

/// Where the accounts are, for messages.
pub(super) fn place(options: &Options, environment: &Environment) -> Place {
    Place::of(SAFE.key, safe(options, environment))
}

/// Who logs in, and how.
pub(super) fn login(options: &Options, environment: &Environment, address: &Url) -> Result<Login> {
    let user = options.non_empty_or("username", environment, "CYBERARK_USERNAME").ok_or_else(|| {
        missing("there is no one to log in to CyberArk as").with_hint("Write `username` and `password`")
    })?;
    let password = options.non_empty_or("password", environment, "CYBERARK_PASSWORD").ok_or_else(|| {
        missing("there is no password for `username` of CyberArk")
            .with_hint("Write `password` or set CYBERARK_PASSWORD")
    })?;
    Ok(Login {
        way: way(options, environment, address)?,
        user: user.to_owned(),
        password: Zeroizing::new(password.to_owned()),
    })
}

fn way(options: &Options, environment: &Environment, address: &Url) -> Result<Way> {
    let is_shared =
        || address.host_str().is_some_and(|host| host.ends_with(".privilegecloud.cyberark.cloud"));
    Ok(match options.non_empty(AUTH.key) {
        None if is_shared() => Way::Identity(identity(options, environment)?),
        Some("oauth") => Way::Identity(identity(options, environment)?),
        Some("ldap") => Way::Logon("LDAP"),
        Some("radius") => Way::Logon("radius"),
        Some("windows") => Way::Logon("Windows"),
        _ => Way::Logon("CyberArk"),
    })
}

fn identity(options: &Options, environment: &Environment) -> Result<Url> {
    let text = options.non_empty_or(IDENTITY_URL.key, environment, "CYBERARK_IDENTITY_URL");
    let text = text.ok_or_else(|| {
        Error::config(
            "there is no address of the Identity tenant, which issues the tokens of Privilege Cloud",
        )
        .with_hint(
            "Write `identity_url` or set CYBERARK_IDENTITY_URL, or `auth` for a login at the web access",
        )
    })?;
    checked(text.trim(), IDENTITY_URL.key)
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: [(&str, &str); 2] = [("username", "u"), ("password", "canary")];

    fn way_of(host: &str, written: &[(&'static str, &str)]) -> Result<Way> {
        let address = Url::parse(&format!("https://{host}")).unwrap();
        let options = Options::of_texts(&[&USER, written].concat());
        login(&options, &Environment::default(), &address).map(|login| login.way)
    }

    #[test]
    fn the_way_is_written_or_known_by_the_host() {
        let identity = ("identity_url", "https://i");
        for (host, written, way) in [
            ("h", &[][..], Way::Logon("CyberArk")),
            ("a.privilegecloud.cyberark.com", &[], Way::Logon("CyberArk")),
            ("h", &[("auth", "ldap")], Way::Logon("LDAP")),
            ("h", &[("auth", "radius")], Way::Logon("radius")),
            ("h", &[("auth", "windows")], Way::Logon("Windows")),
            ("a.privilegecloud.cyberark.cloud", &[("auth", "ldap")], Way::Logon("LDAP")),
            ("a.privilegecloud.cyberark.cloud", &[identity], Way::Identity(Url::parse("https://i").unwrap())),
            ("h", &[("auth", "oauth"), identity], Way::Identity(Url::parse("https://i").unwrap())),
        ] {
            assert_eq!(way_of(host, written).unwrap(), way, "{host} {written:?}");
        }
        let error = way_of("a.privilegecloud.cyberark.cloud", &[]).unwrap_err();
        assert!(error.to_string().starts_with("there is no address of the Identity tenant"), "{error}");
    }

    #[test]
    fn an_address_without_a_path_is_that_of_the_usual_application() {
        for (written, expected) in [
            ("https://h", "https://h/PasswordVault"),
            ("https://h/", "https://h/PasswordVault"),
            ("https://h/PasswordVault/", "https://h/PasswordVault/"),
            ("https://h:1/Vault", "https://h:1/Vault"),
        ] {
            let options = Options::of_texts(&[("address", written)]);
            assert_eq!(address(&options, &Environment::default()).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let none = Environment::default();
        let address_error = address(&Options::default(), &none).unwrap_err();
        assert_eq!(
            address_error.to_string(),
            "there is no address of CyberArk. Write `address` or set CYBERARK_ADDRESS"
        );
        let url = Url::parse("https://h").unwrap();
        for (written, text) in [
            (&[][..], "there is no one to log in to CyberArk as"),
            (&USER[..1], "there is no password for `username` of CyberArk"),
        ] {
            let error = login(&Options::of_texts(written), &none, &url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert!(error.to_string().starts_with(text), "{error}");
        }
        assert!(check(&Options::default(), &none).is_ok());
        assert!(check(&Options::of_texts(&[("identity_url", "canary")]), &none).is_err());
    }
}
