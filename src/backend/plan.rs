//! Which names answer a lookup, decided without the store.

use crate::backend::settings::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Quoted;
use crate::store::SecretName;
use crate::store::convention::{Lookup, Naming, OddFate, OddId};
use crate::store::prefix::TEAM_SEPARATOR;

/// What to do for a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Answer `None` without a request.
    Skip,
    /// The same, and say why: the id could name a secret of another team, or none at all.
    Refuse(Refusal),
    /// Ask the store for these names, in order, until one is there.
    Ask(Vec<SecretName>),
}

/// Why an id is not looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence without its full stop.
    pub reason: String,
    /// What is wrong with the id.
    pub fault: Fault,
}

/// What is wrong with an id. Ids that change with each run would fill the log, so all with one fault share a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It could name a secret of another team.
    Ambiguous,
    /// No secret can have its name.
    Impossible,
}

impl Fault {
    /// The word by which warnings are told apart.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Impossible => "refused",
        }
    }
}

impl Refusal {
    fn ambiguous(reason: String) -> Plan {
        Plan::Refuse(Self { reason, fault: Fault::Ambiguous })
    }

    fn impossible(reason: String) -> Plan {
        Plan::Refuse(Self { reason, fault: Fault::Impossible })
    }

    /// What is said of a lookup.
    pub fn text(&self) -> String {
        format!("{}. Returning None.", self.reason)
    }

    /// What a command fails with where no secret can have the name of `id`.
    pub fn into_error(self, id: &str) -> Result<Error, Self> {
        if self.fault == Fault::Ambiguous {
            return Err(self);
        }
        let hint = format!("Use another id than {}: Airflow is answered None, without a request", Quoted(id));
        Ok(Error::new(ErrorKind::InvalidName, self.reason).with_hint(hint))
    }
}

/// Plans a lookup whose id is no text that a name can hold; `lookup` has what Python would put into a name.
pub fn plan_odd(
    settings: &Settings,
    lookup: Lookup<'_>,
    odd: OddId,
    multi_team: impl FnOnce() -> bool,
) -> Result<Plan> {
    let convention = &settings.convention;
    let is_text = odd == OddId::Surrogate;
    if convention.names(lookup) == Naming::Off && (is_text || !convention.place_in_id()) {
        return Ok(Plan::Skip);
    }
    let multi_team = multi_team();
    match convention.odd(lookup, odd, multi_team) {
        OddFate::Absent => Ok(Refusal::impossible(absent(lookup, odd))),
        // The official classes compare the id with a pattern, where Python wants a text.
        OddFate::AsText if !settings.patterns.has(lookup.kind) => plan(settings, lookup, || multi_team),
        OddFate::AsText | OddFate::Refused => Err(unusable(odd)),
    }
}

fn absent(lookup: Lookup<'_>, odd: OddId) -> String {
    format!("{} id {} {}", lookup.kind.title(), Quoted(lookup.id), fault(odd))
}

fn unusable(odd: OddId) -> Error {
    Error::new(ErrorKind::InvalidName, format!("the id {}", fault(odd)))
        .with_hint("Use an id that is a text of valid Unicode")
}

fn fault(odd: OddId) -> &'static str {
    match odd {
        OddId::Nothing | OddId::Object => "is no text, so no secret can have its name",
        OddId::Surrogate => "holds a lone surrogate, which no store can name",
    }
}

/// Plans `lookup` in the order of the official classes: kind off, ambiguous id, pattern, team, global.
///
/// `multi_team` reads `[core] multi_team`; it is called only where the answer depends on it.
pub fn plan(settings: &Settings, lookup: Lookup<'_>, multi_team: impl FnOnce() -> bool) -> Result<Plan> {
    let planned = match settings.convention.names(lookup) {
        Naming::Off => return Ok(Plan::Skip),
        Naming::Ambiguous { separator, names } => {
            if multi_team() {
                return Ok(Refusal::ambiguous(refusal(lookup, separator)));
            }
            Plan::Ask(names)
        }
        Naming::OfTeam { names, without_teams } => {
            Plan::Ask(if multi_team() { names } else { without_teams })
        }
        Naming::Impossible { grammar, names, .. } if settings.bundles.of(lookup.kind).is_none() => {
            Refusal::impossible(impossible(lookup, names.last(), grammar))
        }
        // A bundle may hold what the store cannot.
        Naming::Impossible { names, ambiguous, .. } => match ambiguous.filter(|_| multi_team()) {
            Some(separator) => Refusal::ambiguous(refusal(lookup, separator)),
            None => Plan::Ask(names),
        },
        Naming::Names(names) => Plan::Ask(names),
    };
    if settings.patterns.allow(lookup.kind, lookup.id)? {
        return Ok(planned);
    }
    let pattern = settings.patterns.text(lookup.kind).unwrap_or_default();
    tracing::debug!(
        "Skipping lookup of {}: does not match configured lookup_pattern {pattern:?}.",
        Quoted(lookup.id)
    );
    Ok(Plan::Skip)
}

