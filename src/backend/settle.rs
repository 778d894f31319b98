//! What happens to an error, and how it is logged.

use crate::backend::on_error::{Failure, OnError};
use crate::backend::plan::Route;
use crate::backend::reply::Reply;
use crate::error::Error;
use crate::redact::Quoted;
use crate::store::convention::{Kind, Lookup};

/// Decides what happens to `error`, and logs it where Airflow would hide it. `Ok` means that it counts as a
/// miss.
pub fn settle(
    policy: OnError,
    lookup: Lookup<'_>,
    route: Option<&Route>,
    error: Error,
    say: impl FnOnce(&str),
) -> Result<Reply, Failure> {
    let miss = Reply::none(error.kind().as_str());
    let text = format!("{} {}{}: {error}", lookup.kind.title(), Quoted(lookup.id), tried(route));
    let outcome = policy.settle(error).map(|()| miss);
    let fate = match &outcome {
        Ok(_) => "Returning None.",
        Err(failure) if failure.stops_airflow => "Airflow is told to stop its search.",
        // Airflow itself logs what a config lookup raises, and silently ignores other exceptions.
        Err(_) if lookup.kind == Kind::Config => return outcome,
        Err(_) => "Airflow takes this for a miss and asks its next backend.",
    };
    say(&format!("{text}. {fate}"));
    outcome
}

/// The names that were asked, as the end of "Connection `x`".
fn tried(route: Option<&Route>) -> String {
    route.map(|route| format!(" (asked for {route})")).unwrap_or_default()
}
