//! From the errors of `GetParameter`, `GetParameters` and `DescribeParameters` to [`Error`].
//!
//! The official class turns one code into `None` and raises on every other one. Source: the operations in the
//! Systems Manager API reference, and measurements of the official class.

use std::borrow::Cow;

use aws_sdk_ssm::operation::describe_parameters::DescribeParametersError;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::operation::get_parameters::GetParametersError;
use aws_sdk_ssm::operation::list_tags_for_resource::ListTagsForResourceError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use crate::error::{Error, ErrorKind};
use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::aws::batches::BatchFailure;
use crate::store::aws::calls::{self, Listing, concerns_all};
use crate::store::aws::error::{AWS, AwsRefusal, Failure, general_hint};

const READ: &str = "GetParameter";
const BATCH: &str = "GetParameters";

/// The operation that lists parameters.
const LISTING: Listing = Listing {
    operation: "DescribeParameters",
    permission: "ssm:DescribeParameters",
    things: "parameters",
    lost_page: "InvalidNextToken",
    kind,
};

/// The error of a failed read; `None` means that the parameter does not exist.
pub(super) fn read_error(
    error: &SdkError<GetParameterError, HttpResponse>,
    name: &SecretName,
    region: &str,
) -> Option<Error> {
    let failure = Failure::of(error, &format!("reading `{name}`"));
    Some(failure.or_else(|refusal| refused_read(refusal, name, region))?.with_operation(READ))
}

/// The error of a successful read whose answer has no value (the official class raises `KeyError`).
pub(super) fn without_value(name: &SecretName) -> Error {
    Error::new(ErrorKind::Malformed, format!("reading `{name}`: the answer holds no value"))
        .with_operation(READ)
        .with_hint(AWS.check_address())
}

fn refused_read(refusal: &AwsRefusal, name: &SecretName, region: &str) -> Option<Error> {
    if refusal.head.is("ParameterNotFound") {
        return None;
    }
    let kind = kind(refusal);
    let error = refusal.to_error(kind, &format!("reading `{name}`"));
    Some(error.with_hint_if(hint(refusal, kind, name, region)))
}

fn kind(refusal: &AwsRefusal) -> ErrorKind {
    match refusal.code() {
        // The KMS key is missing, disabled, or not allowed; AWS answers 400 for all three.
        Some("InvalidKeyId") => ErrorKind::Denied,
        // The parameter exists, so this is not a miss.
        Some("ParameterVersionNotFound") => ErrorKind::InvalidName,
        _ => refusal.kind(),
    }
}

fn hint(refusal: &AwsRefusal, kind: ErrorKind, name: &SecretName, region: &str) -> Option<String> {
    Some(match (refusal.code().unwrap_or_default(), kind) {
        ("InvalidKeyId", _) => format!(
            "The key that the parameter is encrypted with cannot be used: check in {region} that it exists \
            and is enabled, and allow this identity kms:Decrypt on it"
        ),
        ("ParameterVersionNotFound", _) => {
            let (parameter, selector) = split_selector(name.as_str());
            format!(
                "`{}` exists, and has no version or label `{}`: see `aws ssm get-parameter-history`",
                Shown(parameter),
                Shown(selector)
            )
        }
        (_, ErrorKind::Denied) => format!(
            "Allow this identity ssm:GetParameter on `{}`, and kms:Decrypt on the key of a SecureString; \
            check that {region} is the right region",
            Shown(&resource(name, region))
        ),
        (_, ErrorKind::InvalidName) => {
            "The name of a parameter has letters, digits and _.-/, at most 15 levels, and does not begin \
            with aws or ssm"
                .to_owned()
        }
        (_, ErrorKind::Throttled) => throttled_hint(region),
        _ => general_hint(refusal, kind)?.into_owned(),
    })
}

fn throttled_hint(region: &str) -> String {
    format!(
        "Ask less often (a longer `cache_ttl`, or `prefetch`), or switch on higher throughput for Parameter \
        Store in {region}"
    )
}

