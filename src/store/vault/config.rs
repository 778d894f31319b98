//! The settings that the options of Vault become.
//!
//! Sources: apache-airflow-providers-hashicorp 4.8.4 (`secrets/vault.py`, `_internal_client/vault_client.py`)
//! and hvac 2.4.0 (`v1/__init__.py`, to which the official class passes keyword arguments).

use url::Url;

use crate::error::{Error, Result};
use crate::http::{ProxySettings, web_address};
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::value::json::Value;

use super::options::{ALLOW_REDIRECTS, KV_ENGINE_VERSION, MOUNT_POINT, REQUEST_HEADER, STRICT_HTTP};
use super::path::collapse;

/// The address that hvac uses by default (hvac/constants/client.py).
const DEFAULT_URL: &str = "http://localhost:8200";

/// The version of a KV engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KvVersion {
    /// Without versions.
    One,
    /// With versions, behind `data/` and `metadata/`.
    Two,
}

impl KvVersion {
    /// The number.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// The settings, except those of the login.
#[derive(Clone, Debug)]
pub(super) struct VaultSettings {
    /// The address, without a slash at its end.
    pub(super) url: Url,
    /// The namespace, without slashes at its ends.
    pub(super) namespace: Option<String>,
    /// The mount; `None` takes the first segment of a name.
    pub(super) mount: Option<String>,
    /// `None` asks the server.
    pub(super) version: Option<KvVersion>,
    /// Whether redirects are followed.
    pub(super) follows_redirects: bool,
    /// Whether requests carry `X-Vault-Request`.
    pub(super) marks_requests: bool,
    /// Whether the verb LIST is avoided.
    pub(super) strict_http: bool,
    /// Proxies.
    pub(super) proxies: ProxySettings,
}

impl VaultSettings {
    /// Types the options; no I/O.
    pub(super) fn read(options: &Options, environment: &Environment) -> Result<Self> {
        let namespace = options.non_empty_or("namespace", environment, "VAULT_NAMESPACE");
        let mount = mount(options).map(collapse).filter(|mount| !mount.is_empty());
        Ok(Self {
            url: url(options, environment)?,
            namespace: namespace.map(collapse).filter(|namespace| !namespace.is_empty()),
            mount,
            version: version(options)?,
            follows_redirects: options.boolean_of(&ALLOW_REDIRECTS),
            marks_requests: options.boolean_of(&REQUEST_HEADER),
            strict_http: options.boolean_of(&STRICT_HTTP),
            proxies: proxies(options, environment)?,
        })
    }
}

/// The mount as it was written; `None` for what Python considers false, such as null and 0.
pub(super) fn mount(options: &Options) -> Option<&str> {
    options.prefix(MOUNT_POINT.key, MOUNT_POINT.default_text()).filter(|_| !options.is_false(MOUNT_POINT.key))
}

/// The error does not show the address: it may hold a password.
fn url(options: &Options, environment: &Environment) -> Result<Url> {
    let candidates = [
        (options.non_empty("endpoint_url"), "endpoint_url"),
        (options.non_empty("url"), "url"),
        (environment.non_empty("VAULT_ADDR"), "VAULT_ADDR"),
    ];
    let written = candidates.into_iter().find_map(|(text, named_by)| Some((text?, named_by)));
    let (text, named_by) = written.unwrap_or((DEFAULT_URL, "url"));
    web_address(text).ok_or_else(|| {
        Error::config(format!("`{named_by}` is not an address that can be used"))
            .with_hint("Write it as https://host:8200, without a user name")
    })
}

/// The official class accepts the numbers 1 and 2, and a false value means the default; environment variables
/// deliver texts.
pub(super) fn version(options: &Options) -> Result<Option<KvVersion>> {
    let written = options.json(KV_ENGINE_VERSION.key).filter(|value| value.is_truthy());
    let number = match written {
        None => Some(KV_ENGINE_VERSION.default_text()),
        Some(value) => value.as_str().or_else(|| digit(value)),
    };
    match number {
        Some("1" | "1.0") => Ok(Some(KvVersion::One)),
        Some("0" | "2" | "2.0") => Ok(Some(KvVersion::Two)),
        Some("auto") => Ok(None),
        // The value is not shown: it may belong in another option, such as a token.
        _ => Err(Error::config("`kv_engine_version` in backend_kwargs is not supported")
            .with_hint("It should be 1, 2 or auto")),
    }
}

/// The number 1 or 2 as a text. In Python `True` equals 1, and so does 1.0.
fn digit(value: &Value) -> Option<&'static str> {
    let float = if let Value::Float(float) = value { Some(*float) } else { None };
    let equals = |whole: i64, exact: f64| {
        value.as_i64().or_else(|| value.as_bool().map(i64::from)) == Some(whole)
            || float.is_some_and(|float| (float - exact).abs() < f64::EPSILON)
    };
    [(1, 1.0, "1"), (2, 2.0, "2")]
        .into_iter()
        .find_map(|(whole, exact, text)| equals(whole, exact).then_some(text))
}

