//! The options of Elasticsearch and OpenSearch, and what they mean.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use url::Url;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::files::expand;
use crate::store::kit::rest::secret_header;
use crate::store::kit::sealing::{DEFAULTS, SEALING_KEY, SEALING_KEY_FILE, SEALING_KEY_ID, SEALING_KEYS};
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, SEPARATOR, VARIABLES_PREFIX};

const USERNAME_VARIABLE: &str = "ELASTICSEARCH_USERNAME";
const PASSWORD_VARIABLE: &str = "ELASTICSEARCH_PASSWORD";
const API_KEY_VARIABLE: &str = "ELASTICSEARCH_API_KEY";
const ADDRESS_VARIABLE: &str = "ELASTICSEARCH_URL";

/// The environment variables that this store reads besides those that all stores share.
pub(super) const VARIABLES: &[&str] =
    &[API_KEY_VARIABLE, PASSWORD_VARIABLE, ADDRESS_VARIABLE, USERNAME_VARIABLE, "STRONGROOM_SEALING_KEY"];

/// The address of the cluster.
pub(super) const ADDRESS: OptionSpec = OptionSpec::new(
    "address",
    OptionKind::Text,
    "The address of Elasticsearch or OpenSearch, such as https://search.example.com:9200; else \
    ELASTICSEARCH_URL.",
);

/// The index with the records.
pub(super) const INDEX: OptionSpec =
    OptionSpec::new("index", OptionKind::Text, "The index with the records, or an alias of one index.")
        .with_default("strongroom");

const CERTIFICATE: &str = "client_certificate";
const KEY: &str = "client_key";

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    ADDRESS,
    INDEX,
    OptionSpec::new("username", OptionKind::Text, "The user that reads; else ELASTICSEARCH_USERNAME."),
    OptionSpec::new(
        "password",
        OptionKind::Secret,
        "The password of `username`; else ELASTICSEARCH_PASSWORD.",
    ),
    OptionSpec::new(
        "api_key",
        OptionKind::Secret,
        "An API key of Elasticsearch, encoded as Kibana shows it or as ID:KEY; else ELASTICSEARCH_API_KEY.",
    ),
    OptionSpec::new(
        "token",
        OptionKind::Secret,
        "A bearer token, such as that of a service account or a JWT.",
    ),
    OptionSpec::new(
        CERTIFICATE,
        OptionKind::Text,
        "A PEM file with the certificate to log in with; it may hold the key as well.",
    ),
    OptionSpec::new(KEY, OptionKind::Text, "The PEM file with the key of `client_certificate`."),
    SEALING_KEY,
    SEALING_KEY_FILE,
    SEALING_KEY_ID,
    SEALING_KEYS,
    CONNECTIONS_PREFIX.with_default(DEFAULTS.prefixes.connections),
    VARIABLES_PREFIX.with_default(DEFAULTS.prefixes.variables),
    CONFIG_PREFIX.with_default(DEFAULTS.prefixes.config),
    SEPARATOR,
    VERIFY,
    CA_BUNDLE,
];

fn written_address<'text>(options: &'text Options, environment: &'text Environment) -> Option<&'text str> {
    options.non_empty_or(ADDRESS.key, environment, ADDRESS_VARIABLE)
}

/// The address. No I/O.
pub(super) fn address(options: &Options, environment: &Environment) -> Result<Url> {
    let text = written_address(options, environment).ok_or_else(|| {
        Error::config("there is no address of Elasticsearch")
            .with_hint(format!("Write `{}` or set {ADDRESS_VARIABLE}", ADDRESS.key))
    })?;
    checked(text.trim(), ADDRESS.key)
}

/// The index. Documents are read by id, which a pattern or a list of indices does not allow.
pub(super) fn index(options: &Options) -> Result<&str> {
    let index = options.text_of(&INDEX);
    let is_letter = |letter: char| !letter.is_control() && !" \\/*?\"<>|,#:".contains(letter);
    let is_name = index.chars().all(is_letter) && !index.starts_with(['_', '-', '+', '.']);
    if is_name && index.len() <= 255 {
        return Ok(index);
    }
    Err(Error::config(format!("`{}` in backend_kwargs is no name of one index", INDEX.key))
        .with_hint("Write the name of one index or alias, without a pattern"))
}

