//! From the errors of `GetSecretValue`, `BatchGetSecretValue` and `ListSecrets` to [`Error`].
//!
//! The official class returns `None` for four codes that are errors; they are marked as such. Source: the
//! operations in the Secrets Manager API reference, and measurements of the official class.

use aws_sdk_secretsmanager::operation::batch_get_secret_value::BatchGetSecretValueError;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use crate::error::{Error, ErrorKind};
use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::aws::batches::BatchFailure;
use crate::store::aws::calls::{self, Listing, concerns_all};
use crate::store::aws::error::{Failure, Refusal, general_hint};

use super::convention::{GRAMMAR, can_be};

/// The codes that the official class turns into `None`.
const UPSTREAM_MISSES: [&str; 4] =
    ["DecryptionFailure", "InternalServiceError", "InvalidParameterException", "InvalidRequestException"];

/// The code for a secret that does not exist.
const ABSENT: &str = "ResourceNotFoundException";

/// The operation that lists secrets.
const LISTING: Listing = Listing {
    operation: "ListSecrets",
    permission: "secretsmanager:ListSecrets",
    things: "secrets",
    lost_page: "InvalidNextTokenException",
    kind: Refusal::kind,
};

/// The operation that reads one secret.
const READ: &str = "GetSecretValue";

/// The operation that reads several secrets.
const BATCH: &str = "BatchGetSecretValue";

/// The error of a failed read; `None` means that the secret does not exist.
pub(super) fn read_error(
    error: &SdkError<GetSecretValueError, HttpResponse>,
    name: &SecretName,
    region: &str,
) -> Option<Error> {
    let failure = Failure::of(error, &format!("reading `{name}`"));
    Some(failure.or_else(|refusal| refused_read(refusal, name, region))?.with_operation(READ))
}

/// Why a name is not requested: it is empty, or no secret can have it.
pub(super) fn impossible_name(name: &SecretName) -> Option<Error> {
    if name.as_str().is_empty() {
        let error = Error::new(ErrorKind::InvalidName, "a secret without a name cannot be read");
        return Some(error.with_hint("Use an id that is not empty, or a prefix"));
    }
    let error = Error::new(ErrorKind::InvalidName, format!("no secret can be called `{name}`"));
    let error = error.as_upstream_miss().with_hint(format!("Change the id: {GRAMMAR}"));
    (!can_be(name)).then_some(error)
}

/// A successful answer without a secret: it did not come from AWS, and says nothing about what exists.
pub(super) fn no_secret(name: &SecretName) -> Error {
    Error::new(ErrorKind::Malformed, format!("reading `{name}`: the answer holds no secret"))
        .with_operation(READ)
        .with_hint("Check `endpoint_url` and proxies: something else than AWS may have answered")
}

/// The meaning of one of the `Errors` of a batch, as in [`read_error`]. Such an entry has a code but no
/// status; nearly every code comes with 400.
pub(super) fn entry_error(
    code: &str,
    message: Option<&str>,
    name: &SecretName,
    region: &str,
) -> Option<Error> {
    // The errors of a batch have no status of their own; AWS reports the same errors of a read with 400.
    let refusal = Refusal::plain(Some(code), 400).with_message(message);
    Some(refused_read(&refusal, name, region)?.with_operation(BATCH))
}

fn refused_read(refusal: &Refusal, name: &SecretName, region: &str) -> Option<Error> {
    if refusal.head.is(ABSENT) {
        return None;
    }
    let code = refusal.code().unwrap_or_default();
    let kind = match code {
        // Secrets Manager may not use the key, so this is a permission although AWS answers with 400.
        "DecryptionFailure" | "DecryptionFailureException" => ErrorKind::Denied,
        _ => refusal.kind(),
    };
    let error = refusal.to_error(kind, &format!("reading `{name}`"));
    Some(completed(error, refusal, hint(refusal, code, kind, name, region)))
}

/// Adds the hint, and the mark for what the official class treats as a miss.
fn completed(error: Error, refusal: &Refusal, hint: Option<String>) -> Error {
    let error = error.with_hint_if(hint);
    let code = refusal.code().unwrap_or_default();
    if UPSTREAM_MISSES.contains(&code) { error.as_upstream_miss() } else { error }
}

