//! Which names answer a lookup, decided without the store.

use std::fmt;

use crate::backend::chain::{self, Leg};
use crate::backend::settings::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Quoted;
use crate::store::SecretName;
use crate::store::convention::{Kind, Lookup, Naming, OddFate, OddId};
use crate::store::prefix::TEAM_SEPARATOR;

/// The names that answer a lookup, in the order in which they are asked. They are created and read in
/// `backend`; other modules pass them on, or show them. In a chain the names are those of all members, and
/// the legs say which member is asked for which. Last is whether Airflow has teams, where that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route(pub(super) Vec<SecretName>, pub(super) Vec<Leg>, pub(super) Option<bool>);

impl From<Vec<SecretName>> for Route {
    fn from(names: Vec<SecretName>) -> Self {
        Self(names, Vec::new(), None)
    }
}

impl Route {
    /// The first name of `lookup`, ignoring pattern and team; `None` for a kind that is switched off.
    pub fn first_of(settings: &Settings, lookup: Lookup<'_>) -> Option<Self> {
        let first = settings.convention.names(lookup).into_names().into_iter().next();
        first.map(|name| Self::from(vec![name]))
    }
}

/// The end of a sentence with "asked for": "`a`, then `b`".
impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<_> = self.0.iter().map(|name| format!("`{name}`")).collect();
        formatter.write_str(&quoted.join(", then "))
    }
}

/// What to do for a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Answer `None` without a request.
    Skip(Skipped),
    /// Ask the store for one name after the other, until one exists.
    Ask(Route),
}

/// Why the store is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// Lookups of this kind are switched off.
    KindOff,
    /// Each id has to name the place that it is in, and this one does not.
    NoPlace,
    /// The member of the chain is not asked for it, or no member is: the reason.
    Unrouted(String),
    /// The id does not match this lookup pattern.
    Pattern(String),
    /// No secret can have the name, or the id is not a text: a sentence without its full stop.
    Impossible(String),
    /// The id could name a secret of another team: a sentence without its full stop.
    Ambiguous(String),
}

impl Skipped {
    /// The outcome in logs and metrics.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::KindOff | Self::NoPlace | Self::Unrouted(_) | Self::Pattern(_) => "skipped",
            Self::Impossible(_) | Self::Ambiguous(_) => "refused",
        }
    }

    /// The fault of the id, if it has one. Ids that change with each run would fill the log, so all with the
    /// same fault share a warning.
    pub const fn fault(&self) -> Option<&'static str> {
        match self {
            Self::KindOff | Self::NoPlace | Self::Unrouted(_) | Self::Pattern(_) => None,
            Self::Impossible(_) => Some("refused"),
            Self::Ambiguous(_) => Some("ambiguous"),
        }
    }

    /// The error of a command if no secret can have the name of `id`; `None` if the id is valid, or is
    /// another team's.
    pub fn as_error(&self, id: &str) -> Option<Error> {
        let Self::Impossible(reason) = self else { return None };
        let hint = format!("Use another id than {}: Airflow is answered None, without a request", Quoted(id));
        Some(Error::new(ErrorKind::InvalidName, reason.clone()).with_hint(hint))
    }

    /// The reason, for the log if the id has a fault, and for the command line.
    pub fn reason(&self, kind: Kind) -> String {
        match self {
            Self::KindOff => format!("lookups of this kind ({kind}) are switched off in the options"),
            Self::NoPlace => {
                "the id names no mount (`mount_point` is null): it should be MOUNT/ID".to_owned()
            }
            Self::Unrouted(reason) => reason.clone(),
            Self::Pattern(pattern) => format!("the id does not match the lookup pattern {pattern:?}"),
            Self::Impossible(reason) | Self::Ambiguous(reason) => format!("{reason}. Returning None."),
        }
    }
}

/// Why `kind` has no names: it is off, or the id does not name a place.
fn off(settings: &Settings, kind: Kind) -> Skipped {
    if settings.needs_place(kind) { Skipped::NoPlace } else { Skipped::KindOff }
}

