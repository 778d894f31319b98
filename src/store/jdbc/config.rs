//! The options of databases.

use std::time::Duration;

use crate::store::kit::sealing::{SEALING_KEY, SEALING_KEY_FILE, SEALING_KEY_ID, SEALING_KEYS};
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionDefault, OptionKind, OptionSpec};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, SEPARATOR, VARIABLES_PREFIX};

/// The environment variables that this store reads besides those that all stores share.
pub(super) const VARIABLES: &[&str] = &[OF_URL, OF_USER, OF_PASSWORD];

pub(super) const OF_URL: &str = "STRONGROOM_JDBC_URL";
pub(super) const OF_USER: &str = "STRONGROOM_JDBC_USERNAME";
pub(super) const OF_PASSWORD: &str = "STRONGROOM_JDBC_PASSWORD";

/// The address.
pub(super) const URL: OptionSpec = OptionSpec::new(
    "url",
    OptionKind::Secret,
    "The address of the database, such as jdbc:postgresql://host:5432/database, with several hosts where \
    there are replicas; else STRONGROOM_JDBC_URL.",
);

/// The user.
pub(super) const USERNAME: OptionSpec = OptionSpec::new(
    "username",
    OptionKind::Text,
    "The user; takes precedence over that of `url`; else STRONGROOM_JDBC_USERNAME.",
);

/// The password.
pub(super) const PASSWORD: OptionSpec = OptionSpec::new(
    "password",
    OptionKind::Secret,
    "The password; takes precedence over that of `url`; else STRONGROOM_JDBC_PASSWORD.",
);

/// The dialect.
pub(super) const DIALECT: OptionSpec = OptionSpec::new(
    "dialect",
    OptionKind::Choice(&["postgresql", "mysql", "mariadb", "h2"]),
    "The database, where the scheme of `url` does not say it: `h2` for H2's server with `-pg`.",
);

/// The table.
pub(super) const TABLE: OptionSpec = OptionSpec::new(
    "table",
    OptionKind::Text,
    "The table with the sealed values, with its schema and a dot before it if that is not the user's own.",
)
.with_default("strongroom_secrets");

/// Encryption.
pub(super) const SSLMODE: OptionSpec = OptionSpec::new(
    "sslmode",
    OptionKind::Text,
    "How the connection is encrypted: disable, prefer, require, verify-ca or verify-full, or as MySQL names \
    them; else that of `url`, else prefer for a host that is this machine and verify-full for all others.",
);

/// The certificate of the client.
pub(super) const SSLCERT: OptionSpec =
    OptionSpec::new("sslcert", OptionKind::Text, "A PEM file with the client's own certificate.");

/// Its key.
pub(super) const SSLKEY: OptionSpec =
    OptionSpec::new("sslkey", OptionKind::Text, "A PEM file with the key of that certificate.");

/// The binding of the login.
pub(super) const CHANNEL_BINDING: OptionSpec = OptionSpec::new(
    "channel_binding",
    OptionKind::Choice(&["disable", "prefer", "require"]),
    "Whether the login to PostgreSQL is bound to the encrypted connection.",
)
.with_default("prefer");

/// The kind of host.
pub(super) const TARGET: OptionSpec = OptionSpec::new(
    "target_session_attrs",
    OptionKind::Choice(&["any", "primary", "standby", "prefer-standby"]),
    "Which of several hosts may be asked.",
)
.with_default("any");

/// The time for a host.
pub(super) const CONNECT_TIMEOUT: OptionSpec = OptionSpec::new(
    "connect_timeout",
    OptionKind::Duration,
    "How long one host may take to accept a connection, with encryption and login; the next one is tried \
    afterwards.",
)
.with(OptionDefault::Duration(Duration::from_secs(3)));

/// The time for a statement.
pub(super) const STATEMENT_TIMEOUT: OptionSpec = OptionSpec::new(
    "statement_timeout",
    OptionKind::Duration,
    "How long the database may work on one statement before it ends it itself; 0 asks for no limit.",
)
.with(OptionDefault::Duration(Duration::from_secs(10)));

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    URL,
    USERNAME,
    PASSWORD,
    DIALECT,
    OptionSpec::new(
        "driver_class_name",
        OptionKind::Ignored("no class of Java is loaded"),
        "The driver of Java.",
    ),
    TABLE,
    SEALING_KEY,
    SEALING_KEY_FILE,
    SEALING_KEY_ID,
    SEALING_KEYS,
    CONNECTIONS_PREFIX.with_default("airflow"),
    VARIABLES_PREFIX.with_default("airflow"),
    CONFIG_PREFIX.with_default("airflow"),
    SEPARATOR,
    SSLMODE,
    SSLCERT,
    SSLKEY,
    CHANNEL_BINDING,
    TARGET,
    CONNECT_TIMEOUT,
    STATEMENT_TIMEOUT,
    VERIFY,
    CA_BUNDLE,
];
