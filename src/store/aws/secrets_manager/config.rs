//! The options of the Secrets Manager store.

use crate::store::aws::aliases::EXTRA_CONN_WORDS;
use crate::store::aws::config::{AWS_OPTIONS, with_aws_options};
use crate::store::options::{OptionKind, OptionSpec};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, SEPARATOR, VARIABLES_PREFIX};

/// Why two options of older releases do nothing.
const REMOVED: &str = "removed in release 9.0.0 of the Amazon provider, whose class ignores it too: JSON and \
URIs are both read";

const OWN: [OptionSpec; 7] = [
    CONNECTIONS_PREFIX,
    VARIABLES_PREFIX,
    CONFIG_PREFIX,
    SEPARATOR,
    OptionSpec::new(
        EXTRA_CONN_WORDS,
        OptionKind::Object,
        "Further names for the fields of a JSON connection: an object of lists, such as \
        {\"login\": [\"usr\"]}.",
    ),
    OptionSpec::new(
        "full_url_mode",
        OptionKind::Ignored(REMOVED),
        "Whether a secret was a URI rather than JSON.",
    ),
    OptionSpec::new(
        "are_secret_values_urlencoded",
        OptionKind::Ignored(REMOVED),
        "Whether JSON values were percent-encoded.",
    ),
];

/// The options of this store: its own, then those of every AWS store.
pub(super) const OPTIONS: &[OptionSpec] =
    &with_aws_options::<{ OWN.len() }, { OWN.len() + AWS_OPTIONS.len() }>(OWN);
