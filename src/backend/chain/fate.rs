//! What the error of one member means for the search.

use crate::backend::chain::plan::Leg;
use crate::backend::chain::running::Running;
use crate::backend::chain::settings::Member;
use crate::backend::on_error::{Failure, OnError};
use crate::backend::plan::Route;
use crate::backend::settle::is_nowhere;
use crate::error::{Error, ErrorKind};
use crate::process::Clock;
use crate::redact::{Quoted, Shown};
use crate::store::convention::{Kind, Lookup};

/// Where an error arose.
pub(super) struct Scene<'a> {
    pub(super) member: &'a Member,
    pub(super) running: &'a Running,
    pub(super) leg: &'a Leg,
    /// Whether another member is still to be asked.
    pub(super) has_next: bool,
    pub(super) clock: &'a Clock,
}

impl Scene<'_> {
    /// `Ok` means that the search continues. Logs what Airflow would hide.
    pub(super) fn settle(&self, lookup: Lookup<'_>, error: Error) -> Result<(), Failure> {
        let error = error.in_member(Shown(&self.member.name));
        let outcome = self.policy(lookup, &error).settle(error.clone());
        let fate = match &outcome {
            Ok(()) if self.has_next => "The next store is asked.",
            Ok(()) => "Returning None.",
            Err(failure) if failure.stops_airflow => "Airflow is told to stop its search.",
            // Airflow itself logs what a config lookup raises, and silently ignores other exceptions.
            Err(_) if lookup.kind == Kind::Config => return outcome,
            Err(_) => "Airflow takes this for a miss and asks its next backend.",
        };
        let asked = Route::from(self.leg.names().to_vec());
        let tried = if asked.0.is_empty() { String::new() } else { format!(" (asked for {asked})") };
        self.say(
            lookup,
            &error,
            &format!("{} {}{tried}: {error}. {fate}", lookup.kind.title(), Quoted(lookup.id)),
        );
        outcome
    }

    /// A name that only a bundle can hold is absent from it, whatever an error would otherwise mean. An id
    /// for which nothing could be asked is no such name.
    fn policy(&self, lookup: Lookup<'_>, error: &Error) -> OnError {
        let settings = self.member.settings.as_ref();
        let is_asked = matches!(self.leg, Leg::Ask(_));
        let is_nowhere = is_asked && settings.is_ok_and(|settings| is_nowhere(settings, lookup, error));
        match self.member.on_error {
            _ if is_nowhere => OnError::Miss,
            // With the one exception that counts as a denial a class itself ends Airflow's search.
            OnError::Official if self.member.is_foreign() => OnError::Deny,
            on_error => on_error,
        }
    }

    /// Ids that no store can name often change with each run; one warning for all of them is enough.
    fn say(&self, lookup: Lookup<'_>, error: &Error, text: &str) {
        let warnings = &self.running.warnings;
        match error.kind() {
            ErrorKind::InvalidName => {
                warnings.say_of_kind(lookup.kind, error.kind().as_str(), self.clock, text);
            }
            _ => warnings.say(lookup, self.clock, text),
        }
    }
}
