//! What to do about the outcome of a search, in one sentence.

use crate::cli::explain::absent::Absence;
use crate::cli::explain::{BackendSearch, Search};
use crate::cli::near::question;
use crate::cli::subject::LookedUp;
use crate::error::Error;
use crate::redact::Shown;
use crate::store::convention::{Kind, Lookup};

/// The remedy; `None` for a successful search that hides nothing.
pub(super) fn remedy(search: &Search<'_>) -> Option<String> {
    if let Some(error) = search.error() {
        return Some(error.hint().map_or_else(|| Error::message(error).to_owned(), str::to_owned));
    }
    if let Some(unusable) = search.backends.iter().find_map(|asked| asked.unusable.as_ref()) {
        return Some(format!("Correct the secret: {unusable}"));
    }
    if search.lookup.kind == Kind::Config
        && let Some(remedy) = unasked(search)
    {
        return Some(remedy);
    }
    if search.backend().is_none() && search.backends.iter().any(BackendSearch::may_answer) {
        return Some(unknown(search.lookup.kind, search.lookup.id));
    }
    let set = search.variables.iter().find(|place| place.is_set);
    match (search.backend(), set) {
        (Some(_), Some(place)) => Some(format!(
            "Remove {} where it is not needed: the backend answers before it, until the secret is deleted",
            Shown(&place.name)
        )),
        (Some(_), None) => None,
        (None, Some(place)) => Some(format!(
            "Store the secret in a backend if it should come from there; {} answers as long as it does not",
            Shown(&place.name)
        )),
        (None, None) if search.is_left_to_the_server() => Some(on_the_server(search)),
        (None, None) => Some(absent(search)),
    }
}

/// What prevents Airflow from asking for an existing config value.
fn unasked(search: &Search<'_>) -> Option<String> {
    if let Some(option) = search.option() {
        return Some(format!("Remove {} if the value should come from the backend", Shown(option)));
    }
    let is_wanted = !search.options.is_empty() || search.backend().is_none();
    (!is_wanted).then(|| {
        format!(
            "Set AIRFLOW__SECTION__OPTION_SECRET to `{}` for the option that should have the value",
            Shown(search.lookup.id)
        )
    })
}

/// What is to be asked elsewhere, or written down here.
fn on_the_server(search: &Search<'_>) -> String {
    let Lookup { kind, id, .. } = search.lookup;
    if kind == Kind::Config {
        return "Write the value into the option itself on this host, or use its _CMD form: Airflow asks its \
                server for connections and variables only"
            .to_owned();
    }
    format!(
        "Run `strongroom explain {} {}` where the API server runs; for DAG files at the DAG processor, for \
        triggers at the triggerer",
        kind.as_str(),
        Shown(id)
    )
}

fn absent(search: &Search<'_>) -> String {
    let mut reasons = search.backends.iter().flat_map(|asked| &asked.absences);
    if let Some(remedy) = reasons.find_map(Absence::remedy) {
        return remedy.to_owned();
    }

    let near: Vec<_> = search.backends.iter().flat_map(|asked| asked.near.clone()).collect();
    if let Some(question) = question(&near) {
        return format!("{question} Otherwise store the secret under the name that was asked for");
    }
    if let Some(hint) = search.unconfigured.as_ref().and_then(Error::hint) {
        return hint.to_owned();
    }
    let looked_into = search.backends.iter().filter(|asked| !asked.is_left_to_the_server);
    let answers = looked_into.filter_map(|asked| asked.answer.as_ref());
    for answer in answers {
        match answer {
            LookedUp::Refused(error) => return error.to_string(),
            LookedUp::NotAsked(reason) => {
                return format!("Check the options, since nothing was asked: {reason}");
            }
            LookedUp::Asked(explained) => {
                if let Some(step) = explained.steps.last() {
                    let end = match search.lookup.kind {
                        Kind::Config => "",
                        _ => ", or see whether the metastore has it",
                    };
                    return format!(
                        "Store the secret as `{}`, or correct the prefix or the id{end}",
                        step.name
                    );
                }
            }
        }
    }
    format!("Store `{}` in one of the places", Shown(search.lookup.id))
}

/// Airflow itself can ask a foreign backend.
fn unknown(kind: Kind, id: &str) -> String {
    let command = match kind {
        Kind::Connection => "airflow connections get",
        Kind::Variable => "airflow variables get",
        Kind::Config => return "Look with the tools of that backend whether it has the value".to_owned(),
    };
    format!("Ask Airflow, which asks that backend: `{command} {}`", Shown(id))
}
