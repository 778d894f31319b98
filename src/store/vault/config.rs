//! The options of Vault, and the settings they become.
//!
//! Sources: apache-airflow-providers-hashicorp 4.8.4 (`secrets/vault.py`, `_internal_client/vault_client.py`)
//! and hvac 2.4.0 (`v1/__init__.py`, to which the official class passes keyword arguments).

use url::Url;

use crate::error::{Error, Result};
use crate::http::{ProxySettings, web_address};
use crate::store::environment::Environment;
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::value::json::Value;

use super::path::collapse;

/// The environment variables that this store reads besides those that all stores share. The logins of clouds
/// read those of the cloud's stores, and a build without these does not support them.
pub(super) const VARIABLES: &[&str] = &[
    "VAULT_ADDR",
    "VAULT_CACERT",
    "VAULT_CAPATH",
    "VAULT_CLIENT_CERT",
    "VAULT_CLIENT_KEY",
    "VAULT_NAMESPACE",
    "VAULT_TOKEN",
];

/// The default of `mount_point`.
pub(super) const MOUNT_POINT: &str = "secret";

/// The address that hvac uses by default (hvac/constants/client.py).
const DEFAULT_URL: &str = "http://localhost:8200";

const HANDED_ON: &str = "it is a part of hvac, which is not used here";

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "connections_path",
        OptionKind::Prefixes,
        "Where connections are below the mount; a list is tried in order, null switches connections off.",
    )
    .with_default("connections"),
    OptionSpec::new(
        "variables_path",
        OptionKind::Prefixes,
        "Where variables are below the mount; a list is tried in order, null switches variables off.",
    )
    .with_default("variables"),
    OptionSpec::new(
        "config_path",
        OptionKind::Prefixes,
        "Where config values are below the mount; a list is tried in order, null switches config off.",
    )
    .with_default("config"),
    OptionSpec::new(
        "global_secrets_path",
        OptionKind::Prefixes,
        "Deprecated: one more path at the end of the three; write lists instead.",
    ),
    OptionSpec::new(
        "use_team_secrets_path",
        OptionKind::Boolean,
        "Whether the secrets of a team are at `<path>/<team>/<id>`.",
    )
    .with_default("true")
    .with_null_as_no(),
    OptionSpec::new(
        "mount_point",
        OptionKind::Prefix,
        "The mount of the KV engine; null takes the first segment of each id.",
    )
    .with_default(MOUNT_POINT),
    OptionSpec::new(
        "kv_engine_version",
        OptionKind::Json("1, 2 or auto"),
        "The version of the KV engine: 1, 2, or auto to ask the server once.",
    )
    .with_default("2"),
    OptionSpec::new(
        "url",
        OptionKind::Text,
        "The address of the server; else VAULT_ADDR, else http://localhost:8200.",
    ),
    OptionSpec::new(
        "endpoint_url",
        OptionKind::Text,
        "Another name of `url`, as the other backends have it; takes precedence over it.",
    ),
    OptionSpec::new("namespace", OptionKind::Text, "The namespace; else VAULT_NAMESPACE."),
    OptionSpec::new(
        "auth_type",
        OptionKind::Text,
        "The login: approle, aws_iam, azure, cert, gcp, github, jwt, kubernetes, ldap, radius, token or \
    userpass.",
    )
    .with_default("token"),
    OptionSpec::new(
        "auth_mount_point",
        OptionKind::Text,
        "The mount of the auth method; by default its usual one.",
    ),
    OptionSpec::new("token", OptionKind::Secret, "The token, or that of GitHub; else VAULT_TOKEN."),
    OptionSpec::new("token_path", OptionKind::Text, "A file with the token; takes precedence over `token`."),
    OptionSpec::new("username", OptionKind::Text, "The user of ldap, radius and userpass."),
    OptionSpec::new("password", OptionKind::Secret, "The password of ldap, radius and userpass."),
    OptionSpec::new(
        "role_id",
        OptionKind::Text,
        "The role id of approle; the role of aws_iam, azure and gcp.",
    ),
    OptionSpec::new(
        "secret_id",
        OptionKind::Secret,
        "The secret id of approle; the secret access key of aws_iam; the client secret of azure.",
    ),
    OptionSpec::new(
        "wrapped_secret_id",
        OptionKind::Secret,
        "A wrapping token around the secret id of approle; it is unwrapped once, at the first login.",
    ),
    OptionSpec::new("key_id", OptionKind::Secret, "The access key id of aws_iam; the client id of azure."),
    OptionSpec::new("region", OptionKind::Text, "The region that the aws_iam login is signed for."),
    OptionSpec::new(
        "assume_role_kwargs",
        OptionKind::SecretObject,
        "A role that aws_iam assumes first, spelled as boto3 does.",
    ),
    OptionSpec::new(
        "iam_server_id",
        OptionKind::Text,
        "The value of X-Vault-AWS-IAM-Server-ID, if the mount of aws_iam asks for it.",
    ),
    OptionSpec::new("kubernetes_role", OptionKind::Text, "The role of kubernetes."),
    OptionSpec::new(
        "kubernetes_jwt_path",
        OptionKind::Text,
        "The file with the token of the service account.",
    )
    .with_default(KUBERNETES_JWT_PATH),
    OptionSpec::new("jwt_role", OptionKind::Text, "The role of jwt."),
    OptionSpec::new(
        "jwt_token",
        OptionKind::Secret,
        "The token of jwt; takes precedence over `jwt_token_path`.",
    ),
    OptionSpec::new("jwt_token_path", OptionKind::Text, "A file with the token of jwt; read at each login."),
    OptionSpec::new("cert_role", OptionKind::Text, "The role of cert; by default the server tries all."),
    OptionSpec::new(
        "gcp_key_path",
        OptionKind::Text,
        "A key file of a service account for gcp; else the instance's own account.",
    ),
    OptionSpec::new("gcp_keyfile_dict", OptionKind::SecretObject, "The content of such a key file."),
    OptionSpec::new(
        "gcp_scopes",
        OptionKind::Text,
        "The scopes of the Google token that signs the login, separated by commas.",
    ),
    OptionSpec::new("azure_tenant_id", OptionKind::Text, "The Entra tenant of azure."),
    OptionSpec::new(
        "azure_resource",
        OptionKind::Text,
        "The audience of the Entra token, as the mount of azure is configured for.",
    ),
    OptionSpec::new(
        "radius_host",
        OptionKind::Ignored(
            "the official class writes it into the server's configuration; here radius logs in with \
    `username` and `password`",
        ),
        "The RADIUS server, which is part of the Vault server's own configuration.",
    ),
    OptionSpec::new(
        "radius_secret",
        OptionKind::Secret,
        "Accepted and never sent: the RADIUS secret belongs into the server's configuration.",
    ),
    OptionSpec::new(
        "radius_port",
        OptionKind::Ignored("the official class writes it into the server's configuration"),
        "The port of the RADIUS server.",
    ),
    OptionSpec::new(
        "verify",
        OptionKind::BooleanOrPath,
        "Whether the server's certificate is verified, or the CA bundle to verify it with.",
    ),
    OptionSpec::new(
        "ca_bundle",
        OptionKind::Text,
        "A PEM file or directory of trusted CAs, or `system`; takes precedence over `verify` and \
    VAULT_CACERT.",
    ),
    OptionSpec::new(
        "cert",
        OptionKind::Json("a path or a list of two paths"),
        "The client's certificate with its key in one PEM file, or [certificate, key]; else \
    VAULT_CLIENT_CERT and VAULT_CLIENT_KEY.",
    ),
    OptionSpec::new(
        "proxies",
        OptionKind::SecretObject,
        "The proxies for `http` and `https`; else those of the environment.",
    ),
    OptionSpec::new(
        "allow_redirects",
        OptionKind::Boolean,
        "Whether up to two redirects on the same host are followed.",
    )
    .with_default("true")
    .with_null_as_no(),
    OptionSpec::new(
        "request_header",
        OptionKind::Boolean,
        "Whether requests carry X-Vault-Request, which agents may ask for.",
    )
    .with_default("true")
    .with_null_as_no(),
    OptionSpec::new(
        "strict_http",
        OptionKind::Boolean,
        "List with GET instead of the verb LIST, which some proxies refuse.",
    )
    .with_default("false")
    .with_null_as_no(),
    OptionSpec::new("session", OptionKind::Ignored(HANDED_ON), "A session of Python's requests."),
    OptionSpec::new("adapter", OptionKind::Ignored(HANDED_ON), "An adapter class of hvac."),
    OptionSpec::new(
        "ignore_exceptions",
        OptionKind::Ignored(HANDED_ON),
        "Whether hvac hides errors; `on_error` decides here.",
    ),
];

