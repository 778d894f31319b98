//! What failed calls mean where all services with secrets agree: listings and batches.

use crate::error::{Error, ErrorKind};
use crate::store::aws::batches::BatchFailure;
use crate::store::aws::error::{Failure, Refusal, general_hint};

impl Failure {
    /// This failure as an error: `refused` converts an answer, and returns `None` if it means that the secret
    /// does not exist.
    pub(super) fn or_else(self, refused: impl FnOnce(&Refusal) -> Option<Error>) -> Option<Error> {
        match self {
            Self::Refused(refusal) => refused(&refusal),
            Self::Broken(error) => Some(error),
        }
    }
}

/// A call that reports on several secrets.
pub(super) struct Listing {
    /// Its name.
    pub(super) operation: &'static str,
    /// The permission that a policy has to grant.
    pub(super) permission: &'static str,
    /// What it lists.
    pub(super) things: &'static str,
    /// The code for a page that is no longer available.
    pub(super) lost_page: &'static str,
    /// The kind of error that a code means for this service.
    pub(super) kind: fn(&Refusal) -> ErrorKind,
}

impl Listing {
    /// The error of a failed call about `subject`.
    pub(super) fn error(&self, failure: Failure, subject: &str, region: &str) -> Error {
        let error = match failure {
            Failure::Refused(refusal) => self.refused(&refusal, subject, region),
            Failure::Broken(error) => error,
        };
        error.with_operation(self.operation)
    }

    /// The error of an answer that reports one.
    pub(super) fn refused(&self, refusal: &Refusal, subject: &str, region: &str) -> Error {
        let (kind, hint) = if refusal.is_unknown_operation() {
            (ErrorKind::Unsupported, Some(format!("The endpoint does not know {}", self.operation)))
        } else if refusal.head.is(self.lost_page) {
            (ErrorKind::Malformed, Some("Begin again with the first page".to_owned()))
        } else {
            let kind = (self.kind)(refusal);
            (kind, self.hint(refusal, kind, region))
        };
        refusal.to_error(kind, subject).with_hint_if(hint)
    }

    fn hint(&self, refusal: &Refusal, kind: ErrorKind, region: &str) -> Option<String> {
        let Self { permission, things, .. } = self;
        match kind {
            ErrorKind::Denied => Some(format!(
                "Allow this identity {permission} on `*` in {region}: it cannot be allowed for single \
                {things}"
            )),
            _ => general_hint(refusal, kind).map(str::to_owned),
        }
    }
}

/// What the failure of a whole batch means; `refused` decides for an answer of the service.
pub(super) fn batch_failure(
    failure: Failure,
    operation: &'static str,
    refused: impl FnOnce(&Refusal) -> BatchFailure,
) -> BatchFailure {
    let failure = match failure {
        Failure::Refused(refusal) if refusal.is_unknown_operation() => {
            BatchFailure::Unavailable(format!("the endpoint does not know {operation}"))
        }
        Failure::Refused(refusal) => refused(&refusal),
        // One secret that cannot be parsed makes the whole answer unreadable; read alone, the others work.
        Failure::Broken(error) if error.kind() == ErrorKind::Malformed => BatchFailure::Refused,
        Failure::Broken(error) => BatchFailure::Failed(error),
    };
    match failure {
        BatchFailure::Failed(error) => BatchFailure::Failed(error.with_operation(operation)),
        other => other,
    }
}

/// Whether an error of `kind` is unrelated to the secrets of a batch: other names would fail in the same way.
pub(super) fn concerns_all(kind: ErrorKind) -> bool {
    kind.is_outage() || kind == ErrorKind::Unauthenticated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_that_is_refused_says_what_to_do() {
        let listing = Listing {
            operation: "ListThings",
            permission: "a:ListThings",
            things: "things",
            lost_page: "LostPage",
            kind: Refusal::kind,
        };
        for (code, status, kind, hint) in [
            (Some("LostPage"), 400, ErrorKind::Malformed, "Begin again with the first page"),
            (None, 404, ErrorKind::Unsupported, "The endpoint does not know ListThings"),
            (
                Some("AccessDeniedException"),
                400,
                ErrorKind::Denied,
                "Allow this identity a:ListThings on `*`",
            ),
            (Some("ThrottlingException"), 400, ErrorKind::Throttled, "Ask less often"),
        ] {
            let error = listing.refused(&Refusal::plain(code, status), "listing", "eu-west-1");
            assert_eq!(error.kind(), kind);
            assert!(error.hint().unwrap().starts_with(hint), "{error}");
        }
    }
}
