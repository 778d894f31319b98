//! Logging in: the grants, and the token that they are answered with.
//!
//! Sources: "OAuth" of the "Secret Server Rest API" 11.7.2, and `PasswordGrantAuthorizer` of Delinea's
//! `python-tss-sdk` 2.0.1 for the Platform.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use url::Url;
use zeroize::Zeroizing;

use crate::redact::Shown;
use crate::store::kit::answer::Answer;
use crate::store::kit::rest::bearer;
use crate::store::kit::token::{Expiring, Terms, time_until};
use crate::value::json::{Object, Value};

/// A token of Secret Server lasts for 20 minutes unless an administrator says otherwise.
pub(super) const TERMS: Terms = Terms {
    before: Duration::from_mins(1),
    again: Duration::from_secs(10),
    outlives_refusal: false,
    outage: "the token of Secret Server could not be renewed and is used until it expires",
};

/// Where tokens are, below the address.
pub(super) const TOKEN_PATH: &str = "oauth2/token";
/// The same on the Platform.
pub(super) const PLATFORM_TOKEN_PATH: &str = "identity/api/oauth2/token/xpmplatform";
const PLATFORM_SCOPE: &str = "xpmheadless";

/// How to log in (RFC 6749).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// As a user, section 4.3.
    Password,
    /// As a client, section 4.4.
    Client,
}

/// Who logs in.
pub(super) struct Login {
    /// How.
    pub(super) grant: Grant,
    /// The name of the user, or the id of the client.
    pub(super) name: String,
    /// The password or secret.
    pub(super) secret: Zeroizing<String>,
    /// The directory domain of a user.
    pub(super) domain: Option<String>,
}

impl Login {
    /// The form that asks for a token.
    pub(super) fn form(&self, is_platform: bool) -> Vec<(&'static str, &str)> {
        match self.grant {
            Grant::Password => {
                let form =
                    [("grant_type", "password"), ("username", &*self.name), ("password", &*self.secret)];
                form.into_iter().chain(self.domain.as_deref().map(|domain| ("domain", domain))).collect()
            }
            Grant::Client => {
                let (id, secret) = (("client_id", &*self.name), ("client_secret", &**self.secret));
                let form = [("grant_type", "client_credentials"), id, secret];
                form.into_iter().chain(is_platform.then_some(("scope", PLATFORM_SCOPE))).collect()
            }
        }
    }

    /// The options with the name and the secret, for messages.
    pub(super) const fn options(&self) -> &'static str {
        match self.grant {
            Grant::Password => "`username` and `password`",
            Grant::Client => "the client and its secret",
        }
    }

    /// Who this is, in words.
    pub(super) fn words(&self) -> String {
        let (what, name) = match self.grant {
            Grant::Password => ("user", Shown(&self.name)),
            Grant::Client => ("client", Shown(&self.name)),
        };
        let domain = self.domain.as_deref().filter(|_| self.grant == Grant::Password);
        let domain = domain.map(|domain| format!(" of domain `{}`", Shown(domain)));
        format!("the {what} `{name}`{}", domain.unwrap_or_default())
    }
}

/// Leaves out the secret.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Login").field("grant", &self.grant).finish_non_exhaustive()
    }
}

/// What a login is answered with.
#[derive(Clone)]
pub(super) struct Token {
    /// The header of requests.
    pub(super) header: HeaderValue,
    /// What renews it, once, where an administrator has allowed that.
    refresh: Option<Arc<Zeroizing<String>>>,
    end: Option<SystemTime>,
    /// The vault that the Platform named.
    pub(super) vault: Option<Url>,
}

impl Token {
    /// The token in an answer; `None` if there is none.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let body = answer.object()?;
        let text = |key| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let header = bearer(text("access_token")?)?;
        let refresh = text("refresh_token").map(|text| Arc::new(Zeroizing::new(text.to_owned())));
        let end = seconds(&body).and_then(|lifetime| SystemTime::now().checked_add(lifetime));
        Some(Self { header, refresh, end, vault: None })
    }

    /// The same, for the vault that the Platform named.
    #[must_use]
    pub(super) fn of_vault(self, vault: Option<Url>) -> Self {
        Self { vault, ..self }
    }

    /// The form that asks for the token that follows this one.
    pub(super) fn refresh_form(&self) -> Option<[(&'static str, &str); 2]> {
        let refresh = self.refresh.as_deref()?;
        Some([("grant_type", "refresh_token"), ("refresh_token", refresh)])
    }
}

/// How long a token works. The contract has a text here, and servers send a number.
fn seconds(body: &Object) -> Option<Duration> {
    let value = body.get("expires_in")?;
    let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

impl Expiring for Token {
    fn lifetime(&self) -> Option<Duration> {
        self.end.map(time_until)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

/// Leaves out the tokens.
impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("end", &self.end).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(grant: Grant) -> Login {
        let domain = Some("d".to_owned());
        Login { grant, name: "n".to_owned(), secret: Zeroizing::new("canary".to_owned()), domain }
    }

    #[test]
    fn each_grant_has_its_form_and_shows_no_secret() {
        let keys = |grant, is_platform| {
            let login = login(grant);
            assert!(!format!("{login:?} {}", login.words()).contains("canary"));
            login.form(is_platform).iter().map(|(key, _)| *key).collect::<Vec<_>>()
        };
        assert_eq!(keys(Grant::Password, false), ["grant_type", "username", "password", "domain"]);
        assert_eq!(keys(Grant::Client, false), ["grant_type", "client_id", "client_secret"]);
        assert_eq!(keys(Grant::Client, true), ["grant_type", "client_id", "client_secret", "scope"]);
        assert_eq!(login(Grant::Password).words(), "the user `n` of domain `d`");
        assert_eq!(login(Grant::Client).words(), "the client `n`");
    }

    #[test]
    fn a_lifetime_is_a_number_or_a_text() {
        let token = |lifetime: &str| {
            let body = format!(r#"{{"access_token": "canary", "expires_in": {lifetime}}}"#);
            Token::of(&Answer::of(200, &[], &body)).unwrap()
        };
        for lifetime in ["1199", r#""1199""#] {
            assert!(token(lifetime).lifetime().is_some_and(|left| left.as_secs() > 1190), "{lifetime}");
        }
        assert!(token("null").lifetime().is_none() && token(r#""soon""#).lifetime().is_none());
        assert!(!format!("{:?}", token("1")).contains("canary"));
    }

    #[test]
    fn an_answer_without_a_token_is_none() {
        for body in ["<html>", "{}", r#"{"access_token": ""}"#, r#"{"access_token": "a\nb"}"#] {
            assert!(Token::of(&Answer::of(200, &[], body)).is_none(), "{body}");
        }
        let body = r#"{"access_token": "a", "refresh_token": "canary"}"#;
        let token = Token::of(&Answer::of(200, &[], body)).unwrap();
        assert_eq!(token.refresh_form().unwrap()[1], ("refresh_token", "canary"));
    }
}