/// The resource in a policy ("Actions, resources, and condition keys for AWS Systems Manager" in the Service
/// Authorization Reference). The account is not known here.
fn resource(name: &SecretName, region: &str) -> String {
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let (parameter, _) = split_selector(name.as_str());
    format!("arn:{partition}:ssm:{region}:*:parameter/{}", parameter.trim_start_matches('/'))
}

/// The name, and the version or label after it.
pub(super) fn split_selector(name: &str) -> (&str, &str) {
    name.rsplit_once(':').unwrap_or((name, ""))
}

/// The error of asking for the tags of a parameter; `None` means that the parameter does not exist.
pub(super) fn tags_error(
    error: &SdkError<ListTagsForResourceError, HttpResponse>,
    name: &SecretName,
    region: &str,
) -> Option<Error> {
    let subject = format!("reading the tags of `{name}`");
    let refused = |refusal: &AwsRefusal| {
        let kind = kind(refusal);
        let denied = (kind == ErrorKind::Denied).then(|| {
            format!("Allow this identity ssm:ListTagsForResource on `{}`", Shown(&resource(name, region)))
        });
        let hint = denied.or_else(|| hint(refusal, kind, name, region));
        let is_absent = refusal.head.is("InvalidResourceId");
        (!is_absent).then(|| refusal.to_error(kind, &subject).with_hint_if(hint))
    };
    Some(Failure::of(error, &subject).or_else(refused)?.with_operation("ListTagsForResource"))
}

/// The meaning of a failed batch of `count` parameters.
pub(super) fn batch_failure(
    error: &SdkError<GetParametersError, HttpResponse>,
    count: usize,
    region: &str,
) -> BatchFailure {
    let subject = format!("reading {count} parameters");
    let failure = Failure::of(error, &subject);
    calls::batch_failure(failure, BATCH, |refusal| refused_batch(refusal, &subject, region))
}

fn refused_batch(refusal: &AwsRefusal, subject: &str, region: &str) -> BatchFailure {
    let kind = kind(refusal);
    match kind {
        // An encrypted parameter without a usable key spoils the whole batch.
        ErrorKind::Denied if refusal.head.is("InvalidKeyId") => BatchFailure::Refused,
        // A denial without a code does not come from AWS, and single reads give more information.
        ErrorKind::Denied if refusal.code().is_some() => BatchFailure::Denied(format!(
            "GetParameters was denied; to read up to 10 parameters with one request, allow this identity \
             ssm:GetParameters in {region} on what ssm:GetParameter is allowed on"
        )),
        kind if concerns_all(kind) => {
            let hint = match kind {
                ErrorKind::Throttled => Some(throttled_hint(region)),
                _ => general_hint(refusal, kind).map(Cow::into_owned),
            };
            BatchFailure::Failed(refusal.to_error(kind, subject).with_hint_if(hint))
        }
        _ => BatchFailure::Refused,
    }
}

/// The error of a failed description, which is a listing of one parameter.
pub(super) fn describe_error(
    error: &SdkError<DescribeParametersError, HttpResponse>,
    name: &SecretName,
    region: &str,
) -> Error {
    let subject = format!("describing `{name}`");
    LISTING.error(Failure::of(error, &subject), &subject, region)
}

