//! From the errors of Key Vault to [`Error`]: by the codes in its answers first, then by HTTP status, never
//! by text.
//!
//! Sources: "Azure Key Vault REST API error codes"; the inner codes as issues of the SDKs show them
//! (`SecretDisabled`: azure-sdk-for-java#17991; `ObjectIsDeletedButRecoverable`: external-secrets#3519). Key
//! Vault returns secrets that have expired (AzureKeyVault#19), so there is no code for these.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::time::Duration;

use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::headers::{HeaderName, WWW_AUTHENTICATE};

use crate::error::{Error, ErrorKind};
use crate::http::{NoAnswerHints, TransportError};
use crate::redact::Shown;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::{self, wait};
use crate::value::Text;
use crate::value::json::{Object, Value, parse};

/// Headers with a number of milliseconds.
const MILLISECONDS: [&str; 2] = ["x-ms-retry-after-ms", "retry-after-ms"];

/// What was requested, for messages.
#[derive(Clone, Debug)]
pub(super) struct Asked<'asked> {
    /// Such as "reading `a`".
    pub(super) subject: String,
    /// The vault's host.
    pub(super) vault: &'asked str,
    /// The permission that it needs.
    pub(super) permission: &'static str,
}

/// The error of a failed call; `None` means that the secret does not exist.
pub(super) fn read_error(error: &azure_core::Error, asked: &Asked<'_>) -> Option<Error> {
    // Our own errors pass through the SDK: the login's, see `TokenCredential` in tokens.rs.
    if let Some(known) = cause::<Error>(error) {
        return Some(known.clone());
    }
    if let Some(transport) = cause::<TransportError>(error) {
        return Some(transport_error(transport, &asked.subject, "the vault", "`vault_url`"));
    }
    let refusal = Refusal::of(error);
    match refusal {
        Some(refusal) if refusal.head.status == 404 && refusal.head.is("SecretNotFound") => None,
        Some(refusal) => Some(refusal.to_error(asked)),
        None => Some(challenge_error(error, asked)),
    }
}

/// An error of our own, or of the network, inside that of the SDK.
pub(super) fn cause<T: StdError + 'static>(error: &azure_core::Error) -> Option<&T> {
    let first = error.source();
    std::iter::successors(first, |cause| (*cause).source()).find_map(|cause| {
        // The source of an `io::Error` skips the error that it carries.
        let carried = || cause.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref();
        cause.downcast_ref().or_else(carried)
    })
}

/// The error answer of the vault.
#[derive(Clone, Debug, Default)]
struct Refusal {
    head: refusal::Refusal,
    inner: Option<String>,
    /// The tenant that the vault trusts.
    tenant: Option<String>,
    /// Whether it asks for more claims than the token has.
    wants_claims: bool,
}

