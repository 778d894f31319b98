//! The options of Secret Server, and what they mean.

use url::Url;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, SEPARATOR, VARIABLES_PREFIX};

use super::login::{Grant, Login};

/// The environment variables that this store reads besides those that all stores share: those of Delinea's
/// lookup plugin for Ansible.
pub(super) const VARIABLES: &[&str] = &["TSS_BASE_URL", "TSS_DOMAIN", "TSS_PASSWORD", "TSS_USERNAME"];

/// The address of Secret Server, or of the Platform.
pub(super) const ADDRESS: OptionSpec = OptionSpec::new(
    "address",
    OptionKind::Text,
    "The address of Secret Server, such as https://NAME.secretservercloud.com, or of the Platform; else \
    TSS_BASE_URL.",
);

/// The option with the number of a folder.
pub(super) const FOLDER_ID: &str = "folder_id";

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    ADDRESS,
    OptionSpec::new("username", OptionKind::Text, "The user that reads; else TSS_USERNAME."),
    OptionSpec::new("password", OptionKind::Secret, "The password of `username`; else TSS_PASSWORD."),
    OptionSpec::new("domain", OptionKind::Text, "The directory domain of `username`; else TSS_DOMAIN."),
    OptionSpec::new(
        "client_id",
        OptionKind::Text,
        "The client that reads, instead of a user: of the SDK of Secret Server, or a service user of the \
        Platform.",
    ),
    OptionSpec::new("client_secret", OptionKind::Secret, "The secret of `client_id`."),
    OptionSpec::new(
        "platform",
        OptionKind::Boolean,
        "Whether `address` is that of the Delinea Platform; yes for hosts below delinea.app.",
    ),
    OptionSpec::new(
        FOLDER_ID,
        OptionKind::Count,
        "The number of the folder with the secrets, whose names are then whole names; without it the \
        prefixes are folders.",
    ),
    OptionSpec::new(
        "field",
        OptionKind::Text,
        "The slug or the name of the field with the value; else `password`, else the only field that is a \
        password.",
    ),
    OptionSpec::new(
        "comment",
        OptionKind::Text,
        "What is written into the audit of secrets that require a comment.",
    ),
    CONNECTIONS_PREFIX,
    VARIABLES_PREFIX,
    CONFIG_PREFIX,
    SEPARATOR,
    OptionSpec::new(
        "secret_template_id",
        OptionKind::Ignored("reading needs no template"),
        "The template of new secrets, as other tools write it; reading needs none.",
    ),
    OptionSpec::new(
        "site_id",
        OptionKind::Ignored("reading needs no site"),
        "The site of new secrets, as other tools write it; reading needs none.",
    ),
    VERIFY,
    CA_BUNDLE,
];

/// The address. No I/O.
pub(super) fn address(options: &Options, environment: &Environment) -> Result<Url> {
    let text = options.non_empty_or(ADDRESS.key, environment, "TSS_BASE_URL");
    let text = text.ok_or_else(|| {
        Error::config("there is no address of Secret Server").with_hint("Write `address` or set TSS_BASE_URL")
    })?;
    checked(text.trim(), ADDRESS.key)
}

/// What can never work, whatever the environment of the lookup has.
pub(super) fn check(options: &Options, environment: &Environment) -> Result<()> {
    let is_written = options.non_empty_or(ADDRESS.key, environment, "TSS_BASE_URL").is_some();
    if is_written { address(options, environment).map(drop) } else { Ok(()) }
}

/// Whether the address is that of the Platform, which names its vault itself.
pub(super) fn is_platform(options: &Options, address: &Url) -> bool {
    let is_hosted = || address.host_str().is_some_and(|host| host.ends_with(".delinea.app"));
    options.boolean("platform").unwrap_or_else(is_hosted)
}

/// Who logs in, and how. The Platform has users that are clients, so `username` is one there.
pub(super) fn login(options: &Options, environment: &Environment, is_platform: bool) -> Result<Login> {
    let user = options.non_empty_or("username", environment, "TSS_USERNAME");
    let client = options.non_empty("client_id");
    let (grant, name, secret, written) = match (client, user) {
        (Some(client), _) => {
            (Grant::Client, client, options.non_empty("client_secret"), "Write `client_secret`")
        }
        (None, Some(user)) => {
            let password = options.non_empty_or("password", environment, "TSS_PASSWORD");
            let grant = if is_platform { Grant::Client } else { Grant::Password };
            (grant, user, password, "Write `password` or set TSS_PASSWORD")
        }
        (None, None) => {
            let hint = "Write `username` and `password`, or `client_id` and `client_secret`";
            return Err(missing("there is no one to log in to Secret Server as").with_hint(hint));
        }
    };
    let secret = secret.ok_or_else(|| {
        let what = if client.is_some() { "client_id" } else { "username" };
        missing(&format!("there is no password for `{what}` of Secret Server")).with_hint(written)
    })?;
    let domain = options.non_empty_or("domain", environment, "TSS_DOMAIN").map(str::to_owned);
    Ok(Login { grant, name: name.to_owned(), secret: Zeroizing::new(secret.to_owned()), domain })
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    #[test]
    fn a_user_or_a_client_logs_in_and_the_platform_knows_clients_alone() {
        let set = Environment::of(&[("TSS_USERNAME", "u"), ("TSS_PASSWORD", "canary"), ("TSS_DOMAIN", "d")]);
        let read = |written: &[(&'static str, &str)], is_platform| {
            login(&Options::of_texts(written), &set, is_platform).unwrap()
        };
        let user = read(&[], false);
        assert_eq!(
            (user.grant, user.name.as_str(), user.domain.as_deref()),
            (Grant::Password, "u", Some("d"))
        );
        assert_eq!(read(&[("username", "v")], true).grant, Grant::Client);
        let client = read(&[("client_id", "c"), ("client_secret", "canary")], false);
        assert_eq!((client.grant, client.name.as_str()), (Grant::Client, "c"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (written, text) in [
            (&[][..], "there is no one to log in to Secret Server as. Write `username` and"),
            (&[("username", "u")], "there is no password for `username` of Secret Server. Write `password`"),
            (&[("client_id", "c"), ("password", "p")], "there is no password for `client_id`"),
        ] {
            let error = login(&Options::of_texts(written), &Environment::default(), false).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert!(error.to_string().starts_with(text), "{error}");
        }
        let error = address(&Options::default(), &Environment::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no address of Secret Server. Write `address` or set TSS_BASE_URL"
        );
        assert!(check(&Options::default(), &Environment::default()).is_ok());
    }

    #[test]
    fn the_platform_is_known_by_its_host() {
        let is = |address: &str, options: &Options| is_platform(options, &Url::parse(address).unwrap());
        let mut written = Options::default();
        assert!(is("https://a.delinea.app", &written) && !is("https://a.secretservercloud.com", &written));
        assert!(!is("https://delinea.app.example", &written));
        written.set("platform", OptionValue::Boolean(false));
        assert!(!is("https://a.delinea.app", &written));
    }
}