fn proxies(options: &Options, environment: &Environment) -> Result<ProxySettings> {
    let Some(proxies) = options.object("proxies").and_then(Value::as_object) else {
        return Ok(ProxySettings::from_environment(|name| environment.get(name), true));
    };
    let address = |scheme: &str| match proxies.get(scheme).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| {
            Error::config(format!("`{scheme}` in `proxies` must be a text"))
                .with_hint("Write it like {\"https\": \"http://proxy:3128\"}")
        }),
    };
    Ok(ProxySettings::explicit(address("http")?, address("https")?))
}

/// The files of the client's certificate and its key.
pub(super) fn client_certificate(
    options: &Options,
    environment: &Environment,
) -> Result<Option<(String, String)>> {
    let wrong = || {
        Error::config("`cert` in backend_kwargs is not a path or a list of two paths")
            .with_hint("Write the PEM file that holds both, or [certificate, key]")
    };
    match options.json("cert").filter(|cert| cert.is_truthy()) {
        Some(Value::Array(pair)) => {
            match pair.iter().map(Value::as_str).collect::<Option<Vec<_>>>().as_deref() {
                Some([certificate, key]) => Ok(Some(((*certificate).to_owned(), (*key).to_owned()))),
                _ => Err(wrong()),
            }
        }
        Some(value) => value.as_str().map(|path| Some((path.to_owned(), path.to_owned()))).ok_or_else(wrong),
        None => {
            let variable = |name| environment.non_empty(name).map(str::to_owned);
            Ok(variable("VAULT_CLIENT_CERT").zip(variable("VAULT_CLIENT_KEY")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;
    use crate::value::Text;
    use crate::value::json;

    fn options(words: &[(&'static str, &str)]) -> Options {
        let mut options = Options::default();
        for (key, text) in words {
            let value = match *key {
                "kv_engine_version" | "cert" => OptionValue::Json(json::parse(&Text::from(*text)).unwrap()),
                "proxies" => OptionValue::Object(json::parse(&Text::from(*text)).unwrap()),
                _ => OptionValue::Text((*text).to_owned()),
            };
            options.set(key, value);
        }
        options
    }

    fn environment(words: &[(&'static str, &'static str)]) -> Environment {
        Environment::of(words)
    }

    #[test]
    fn versions_come_as_numbers_and_as_text() {
        let read = |text| version(&options(&[("kv_engine_version", text)]));
        for (text, expected) in [
            ("1", KvVersion::One),
            ("2", KvVersion::Two),
            ("\"1\"", KvVersion::One),
            ("0", KvVersion::Two),
            ("true", KvVersion::One),
            ("1.0", KvVersion::One),
            ("2.0", KvVersion::Two),
            ("[]", KvVersion::Two),
        ] {
            assert_eq!(read(text).unwrap(), Some(expected), "{text}");
        }
        assert_eq!(read("\"auto\"").unwrap(), None);
        assert_eq!(version(&Options::default()).unwrap(), Some(KvVersion::Two));
        insta::assert_snapshot!(read("4").unwrap_err(), @"`kv_engine_version` in backend_kwargs is not \
        supported. It should be 1, 2 or auto");
        assert!(read("[1]").is_err() && read("1.5").is_err());
    }

    #[test]
    fn the_address_comes_from_the_options_then_from_the_environment() {
        let around = environment(&[("VAULT_ADDR", "https://b:1/"), ("VAULT_NAMESPACE", "/a//b/")]);
        let read = |words: &[(&'static str, &str)]| VaultSettings::read(&options(words), &around);
        assert_eq!(read(&[("url", "http://a")]).unwrap().url.as_str(), "http://a/");
        assert_eq!(
            read(&[("url", "http://a"), ("endpoint_url", "http://c")]).unwrap().url.as_str(),
            "http://c/"
        );
        let settings = read(&[]).unwrap();
        assert_eq!((settings.url.as_str(), settings.namespace.as_deref()), ("https://b:1/", Some("a/b")));
        let settings = VaultSettings::read(&Options::default(), &Environment::default()).unwrap();
        assert_eq!(
            (settings.url.as_str(), settings.mount.as_deref()),
            ("http://localhost:8200/", Some("secret"))
        );
        for wrong in ["http://user:canary@a", "nonsense-canary", "ftp://canary"] {
            let error = read(&[("url", wrong)]).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn certificates_are_one_file_or_two() {
        let around = environment(&[("VAULT_CLIENT_CERT", "c"), ("VAULT_CLIENT_KEY", "k")]);
        let pair = |one: &str, two: &str| Some((one.to_owned(), two.to_owned()));
        let read = |text| client_certificate(&options(&[("cert", text)]), &around);
        assert_eq!(read("\"both\"").unwrap(), pair("both", "both"));
        assert_eq!(read("[\"a\", \"b\"]").unwrap(), pair("a", "b"));
        assert!(read("[\"a\"]").is_err() && read("5").is_err());
        assert_eq!(read("0").unwrap(), pair("c", "k"));
        assert_eq!(client_certificate(&Options::default(), &around).unwrap(), pair("c", "k"));
        assert_eq!(
            client_certificate(&Options::default(), &environment(&[("VAULT_CLIENT_CERT", "c")])).unwrap(),
            None
        );
    }

    #[test]
    fn proxies_are_texts() {
        let read = |text| VaultSettings::read(&options(&[("proxies", text)]), &Environment::default());
        assert!(read(r#"{"https": "http://p:1", "http": null}"#).is_ok());
        assert!(read(r#"{"https": 5}"#).is_err());
    }
}
