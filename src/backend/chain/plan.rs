//! Which members are asked for a lookup, and for which names.

use std::cell::OnceCell;

use crate::backend::chain::settings::{ChainSettings, Member};
use crate::backend::plan::{Plan, Route, Skipped, plan_store, plan_store_odd};
use crate::error::Error;
use crate::process::is_outside;
use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::convention::{Lookup, OddId};

/// What a member contributes to a lookup.
#[derive(Clone, Debug)]
pub(crate) enum Leg {
    /// It is not asked.
    PassedOver(Skipped),
    /// It is asked for these names, in this order.
    Ask(Vec<SecretName>),
    /// It cannot be asked.
    Fault(Error),
}

impl PartialEq for Leg {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::PassedOver(left), Self::PassedOver(right)) => left == right,
            (Self::Ask(left), Self::Ask(right)) => left == right,
            (Self::Fault(left), Self::Fault(right)) => left.to_string() == right.to_string(),
            _ => false,
        }
    }
}

impl Eq for Leg {}

impl Leg {
    /// The names that are asked for.
    pub(super) fn names(&self) -> &[SecretName] {
        if let Self::Ask(names) = self { names } else { &[] }
    }

    pub(super) fn is_passed_over(&self) -> bool {
        matches!(self, Self::PassedOver(_))
    }
}

/// Plans `lookup` for every member. An odd id is one that is not a text that a name can hold.
pub(in crate::backend) fn plan(
    chain: &ChainSettings,
    lookup: Lookup<'_>,
    odd: Option<OddId>,
    multi_team: impl FnOnce() -> bool,
) -> Plan {
    let (mut reads, answer) = (Some(multi_team), OnceCell::new());
    // Airflow is asked once, by the first member for which it matters.
    let mut multi_team = || *answer.get_or_init(|| reads.take().is_some_and(|read| read()));
    let legs: Vec<Leg> =
        chain.members.iter().map(|member| leg(member, lookup, odd, &mut multi_team)).collect();
    if legs.iter().all(Leg::is_passed_over) {
        return Plan::Skip(why_none(chain, lookup, legs));
    }
    // A reference must not lead to the secret of another team.
    let has_teams = chain.refers().then(&mut multi_team);
    let names = legs.iter().flat_map(Leg::names).cloned().collect();
    Plan::Ask(Route(names, legs, has_teams))
}

fn leg(
    member: &Member,
    lookup: Lookup<'_>,
    odd: Option<OddId>,
    multi_team: &mut impl FnMut() -> bool,
) -> Leg {
    if is_outside() && member.is_foreign() {
        let why = "a class of another package makes this lookup, and none of them is asked within another";
        return Leg::PassedOver(Skipped::Unrouted(why.to_owned()));
    }
    let settings = match member.routing.passes_over(lookup).map(|skipped| skipped.map(Leg::PassedOver)) {
        Ok(Some(passed_over)) => return passed_over,
        Ok(None) => match &member.settings {
            Ok(settings) => settings,
            Err(error) => return Leg::Fault(error.clone()),
        },
        Err(error) => return Leg::Fault(error),
    };
    let planned = match odd {
        None => plan_store(settings, lookup, multi_team),
        Some(odd) => plan_store_odd(settings, lookup, odd, multi_team),
    };
    match planned {
        Ok(Plan::Skip(skipped)) => Leg::PassedOver(skipped),
        Ok(Plan::Ask(Route(names, ..))) => Leg::Ask(names),
        Err(error) => Leg::Fault(error),
    }
}

/// Why no member is asked. A fault of the id outweighs what is configured, since an operator can mend it.
fn why_none(chain: &ChainSettings, lookup: Lookup<'_>, legs: Vec<Leg>) -> Skipped {
    let mut skipped: Vec<_> = legs
        .into_iter()
        .filter_map(|leg| if let Leg::PassedOver(skipped) = leg { Some(skipped) } else { None })
        .collect();
    let fault = skipped.iter().position(|skipped| skipped.fault().is_some());
    if let Some(place) = fault.or((skipped.len() == 1).then_some(0)) {
        return skipped.swap_remove(place);
    }
    let reasons = skipped
        .iter()
        .zip(&chain.members)
        .map(|(skipped, member)| format!("`{}`: {}", Shown(&member.name), skipped.reason(lookup.kind)));
    Skipped::Unrouted(format!("no store is asked ({})", reasons.collect::<Vec<_>>().join("; ")))
}