/// What can never work, whatever the environment of the lookup has.
pub(super) fn check(options: &Options, environment: &Environment) -> Result<()> {
    index(options)?;
    crate::store::kit::sealing::check(options, environment)?;
    // A secret that is missing may be there when a lookup needs it.
    login(options, environment).map_or_else(
        |error| if error.kind() == ErrorKind::Unauthenticated { Ok(()) } else { Err(error) },
        |_| Ok(()),
    )?;
    written_address(options, environment).map_or(Ok(()), |_| address(options, environment).map(drop))
}

/// Who reads.
#[derive(Debug)]
pub(super) struct Login {
    /// The authorization of each request; a certificate needs none.
    pub(super) header: Option<HeaderValue>,
    /// In words, for messages.
    pub(super) words: String,
    /// The options that hold it, for hints.
    pub(super) named_by: &'static str,
}

/// The login that is written; variables count where no option says who reads.
pub(super) fn login(options: &Options, environment: &Environment) -> Result<Login> {
    let keys = ["username", "api_key", "token"];
    let written: Vec<_> = keys.into_iter().filter(|key| options.non_empty(key).is_some()).collect();
    match written[..] {
        ["username"] => basic(options, environment),
        ["api_key"] => api_key(options.non_empty("api_key").unwrap_or_default(), "`api_key`"),
        ["token"] => bearer(options.non_empty("token").unwrap_or_default()),
        [one, other, ..] => Err(Error::config(format!(
            "`{one}` and `{other}` in backend_kwargs are two logins for Elasticsearch"
        ))
        .with_hint("Write one of them")),
        _ if options.non_empty(CERTIFICATE).is_some() => Ok(certified()),
        _ => match environment.non_empty(API_KEY_VARIABLE) {
            Some(key) => api_key(key, API_KEY_VARIABLE),
            None if environment.non_empty(USERNAME_VARIABLE).is_some() => basic(options, environment),
            None => Ok(anonymous()),
        },
    }
}

fn certified() -> Login {
    Login {
        header: None,
        words: "the certificate in `client_certificate`".to_owned(),
        named_by: "`client_certificate`",
    }
}

fn anonymous() -> Login {
    Login { header: None, words: "no login".to_owned(), named_by: "`username`, `api_key` or `token`" }
}

fn header(text: &str, what: &str) -> Result<Option<HeaderValue>> {
    secret_header(text).map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Unauthenticated,
            format!("{what} for Elasticsearch has characters that none can have"),
        )
        .with_hint(format!("Check {what}: a line break is the usual cause"))
    })
}

fn basic(options: &Options, environment: &Environment) -> Result<Login> {
    let user = options.non_empty_or("username", environment, USERNAME_VARIABLE).unwrap_or_default();
    let password = options.non_empty_or("password", environment, PASSWORD_VARIABLE).ok_or_else(|| {
        Error::new(ErrorKind::Unauthenticated, "there is no password for `username` of Elasticsearch")
            .with_hint(format!("Write `password` or set {PASSWORD_VARIABLE}"))
    })?;
    let pair = Zeroizing::new(format!("{user}:{password}"));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let words = format!("the user `{}`", Shown(user));
    Ok(Login { header: header(&text, "`password`")?, words, named_by: "`username` and `password`" })
}

/// The id of a key is no secret, and shows which one it is.
fn api_key(written: &str, named_by: &'static str) -> Result<Login> {
    let written = written.trim();
    let encoded = if written.contains(':') { STANDARD.encode(written) } else { written.to_owned() };
    let text = Zeroizing::new(format!("ApiKey {encoded}"));
    Ok(Login { header: header(&text, named_by)?, words: format!("the API key of {named_by}"), named_by })
}

fn bearer(token: &str) -> Result<Login> {
    let text = Zeroizing::new(format!("Bearer {}", token.trim()));
    Ok(Login {
        header: header(&text, "`token`")?,
        words: "the token of `token`".to_owned(),
        named_by: "`token`",
    })
}

