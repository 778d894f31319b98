//! A search as JSON.

use serde_json::{Value, json};

use crate::backend::AskedName;
use crate::backend::chain::MemberSearch;
use crate::cli::coordinates::Coordinates;
use crate::cli::explain::absent::Absence;
use crate::cli::explain::remedy::remedy;
use crate::cli::explain::shown::{answered_by, may_answer_first};
use crate::cli::explain::{BackendSearch, Search};
use crate::cli::output::error_as_json;
use crate::cli::subject::LookedUp;
use crate::store::convention::Kind;

/// For programs: `kind`, `id`, `team`, `options`, `backends`, `variables`, `metastore`, `answered_by`,
/// `may_answer_first`, `remedy`.
pub(super) fn json(search: &Search<'_>) -> Value {
    let variables = search.variables.iter().map(
        |place| json!({"name": place.name, "set": place.is_set, "answers": search.variable() == Some(place)}),
    );
    let backends =
        search.backends.iter().map(|asked| backend_as_json(asked, search.lookup.kind, search.coordinates));
    let options = search.options.iter();
    let options = options.map(|named| json!({"place": named.place, "hidden_by": named.hidden_by}));
    json!({
        "kind": search.lookup.kind.as_str(),
        "id": search.lookup.id,
        "team": search.lookup.team,
        "options": options.collect::<Vec<_>>(),
        "backends": backends.collect::<Vec<_>>(),
        "variables": variables.collect::<Vec<_>>(),
        "metastore": if search.lookup.kind == Kind::Config { "not asked" } else { "not read" },
        "answered_by": answered_by(search),
        "may_answer_first": may_answer_first(search),
        "remedy": remedy(search),
    })
}

fn backend_as_json(asked: &BackendSearch, kind: Kind, coordinates: Coordinates) -> Value {
    let (steps, not_asked) = match &asked.answer {
        None => (Vec::new(), Some("the search was over before")),
        Some(LookedUp::NotAsked(reason)) => (Vec::new(), Some(reason.as_str())),
        Some(LookedUp::Refused(error)) => (Vec::new(), Some(error.message())),
        Some(LookedUp::Asked(explained)) => {
            let steps = explained.steps.iter().map(|step| step_as_json(step, coordinates));
            (steps.collect(), None)
        }
    };
    let cache = asked.times.map(|times| {
        let [timeout, ttl, negative] = times.map(|time| u64::try_from(time).unwrap_or(u64::MAX));
        json!({"ttl_ms": ttl, "negative_ttl_ms": negative, "timeout_ms": timeout})
    });
    let mut json = json!({
        "component": asked.component.as_str(),
        "class": asked.class,
        "configured_in": asked.configured,
        "identity": asked.identity,
        "names": steps,
        "not_asked": not_asked,
        "answers": asked.answers(),
        "stops_airflow": asked.stops(),
        "error": asked.error().map(error_as_json),
        "absent_because": asked.absences.iter().map(Absence::json).collect::<Vec<_>>(),
        "near": asked.near,
        "unusable": asked.unusable,
        "cache": cache,
        "warnings": asked.warnings,
        "agent": asked.agent.is_some(),
    });
    if let Some(LookedUp::Asked(explained)) = &asked.answer
        && !explained.members.is_empty()
    {
        let members = explained.members.iter().map(|member| member_as_json(member, kind, coordinates));
        json["members"] = members.collect();
    }
    json
}

fn step_as_json(step: &AskedName, coordinates: Coordinates) -> Value {
    let took = u64::try_from(step.took.as_micros()).unwrap_or(u64::MAX);
    let mut json = json!({"name": step.name.as_str(), "outcome": step.outcome, "from_store": step.asked_store,
        "took_us": took});
    if let Some(referred) = &step.referred {
        // The name is a part of the reference.
        json["name"] = json!(coordinates.of(referred));
        json["reference"] = coordinates.json(referred);
    }
    json
}

fn member_as_json(member: &MemberSearch, kind: Kind, coordinates: Coordinates) -> Value {
    json!({
        "name": member.name,
        "outcome": member.outcome,
        "passed_over": member.passed_over.as_ref().map(|reason| reason.reason(kind)),
        "error": member.error.as_ref().map(error_as_json),
        "names": member.steps.iter().map(|step| step_as_json(step, coordinates)).collect::<Vec<_>>(),
    })
}
