//! The options of 1Password Connect, and what they mean.

use url::Url;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::kit::place::Place;
use crate::store::kit::trust::{CA_BUNDLE, VERIFY};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, NAME_PREFIX, SEPARATOR, VARIABLES_PREFIX};

use super::error::CONNECT;

/// The environment variables that this store reads besides those that all stores share: those of 1Password's
/// own clients.
pub(super) const VARIABLES: &[&str] = &["OP_CONNECT_HOST", "OP_CONNECT_TOKEN", "OP_VAULT_ID"];

/// The address of the Connect server.
pub(super) const ADDRESS: OptionSpec = OptionSpec::new(
    "address",
    OptionKind::Text,
    "The address of the Connect server, such as https://connect.example.com; else OP_CONNECT_HOST.",
);

const VAULT: OptionSpec = OptionSpec::new(
    "vault",
    OptionKind::Text,
    "The vault, by its name or its id; else OP_VAULT_ID, else the only one that the token may read.",
);

const VAULT_ID: OptionSpec =
    OptionSpec::new("vault_id", OptionKind::Text, "Another way to write `vault`, which takes precedence.");

/// The field that is read instead of the usual ones.
pub(super) const FIELD: OptionSpec = OptionSpec::new(
    "field",
    OptionKind::Text,
    "The field that holds the value in every item, by its label; without it, the usual fields are tried.",
);

/// The section that is read instead of all.
pub(super) const SECTION: OptionSpec = OptionSpec::new(
    "section",
    OptionKind::Text,
    "The section whose fields are read, by its label or its id; without it, the fields of all sections are.",
);

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    ADDRESS,
    OptionSpec::new(
        "token",
        OptionKind::Secret,
        "An access token of the Connect server that may read the vault; else OP_CONNECT_TOKEN.",
    ),
    VAULT,
    VAULT_ID,
    FIELD,
    SECTION,
    CONNECTIONS_PREFIX,
    VARIABLES_PREFIX,
    CONFIG_PREFIX,
    SEPARATOR,
    NAME_PREFIX.with_doc(
        "What comes before the title of every item, of whatever kind, so that several installations can \
        share a vault.",
    ),
    VERIFY,
    CA_BUNDLE,
];

/// The vault as it is written; `None` for the only one that the token may read.
pub(super) fn vault<'text>(options: &'text Options, environment: &'text Environment) -> Option<&'text str> {
    vault_of(options).or_else(|| environment.non_empty("OP_VAULT_ID"))
}

/// The same, of the options alone.
pub(super) fn vault_of(options: &Options) -> Option<&str> {
    options.non_empty(VAULT.key).or_else(|| options.non_empty(VAULT_ID.key))
}

/// Where the items are, for messages.
pub(super) fn place(options: &Options, environment: &Environment) -> Place {
    Place::of(VAULT.key, vault(options, environment))
}

/// The address, if one is written: a missing one is an error of lookups, since the variable may be set in
/// other processes only.
pub(super) fn check(options: &Options, environment: &Environment) -> Result<Option<Url>> {
    let is_written = CONNECT.written_address(options, environment).is_some();
    is_written.then(|| CONNECT.address(options, environment)).transpose()
}
