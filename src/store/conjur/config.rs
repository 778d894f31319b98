//! The options of Conjur, and what they mean.

use url::Url;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::files::expand;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, SEPARATOR, VARIABLES_PREFIX};

use super::login::{Authn, Jwt, Proof};

/// The environment variables that this store reads besides those that all stores share: those of the
/// vendor's own clients.
pub(super) const VARIABLES: &[&str] = &[
    "CONJUR_ACCOUNT",
    "CONJUR_APPLIANCE_URL",
    "CONJUR_AUTHN_API_KEY",
    "CONJUR_AUTHN_JWT_HOST_ID",
    "CONJUR_AUTHN_JWT_SERVICE_ID",
    "CONJUR_AUTHN_JWT_TOKEN",
    "CONJUR_AUTHN_LOGIN",
    "CONJUR_CERT_FILE",
    "JWT_TOKEN_PATH",
];

/// The variables that name a certificate: that of Conjur's clients, and those of Python's requests.
pub(super) const CERTIFICATES: [&str; 3] = ["CONJUR_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// The address of Conjur.
pub(super) const ADDRESS: OptionSpec = OptionSpec::new(
    "address",
    OptionKind::Text,
    "The address of Conjur, such as https://conjur.example.com, or \
    https://NAME.secretsmgr.cyberark.cloud/api; else CONJUR_APPLIANCE_URL.",
);

/// The role that reads.
pub(super) const LOGIN: OptionSpec = OptionSpec::new(
    "login",
    OptionKind::Text,
    "The role that reads: host/ID, or the name of a user; else CONJUR_AUTHN_LOGIN. For a JWT the host, where \
    the authenticator does not take it from the token; else CONJUR_AUTHN_JWT_HOST_ID.",
);

const JWT_PATH: OptionSpec = OptionSpec::new(
    "jwt_path",
    OptionKind::Text,
    "The file with the JWT, which is read at each login; else JWT_TOKEN_PATH.",
)
.with_default("/var/run/secrets/kubernetes.io/serviceaccount/token");

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    ADDRESS,
    OptionSpec::new("account", OptionKind::Text, "The account of the organization; else CONJUR_ACCOUNT."),
    LOGIN,
    OptionSpec::new("api_key", OptionKind::Secret, "The API key of `login`; else CONJUR_AUTHN_API_KEY."),
    OptionSpec::new(
        "password",
        OptionKind::Secret,
        "The password of the user `login`, for which Conjur gives its API key.",
    ),
    OptionSpec::new(
        "service_id",
        OptionKind::Text,
        "The authenticator that accepts a JWT, such as kubernetes/prod of conjur/authn-jwt/kubernetes/prod; \
        else CONJUR_AUTHN_JWT_SERVICE_ID. It takes precedence over `api_key`.",
    ),
    JWT_PATH,
    OptionSpec::new(
        "jwt",
        OptionKind::Secret,
        "The JWT itself, in place of a file; else CONJUR_AUTHN_JWT_TOKEN.",
    ),
    CONNECTIONS_PREFIX,
    VARIABLES_PREFIX,
    CONFIG_PREFIX,
    SEPARATOR,
    VERIFY,
    CA_BUNDLE.with_doc(
        "A PEM file of trusted CAs, or `system`; takes precedence over `verify`, CONJUR_CERT_FILE and \
        REQUESTS_CA_BUNDLE.",
    ),
];

/// The address. No I/O.
pub(super) fn address(options: &Options, environment: &Environment) -> Result<Url> {
    let text = options.non_empty_or(ADDRESS.key, environment, "CONJUR_APPLIANCE_URL");
    let text = text.ok_or_else(|| {
        Error::config("there is no address of Conjur")
            .with_hint("Write `address` or set CONJUR_APPLIANCE_URL")
    })?;
    checked(text.trim(), ADDRESS.key)
}

/// What can never work, whatever the environment of the lookup has.
pub(super) fn check(options: &Options, environment: &Environment) -> Result<()> {
    let is_written = options.non_empty_or(ADDRESS.key, environment, "CONJUR_APPLIANCE_URL").is_some();
    if is_written { address(options, environment).map(drop) } else { Ok(()) }
}

