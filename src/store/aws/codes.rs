//! The error codes of AWS, and what they mean.
//!
//! Sources: "Common Errors" and the operations' pages in the API references of Secrets Manager, Systems
//! Manager and STS, botocore/data/_retry.json (throttling).

use crate::error::ErrorKind;

/// The kind that a code means, whatever the status; `None` if the status decides.
pub(super) fn kind_of_code(code: &str) -> Option<ErrorKind> {
    CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(kind, _)| *kind)
}

/// The codes that mean the same whatever the status, by kind.
const CODES: [(ErrorKind, &[&str]); 6] = [
    (
        ErrorKind::Denied,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "NotAuthorized",
            "OptInRequired",
            "UnauthorizedAccess",
            "UnauthorizedOperation",
        ],
    ),
    (
        ErrorKind::Unauthenticated,
        &[
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidIdentityToken",
            "InvalidSignature",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "UnauthorizedException",
            "UnrecognizedClient",
            "UnrecognizedClientException",
        ],
    ),
    (
        ErrorKind::Throttled,
        &[
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "LimitExceededException",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "Throttled",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
            "TransactionInProgressException",
            "TooManyRequestsException",
        ],
    ),
    (
        ErrorKind::Unreachable,
        &[
            "IDPCommunicationError",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "InternalServiceError",
            "InternalServiceErrorException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ],
    ),
    (ErrorKind::Timeout, &["RequestTimeout", "RequestTimeoutException"]),
    (
        ErrorKind::InvalidName,
        &[
            "InvalidParameter",
            "InvalidParameterException",
            "InvalidParameterValue",
            "ValidationError",
            "ValidationException",
        ],
    ),
];

/// Whether this is a code that we know, or looks like one of AWS's: several capitalised words and nothing
/// else. Anything else did not come from AWS, and may repeat whatever was sent.
pub(super) fn is_code(code: &str) -> bool {
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    let begins_word = |(before, letter): (u8, u8)| before.is_ascii_lowercase() && letter.is_ascii_uppercase();
    let has_words = code.bytes().zip(code.bytes().skip(1)).any(begins_word);
    kind_of_code(code).is_some()
        || ONE_WORD_CODES.contains(&code)
        || (is_word && has_words && code.starts_with(|letter: char| letter.is_ascii_uppercase()))
}

/// Codes of one word, besides those of [`kind_of_code`].
const ONE_WORD_CODES: [&str; 4] = ["Blocked", "Forbidden", "Unavailable", "Unauthorized"];
