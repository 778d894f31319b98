//! From the errors of `GetSecretValue` to [`Error`].
//!
//! The official class returns `None` for four codes that are errors; they are marked so. Source: `GetSecretValue` in
//! the Secrets Manager API reference, and the measurements of the official class.

use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use crate::error::{Error, ErrorKind};
use crate::store::SecretName;
use crate::store::aws::error::{Failure, Refusal, general_hint};

/// The codes that the official class turns into "not there".
const UPSTREAM_MISSES: [&str; 4] =
    ["DecryptionFailure", "InternalServiceError", "InvalidParameterException", "InvalidRequestException"];

/// What a failed read means; `None` says that the secret does not exist.
pub(super) fn read_error(
    error: &SdkError<GetSecretValueError, HttpResponse>,
    name: &SecretName,
    region: &str,
) -> Option<Error> {
    let subject = format!("reading `{name}`");
    let error = match Failure::of(error, &subject) {
        Failure::Refused(refusal) if refusal.is("ResourceNotFoundException") => return None,
        Failure::Refused(refusal) => refused(&refusal, &subject, name, region),
        Failure::Broken(error) => error,
    };
    Some(error.with_operation("GetSecretValue"))
}

fn refused(refusal: &Refusal, subject: &str, name: &SecretName, region: &str) -> Error {
    let code = refusal.code.as_deref().unwrap_or_default();
    let kind = match code {
        "DecryptionFailure" | "DecryptionFailureException" => ErrorKind::Denied,
        _ => refusal.kind(),
    };
    let mut error = refusal.to_error(kind, subject);
    if let Some(hint) = hint(refusal, code, kind, name, region) {
        error = error.with_hint(hint);
    }
    if UPSTREAM_MISSES.contains(&code) { error.as_upstream_miss() } else { error }
}

fn hint(refusal: &Refusal, code: &str, kind: ErrorKind, name: &SecretName, region: &str) -> Option<String> {
    Some(match (code, kind) {
        ("DecryptionFailure" | "DecryptionFailureException", _) => {
            "Allow this identity kms:Decrypt on the key of the secret, and check that the key is enabled"
                .to_owned()
        }
        ("InvalidRequestException", _) => {
            format!(
                "The secret is probably scheduled for deletion or has no value yet: see DescribeSecret of `{name}`, then RestoreSecret or PutSecretValue"
            )
        }
        (_, ErrorKind::Denied) => format!(
            "Allow this identity secretsmanager:GetSecretValue on `{name}` in {region}, and kms:Decrypt on the secret's own key; \
             with conditions on tags AWS also answers so for secrets that do not exist"
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
        refused(&Refusal::plain(Some(code), status), "reading `airflow/connections/c1`", &name, "eu-west-1")
    }

    #[test]
    fn the_official_misses_are_marked_and_no_other() {
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
        insta::assert_snapshot!(error("AccessDeniedException", 400), @"reading `airflow/connections/c1` was denied (AccessDeniedException). Allow this identity secretsmanager:GetSecretValue on `airflow/connections/c1` in eu-west-1, and kms:Decrypt on the secret's own key; with conditions on tags AWS also answers so for secrets that do not exist");
    }

    #[test]
    fn a_secret_that_waits_for_deletion_is_explained() {
        assert!(error("InvalidRequestException", 400).hint().unwrap().contains("scheduled for deletion"));
    }
}
