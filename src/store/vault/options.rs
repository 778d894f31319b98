//! What can be configured of Vault: the declarations. What they become is in `config.rs`.

use crate::store::convention::Kind;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionDefault, OptionKind, OptionSpec};

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

const HANDED_ON: &str = "it is a part of hvac, which is not used here";

/// Whether teams have folders of their own.
pub(super) const BY_TEAM: OptionSpec = OptionSpec::new(
    "use_team_secrets_path",
    OptionKind::Boolean,
    "Whether the secrets of a team are at `<path>/<team>/<id>`.",
)
.with(OptionDefault::Boolean(true))
.with_null_as_no();

/// The mount of the KV engine.
pub(super) const MOUNT_POINT: OptionSpec = OptionSpec::new(
    "mount_point",
    OptionKind::Prefix,
    "The mount of the KV engine; null takes the first segment of each id.",
)
.with_default("secret");

/// The version of the KV engine.
pub(super) const KV_ENGINE_VERSION: OptionSpec = OptionSpec::new(
    "kv_engine_version",
    OptionKind::Json("1, 2 or auto"),
    "The version of the KV engine: 1, 2, or auto to ask the server once.",
)
.with_default("2");

/// The login.
pub(super) const AUTH_TYPE: OptionSpec = OptionSpec::new(
    "auth_type",
    OptionKind::Text,
    "The login: approle, aws_iam, azure, cert, gcp, github, jwt, kubernetes, ldap, radius, token or \
userpass.",
)
.with_default("token");

/// Where a pod has the token of its service account.
pub(super) const KUBERNETES_JWT_PATH: OptionSpec = OptionSpec::new(
    "kubernetes_jwt_path",
    OptionKind::Text,
    "The file with the token of the service account.",
)
.with_default("/var/run/secrets/kubernetes.io/serviceaccount/token");

/// Whether redirects are followed.
pub(super) const ALLOW_REDIRECTS: OptionSpec = OptionSpec::new(
    "allow_redirects",
    OptionKind::Boolean,
    "Whether up to two redirects on the same host are followed.",
)
.with(OptionDefault::Boolean(true))
.with_null_as_no();

/// Whether requests say that they are for Vault.
pub(super) const REQUEST_HEADER: OptionSpec = OptionSpec::new(
    "request_header",
    OptionKind::Boolean,
    "Whether requests carry X-Vault-Request, which agents may ask for.",
)
.with(OptionDefault::Boolean(true))
.with_null_as_no();

/// Whether the verb LIST is avoided.
pub(super) const STRICT_HTTP: OptionSpec = OptionSpec::new(
    "strict_http",
    OptionKind::Boolean,
    "List with GET instead of the verb LIST, which some proxies refuse.",
)
.with(OptionDefault::Boolean(false))
.with_null_as_no();

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "connections_path",
        OptionKind::Prefixes,
        "Where connections are below the mount; a list is tried in order, null switches connections off.",
    )
    .with_default(Kind::Connection.group()),
    OptionSpec::new(
        "variables_path",
        OptionKind::Prefixes,
        "Where variables are below the mount; a list is tried in order, null switches variables off.",
    )
    .with_default(Kind::Variable.group()),
    OptionSpec::new(
        "config_path",
        OptionKind::Prefixes,
        "Where config values are below the mount; a list is tried in order, null switches config off.",
    )
    .with_default(Kind::Config.group()),
    OptionSpec::new(
        "global_secrets_path",
        OptionKind::Prefixes,
        "Deprecated: one more path at the end of the three; write lists instead.",
    ),
    BY_TEAM,
    MOUNT_POINT,
    KV_ENGINE_VERSION,
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
    AUTH_TYPE,
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
    KUBERNETES_JWT_PATH,
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
    VERIFY,
    CA_BUNDLE.with_doc(
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
    ALLOW_REDIRECTS,
    REQUEST_HEADER,
    STRICT_HTTP,
    OptionSpec::new("session", OptionKind::Ignored(HANDED_ON), "A session of Python's requests."),
    OptionSpec::new("adapter", OptionKind::Ignored(HANDED_ON), "An adapter class of hvac."),
    OptionSpec::new(
        "ignore_exceptions",
        OptionKind::Ignored(HANDED_ON),
        "Whether hvac hides errors; `on_error` decides here.",
    ),
];