/// The meaning of a failed batch of `count` secrets.
pub(super) fn batch_failure(
    error: &SdkError<BatchGetSecretValueError, HttpResponse>,
    count: usize,
) -> BatchFailure {
    let subject = format!("reading {count} secrets");
    calls::batch_failure(Failure::of(error, &subject), BATCH, |refusal| refused_batch(refusal, &subject))
}

fn refused_batch(refusal: &Refusal, subject: &str) -> BatchFailure {
    let kind = refusal.kind();
    match kind {
        // A VPC endpoint whose policy denies one of the secrets denies the whole batch ("Get a secret value
        // using the AWS CLI" in the user guide). A denial without a code does not come from AWS, and single
        // reads give more information.
        ErrorKind::Denied if refusal.code().is_some() => BatchFailure::Unavailable(
            "BatchGetSecretValue was denied; to read up to 20 secrets with one request, allow this identity \
             secretsmanager:BatchGetSecretValue on `*`, and all of the secrets in the policy of the VPC \
             endpoint"
                .to_owned(),
        ),
        kind if concerns_all(kind) => {
            let hint = general_hint(refusal, kind).map(str::to_owned);
            BatchFailure::Failed(completed(refusal.to_error(kind, subject), refusal, hint))
        }
        _ => BatchFailure::Refused,
    }
}

/// The error of a failed description; `None` means that the secret does not exist.
pub(super) fn describe_error(
    error: &SdkError<DescribeSecretError, HttpResponse>,
    name: &SecretName,
    region: &str,
) -> Option<Error> {
    let subject = format!("describing `{name}`");
    let refused = |refusal: &Refusal| {
        let kind = refusal.kind();
        let hint = match kind {
            _ if refusal.head.is(ABSENT) => return None,
            ErrorKind::Denied => {
                Some(format!("Allow this identity secretsmanager:DescribeSecret on `{name}` in {region}"))
            }
            _ => general_hint(refusal, kind).map(str::to_owned),
        };
        Some(refusal.to_error(kind, &subject).with_hint_if(hint))
    };
    Some(Failure::of(error, &subject).or_else(refused)?.with_operation("DescribeSecret"))
}

/// The error of a failed listing.
pub(super) fn list_error(
    error: &SdkError<ListSecretsError, HttpResponse>,
    prefix: &str,
    region: &str,
) -> Error {
    let subject = format!("listing the secrets that begin with `{}`", Shown(prefix));
    LISTING.error(Failure::of(error, &subject), &subject, region)
}