/// The official classes' refusal; they know no ids that begin as the separator does.
fn refusal(lookup: Lookup<'_>, separator: &str) -> String {
    let why = if separator.starts_with(TEAM_SEPARATOR) || !TEAM_SEPARATOR.starts_with(separator) {
        format!("contains {separator:?}, which separates")
    } else {
        format!("begins with {separator:?}, as does what separates")
    };
    format!(
        "{} id {} {why} the team name from the secret id in a team scoped secret name. Such an id is ambiguous and \
         is not looked up",
        lookup.kind.title(),
        Quoted(lookup.id),
    )
}

/// Nothing can be there.
fn impossible(lookup: Lookup<'_>, name: Option<&SecretName>, grammar: &str) -> String {
    let name = name.map(SecretName::to_string).unwrap_or_default();
    format!(
        "{} id {} makes the name `{name}`, which no secret can have: {grammar}",
        lookup.kind.title(),
        Quoted(lookup.id),
    )
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::config::{RawOptions, RawValue, configure};
    use crate::store::convention::Kind;
    use crate::store::environment::Environment;
    use crate::store::registry::find;

    fn planned(kwargs: &[(&str, &str)], lookup: Lookup<'_>, multi_team: bool) -> Plan {
        let raw: RawOptions = kwargs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), RawValue::Text((*value).to_owned())))
            .collect();
        let configured = configure(find("memory").unwrap(), &raw, Environment::default()).unwrap();
        plan(&configured.settings, lookup, || multi_team).unwrap()
    }

    fn ask(names: &[&str]) -> Plan {
        Plan::Ask(names.iter().map(|name| SecretName::from(*name)).collect())
    }

    #[test]
    fn a_null_prefix_switches_one_kind_off() {
        let kwargs = [("variables_prefix", "null")];
        let variable = Lookup { kind: Kind::Variable, id: "a", team: None };
        assert_eq!(planned(&kwargs, variable, false), Plan::Skip);
        let connection = Lookup { kind: Kind::Connection, ..variable };
        assert_eq!(planned(&kwargs, connection, false), ask(&["airflow/connections/a"]));
    }

    #[test]
    fn an_ambiguous_id_is_refused_with_teams_only() {
        for kind in Kind::ALL {
            let lookup = Lookup { kind, id: "a--b", team: None };
            let Plan::Refuse(Refusal { reason: text, fault: Fault::Ambiguous }) = planned(&[], lookup, true)
            else {
                panic!("{kind} was not refused")
            };
            assert!(text.starts_with(kind.title()) && text.contains("\"a--b\""), "{text}");
            assert!(matches!(planned(&[], lookup, false), Plan::Ask(_)));
        }
    }

    #[test]
    fn an_id_that_begins_as_the_separator_does_is_refused_with_teams_only() {
        let lookup = Lookup { kind: Kind::Variable, id: "-db", team: Some("ops") };
        let Plan::Refuse(Refusal { reason: text, fault: Fault::Ambiguous }) = planned(&[], lookup, true)
        else {
            panic!("it was not refused")
        };
        assert!(
            text.starts_with(r#"Variable id "-db" begins with "-", as does what separates the team"#),
            "{text}"
        );
        assert_eq!(
            planned(&[], lookup, false),
            ask(&["airflow/variables/ops---db", "airflow/variables/-db"])
        );
    }

    #[cfg(feature = "google")]
    #[test]
    fn an_id_that_only_a_bundle_can_hold_is_no_way_to_the_secrets_of_another_team() {
        let raw = [("bundle".to_owned(), RawValue::Text("all".to_owned()))].into_iter();
        let raw: RawOptions = raw.collect();
        let entry = find("google_secret_manager").unwrap();
        let settings = configure(entry, &raw, Environment::default()).unwrap().settings;
        let planned = |id, multi_team| {
            plan(&settings, Lookup { kind: Kind::Connection, id, team: Some("mine") }, || multi_team).unwrap()
        };
        assert!(matches!(planned("other--my.db", true), Plan::Refuse(_)));
        assert!(matches!(planned("other--my.db", false), Plan::Ask(_)));
        assert!(matches!(planned("my.db", true), Plan::Ask(_)));
    }

    #[test]
    fn a_pattern_skips_what_it_does_not_match() {
        let kwargs = [("connections_lookup_pattern", "prod_")];
        let lookup = |id| Lookup { kind: Kind::Connection, id, team: None };
        assert_eq!(planned(&kwargs, lookup("dev_db"), false), Plan::Skip);
        assert_eq!(planned(&kwargs, lookup("PROD_db"), false), ask(&["airflow/connections/PROD_db"]));
    }
}
