//! The key of a service account: self-signed tokens, without a request.
//!
//! Source: AIP-4111, which google-auth and the vendor's client for Python follow. google-cloud-auth makes the
//! signature.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use google_cloud_auth::credentials::service_account;
use google_cloud_auth::signer::Signer;
use serde_json::{Value as Json, json};

use crate::error::{Error, Result};
use crate::process::no_fork;

use super::private_key::as_pkcs8;
use super::token::{Token, TokenSource};
use super::{needed, text};

/// How long a signed token works: the longest time that Google accepts.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Tolerance for differing clocks: a token that seems to be signed in the future is refused
/// (google-cloud-auth, `jws.rs`).
const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// What a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// One service.
    Audience(String),
    /// Every service that the scopes name.
    Scopes(String),
}

/// A key. Debug shows the account.
pub(super) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    signer: Signer,
    grant: Grant,
}

impl ServiceAccount {
    /// Reads the key from its file. It is first parsed when it signs.
    pub(super) fn new(key: &Json, grant: Grant) -> Result<Self> {
        let what = "the service account key";
        let email = needed(key, "client_email", what)?.to_owned();
        let private_key = as_pkcs8(needed(key, "private_key", what)?);
        // The crate requires members that google-auth does not need.
        let mut complete = json!({"private_key_id": "", "project_id": ""});
        if let (Some(complete), Some(key)) = (complete.as_object_mut(), key.as_object()) {
            complete.extend(key.iter().map(|(name, value)| (name.clone(), value.clone())));
            complete.insert("private_key".to_owned(), private_key.into());
        }
        let signer = service_account::Builder::new(complete).build_signer().map_err(|_| unusable())?;
        Ok(Self { email, key_id: text(key, "private_key_id").map(str::to_owned), signer, grant })
    }

    /// The account of the key.
    #[cfg(feature = "vault")]
    pub(super) fn email(&self) -> &str {
        &self.email
    }

    /// A JSON web token with `claims` (RFC 7515, RS256).
    pub(super) fn sign(&self, claims: Json) -> Result<String> {
        let part = |json: Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let unsigned = format!("{}.{}", part(self.header()), part(claims));
        let signed = {
            // The libraries below initialise statics of their own when they sign for the first time.
            let _held = no_fork();
            self.signer.sign(&unsigned).now_or_never()
        };
        let signature = signed.and_then(std::result::Result::ok).ok_or_else(unusable)?;
        Ok(format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn claims(&self, now: Duration) -> Json {
        let issued = now.saturating_sub(CLOCK_SKEW);
        let (issued, expires) = (issued.as_secs(), (issued + LIFETIME).as_secs());
        let mut claims = json!({"iss": self.email, "sub": self.email, "iat": issued, "exp": expires});
        let (name, value) = match &self.grant {
            Grant::Audience(audience) => ("aud", audience),
            Grant::Scopes(scopes) => ("scope", scopes),
        };
        claims[name] = json!(value);
        claims
    }

    fn header(&self) -> Json {
        match &self.key_id {
            Some(key_id) => json!({"alg": "RS256", "typ": "JWT", "kid": key_id}),
            None => json!({"alg": "RS256", "typ": "JWT"}),
        }
    }
}

/// Leaves out the cause: a parser's message may show a part of the key.
fn unusable() -> Error {
    Error::config("the private key of the service account cannot be used")
        .with_hint("It must be the `private_key` of a JSON key as Google makes it, with its line breaks")
}

#[async_trait]
impl TokenSource for ServiceAccount {
    async fn fetch(&self) -> Result<Token> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let signed = self.sign(self.claims(now))?;
        Ok(Token::lasting(signed, Some(LIFETIME.saturating_sub(CLOCK_SKEW))))
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServiceAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn account(grant: Grant) -> ServiceAccount {
        let key = json!({"client_email": "a@p", "private_key": "canary", "private_key_id": "k"});
        ServiceAccount::new(&key, grant).unwrap()
    }

    #[test]
    fn a_token_names_who_for_what_and_how_long() {
        let now = Duration::from_secs(1_000_000);
        let claims = account(Grant::Audience("https://s/".into())).claims(now);
        assert_eq!(
            claims,
            json!({"iss": "a@p", "sub": "a@p", "iat": 999_990, "exp": 1_003_590, "aud": "https://s/"})
        );
        let claims = account(Grant::Scopes("b c".into())).claims(now);
        assert_eq!((claims.get("aud"), &claims["scope"]), (None, &json!("b c")));
    }

    #[tokio::test]
    async fn an_invalid_key_is_an_error_that_does_not_show_it() {
        let account = account(Grant::Scopes("s".into()));
        rustls::crypto::ring::default_provider().install_default().ok();
        let error = account.fetch().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error:?} {account:?}").contains("canary"));
        for key in
            [json!({}), json!({"client_email": "a"}), json!({"client_email": 5, "private_key": "canary"})]
        {
            let error = ServiceAccount::new(&key, Grant::Scopes("s".into())).unwrap_err();
            assert!(!format!("{error:?}").contains("canary"));
        }
    }
}