/// Who logs in, and how. No I/O.
pub(super) fn login(options: &Options, environment: &Environment) -> Result<Authn> {
    let account = options.non_empty_or("account", environment, "CONJUR_ACCOUNT").ok_or_else(|| {
        Error::config("there is no account of Conjur").with_hint("Write `account` or set CONJUR_ACCOUNT")
    })?;
    let account = account.trim().to_owned();
    let service = options.non_empty_or("service_id", environment, "CONJUR_AUTHN_JWT_SERVICE_ID");
    if let Some(service) = service {
        let login = options.non_empty_or(LOGIN.key, environment, "CONJUR_AUTHN_JWT_HOST_ID");
        let proof = Proof::Jwt { service: service.to_owned(), jwt: jwt(options, environment) };
        return Ok(Authn { account, login: login.map(str::to_owned), proof });
    }
    let login = options.non_empty_or(LOGIN.key, environment, "CONJUR_AUTHN_LOGIN").ok_or_else(|| {
        missing("there is no one to log in to Conjur as")
            .with_hint("Write `login` and `api_key`, or `service_id` for a JWT")
    })?;
    let secret = |text: &str| Zeroizing::new(text.trim().to_owned());
    let key = options.non_empty_or("api_key", environment, "CONJUR_AUTHN_API_KEY");
    let proof = match (options.non_empty("password"), key) {
        // What is written takes precedence over a variable.
        (Some(password), _) if options.non_empty("api_key").is_none() => {
            Proof::Password(Zeroizing::new(password.to_owned()))
        }
        (_, Some(key)) => Proof::Key(secret(key)),
        (_, None) => {
            return Err(missing("there is no API key for `login` of Conjur")
                .with_hint("Write `api_key`, set CONJUR_AUTHN_API_KEY, or write `password`"));
        }
    };
    Ok(Authn { account, login: Some(login.to_owned()), proof })
}

fn jwt(options: &Options, environment: &Environment) -> Jwt {
    let written = options.non_empty("jwt");
    let path = options.non_empty(JWT_PATH.key);
    // A path that is written takes precedence over a variable with a token.
    let given =
        written.or_else(|| environment.non_empty("CONJUR_AUTHN_JWT_TOKEN").filter(|_| path.is_none()));
    if let Some(token) = given {
        return Jwt::Given(Zeroizing::new(token.trim().to_owned()));
    }
    let path = path.or_else(|| environment.non_empty("JWT_TOKEN_PATH"));
    Jwt::File(expand(path.unwrap_or_else(|| JWT_PATH.default_text()), environment))
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &[(&'static str, &str)], set: &[(&str, &str)]) -> Result<Authn> {
        login(&Options::of_texts(written), &Environment::of(set))
    }

    #[test]
    fn what_is_written_takes_precedence_over_variables() {
        let set = [
            ("CONJUR_ACCOUNT", "a"),
            ("CONJUR_AUTHN_LOGIN", "host/x"),
            ("CONJUR_AUTHN_API_KEY", "canary-key"),
            ("CONJUR_AUTHN_JWT_TOKEN", "canary-jwt"),
        ];
        let with = |more: &[(&'static str, &str)]| read(more, &set).unwrap();
        assert!(matches!(with(&[]).proof, Proof::Key(key) if *key == "canary-key"));
        assert!(matches!(with(&[("password", "p")]).proof, Proof::Password(_)));
        assert!(matches!(with(&[("password", "p"), ("api_key", "k")]).proof, Proof::Key(_)));
        let jwt = with(&[("service_id", "s"), ("jwt_path", "/t")]);
        assert!(matches!(jwt.proof, Proof::Jwt { jwt: Jwt::File(path), .. } if path.ends_with("t")));
        assert_eq!(jwt.login, None, "the login of an API key is none of a JWT");
        let given = with(&[("service_id", "s"), ("login", "host/y")]);
        assert!(matches!(given.proof, Proof::Jwt { jwt: Jwt::Given(_), .. }));
        assert_eq!(given.login.as_deref(), Some("host/y"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let account = ("account", "a");
        for (written, text) in [
            (&[][..], "there is no account of Conjur. Write `account` or set CONJUR_ACCOUNT"),
            (&[account], "there is no one to log in to Conjur as. Write `login` and `api_key`, or"),
            (&[account, ("login", "u")], "there is no API key for `login` of Conjur. Write `api_key`, set"),
        ] {
            let error = read(written, &[]).unwrap_err();
            assert!(error.to_string().starts_with(text), "{error}");
        }
        let error = address(&Options::default(), &Environment::default()).unwrap_err();
        assert!(error.to_string().starts_with("there is no address of Conjur. Write `address`"), "{error}");
        assert!(check(&Options::default(), &Environment::default()).is_ok());
    }
}
