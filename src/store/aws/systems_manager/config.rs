//! The options of the Parameter Store.

use crate::store::aws::aliases::EXTRA_CONN_WORDS;
use crate::store::aws::config::{AWS_OPTIONS, with_aws_options};
use crate::store::options::{OptionKind, OptionSpec};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, PrefixDefaults, VARIABLES_PREFIX};

/// The defaults of the official class, which begin with a slash. There is no `sep`: names are paths.
pub(super) const DEFAULTS: PrefixDefaults =
    PrefixDefaults::new(["/airflow/connections", "/airflow/variables", "/airflow/config"], "/");

const OWN: [OptionSpec; 4] = [
    CONNECTIONS_PREFIX.with_default(DEFAULTS.prefixes.connections),
    VARIABLES_PREFIX.with_default(DEFAULTS.prefixes.variables),
    CONFIG_PREFIX.with_default(DEFAULTS.prefixes.config),
    OptionSpec::new(
        EXTRA_CONN_WORDS,
        OptionKind::Object,
        "Read JSON connections as the class of Secrets Manager does, with these further names for their \
        fields; {} for none.",
    ),
];

/// The options of this store: its own, then those of every AWS store.
pub(super) const OPTIONS: &[OptionSpec] =
    &with_aws_options::<{ OWN.len() }, { OWN.len() + AWS_OPTIONS.len() }>(OWN);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_separator() {
        assert!(OPTIONS.iter().all(|spec| spec.key != "sep"));
    }
}
