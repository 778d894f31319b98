//! What happens to an error, and how it is logged.

use crate::backend::on_error::{Failure, OnError};
use crate::backend::plan::Route;
use crate::backend::reply::Reply;
use crate::backend::settings::Settings;
use crate::backend::warnings::Warnings;
use crate::error::{Error, ErrorKind};
use crate::process::Clock;
use crate::redact::Quoted;
use crate::store::convention::{Kind, Lookup, Naming};

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

/// Like [`settle`], for a lookup that was asked of the store along `route`.
pub fn settle_asked(
    settings: &Settings,
    (warnings, clock): (&Warnings, &Clock),
    lookup: Lookup<'_>,
    route: &Route,
    error: Error,
) -> Result<Reply, Failure> {
    // Ids that no store can name often change with each run; one warning for all of them is enough.
    let fault = (error.kind() == ErrorKind::InvalidName).then_some(error.kind().as_str());
    let say = |text: &str| match fault {
        Some(fault) => warnings.say_of_kind(lookup.kind, fault, clock, text),
        None => warnings.say(lookup, clock, text),
    };
    // A name that only a bundle can hold is absent from it, whatever an error would otherwise mean.
    let policy = if is_nowhere(settings, lookup, &error) { OnError::Miss } else { settings.on_error };
    settle(policy, lookup, Some(route), error, say)
}

/// Whether `error` means that no secret can have such a name.
pub(super) fn is_nowhere(settings: &Settings, lookup: Lookup<'_>, error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidName
        && matches!(settings.convention.names(lookup), Naming::Impossible { .. })
}

/// The names that were asked, as the end of "Connection `x`".
fn tried(route: Option<&Route>) -> String {
    route.map(|route| format!(" (asked for {route})")).unwrap_or_default()
}