/// The default of `kubernetes_jwt_path`.
pub(super) const KUBERNETES_JWT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

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
        let namespace = options.non_empty("namespace").or_else(|| environment.non_empty("VAULT_NAMESPACE"));
        let mount = mount(options).map(collapse).filter(|mount| !mount.is_empty());
        Ok(Self {
            url: url(options, environment)?,
            namespace: namespace.map(collapse).filter(|namespace| !namespace.is_empty()),
            mount,
            version: version(options)?,
            follows_redirects: options.boolean("allow_redirects").unwrap_or(true),
            marks_requests: options.boolean("request_header").unwrap_or(true),
            strict_http: options.boolean("strict_http").unwrap_or(false),
            proxies: proxies(options, environment)?,
        })
    }
}

/// The mount as it was written; `None` for what Python considers false, such as null and 0.
pub(super) fn mount(options: &Options) -> Option<&str> {
    options.prefix("mount_point", MOUNT_POINT).filter(|_| !options.is_false("mount_point"))
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

/// The official class accepts the numbers 1 and 2, and a false value means 2; environment variables deliver
/// texts.
pub(super) fn version(options: &Options) -> Result<Option<KvVersion>> {
    let Some(value) = options.json("kv_engine_version") else { return Ok(Some(KvVersion::Two)) };
    // In Python `True` equals 1, and so does 1.0.
    let float = if let Value::Float(float) = value { *float } else { f64::NAN };
    let number = value.as_i64().or_else(|| value.as_bool().map(i64::from));
    match (number, value.as_str()) {
        _ if !value.is_truthy() => Ok(Some(KvVersion::Two)),
        (Some(1), _) | (_, Some("1" | "1.0")) => Ok(Some(KvVersion::One)),
        (Some(2), _) | (_, Some("0" | "2" | "2.0")) => Ok(Some(KvVersion::Two)),
        _ if (float - 1.0).abs() < f64::EPSILON => Ok(Some(KvVersion::One)),
        _ if (float - 2.0).abs() < f64::EPSILON => Ok(Some(KvVersion::Two)),
        (_, Some("auto")) => Ok(None),
        // The value is not shown: it may belong into another option, such as a token.
        _ => Err(Error::config("`kv_engine_version` in backend_kwargs is not supported")
            .with_hint("It should be 1, 2 or auto")),
    }
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
