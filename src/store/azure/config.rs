//! The options of Azure Key Vault, and what they mean.
//!
//! Sources: apache-airflow-providers-microsoft-azure 15.2.1, `azure/secrets/key_vault.py`; the keywords that
//! it passes to `SecretClient`: azure-keyvault-secrets 4.12.0 and azure-core 1.41.0.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use crate::store::kit::trust::{CA_BUNDLE, Verify};
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, PrefixDefaults, SEPARATOR, VARIABLES_PREFIX};

/// The environment variables that this store reads besides those that all stores share.
pub(super) const VARIABLES: &[&str] = &[
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",
    "AZURE_CONFIG_DIR",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
    "AZURE_TOKEN_CREDENTIALS",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
];

/// The defaults of the official class.
pub(super) const DEFAULTS: PrefixDefaults =
    PrefixDefaults::new(["airflow-connections", "airflow-variables", "airflow-config"], "-");

/// Why the finer settings of azure-core's retries have no effect.
const RETRY_LAYER: &str = "`max_attempts` and `timeout` say how often and how long a read is tried";

const fn ignored(key: &'static str, why: &'static str, doc: &'static str) -> OptionSpec {
    OptionSpec::new(key, OptionKind::Ignored(why), doc)
}

const SEND_CHAIN: OptionSpec = OptionSpec::new(
    "send_certificate_chain",
    OptionKind::Boolean,
    "Send the certificate itself with each login, for applications that trust by subject name and \
    issuer.",
)
.with(OptionDefault::Boolean(false));

const VERIFY_RESOURCE: OptionSpec = OptionSpec::new(
    "verify_challenge_resource",
    OptionKind::Boolean,
    "Whether the resource that the vault asks tokens for must be of the vault's own domain.",
)
.with(OptionDefault::Boolean(true))
.with_null_as_no();

const CONNECT_TIMEOUT: OptionSpec =
    OptionSpec::new("connection_timeout", OptionKind::Duration, "How long a connection may take to open.")
        .with(OptionDefault::Duration(Duration::from_secs(5)));

const READ_TIMEOUT: OptionSpec =
    OptionSpec::new("read_timeout", OptionKind::Duration, "How long the vault or the login may stay silent.")
        .with(OptionDefault::Duration(Duration::from_secs(10)));

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    CONNECTIONS_PREFIX.with_default(DEFAULTS.prefixes.connections),
    VARIABLES_PREFIX.with_default(DEFAULTS.prefixes.variables),
    CONFIG_PREFIX.with_default(DEFAULTS.prefixes.config),
    SEPARATOR.with_default(DEFAULTS.separator),
    OptionSpec::new(
        "vault_url",
        OptionKind::Text,
        "The address of the vault, such as `https://name.vault.azure.net`.",
    ),
    OptionSpec::new(
        "tenant_id",
        OptionKind::Text,
        "The Entra tenant of the service principal; with `client_id` and `client_secret`, or with a \
        certificate.",
    ),
    OptionSpec::new("client_id", OptionKind::Text, "The application id of the service principal."),
    OptionSpec::new("client_secret", OptionKind::Secret, "The client secret of the service principal."),
    OptionSpec::new(
        "client_certificate_path",
        OptionKind::Text,
        "A PEM or PFX file with the certificate and the private key of the service principal, instead of a \
        secret.",
    ),
    OptionSpec::new(
        "client_certificate_password",
        OptionKind::Secret,
        "The password of that file, if it has one.",
    ),
    SEND_CHAIN,
    OptionSpec::new(
        "managed_identity_client_id",
        OptionKind::Text,
        "The client id of a user-assigned managed identity, or of the workload identity; else \
        AZURE_CLIENT_ID.",
    ),
    OptionSpec::new(
        "workload_identity_tenant_id",
        OptionKind::Text,
        "The tenant of the workload identity; else AZURE_TENANT_ID.",
    ),
    OptionSpec::new(
        "authority",
        OptionKind::Text,
        "Where tokens are issued; else AZURE_AUTHORITY_HOST, else the login service of the vault's cloud.",
    ),
    VERIFY_RESOURCE,
    OptionSpec::new("api_version", OptionKind::Text, "The version of the vault's interface."),
    OptionSpec::new(
        "connection_verify",
        OptionKind::BooleanOrPath,
        "Whether the vault's certificate is verified, or the CA bundle to verify it with; the login is \
        always verified.",
    ),
    CA_BUNDLE.with_doc(
        "A PEM file of trusted CAs for the vault and the login, or `system`; takes precedence over \
        REQUESTS_CA_BUNDLE.",
    ),
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    OptionSpec::new(
        "retry_total",
        OptionKind::Count,
        "How often a read is tried again, at most; `max_attempts`, which counts the first, takes precedence \
        over it.",
    ),
    ignored("retry_connect", RETRY_LAYER, "Retries after failed connections."),
    ignored("retry_read", RETRY_LAYER, "Retries after broken answers."),
    ignored("retry_status", RETRY_LAYER, "Retries after answers that are errors."),
    ignored("retry_backoff_factor", RETRY_LAYER, "How waiting times grow."),
    ignored("retry_backoff_max", RETRY_LAYER, "The longest waiting time."),
    ignored("retry_mode", RETRY_LAYER, "How waiting times grow."),
    ignored(
        "logging_enable",
        "requests and answers are never logged, since they hold secrets",
        "Whether bodies are logged.",
    ),
];

