//! What to do about the outcome of a search, in one sentence.

use crate::cli::explain::Search;
use crate::cli::explain::absent::Absence;
use crate::cli::subject::Answer;
use crate::error::Error;
use crate::redact::Shown;
use crate::store::convention::Kind;

/// The remedy; a search that went well needs none, or has something hidden behind it.
pub(super) fn remedy(search: &Search<'_>) -> Option<String> {
    if let Some(error) = search.error() {
        return Some(error.hint().map_or_else(|| Error::message(error).to_owned(), str::to_owned));
    }
    if let Some(unusable) = search.backends.iter().find_map(|asked| asked.unusable.as_ref()) {
        return Some(format!("Correct the secret: {unusable}"));
    }
    let set = search.variables.iter().find(|place| place.is_set);
    match (search.backend(), set) {
        (Some(_), Some(place)) => Some(format!(
            "Remove {} where it is not needed: the backend answers before it, until the secret is deleted",
            Shown(&place.name)
        )),
        (Some(_), None) => None,
        (None, Some(place)) => Some(format!(
            "Store the secret in the backend if it should come from there; {} answers as long as it does not",
            Shown(&place.name)
        )),
        (None, None) => Some(absent(search)),
    }
}

fn absent(search: &Search<'_>) -> String {
    let mut told = search.backends.iter().flat_map(|asked| &asked.absences);
    if let Some(remedy) = told.find_map(Absence::remedy) {
        return remedy.to_owned();
    }
    let answers = search.backends.iter().filter_map(|asked| asked.answer.as_ref());
    for answer in answers {
        match answer {
            Answer::NotAsked(reason) => {
                return format!("Check the options, since nothing was asked: {reason}");
            }
            Answer::Asked(explained) => {
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
