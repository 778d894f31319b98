//! What happens to an error.

use crate::error::{Error, ErrorKind};
use crate::store::options::Options;

/// The words of the option, in the order of [`OnError`].
pub(crate) const WORDS: &[&str] = &["official", "raise", "miss", "deny", "stop"];

/// The word that only a member of a chain has.
pub(crate) const NEXT: &str = "next";

/// The policy of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Like the official class: some errors are misses, the others raise.
    #[default]
    Official,
    /// Every error raises.
    Raise,
    /// Every error is a miss, with a warning.
    Miss,
    /// Denied and unauthenticated lookups end Airflow's search; other errors are treated as in
    /// [`Self::Official`].
    Deny,
    /// Every error ends Airflow's search, so that nothing else answers in an outage.
    Stop,
    /// In a chain: after every error the next store is asked.
    Next,
}

/// An error on its way to Airflow.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// Whether Airflow must not ask its next backend.
    pub stops_airflow: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, stops_airflow: false }
    }
}

impl OnError {
    /// Reads `on_error`.
    pub fn from_options(options: &Options) -> Self {
        match options.text("on_error") {
            Some("raise") => Self::Raise,
            Some("miss") => Self::Miss,
            Some("deny") => Self::Deny,
            Some("stop") => Self::Stop,
            Some(NEXT) => Self::Next,
            _ => Self::Official,
        }
    }

    /// Whether the search continues with the next name after `error`.
    pub(crate) fn leads_on(self, error: &Error) -> bool {
        matches!(self, Self::Official | Self::Miss | Self::Next) && error.is_upstream_absence()
    }

    /// `Ok` means that `error` counts as a miss.
    pub(crate) fn settle(self, error: Error) -> Result<(), Failure> {
        let refused = matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unauthenticated);
        match self {
            Self::Miss | Self::Next => Ok(()),
            Self::Deny if refused => Err(Failure { error, stops_airflow: true }),
            Self::Official | Self::Deny if error.is_upstream_miss() => Ok(()),
            Self::Official | Self::Deny | Self::Raise => Err(Failure { error, stops_airflow: false }),
            Self::Stop => Err(Failure { error, stops_airflow: true }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(policy: OnError, error: &Error) -> &'static str {
        match policy.settle(error.clone()) {
            Ok(()) => "miss",
            Err(Failure { stops_airflow: true, .. }) => "stop",
            Err(_) => "raise",
        }
    }

    #[test]
    fn the_table() {
        let denied = Error::new(ErrorKind::Denied, "");
        let internal_service = Error::new(ErrorKind::Unreachable, "").as_upstream_miss();
        let throttled = Error::new(ErrorKind::Throttled, "");
        let errors = [&denied, &internal_service, &throttled];
        let row = |policy| errors.map(|error| outcome(policy, error));
        assert_eq!(row(OnError::Official), ["raise", "miss", "raise"]);
        assert_eq!(row(OnError::Raise), ["raise", "raise", "raise"]);
        assert_eq!(row(OnError::Miss), ["miss", "miss", "miss"]);
        assert_eq!(row(OnError::Deny), ["stop", "miss", "raise"]);
        assert_eq!(row(OnError::Stop), ["stop", "stop", "stop"]);
    }

    #[test]
    fn only_a_possible_absence_continues_the_search_and_only_where_it_counts_as_a_miss() {
        let every = [OnError::Official, OnError::Raise, OnError::Miss, OnError::Deny, OnError::Stop];
        let row = |error: &Error| every.map(|policy| policy.leads_on(error));
        let denied = Error::new(ErrorKind::Denied, "");
        assert_eq!(row(&denied.clone().as_upstream_absence()), [true, false, true, false, false]);
        assert_eq!(row(&denied.clone().as_upstream_miss()), [false; 5]);
        assert_eq!(row(&denied), [false; 5]);
    }
}