/// The files of certificate and key; one file may hold both.
pub(super) fn certificate(options: &Options, environment: &Environment) -> Result<Option<[PathBuf; 2]>> {
    let (certificate, key) = (options.non_empty(CERTIFICATE), options.non_empty(KEY));
    match (certificate, key) {
        (Some(certificate), key) => {
            Ok(Some([certificate, key.unwrap_or(certificate)].map(|path| expand(path, environment))))
        }
        (None, Some(_)) => Err(Error::config(format!("`{KEY}` is the key of no certificate"))
            .with_hint(format!("Write `{CERTIFICATE}` as well"))),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: [(&str, &str); 2] = [("ELASTICSEARCH_USERNAME", "v"), ("ELASTICSEARCH_PASSWORD", "canary")];

    fn of(written: &[(&'static str, &str)], set: &[(&str, &str)]) -> Result<Login> {
        login(&Options::of_texts(written), &Environment::of(set))
    }

    #[test]
    fn one_login_is_sent_in_its_own_way() {
        for (written, set, header, words) in [
            (&[("username", "u"), ("password", "p")][..], &[][..], Some("Basic dTpw"), "the user `u`"),
            (&[("username", "u")], &SET[..], Some("Basic dTpjYW5hcnk="), "the user `u`"),
            (&[], &SET[..], Some("Basic djpjYW5hcnk="), "the user `v`"),
            (&[("api_key", "aWQ6a2V5\n")], &SET[..], Some("ApiKey aWQ6a2V5"), "the API key of `api_key`"),
            (&[("api_key", "id:key")], &[], Some("ApiKey aWQ6a2V5"), "the API key of `api_key`"),
            (&[], &[("ELASTICSEARCH_API_KEY", "id:key")], Some("ApiKey aWQ6a2V5"), "the API key of ELASTIC"),
            (&[("token", "t ")], &SET[..], Some("Bearer t"), "the token of `token`"),
            (&[("client_certificate", "/c")], &SET[..], None, "the certificate in `client_certificate`"),
            (&[], &[], None, "no login"),
        ] {
            let login = of(written, set).unwrap();
            let sent = login.header.as_ref().map(|header| header.to_str().unwrap().to_owned());
            assert_eq!(sent.as_deref(), header);
            assert!(login.words.starts_with(words), "{}", login.words);
            assert!(!format!("{login:?}").contains("canary"));
        }
    }

    #[test]
    fn what_is_wrong_with_a_login_is_named() {
        for (written, text) in [
            (
                &[("username", "u"), ("token", "canary")][..],
                "`username` and `token` in backend_kwargs are two",
            ),
            (&[("username", "u")], "there is no password for `username`"),
            (&[("token", "canary\ncanary")], "`token` for Elasticsearch has characters"),
        ] {
            let error = of(written, &[]).unwrap_err().to_string();
            assert!(error.starts_with(text) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn an_index_is_one_index() {
        for (name, is) in [
            ("strongroom", true),
            ("airflow-secrets_2", true),
            ("a*", false),
            ("a,b", false),
            ("_all", false),
            ("a/b", false),
            (".security", false),
        ] {
            assert_eq!(index(&Options::of_texts(&[("index", name)])).is_ok(), is, "{name}");
        }
        assert_eq!(index(&Options::default()).unwrap(), "strongroom");
    }

    #[test]
    fn certificate_and_key_may_be_one_file() {
        let files = |written: &[(&'static str, &str)]| {
            certificate(&Options::of_texts(written), &Environment::default())
        };
        let pair = |one: &str, other: &str| Some([PathBuf::from(one), PathBuf::from(other)]);
        assert_eq!(files(&[("client_certificate", "/c")]).unwrap(), pair("/c", "/c"));
        assert_eq!(files(&[("client_certificate", "/c"), ("client_key", "/k")]).unwrap(), pair("/c", "/k"));
        assert_eq!(files(&[]).unwrap(), None);
        assert!(files(&[("client_key", "/k")]).is_err());
    }

    #[test]
    fn an_address_may_be_missing_until_the_first_lookup() {
        let (nothing, environment) = (Options::default(), Environment::default());
        assert!(check(&nothing, &environment).is_ok());
        let error = address(&nothing, &environment).unwrap_err();
        assert!(error.to_string().ends_with("Write `address` or set ELASTICSEARCH_URL"), "{error}");
        assert!(check(&Options::of_texts(&[("address", "canary")]), &environment).is_err());
        assert!(check(&Options::of_texts(&[("sealing_key", "short")]), &environment).is_err());
    }
}