impl Refusal {
    fn of(error: &azure_core::Error) -> Option<Self> {
        let SdkKind::HttpResponse { status, raw_response, .. } = error.kind() else { return None };
        let head = refusal::Refusal { status: u16::from(*status), ..refusal::Refusal::default() };
        let mut refusal = Self { head, ..Self::default() };
        if let Some(raw) = raw_response {
            let header = |name| raw.headers().get_optional_str(&HeaderName::from_static(name));
            refusal.head.retry_after = retry_after(header);
            let challenge = raw.headers().get_optional_str(&WWW_AUTHENTICATE).unwrap_or_default();
            refusal.tenant = challenged_tenant(challenge);
            refusal.wants_claims = challenge.contains(r#"claims=""#);
            refusal.read_body(raw.body().as_ref());
        }
        Some(refusal)
    }

    /// Key Vault spells `innererror` both ways.
    fn read_body(&mut self, body: &[u8]) {
        let text = Text::from_utf8_surrogatepass(body.to_vec()).ok();
        let parsed = text.and_then(|text| parse(&text).ok());
        let member =
            |of: Option<&Object>, key| of.and_then(|of| of.get(key)).and_then(Value::as_object).cloned();
        let Some(error) = member(parsed.as_ref().and_then(Value::as_object), "error") else { return };
        let inner = member(Some(&error), "innererror").or_else(|| member(Some(&error), "innerError"));
        let code = |of: &Object, key| of.get(key).and_then(Value::as_str).map(str::to_owned);
        let numbered = code(&error, "message").and_then(|message| numbered_code(&message));
        self.head.code = code(&error, "code").filter(|code| is_code(code));
        self.inner = inner.and_then(|inner| code(&inner, "code")).filter(|code| is_code(code)).or(numbered);
    }

    fn is_inner(&self, code: &str) -> bool {
        self.inner.as_deref() == Some(code)
    }

    fn kind(&self) -> ErrorKind {
        match (self.head.status, self.head.code.as_deref(), self.inner.as_deref()) {
            // 409: the name is in use until the operation ends, which passes by itself.
            (_, _, Some("ObjectIsBeingRecovered" | "ObjectIsBeingDeleted")) => ErrorKind::Unreachable,
            (400, Some("BadParameter"), _) => ErrorKind::InvalidName,
            (401 | 403 | 408 | 429 | 500..=599, ..) => ErrorKind::of_status(self.head.status),
            _ => ErrorKind::Malformed,
        }
    }

    fn to_error(&self, asked: &Asked<'_>) -> Error {
        let kind = self.kind();
        // The inner code is the more specific one.
        let code = self.inner.clone().or_else(|| self.head.code.clone());
        let text = format!("{} {}", asked.subject, self.what_happened(kind));
        let error = self.head.clone().with_code(code).to_error(kind, text);
        let error = error.with_hint_if(self.hint(kind, asked));
        // The official class treats every 404 as an absent secret.
        if self.head.status == 404 { error.as_upstream_miss() } else { error }
    }

    fn what_happened(&self, kind: ErrorKind) -> &'static str {
        match kind {
            ErrorKind::Denied if self.is_inner("SecretDisabled") => {
                "was refused, since the secret is disabled"
            }
            ErrorKind::Denied => "was denied",
            ErrorKind::Unauthenticated => "was refused, since the vault does not accept the token",
            ErrorKind::Throttled => "was throttled",
            ErrorKind::Unreachable if self.head.status == 409 => "has to wait for the vault",
            ErrorKind::Unreachable => "failed inside Azure",
            ErrorKind::Timeout => "took the vault too long",
            ErrorKind::InvalidName => "was refused as invalid",
            _ if self.is_inner("ObjectIsDeletedButRecoverable") => "was refused, since the secret is deleted",
            _ => "failed with an answer that is not understood",
        }
    }

    fn hint(&self, kind: ErrorKind, asked: &Asked<'_>) -> Option<Cow<'static, str>> {
        let (vault, permission) = (Shown(asked.vault), asked.permission);
        Some(match (self.inner.as_deref().unwrap_or_default(), kind) {
            ("SecretDisabled", _) => {
                "Enable its current version: `az keyvault secret set-attributes --enabled true`".into()
            }
            ("ForbiddenByRbac", _) => format!(
                "Give this identity the role `Key Vault Secrets User` on {vault}; a new role takes up to ten \
                minutes"
            )
            .into(),
            ("AccessDenied" | "ForbiddenByPolicy", _) => format!(
                "{vault} uses access policies: give this identity the secret permission `{permission}` there"
            )
            .into(),
            ("ForbiddenByFirewall" | "ForbiddenByConnection", _) => format!(
                "The firewall of {vault} does not let this network in: add its address, a service endpoint \
                or a private endpoint"
            )
            .into(),
            ("ObjectIsDeletedButRecoverable", _) => {
                "Bring it back with `az keyvault secret recover`, or purge it and make it anew".into()
            }
            (_, ErrorKind::Denied) => format!(
                "Give this identity the role `Key Vault Secrets User` on {vault}, or `{permission}` in its \
                access policy; check its firewall"
            )
            .into(),
            (_, ErrorKind::Unauthenticated) => self.token_hint(),
            (_, ErrorKind::Throttled) => {
                "Ask less often (a longer `cache_ttl`), or spread secrets over more vaults".into()
            }
            (_, ErrorKind::InvalidName) => "Check `api_version` and the name of the secret".into(),
            (_, ErrorKind::Malformed) => {
                "Check `vault_url` and proxies: something else than Key Vault may have answered".into()
            }
            _ => return None,
        })
    }

    /// The challenge names the tenant that the vault belongs to.
    fn token_hint(&self) -> Cow<'static, str> {
        match &self.tenant {
            _ if self.wants_claims => {
                "The vault asks for claims that this token has not: check the conditional access policies \
                for this identity, and whether its sessions were revoked"
                    .into()
            }
            Some(tenant) => format!(
                "The vault trusts tokens of the tenant {}: check `tenant_id` and the identity, and this \
                machine's clock",
                Shown(tenant)
            )
            .into(),
            None => "Check `tenant_id`, that the identity belongs to the vault's tenant, and this machine's \
            clock"
                .into(),
        }
    }
}

