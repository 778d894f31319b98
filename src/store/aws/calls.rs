//! What failures of calls mean that every service with secrets has: a listing and a batch.

use crate::error::{Error, ErrorKind};
use crate::store::aws::batches::BatchFailure;
use crate::store::aws::error::{AwsRefusal, Failure, general_hint};

impl Failure {
    /// The error that it is, or what `refused` makes of an answer; `None` where that says that there is no
    /// such thing.
    pub(super) fn or_else(self, refused: impl FnOnce(&AwsRefusal) -> Option<Error>) -> Option<Error> {
        match self {
            Self::Refused(refusal) => refused(&refusal),
            Self::Broken(error) => Some(error),
        }
    }
}

/// A call that tells of several secrets.
pub(super) struct Listing {
    /// Its name.
    pub(super) operation: &'static str,
    /// What a policy calls it.
    pub(super) permission: &'static str,
    /// What it lists.
    pub(super) things: &'static str,
    /// The code for a page that cannot be asked for any more.
    pub(super) lost_page: &'static str,
    /// What a code means to this service.
    pub(super) kind: fn(&AwsRefusal) -> ErrorKind,
}

impl Listing {
    /// What a call that failed means: `subject` was asked.
    pub(super) fn error(&self, failure: Failure, subject: &str, region: &str) -> Error {
        let error = match failure {
            Failure::Refused(refusal) => self.refused(&refusal, subject, region),
            Failure::Broken(error) => error,
        };
        error.with_operation(self.operation)
    }

    /// What an answer means that is an error.
    pub(super) fn refused(&self, refusal: &AwsRefusal, subject: &str, region: &str) -> Error {
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

    fn hint(&self, refusal: &AwsRefusal, kind: ErrorKind, region: &str) -> Option<String> {
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

/// What a batch that failed as a whole means; `refused` says it of an answer of the service.
pub(super) fn batch_failure(
    failure: Failure,
    operation: &'static str,
    refused: impl FnOnce(&AwsRefusal) -> BatchFailure,
) -> BatchFailure {
    let failure = match failure {
        Failure::Refused(refusal) if refusal.is_unknown_operation() => {
            BatchFailure::Unavailable(format!("the endpoint does not know {operation}"))
        }
        Failure::Refused(refusal) => refused(&refusal),
        Failure::Broken(error) if error.kind() == ErrorKind::Malformed => BatchFailure::Refused,
        Failure::Broken(error) => BatchFailure::Failed(error),
    };
    match failure {
        BatchFailure::Failed(error) => BatchFailure::Failed(error.with_operation(operation)),
        other => other,
    }
}

/// Whether an error of `kind` has nothing to do with the secrets of a batch: others would fare the same.
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
            kind: AwsRefusal::kind,
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
            let error = listing.refused(&AwsRefusal::plain(code, status), "listing", "eu-west-1");
            assert_eq!(error.kind(), kind);
            assert!(error.hint().unwrap().starts_with(hint), "{error}");
        }
    }
}
