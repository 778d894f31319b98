//! IAM Identity Center (formerly AWS SSO): credentials of a role for whoever is logged in.
//!
//! Source: botocore/credentials.py (`SSOCredentialFetcher`) and `GetRoleCredentials` in the portal's API reference.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{read_body, send};
use crate::store::aws::credentials::sso_token::{TokenCache, expired};
use crate::store::aws::credentials::{CredentialSource, document, no_credentials};
use crate::store::aws::error::{Refusal, transport_error};
use crate::value::json::{Object, Value};

const SUBJECT: &str = "asking IAM Identity Center for credentials";
const BEARER: HeaderName = HeaderName::from_static("x-amz-sso_bearer_token");
const ERROR_TYPE: &str = "x-amzn-errortype";

/// A role of an account that the logged-in user may use.
pub(super) struct SingleSignOn {
    client: reqwest::Client,
    url: Url,
    tokens: TokenCache,
}

/// Where a service of IAM Identity Center answers.
pub(super) fn usual_address(service: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{service}.{region}.{suffix}")
}

impl SingleSignOn {
    /// `portal` is the address of the portal service.
    pub(super) fn new(
        client: reqwest::Client,
        mut portal: Url,
        role: &str,
        account: &str,
        tokens: TokenCache,
    ) -> Self {
        portal.set_path("/federation/credentials");
        portal.query_pairs_mut().append_pair("role_name", role).append_pair("account_id", account);
        Self { client, url: portal, tokens }
    }
}

#[async_trait]
impl CredentialSource for SingleSignOn {
    async fn load(&self) -> Result<Credentials> {
        let failed = |error| transport_error(&error, SUBJECT);
        let token = self.tokens.token(&self.client).await?;
        let mut request = reqwest::Request::new(Method::GET, self.url.clone());
        let mut bearer = HeaderValue::from_str(&token).map_err(|_| expired())?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(BEARER, bearer);
        let response = send(&self.client, request, true).await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(refused(&response));
        }
        let body = read_body(response).await.map_err(failed)?;
        let found = document::object(&body)
            .and_then(|answer| credentials(answer.get("roleCredentials")?.as_object()?));
        found.ok_or_else(|| no_credentials(format!("{SUBJECT}: the answer is not understood")))
    }
}

/// The portal counts milliseconds since 1970.
fn credentials(answer: &Object) -> Option<Credentials> {
    let milliseconds =
        answer.get("expiration").and_then(Value::as_i64).and_then(|count| u64::try_from(count).ok());
    let expiry = milliseconds.map(|count| SystemTime::UNIX_EPOCH + Duration::from_millis(count));
    let text = |key| document::text(answer, key).map(str::to_owned);
    Some(Credentials::new(
        text("accessKeyId")?,
        text("secretAccessKey")?,
        text("sessionToken"),
        expiry,
        "sso",
    ))
}

fn refused(response: &reqwest::Response) -> Error {
    let code = response.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    let refusal = Refusal::plain(code.and_then(|code| code.split(':').next()), response.status().as_u16());
    match refusal.kind() {
        ErrorKind::Unauthenticated => expired(),
        ErrorKind::Malformed | ErrorKind::InvalidName => {
            refusal.to_error(ErrorKind::Unauthenticated, SUBJECT)
        }
        kind => refusal.to_error(kind, SUBJECT),
    }
    .with_operation("GetRoleCredentials")
    .with_hint("Check sso_account_id and sso_role_name of the AWS profile, then run `aws sso login` again")
}

impl fmt::Debug for SingleSignOn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SingleSignOn").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aws::words::tests::json;

    #[test]
    fn the_portal_answers_in_milliseconds() {
        let answer = json(
            r#"{"accessKeyId": "a", "secretAccessKey": "s", "sessionToken": "t", "expiration": 1700000000500}"#,
        );
        let found = credentials(answer.as_object().unwrap()).unwrap();
        assert_eq!(found.expiry(), Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500)));
    }

    #[test]
    fn partitions_have_their_own_suffix() {
        assert_eq!(usual_address("portal.sso", "eu-west-1"), "https://portal.sso.eu-west-1.amazonaws.com");
        assert_eq!(usual_address("oidc", "cn-north-1"), "https://oidc.cn-north-1.amazonaws.com.cn");
    }
}