/// The status and headers of an answer of Azure's other services.
pub(super) fn head(answer: &Answer) -> refusal::Refusal {
    let retry_after = retry_after(|name| answer.header(name));
    refusal::Refusal { retry_after, ..refusal::Refusal::of(answer) }
}

/// How long the service asks us to wait: in milliseconds, or in the standard header.
fn retry_after<'answer>(header: impl Fn(&'static str) -> Option<&'answer str>) -> Option<Duration> {
    // Azure's own headers first, since they are more precise than whole seconds.
    let milliseconds = MILLISECONDS.iter().find_map(|name| header(name)?.trim().parse().ok());
    milliseconds.map(Duration::from_millis).or_else(|| wait(header("retry-after")?))
}

/// A code is a capitalised name. Anything else did not come from Key Vault.
fn is_code(code: &str) -> bool {
    code.len() <= 64
        && code.starts_with(|letter: char| letter.is_ascii_uppercase())
        && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The number at the beginning of some messages, such as `AKV10032`.
fn numbered_code(message: &str) -> Option<String> {
    let (code, _) = message.split_once(':')?;
    let digits = code.strip_prefix("AKV")?;
    let is_number =
        !digits.is_empty() && digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| code.to_owned())
}

/// The tenant in `authorization="https://login.windows.net/<tenant>"`.
fn challenged_tenant(challenge: &str) -> Option<String> {
    let (_, rest) = challenge
        .split_once(r#"authorization=""#)
        .or_else(|| challenge.split_once(r#"authorization_uri=""#))?;
    let (address, _) = rest.split_once('"')?;
    // The address ends with the tenant: `https://login.microsoftonline.com/TENANT`.
    let tenant = address.rsplit('/').next()?;
    let is_tenant = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    (!tenant.is_empty() && tenant.len() <= 64 && tenant.bytes().all(is_tenant)).then(|| tenant.to_owned())
}

/// The error if the SDK gave up although the vault returned no error: it did not accept a challenge, or could
/// not read an answer.
fn challenge_error(error: &azure_core::Error, asked: &Asked<'_>) -> Error {
    match error.kind() {
        SdkKind::DataConversion => {
            Error::new(ErrorKind::Malformed, format!("{}: the answer is not understood", asked.subject))
                .with_hint("Check `vault_url` and proxies: something else than Key Vault may have answered")
        }
        _ => Error::new(
            ErrorKind::Unauthenticated,
            format!(
                "{}: {} asks for a token that is not for its own domain",
                asked.subject,
                Shown(asked.vault)
            ),
        )
        .with_hint(
            "Check `vault_url`; for a vault behind a name of your own set `verify_challenge_resource` \
        to false",
        ),
    }
}

/// The error if `place`, whose address is configured in `option`, gave no answer.
pub(super) fn transport_error(error: &TransportError, subject: &str, place: &str, option: &str) -> Error {
    let hints = NoAnswerHints {
        timeout: "Check the network path; there are `connection_timeout` and `read_timeout`",
        certificate: "Name the CA that signed it in `ca_bundle` or REQUESTS_CA_BUNDLE",
        dns: &format!("Check {option}, that {place} still exists, and the DNS of this machine"),
        connect: &format!("Check {option}, the proxy, and that this network may reach {place}"),
        request: &format!("Check {option} and the other options"),
    };
    error.to_error(subject, &hints)
}

#[cfg(test)]
mod tests {
    use azure_core::http::headers::Headers;
    use azure_core::http::{RawResponse, StatusCode};

    use super::*;

    fn answered(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Option<Error> {
        let mut all = Headers::new();
        for (name, value) in headers {
            all.insert(*name, *value);
        }
        let status = StatusCode::from(status);
        let raw = RawResponse::from_bytes(status, all, body.as_bytes().to_vec());
        let kind = SdkKind::HttpResponse { status, error_code: None, raw_response: Some(Box::new(raw)) };
        let asked =
            Asked { subject: "reading `a`".to_owned(), vault: "v.vault.azure.net", permission: "get" };
        read_error(&azure_core::Error::from(kind), &asked)
    }

    #[test]
    fn only_one_code_means_absent() {
        assert!(answered(404, &[], r#"{"error": {"code": "SecretNotFound"}}"#).is_none());
        for body in ["", "<html>", r#"{"error": {"code": "NotFound"}}"#, r#"{"error": null}"#, "[]"] {
            let error = answered(404, &[], body).unwrap();
            assert_eq!((error.kind(), error.is_upstream_miss()), (ErrorKind::Malformed, true), "{body}");
        }
    }

    #[test]
    fn causes_of_a_denial_are_distinguished() {
        for (inner, part) in [
            ("ForbiddenByRbac", "Key Vault Secrets User"),
            ("AccessDenied", "secret permission `get`"),
            ("ForbiddenByPolicy", "secret permission `get`"),
            ("ForbiddenByFirewall", "firewall of v.vault.azure.net"),
            ("SecretDisabled", "--enabled true"),
            ("Surprise", "Key Vault Secrets User"),
        ] {
            for spelling in ["innererror", "innerError"] {
                let body = format!(
                    r#"{{"error": {{"code": "Forbidden", "message": "canary", "{spelling}": {{"code": "{inner}"}}}}}}"#
                );
                let error = answered(403, &[], body.leak()).unwrap();
                assert_eq!((error.kind(), error.code()), (ErrorKind::Denied, Some(inner)));
                assert!(error.hint().unwrap().contains(part), "{inner}: {error}");
                assert!(!format!("{error:?}").contains("canary"));
            }
        }
    }

    #[test]
    fn a_token_of_another_tenant_names_the_right_one() {
        let challenge =
            r#"Bearer authorization="https://login.windows.net/72f9-ab", resource="https://vault.azure.net""#;
        let body = r#"{"error": {"code": "Unauthorized", "message": "AKV10032: Invalid issuer. canary"}}"#;
        let error = answered(401, &[("www-authenticate", challenge)], body).unwrap();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("AKV10032")));
        insta::assert_snapshot!(error, @"reading `a` was refused, since the vault does not accept the token \
        (AKV10032). The vault trusts tokens of the tenant 72f9-ab: check `tenant_id` and the identity, and \
        this machine's clock");
    }

    #[test]
    fn a_vault_that_asks_for_claims_refuses_the_token() {
        let challenge = r#"Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="Y2FuYXJ5""#;
        let error = answered(401, &[("www-authenticate", challenge)], "").unwrap();
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unauthenticated, false));
        assert!(
            error.hint().unwrap().contains("conditional access") && !error.to_string().contains("Y2Fu"),
            "{error}"
        );
    }

    #[test]
    fn waiting_times_are_kept() {
        let wait = |headers| answered(429, headers, "").unwrap().retry_after();
        assert_eq!(wait(&[("retry-after", " 7 ")]), Some(Duration::from_secs(7)));
        assert_eq!(
            wait(&[("retry-after", "9"), ("retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), None);
        assert!(
            wait(&[("retry-after", "Fri, 21 Oct 2095 07:28:00 GMT")]).unwrap()
                > Duration::from_secs(1_000_000)
        );
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn the_rest_is_distinguished_by_status() {
        for (status, body, kind, temporary) in [
            (429, "", ErrorKind::Throttled, true),
            (500, "", ErrorKind::Unreachable, true),
            (503, "<html>", ErrorKind::Unreachable, true),
            (408, "", ErrorKind::Timeout, true),
            (400, r#"{"error": {"code": "BadParameter"}}"#, ErrorKind::InvalidName, false),
            (400, "", ErrorKind::Malformed, false),
            (302, "", ErrorKind::Malformed, false),
            (
                409,
                r#"{"error": {"code": "Conflict", "innererror": {"code": "ObjectIsBeingDeleted"}}}"#,
                ErrorKind::Unreachable,
                true,
            ),
            (
                409,
                r#"{"error": {"code": "Conflict", "innererror": {"code": "ObjectIsDeletedButRecoverable"}}}"#,
                ErrorKind::Malformed,
                false,
            ),
        ] {
            let error = answered(status, &[], body).unwrap();
            assert_eq!((error.kind(), error.is_temporary()), (kind, temporary), "{status} {body}");
        }
    }

    #[test]
    fn an_invalid_code_is_not_shown() {
        let error =
            answered(403, &[], r#"{"error": {"code": "<canary>", "innererror": {"code": "a b"}}}"#).unwrap();
        assert_eq!(error.code(), Some("HTTP 403"));
    }
}
