//! The options of Kubernetes Secrets, and where the API and the identity of this pod are.
//!
//! Labels, keys and the namespace are those of
//! `airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend` 10.25.0; address, token and CA are
//! found as `kubernetes.config.load_incluster_config` finds them. The rest is our own.

use std::path::PathBuf;

use url::Url;

use crate::error::{Error, Result};
use crate::http::Roots;
use crate::store::PerKind;
use crate::store::convention::Kind;
use crate::store::environment::Environment;
use crate::store::kit::address::{ENDPOINT, checked};
use crate::store::kit::files::expand;
use crate::store::kit::trust::{CA_BUNDLE, Trust, VERIFY, Verify};
use crate::store::options::{OptionKind, OptionSpec, Options};

/// The environment variables that this store reads besides those that all stores share.
pub(super) const VARIABLES: &[&str] = &["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];

/// The key of the data that holds a value.
pub(super) const VALUE: &str = "value";

const NAMESPACE: OptionSpec = OptionSpec::new(
    "namespace",
    OptionKind::Text,
    "The namespace of the secrets; by default that of the service account.",
);

const CONNECTIONS_LABEL: OptionSpec = OptionSpec::new(
    "connections_label",
    OptionKind::Prefix,
    "The label whose value is a connection id; null switches connections off.",
)
.with_default("airflow.apache.org/connection-id");

const VARIABLES_LABEL: OptionSpec = OptionSpec::new(
    "variables_label",
    OptionKind::Prefix,
    "The label whose value is a variable's key; null switches variables off.",
)
.with_default("airflow.apache.org/variable-key");

const CONFIG_LABEL: OptionSpec = OptionSpec::new(
    "config_label",
    OptionKind::Prefix,
    "The label whose value is a configuration key; null switches configuration off.",
)
.with_default("airflow.apache.org/config-key");

const TEAM_LABEL: OptionSpec = OptionSpec::new(
    "team_label",
    OptionKind::Prefix,
    "The label whose value is a team; null treats secrets of all teams as shared.",
)
.with_default("airflow.apache.org/team");

const CONNECTIONS_DATA_KEY: OptionSpec = OptionSpec::new(
    "connections_data_key",
    OptionKind::Text,
    "The key of a secret's data that holds a connection.",
)
.with_default(VALUE);

const VARIABLES_DATA_KEY: OptionSpec = OptionSpec::new(
    "variables_data_key",
    OptionKind::Text,
    "The key of a secret's data that holds a variable.",
)
.with_default(VALUE);

const CONFIG_DATA_KEY: OptionSpec = OptionSpec::new(
    "config_data_key",
    OptionKind::Text,
    "The key of a secret's data that holds a configuration value.",
)
.with_default(VALUE);

const SERVICE_ACCOUNT_PATH: OptionSpec = OptionSpec::new(
    "service_account_path",
    OptionKind::Text,
    "The folder with `token`, `namespace` and `ca.crt` of the service account.",
)
.with_default("/var/run/secrets/kubernetes.io/serviceaccount");

const TOKEN: OptionSpec = OptionSpec::new(
    "token",
    OptionKind::Secret,
    "A bearer token in place of the service account's, such as for a machine outside of the cluster.",
);

/// The address of the API.
pub(super) const ADDRESS: OptionSpec = ENDPOINT.with_doc(
    "The address of the API server; by default that in KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT.",
);

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    NAMESPACE,
    CONNECTIONS_LABEL,
    VARIABLES_LABEL,
    CONFIG_LABEL,
    TEAM_LABEL,
    CONNECTIONS_DATA_KEY,
    VARIABLES_DATA_KEY,
    CONFIG_DATA_KEY,
    SERVICE_ACCOUNT_PATH,
    TOKEN,
    ADDRESS,
    VERIFY,
    CA_BUNDLE.with_doc(
        "A PEM file of trusted CAs, or `system`; takes precedence over `verify` and the service account's.",
    ),
];

/// What a kind is found by: its label, and the key of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labels {
    /// The label of each kind; `None` switches the kind off.
    pub(super) of_kinds: PerKind<Option<String>>,
    /// The key of the data of each kind.
    pub(super) data_keys: PerKind<String>,
    /// The label of teams.
    pub(super) team: Option<String>,
}

impl Labels {
    /// Reads the options.
    pub(super) fn from_options(options: &Options) -> Self {
        let label = |spec: &OptionSpec| options.prefix(spec.key, spec.default_text()).map(str::to_owned);
        Self {
            of_kinds: PerKind::make(|kind| label(label_option(kind))),
            data_keys: PerKind::make(|kind| options.text_of(data_key_option(kind)).to_owned()),
            // The official class tests the truth of this one.
            team: label(&TEAM_LABEL).filter(|label| !label.is_empty() && !options.is_false(TEAM_LABEL.key)),
        }
    }
}

