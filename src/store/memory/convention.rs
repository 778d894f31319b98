//! Names and values in memory: the naming rules of Secrets Manager, and values unchanged.

use crate::error::Result;
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::store::prefix::{PrefixDefaults, PrefixRules};
use crate::value::SecretValue;

/// The rules of one configured in-memory backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryConvention(PrefixRules);

impl MemoryConvention {
    /// Reads the prefixes and the separator.
    pub fn from_options(options: &Options) -> Self {
        Self(PrefixRules::from_options(options, PrefixDefaults::AIRFLOW))
    }
}

impl Convention for MemoryConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        self.0.names(lookup)
    }

    /// Names are keys of a JSON object, which are always texts, so no other id can match.
    fn odd(&self, _lookup: Lookup<'_>, _odd: OddId, _multi_team: bool) -> OddFate {
        OddFate::Absent
    }

    /// Variables may be any JSON; Airflow expects text for connections and configuration options.
    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        let keeps_type = kind == Kind::Variable || !value.is_structured();
        let value = if keeps_type { value } else { SecretValue::text(value.expose()) };
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_stay_structured() {
        let convention = MemoryConvention::from_options(&Options::default());
        for (kind, structured) in [(Kind::Connection, false), (Kind::Variable, true), (Kind::Config, false)] {
            let value = convention.read(kind, SecretValue::structured(r#"{"host": "h"}"#)).unwrap().unwrap();
            assert_eq!((value.expose(), value.is_structured()), (r#"{"host": "h"}"#, structured), "{kind}");
        }
    }

    #[test]
    fn names_follow_the_prefix_rules() {
        let convention = MemoryConvention::from_options(&Options::default());
        let naming = convention.names(Lookup { kind: Kind::Variable, id: "v", team: Some("t") });
        assert_eq!(
            naming,
            Naming::Names(vec!["airflow/variables/t--v".into(), "airflow/variables/v".into()])
        );
    }
}