fn hint(refusal: &Refusal, code: &str, kind: ErrorKind, name: &SecretName, region: &str) -> Option<String> {
    Some(match (code, kind) {
        ("DecryptionFailure" | "DecryptionFailureException", _) => {
            "Allow this identity kms:Decrypt on the key of the secret, and check that the key is enabled"
                .to_owned()
        }
        ("InvalidRequestException", _) => {
            format!(
                "The secret is probably scheduled for deletion or has no value yet: see DescribeSecret of \
                `{name}`, then RestoreSecret or PutSecretValue"
            )
        }
        // AWS always gives a code; a bare 403 comes from something in between.
        ("", ErrorKind::Denied) => {
            "Check `endpoint_url` and proxies: something before AWS may have refused".to_owned()
        }
        (_, ErrorKind::Denied) => format!(
            "Allow this identity secretsmanager:GetSecretValue on `{name}` in {region}, and kms:Decrypt on \
            the secret's own key; with conditions on tags AWS also answers so for secrets that do not exist"
        ),
        (_, ErrorKind::InvalidName) => "A secret's name has 1 to 512 letters, digits and /_+=.@-".to_owned(),
        _ => general_hint(refusal, kind)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, status: u16) -> Error {
        let name = SecretName::from("airflow/connections/c1");
        refused_read(&Refusal::plain(Some(code), status), &name, "eu-west-1").unwrap()
    }

    #[test]
    fn only_the_official_misses_are_marked() {
        for (code, status, kind, miss) in [
            ("InternalServiceError", 500, ErrorKind::Unreachable, true),
            ("InvalidParameterException", 400, ErrorKind::InvalidName, true),
            ("InvalidRequestException", 400, ErrorKind::Malformed, true),
            ("DecryptionFailure", 400, ErrorKind::Denied, true),
            ("DecryptionFailureException", 400, ErrorKind::Denied, false),
            ("InternalServiceErrorException", 500, ErrorKind::Unreachable, false),
            ("AccessDeniedException", 400, ErrorKind::Denied, false),
            ("ValidationException", 400, ErrorKind::InvalidName, false),
            ("ThrottlingException", 400, ErrorKind::Throttled, false),
            ("", 500, ErrorKind::Unreachable, false),
        ] {
            let error = error(code, status);
            assert_eq!((error.kind(), error.is_upstream_miss()), (kind, miss), "{code}");
            assert!(error.hint().is_some(), "{code}");
        }
    }

    #[test]
    fn a_denied_read_names_the_permission_the_secret_and_the_region() {
        insta::assert_snapshot!(error("AccessDeniedException", 400), @"reading `airflow/connections/c1` was \
        denied (AccessDeniedException). Allow this identity secretsmanager:GetSecretValue on \
        `airflow/connections/c1` in eu-west-1, and kms:Decrypt on the secret's own key; with conditions on \
        tags AWS also answers so for secrets that do not exist");
    }

    #[test]
    fn an_entry_of_a_batch_means_what_the_single_read_means() {
        let name = SecretName::from("airflow/connections/c1");
        for code in [
            "AccessDeniedException",
            "DecryptionFailure",
            "InternalServiceError",
            "InvalidParameterException",
            "InvalidRequestException",
            "ThrottlingException",
            "Surprise",
        ] {
            let (entry, single) = (entry_error(code, None, &name, "eu-west-1").unwrap(), error(code, 400));
            assert_eq!((entry.kind(), entry.status()), (single.kind(), single.status()), "{code}");
            assert_eq!(
                (entry.hint(), entry.is_upstream_miss()),
                (single.hint(), single.is_upstream_miss()),
                "{code}"
            );
        }
        assert!(entry_error("ResourceNotFoundException", None, &name, "r").is_none());
    }

    #[test]
    fn the_services_message_is_kept_for_denied_entries_only() {
        let reported = |code| entry_error(code, Some("canary."), &"a".into(), "r").unwrap().to_string();
        assert!(reported("AccessDeniedException").starts_with("reading `a` was denied: canary (Batch"));
        assert!(!reported("InvalidRequestException").contains("canary"));
    }

    #[test]
    fn a_failed_batch_is_given_up_read_one_by_one_or_an_error() {
        for (code, status, expected) in [
            (Some("AccessDeniedException"), 400, "unavailable"),
            (Some("UnknownOperationException"), 400, "unavailable"),
            (Some("InternalFailure"), 501, "unavailable"),
            (None, 404, "unavailable"),
            (Some("ResourceNotFoundException"), 404, "refused"),
            (Some("InvalidParameterException"), 400, "refused"),
            (Some("ValidationException"), 400, "refused"),
            (Some("InvalidRequestException"), 400, "refused"),
            (Some("InvalidNextTokenException"), 400, "refused"),
            (Some("DecryptionFailure"), 400, "refused"),
            (None, 403, "refused"),
            (Some("ThrottlingException"), 400, "throttled temporary"),
            (Some("InternalServiceError"), 500, "unreachable temporary miss"),
            (None, 502, "unreachable temporary"),
            (Some("ExpiredTokenException"), 400, "unauthenticated"),
        ] {
            let failure = Failure::Refused(Refusal::plain(code, status));
            let reported =
                calls::batch_failure(failure, BATCH, |refusal| refused_batch(refusal, "x")).in_short();
            assert_eq!(reported, expected, "{code:?} {status}");
        }
    }

    #[test]
    fn a_denied_listing_names_the_permission() {
        let error =
            LISTING.refused(&Refusal::plain(Some("AccessDeniedException"), 400), "listing", "eu-west-1");
        insta::assert_snapshot!(error.hint().unwrap(), @"Allow this identity secretsmanager:ListSecrets on \
        `*` in eu-west-1: it cannot be allowed for single secrets");
    }

    #[test]
    fn a_secret_that_is_scheduled_for_deletion_is_explained() {
        assert!(error("InvalidRequestException", 400).hint().unwrap().contains("scheduled for deletion"));
    }
}