/// Plans a lookup whose id is not a text that a name can hold; `lookup` contains what Python would put into a
/// name.
pub fn plan_odd(
    settings: &Settings,
    lookup: Lookup<'_>,
    odd: OddId,
    multi_team: impl FnOnce() -> bool,
) -> Result<Plan> {
    match &settings.chain {
        Some(chain) => Ok(chain::plan(chain, lookup, Some(odd), multi_team)),
        None => plan_store_odd(settings, lookup, odd, multi_team),
    }
}

/// Like [`plan_odd`], for one store.
pub(super) fn plan_store_odd(
    settings: &Settings,
    lookup: Lookup<'_>,
    odd: OddId,
    multi_team: impl FnOnce() -> bool,
) -> Result<Plan> {
    let convention = &settings.convention;
    let is_text = odd == OddId::Surrogate;
    if convention.names(lookup) == Naming::Off && (is_text || !convention.place_in_id()) {
        return Ok(Plan::Skip(off(settings, lookup.kind)));
    }
    let multi_team = multi_team();
    match convention.odd(lookup, odd, multi_team) {
        OddFate::Absent => Ok(Plan::Skip(Skipped::Impossible(absent(lookup, odd)))),
        // The official classes match the id against the pattern, which requires a text in Python.
        OddFate::AsText if !settings.patterns.has(lookup.kind) => plan_store(settings, lookup, || multi_team),
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
/// `multi_team` reads `[core] multi_team`; it is only called where the answer depends on it.
pub fn plan(settings: &Settings, lookup: Lookup<'_>, multi_team: impl FnOnce() -> bool) -> Result<Plan> {
    match &settings.chain {
        Some(chain) => Ok(chain::plan(chain, lookup, None, multi_team)),
        None if settings.references.is_empty() => plan_store(settings, lookup, multi_team),
        None => plan_with_teams(settings, lookup, multi_team),
    }
}

/// Like [`plan_store`], where a value may lead to other secrets: not to those of another team.
fn plan_with_teams(
    settings: &Settings,
    lookup: Lookup<'_>,
    multi_team: impl FnOnce() -> bool,
) -> Result<Plan> {
    let multi_team = std::cell::LazyCell::new(multi_team);
    Ok(match plan_store(settings, lookup, || *multi_team)? {
        Plan::Ask(Route(names, legs, _)) => Plan::Ask(Route(names, legs, Some(*multi_team))),
        skipped @ Plan::Skip(_) => skipped,
    })
}

/// Like [`plan`], for one store.
pub(super) fn plan_store(
    settings: &Settings,
    lookup: Lookup<'_>,
    multi_team: impl FnOnce() -> bool,
) -> Result<Plan> {
    let planned = match settings.convention.names(lookup) {
        Naming::Off => return Ok(Plan::Skip(off(settings, lookup.kind))),
        // Without teams the id cannot belong to another one, so it is an ordinary id.
        Naming::Ambiguous { separator, names } => {
            if multi_team() {
                return Ok(Plan::Skip(Skipped::Ambiguous(ambiguous(lookup, separator))));
            }
            Plan::Ask(Route::from(names))
        }
        Naming::OfTeam { names, without_teams } => {
            Plan::Ask(Route::from(if multi_team() { names } else { without_teams }))
        }
        Naming::Impossible { grammar, names, .. } if settings.bundles.of(lookup.kind).is_none() => {
            Plan::Skip(Skipped::Impossible(impossible(lookup, names.last(), grammar)))
        }
        // A bundle may contain what the store cannot.
        Naming::Impossible { names, ambiguous: teams, .. } => match teams.filter(|_| multi_team()) {
            Some(separator) => Plan::Skip(Skipped::Ambiguous(ambiguous(lookup, separator))),
            None => Plan::Ask(Route::from(names)),
        },
        Naming::Names(names) => Plan::Ask(Route::from(names)),
    };
    if settings.patterns.allow(lookup.kind, lookup.id)? {
        return Ok(planned);
    }
    let pattern = settings.patterns.text(lookup.kind).unwrap_or_default();
    tracing::debug!(
        "Skipping lookup of {}: does not match configured lookup_pattern {pattern:?}.",
        Quoted(lookup.id)
    );
    Ok(Plan::Skip(Skipped::Pattern(pattern.to_owned())))
}

/// The refusal of the official classes; they do not check for ids that begin like the separator.
fn ambiguous(lookup: Lookup<'_>, separator: &str) -> String {
    let why = if separator.starts_with(TEAM_SEPARATOR) || !TEAM_SEPARATOR.starts_with(separator) {
        format!("contains {separator:?}, which separates")
    } else {
        format!("begins with {separator:?}, as does what separates")
    };
    format!(
        "{} id {} {why} the team name from the secret id in a team scoped secret name. Such an id is \
        ambiguous and is not looked up",
        lookup.kind.title(),
        Quoted(lookup.id),
    )
}

/// No secret can exist under this name.
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
        Plan::Ask(names.iter().map(|name| SecretName::from(*name)).collect::<Vec<_>>().into())
    }

    #[test]
    fn a_null_prefix_switches_one_kind_off() {
        let kwargs = [("variables_prefix", "null")];
        let variable = Lookup { kind: Kind::Variable, id: "a", team: None };
        assert_eq!(planned(&kwargs, variable, false), Plan::Skip(Skipped::KindOff));
        let connection = Lookup { kind: Kind::Connection, ..variable };
        assert_eq!(planned(&kwargs, connection, false), ask(&["airflow/connections/a"]));
    }

    #[test]
    fn an_ambiguous_id_is_refused_with_teams_only() {
        for kind in Kind::ALL {
            let lookup = Lookup { kind, id: "a--b", team: None };
            let Plan::Skip(Skipped::Ambiguous(text)) = planned(&[], lookup, true) else {
                panic!("{kind} was not refused")
            };
            assert!(text.starts_with(kind.title()) && text.contains("\"a--b\""), "{text}");
            assert!(matches!(planned(&[], lookup, false), Plan::Ask(_)));
        }
    }

    #[test]
    fn an_id_that_begins_as_the_separator_does_is_refused_with_teams_only() {
        let lookup = Lookup { kind: Kind::Variable, id: "-db", team: Some("ops") };
        let Plan::Skip(Skipped::Ambiguous(text)) = planned(&[], lookup, true) else {
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
    fn an_id_that_only_a_bundle_can_hold_does_not_reach_the_secrets_of_another_team() {
        let raw = [("bundle".to_owned(), RawValue::Text("all".to_owned()))].into_iter();
        let raw: RawOptions = raw.collect();
        let entry = find("google_secret_manager").unwrap();
        let settings = configure(entry, &raw, Environment::default()).unwrap().settings;
        let planned = |id, multi_team| {
            plan(&settings, Lookup { kind: Kind::Connection, id, team: Some("mine") }, || multi_team).unwrap()
        };
        assert!(matches!(planned("other--my.db", true), Plan::Skip(Skipped::Ambiguous(_))));
        assert!(matches!(planned("other--my.db", false), Plan::Ask(_)));
        assert!(matches!(planned("my.db", true), Plan::Ask(_)));
    }

    #[test]
    fn a_pattern_skips_what_it_does_not_match() {
        let kwargs = [("connections_lookup_pattern", "prod_")];
        let lookup = |id| Lookup { kind: Kind::Connection, id, team: None };
        assert_eq!(
            planned(&kwargs, lookup("dev_db"), false),
            Plan::Skip(Skipped::Pattern("prod_".to_owned()))
        );
        assert_eq!(planned(&kwargs, lookup("PROD_db"), false), ask(&["airflow/connections/PROD_db"]));
    }

    #[test]
    fn a_reason_has_an_outcome_and_an_id_may_have_a_fault() {
        let sentence = || "a sentence".to_owned();
        let pattern = Skipped::Pattern(sentence());
        let (impossible, ambiguous) = (Skipped::Impossible(sentence()), Skipped::Ambiguous(sentence()));
        let summary = |reason: &Skipped| (reason.outcome(), reason.fault(), reason.as_error("x").is_some());
        for quiet in [&Skipped::KindOff, &Skipped::NoPlace, &pattern] {
            assert_eq!(summary(quiet), ("skipped", None, false));
        }
        assert_eq!(summary(&impossible), ("refused", Some("refused"), true));
        assert_eq!(summary(&ambiguous), ("refused", Some("ambiguous"), false));
        assert_eq!(ambiguous.reason(Kind::Config), "a sentence. Returning None.");
        insta::assert_snapshot!(Skipped::KindOff.reason(Kind::Config), @"lookups of this kind (config) are \
        switched off in the options");
    }
}
