//! Names in local files: the kind and Airflow's id, which is unambiguous. Teams are ignored, as in Airflow.

use crate::error::{Error, ErrorKind, Result};
use crate::store::SecretName;
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;
use crate::value::SecretValue;

use super::config::LocalConfig;

/// The rules of one configured local backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalConvention(LocalConfig);

impl LocalConvention {
    /// Notes which kinds have a file.
    pub fn from_options(options: &Options) -> Self {
        Self(LocalConfig::from_options(options))
    }
}

impl Convention for LocalConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        if self.0.serves(lookup.kind) {
            Naming::Names(vec![name(lookup.kind, lookup.id)])
        } else {
            Naming::Off
        }
    }

    /// Names are keys of a document, which are always texts, so no other id can match.
    fn odd(&self, _lookup: Lookup<'_>, _odd: OddId, _multi_team: bool) -> OddFate {
        OddFate::Absent
    }

    /// The store already returns what Airflow gets.
    fn read(&self, _kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        Ok(Some(value))
    }
}

/// The name for an id.
pub(super) fn name(kind: Kind, id: &str) -> SecretName {
    format!("{}/{id}", kind.group()).into()
}

/// The kinds that may have names with this beginning.
pub(super) fn kinds_with(prefix: &str) -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(move |kind| {
        let own = name(*kind, "");
        prefix.starts_with(own.as_str()) || own.as_str().starts_with(prefix)
    })
}

/// The kind and the id in a name that [`LocalConvention`] made. The id may contain slashes.
pub(super) fn split_name(name: &SecretName) -> Result<(Kind, &str)> {
    let split = name.as_str().split_once('/').and_then(|(first, id)| {
        let kind = Kind::of_group(first)?;
        Some((kind, id))
    });
    split.ok_or_else(|| {
        Error::new(ErrorKind::InvalidName, format!("`{name}` is no name in a local file"))
            .with_hint("Names are connections/<id>, variables/<key> or config/<key>")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::PerKind;

    fn convention() -> LocalConvention {
        LocalConvention(LocalConfig {
            files: PerKind { variables: Some("v.json".into()), ..PerKind::default() },
            ..LocalConfig::default()
        })
    }

    #[test]
    fn a_kind_without_a_file_is_off() {
        let lookup = Lookup { kind: Kind::Connection, id: "a", team: None };
        assert_eq!(convention().names(lookup), Naming::Off);
    }

    #[test]
    fn the_team_is_ignored_and_double_dashes_are_plain() {
        let lookup = Lookup { kind: Kind::Variable, id: "a--b", team: Some("t") };
        assert_eq!(convention().names(lookup), Naming::Names(vec!["variables/a--b".into()]));
    }

    #[test]
    fn a_prefix_leaves_the_kinds_that_it_may_begin() {
        let kinds = |prefix| kinds_with(prefix).collect::<Vec<_>>();
        assert_eq!(kinds(""), Kind::ALL);
        assert_eq!(kinds("con"), [Kind::Connection, Kind::Config]);
        assert_eq!(kinds("variables/a"), [Kind::Variable]);
        assert_eq!(kinds("variables2"), []);
    }

    #[test]
    fn names_can_be_split_again() {
        assert_eq!(split_name(&"connections/a/b".into()).unwrap(), (Kind::Connection, "a/b"));
        assert_eq!(split_name(&"config/".into()).unwrap(), (Kind::Config, ""));
        let error = split_name(&"pools/a\n".into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName);
        insta::assert_snapshot!(error, @r"`pools/a\n` is no name in a local file. Names are connections/<id>, variables/<key> or config/<key>");
    }
}
