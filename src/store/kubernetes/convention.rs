//! Names in Kubernetes: the label selector that finds a secret, as `KubernetesSecretsBackend` (10.25.0)
//! writes it, with Airflow's id at its end.

use crate::store::SecretName;
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::options::Options;

use super::config::{Labels, VALUE};

const GRAMMAR: &str = "the value of a label has at most 63 letters, digits, `-`, `_` and `.`, and \
    begins and ends with a letter or digit";

/// What separates the key of the data, if it is another one than `value`, from the selector. Neither has it.
const SEPARATOR: char = ':';

/// The rules of one configured backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KubernetesConvention(Labels);

impl KubernetesConvention {
    /// Reads labels and keys.
    pub(super) fn from_options(options: &Options) -> Self {
        Self(Labels::from_options(options))
    }

    /// The name for an id, of a team or shared by all.
    fn name(&self, label: &str, lookup: Lookup<'_>, team: Option<&str>) -> SecretName {
        let of_team = match (&self.0.team, team) {
            (Some(label), Some(team)) => format!("{label}={team},"),
            (Some(label), None) => format!("!{label},"),
            (None, _) => String::new(),
        };
        let key = match self.0.data_keys.of(lookup.kind).as_str() {
            VALUE => String::new(),
            key => format!("{key}{SEPARATOR}"),
        };
        format!("{key}{of_team}{label}={}", lookup.id).into()
    }
}

impl Convention for KubernetesConvention {
    /// The official class refuses ids such as `_ops___db`, which no label has, outside of their team.
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let Some(label) = self.0.of_kinds.of(lookup.kind) else { return Naming::Off };
        let team =
            lookup.team.filter(|team| is_label_value(team) && !team.is_empty() && self.0.team.is_some());
        let of_team = team.map(|team| self.name(label, lookup, Some(team)));
        let names = of_team.into_iter().chain([self.name(label, lookup, None)]).collect();
        if is_label_value(lookup.id) {
            Naming::Names(names)
        } else {
            Naming::Impossible { grammar: GRAMMAR, names, ambiguous: None }
        }
    }

    /// Outside of a team the official class searches the id for one, which fails for anything but a text.
    fn odd(&self, lookup: Lookup<'_>, odd: OddId, _multi_team: bool) -> OddFate {
        let is_searched = lookup.kind != Kind::Config && lookup.team.is_none();
        if odd == OddId::Surrogate || is_searched { OddFate::Refused } else { OddFate::AsText }
    }
}

/// Whether a label can have this value. A comma would add another condition to the selector.
fn is_label_value(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.len() <= 63
        && text.bytes().all(is_letter)
        && is_end(text.bytes().next())
        && is_end(text.bytes().next_back())
}

/// The key of the data and the selector in a name.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_once(SEPARATOR).unwrap_or((VALUE, name))
}

/// A name up to its id, and the id; `None` for a selector of another shape, such as that of a bundle.
pub(super) fn split_id(name: &str) -> Option<(&str, &str)> {
    let (beginning, id) = name.rsplit_once('=')?;
    is_label_value(id).then_some((beginning, id))
}

/// The label at the end of a selector.
pub(super) fn last_label(selector: &str) -> &str {
    selector.rsplit_once(',').map_or(selector, |(_, label)| label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn names(options: &Options, kind: Kind, id: &str, team: Option<&str>) -> Vec<String> {
        match KubernetesConvention::from_options(options).names(Lookup { kind, id, team }) {
            Naming::Names(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn a_name_is_a_selector_that_ends_in_the_id() {
        let options = Options::of_texts(&[("variables_data_key", "v"), ("config_label", "c")]);
        let (team, id) = ("airflow.apache.org/team", "airflow.apache.org/connection-id");
        assert_eq!(names(&options, Kind::Connection, "my_db", None), [format!("!{team},{id}=my_db")]);
        assert_eq!(
            names(&options, Kind::Connection, "my_db", Some("ops")),
            [format!("{team}=ops,{id}=my_db"), format!("!{team},{id}=my_db")]
        );
        let key = "airflow.apache.org/variable-key";
        assert_eq!(names(&options, Kind::Variable, "a", Some("")), [format!("v:!{team},{key}=a")]);
        // No label has such a team.
        assert_eq!(names(&options, Kind::Config, "a", Some("a,b")), [format!("!{team},c=a")]);
    }

    #[test]
    fn null_switches_a_kind_or_teams_off() {
        let mut options = Options::default();
        options.set("connections_label", OptionValue::Null);
        options.set("team_label", OptionValue::Null);
        assert_eq!(names(&options, Kind::Connection, "a", None), ["Off"]);
        assert_eq!(names(&options, Kind::Variable, "a", Some("ops")), ["airflow.apache.org/variable-key=a"]);
    }

    #[test]
    fn no_id_adds_a_condition() {
        for id in ["a,b=c", "a=b", "a b", "a/b", "_ops___db", "-a", "a-", "a)", "\u{e9}", &"a".repeat(64)] {
            let naming = &names(&Options::default(), Kind::Variable, id, None)[0];
            assert!(naming.starts_with("Impossible"), "{id}: {naming}");
        }
        for id in ["", "A", "a-_.b", "0", &"a".repeat(63)] {
            assert!(names(&Options::default(), Kind::Variable, id, None)[0].ends_with(&format!("={id}")));
        }
    }

    #[test]
    fn a_name_can_be_taken_apart() {
        assert_eq!(split("!t,l=a"), ("value", "!t,l=a"));
        assert_eq!(split("key:!t,l=a"), ("key", "!t,l=a"));
        assert_eq!(split_id("t=ops,l=a"), Some(("t=ops,l", "a")));
        assert_eq!(split_id("l in (a,b)"), None);
        assert_eq!((last_label("t=ops,l"), last_label("l")), ("l", "l"));
    }
}
