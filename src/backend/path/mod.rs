//! `path_template`: names with a tenant and a namespace, as Kestra has them.
//!
//! The template takes the place of the store's own default prefixes; the rest of a name follows the rules of
//! the store, which also decides whether a name can exist. A team of Airflow is the last part of the
//! namespace. With `inherit` a secret is looked for in the namespace, then in each of its parents.

mod settings;
mod template;
#[cfg(test)]
#[cfg(feature = "stores")]
mod tests;

use std::sync::Arc;

use crate::backend::path::template::Template;
use crate::error::Result;
use crate::store::convention::{Convention, Form, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::{PerKind, SecretName};
use crate::value::SecretValue;

pub(super) use settings::OPTIONS;
pub use settings::convention;

/// What a team must be to be a part of a namespace.
const GRAMMAR: &str = "a team that is the last part of a namespace has no dot and no separator of \
                       `path_template` in its name";

/// The rules of a store below a tenant and a namespace.
#[derive(Debug)]
struct Paths {
    /// The rules of the store, without default prefixes.
    own: Arc<dyn Convention>,
    /// What the store's rules put before an id where there is no prefix, as Google's do.
    lead: PerKind<String>,
    template: Template,
    tenant: String,
    /// The parts of the namespace, the root first.
    namespace: Vec<String>,
    inherits: bool,
}

impl Paths {
    /// The namespaces that are searched, in order; `None` for a team that cannot be a part of one.
    fn levels<'a>(&'a self, lookup: Lookup<'a>) -> Option<Vec<Vec<&'a str>>> {
        if !self.template.has_namespace() {
            return Some(vec![Vec::new()]);
        }
        let mut whole: Vec<&str> = self.namespace.iter().map(String::as_str).collect();
        if let Some(team) = lookup.team.filter(|team| !team.is_empty() && lookup.kind != Kind::Config) {
            if !self.template.can_hold(team) {
                return None;
            }
            whole.push(team);
        }
        let last = if self.inherits { 1 } else { whole.len() };
        Some((last..=whole.len()).rev().map(|length| whole[..length].to_vec()).collect())
    }

    fn without_lead(&self, kind: Kind, naming: Naming) -> Naming {
        let lead = self.lead.of(kind);
        if lead.is_empty() {
            return naming;
        }
        let bare =
            |name: &SecretName| name.as_str().strip_prefix(lead.as_str()).unwrap_or(name.as_str()).into();
        match naming {
            Naming::Off => Naming::Off,
            Naming::Impossible { grammar, names, ambiguous } => {
                Naming::Impossible { grammar, names: names.iter().map(bare).collect(), ambiguous }
            }
            other => Naming::Names(other.into_names().iter().map(bare).collect()),
        }
    }

    /// The rules of the store for `id` below `namespace`.
    fn below(&self, lookup: Lookup<'_>, namespace: &[&str]) -> Naming {
        let path = self.template.before_name(lookup.kind, &self.tenant, namespace);
        let (kind, team) = (lookup.kind, None);
        if !lookup.id.is_empty() {
            let naming = self.own.names(Lookup { kind, id: &format!("{path}{}", lookup.id), team });
            return self.without_lead(kind, naming);
        }
        // The beginning of all names, which the store's rules make of an empty id.
        let begins = self.without_lead(kind, self.own.names(Lookup { kind, id: "", team })).into_names();
        let names: Vec<SecretName> =
            begins.iter().map(|begin| format!("{}{path}", begin.as_str()).into()).collect();
        if names.is_empty() { Naming::Off } else { Naming::Names(names) }
    }
}

impl Convention for Paths {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        if matches!(self.own.names(Lookup { id: "", team: None, ..lookup }), Naming::Off) {
            return Naming::Off;
        }
        let Some(levels) = self.levels(lookup) else {
            return Naming::Impossible { grammar: GRAMMAR, names: Vec::new(), ambiguous: None };
        };
        let ambiguous = self.template.ambiguity(lookup.kind, lookup.id);
        let (mut all, mut fault) = (Vec::new(), None);
        for level in levels {
            let naming = self.below(lookup, &level);
            if let Naming::Impossible { grammar, .. } = &naming {
                fault = fault.or(Some(*grammar));
            }
            all.extend(naming.into_names());
        }
        match (fault, ambiguous) {
            (Some(grammar), ambiguous) => Naming::Impossible { grammar, names: all, ambiguous },
            (None, Some(separator)) => Naming::Ambiguous { separator, names: all },
            (None, None) => Naming::Names(all),
        }
    }

    fn id_below(&self, prefix: &str, name: &SecretName) -> Option<String> {
        self.own.id_below(prefix, name)
    }

    fn read(&self, kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        self.own.read(kind, value)
    }

    fn write(&self, kind: Kind, form: Form, text: SecretValue) -> Result<SecretValue> {
        self.own.write(kind, form, text)
    }

    fn referred(&self, name: &SecretName) -> SecretName {
        self.own.referred(name)
    }

    fn odd(&self, lookup: Lookup<'_>, odd: OddId, multi_team: bool) -> OddFate {
        self.own.odd(lookup, odd, multi_team)
    }

    fn dropped(&self, kind: Kind, value: &SecretValue) -> Vec<String> {
        self.own.dropped(kind, value)
    }
}