const fn label_option(kind: Kind) -> &'static OptionSpec {
    match kind {
        Kind::Connection => &CONNECTIONS_LABEL,
        Kind::Variable => &VARIABLES_LABEL,
        Kind::Config => &CONFIG_LABEL,
    }
}

const fn data_key_option(kind: Kind) -> &'static OptionSpec {
    match kind {
        Kind::Connection => &CONNECTIONS_DATA_KEY,
        Kind::Variable => &VARIABLES_DATA_KEY,
        Kind::Config => &CONFIG_DATA_KEY,
    }
}

/// A file of the service account.
pub(super) fn account_file(options: &Options, environment: &Environment, name: &str) -> PathBuf {
    expand(options.text_of(&SERVICE_ACCOUNT_PATH), environment).join(name)
}

/// The token that is written in the options, without white space around it.
pub(super) fn token(options: &Options) -> Option<&str> {
    options.non_empty(TOKEN.key).map(str::trim)
}

/// The namespace that is written in the options.
pub(super) fn namespace(options: &Options) -> Option<&str> {
    options.non_empty(NAMESPACE.key)
}

/// The address of the API server. No I/O.
pub(super) fn address(options: &Options, environment: &Environment) -> Result<Url> {
    if let Some(written) = options.non_empty(ADDRESS.key) {
        return checked(written, ADDRESS.key);
    }
    let [host, port] =
        ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"].map(|name| environment.non_empty(name));
    let (Some(host), Some(port)) = (host, port) else {
        return Err(Error::config(
            "the address of the API server of Kubernetes is not known: KUBERNETES_SERVICE_HOST \
            and KUBERNETES_SERVICE_PORT are not set",
        )
        .with_hint("Kubernetes sets them in each pod; elsewhere write `endpoint_url`"));
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    checked(&format!("https://{host}:{port}"), "KUBERNETES_SERVICE_HOST")
}

/// What the certificate of the API server is verified with: the cluster's own CA, which is in every pod. At
/// an address that is written, Mozilla's list counts where there is no such file.
pub(super) fn roots(options: &Options, environment: &Environment) -> Roots {
    let verify = Verify::read(options, VERIFY.key);
    let own = account_file(options, environment, "ca.crt");
    let is_expected = options.non_empty(ADDRESS.key).is_none() || own.exists();
    let others = vec![(own.to_str().filter(|_| is_expected), SERVICE_ACCOUNT_PATH.key)];
    let ca_bundle = options.non_empty(CA_BUNDLE.key);
    Trust { ca_bundle, verify: (&verify, VERIFY.key), others }.roots(environment)
}

/// Whether a text is the name of a namespace (RFC 1123, section 2.1): it becomes a part of an address.
pub(super) fn is_namespace(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_pod_unless_one_is_written() {
        let of = |written: &[(&'static str, &str)], set: &[(&str, &str)]| {
            let url = address(&Options::of_texts(written), &Environment::of(set));
            url.map(|url| url.to_string())
        };
        let pod = [("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("KUBERNETES_SERVICE_PORT", "6443")];
        assert_eq!(of(&[], &pod).unwrap(), "https://10.0.0.1:6443/");
        assert_eq!(of(&[("endpoint_url", "http://h:1")], &pod).unwrap(), "http://h:1/");
        let six = [("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "443")];
        assert_eq!(of(&[], &six).unwrap(), "https://[fd00::1]/");
        insta::assert_snapshot!(of(&[], &pod[..1]).unwrap_err(), @r"the address of the API server of Kubernetes is not known: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set. Kubernetes sets them in each pod; elsewhere write `endpoint_url`");
    }

    #[test]
    fn the_authority_is_that_of_the_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let account = folder.path().to_str().unwrap();
        let of = |more: &[(&'static str, &str)]| {
            let written = [more, &[("service_account_path", account)]].concat();
            roots(&Options::of_texts(&written), &Environment::default())
        };
        let of_pod = Roots::Bundle { path: folder.path().join("ca.crt"), named_by: "service_account_path" };
        assert_eq!(of(&[]), of_pod);
        assert_eq!(of(&[("endpoint_url", "https://h")]), Roots::Mozilla);
        std::fs::write(folder.path().join("ca.crt"), "").unwrap();
        assert_eq!(of(&[("endpoint_url", "https://h")]), of_pod);
        assert_eq!(
            of(&[("ca_bundle", "/ca.pem")]),
            Roots::Bundle { path: "/ca.pem".into(), named_by: "ca_bundle" }
        );
    }

    #[test]
    fn a_namespace_has_small_letters_digits_and_dashes() {
        assert!(is_namespace("airflow-2") && is_namespace(&"n".repeat(63)));
        for text in ["", "a/b", "..", "A", "a%2fb", &"n".repeat(64)] {
            assert!(!is_namespace(text), "{text}");
        }
    }
}