/// The options, typed. Reading them touches neither files nor the network.
#[derive(Clone)]
pub(super) struct AzureSettings {
    /// The address of the vault, as written.
    pub(super) vault_url: Option<String>,
    /// The tenant of the service principal.
    pub(super) tenant_id: Option<String>,
    /// The service principal.
    pub(super) client_id: Option<String>,
    /// Its secret.
    pub(super) client_secret: Option<SecretString>,
    /// The file of its certificate.
    pub(super) certificate_path: Option<String>,
    /// The password of that file.
    pub(super) certificate_password: Option<SecretString>,
    /// Whether the certificate is sent with each login.
    pub(super) send_certificate_chain: bool,
    /// The user-assigned identity.
    pub(super) managed_identity_client_id: Option<String>,
    /// The tenant of the workload identity.
    pub(super) workload_identity_tenant_id: Option<String>,
    /// Where tokens are issued.
    pub(super) authority: Option<String>,
    /// Whether the resource of a challenge is checked.
    pub(super) verify_challenge_resource: bool,
    /// The version of the interface.
    pub(super) api_version: Option<String>,
    /// Whether the vault's certificate is verified.
    pub(super) verify: Verify,
    /// A CA bundle, or `system`.
    pub(super) ca_bundle: Option<String>,
    /// How long a connection may take to open.
    pub(super) connect_timeout: Duration,
    /// How long the other side may stay silent.
    pub(super) read_timeout: Duration,
}

impl AzureSettings {
    /// Types the options.
    pub(super) fn read(options: &Options) -> Self {
        let text = |key| options.non_empty(key).map(str::to_owned);
        let secret = |key| options.non_empty(key).map(|secret| SecretString::from(secret.to_owned()));
        Self {
            vault_url: text("vault_url"),
            tenant_id: text("tenant_id"),
            client_id: text("client_id"),
            client_secret: secret("client_secret"),
            certificate_path: text("client_certificate_path"),
            certificate_password: secret("client_certificate_password"),
            send_certificate_chain: options.boolean_of(&SEND_CHAIN),
            managed_identity_client_id: text("managed_identity_client_id"),
            workload_identity_tenant_id: text("workload_identity_tenant_id"),
            authority: text("authority"),
            verify_challenge_resource: options.boolean_of(&VERIFY_RESOURCE),
            api_version: text("api_version"),
            verify: Verify::read(options, "connection_verify"),
            ca_bundle: text("ca_bundle"),
            connect_timeout: options.duration_of(&CONNECT_TIMEOUT),
            read_timeout: options.duration_of(&READ_TIMEOUT),
        }
    }
}

/// Leaves out the credentials.
impl fmt::Debug for AzureSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AzureSettings")
            .field("vault_url", &self.vault_url)
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret.is_some())
            .field("authority", &self.authority)
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

/// Options that only matter after a failure, and those of the machine's identity if a service principal is
/// configured.
pub(super) fn plays_no_part(options: &Options, key: &str) -> bool {
    let is_principal =
        ["tenant_id", "client_id", "client_secret"].into_iter().all(|key| options.non_empty(key).is_some());
    let of_machine = matches!(key, "managed_identity_client_id" | "workload_identity_tenant_id");
    key == "retry_total" || of_machine && is_principal
}

/// How often one read is attempted in all, according to `retry_total`.
pub(super) fn attempts(options: &Options) -> Option<u64> {
    options.count("retry_total").map(|again| again.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    #[test]
    fn without_options_it_is_the_default_chain() {
        let settings = AzureSettings::read(&Options::default());
        assert!(settings.verify_challenge_resource && settings.client_secret.is_none());
        assert_eq!((settings.verify, attempts(&Options::default())), (Verify::Unset, None));
    }

    #[test]
    fn retries_are_attempts_after_the_first() {
        let mut options = Options::default();
        options.set("retry_total", OptionValue::Count(0));
        assert_eq!(attempts(&options), Some(1));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let mut options = Options::default();
        for key in ["client_secret", "client_certificate_password"] {
            options.set(key, OptionValue::Text("canary".to_owned()));
        }
        assert!(!format!("{:?}", AzureSettings::read(&options)).contains("canary"));
    }
}