/// The error of a failed listing.
pub(super) fn list_error(
    error: &SdkError<DescribeParametersError, HttpResponse>,
    prefix: &str,
    region: &str,
) -> Error {
    let subject = format!("listing the parameters that begin with `{}`", Shown(prefix));
    LISTING.error(Failure::of(error, &subject), &subject, region)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(name: &str, code: &str, status: u16) -> Error {
        refused_read(&AwsRefusal::plain(Some(code), status), &name.into(), "eu-west-1").unwrap()
    }

    #[test]
    fn every_code_but_one_is_an_error_with_a_hint_and_not_an_official_miss() {
        for (code, status, kind, temporary) in [
            ("ParameterVersionNotFound", 400, ErrorKind::InvalidName, false),
            ("InvalidKeyId", 400, ErrorKind::Denied, false),
            ("AccessDeniedException", 400, ErrorKind::Denied, false),
            ("AccessDeniedException", 403, ErrorKind::Denied, false),
            ("ValidationException", 400, ErrorKind::InvalidName, false),
            ("InternalServerError", 500, ErrorKind::Unreachable, true),
            ("InternalServerError", 400, ErrorKind::Unreachable, true),
            ("ThrottlingException", 400, ErrorKind::Throttled, true),
            ("ExpiredTokenException", 400, ErrorKind::Unauthenticated, false),
            ("ResourceNotFoundException", 400, ErrorKind::Malformed, false),
            ("", 404, ErrorKind::Malformed, false),
            ("", 500, ErrorKind::Unreachable, true),
        ] {
            let error = error_of("/a", code, status);
            assert_eq!((error.kind(), error.is_temporary()), (kind, temporary), "{code} {status}");
            assert!(error.hint().is_some() && !error.is_upstream_miss(), "{code} {status}");
        }
        assert!(
            refused_read(&AwsRefusal::plain(Some("ParameterNotFound"), 400), &"/a".into(), "r").is_none()
        );
    }

    #[test]
    fn a_denied_read_names_permission_resource_and_region() {
        insta::assert_snapshot!(error_of("/airflow/variables/x:3", "AccessDeniedException", 400), @"reading \
        `/airflow/variables/x:3` was denied (AccessDeniedException). Allow this identity ssm:GetParameter on \
        `arn:aws:ssm:eu-west-1:*:parameter/airflow/variables/x`, and kms:Decrypt on the key of a \
        SecureString; check that eu-west-1 is the right region");
        let of = |region| resource(&"/a/b".into(), region);
        assert_eq!(of("cn-north-1"), "arn:aws-cn:ssm:cn-north-1:*:parameter/a/b");
        assert_eq!(of("us-gov-west-1"), "arn:aws-us-gov:ssm:us-gov-west-1:*:parameter/a/b");
    }

    #[test]
    fn a_missing_version_and_a_lost_key_say_what_to_look_at() {
        insta::assert_snapshot!(error_of("/a:9", "ParameterVersionNotFound", 400), @"reading `/a:9` was \
        refused as invalid (ParameterVersionNotFound). `/a` exists, and has no version or label `9`: see \
        `aws ssm get-parameter-history`");
        insta::assert_snapshot!(error_of("/a", "InvalidKeyId", 400), @"reading `/a` was denied \
        (InvalidKeyId). The key that the parameter is encrypted with cannot be used: check in eu-west-1 that \
        it exists and is enabled, and allow this identity kms:Decrypt on it");
        insta::assert_snapshot!(error_of("/a", "ThrottlingException", 400), @"reading `/a` was throttled \
        (ThrottlingException). Ask less often (a longer `cache_ttl`, or `prefetch`), or switch on higher \
        throughput for Parameter Store in eu-west-1");
    }

    #[test]
    fn a_failed_batch_is_given_up_read_one_by_one_or_an_error() {
        for (code, status, expected) in [
            (Some("AccessDeniedException"), 400, "denied"),
            (Some("UnknownOperationException"), 400, "unavailable"),
            (Some("InternalFailure"), 501, "unavailable"),
            (None, 404, "unavailable"),
            (Some("ParameterNotFound"), 400, "refused"),
            (Some("ValidationException"), 400, "refused"),
            (Some("InvalidKeyId"), 400, "refused"),
            (None, 403, "refused"),
            (Some("ThrottlingException"), 400, "throttled temporary"),
            (Some("InternalServerError"), 500, "unreachable temporary"),
            (None, 502, "unreachable temporary"),
            (Some("ExpiredTokenException"), 400, "unauthenticated"),
        ] {
            let failure = Failure::Refused(AwsRefusal::plain(code, status));
            let reported =
                calls::batch_failure(failure, BATCH, |refusal| refused_batch(refusal, "x", "r")).in_short();
            assert_eq!(reported, expected, "{code:?} {status}");
        }
    }

    #[test]
    fn a_denied_listing_names_the_permission() {
        let error =
            LISTING.refused(&AwsRefusal::plain(Some("AccessDeniedException"), 400), "listing", "eu-west-1");
        insta::assert_snapshot!(error.hint().unwrap(), @"Allow this identity ssm:DescribeParameters on `*` \
        in eu-west-1: it cannot be allowed for single parameters");
    }
}
