//! Logging in: at the web access itself, or with a token of CyberArk Identity.
//!
//! Sources: `cyberark_authentication.py` of CyberArk's collection for Ansible, `cyberark.py` of `aiobastion`
//! 0.1.9, and "Authenticate to Privilege Cloud" of the documentation of Shared Services.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use crate::redact::Shown;
use crate::store::kit::answer::Answer;
use crate::store::kit::cookies::Cookies;
use crate::store::kit::rest::{bearer, secret_header};
use crate::store::kit::token::{Expiring, Terms, time_until};
use crate::value::json::{Object, Value};

/// A session of the web access says nothing of its end, a token of Identity does.
pub(super) const TERMS: Terms = Terms {
    before: Duration::from_mins(1),
    again: Duration::from_secs(10),
    outlives_refusal: false,
    outage: "the token of CyberArk Identity could not be renewed and is used until it expires",
};

/// Where tokens are, below the address of the Identity tenant.
pub(super) const TOKEN_PATH: &str = "oauth2/platformtoken";
/// Where a session of the web access ends.
pub(super) const LOGOFF_PATH: &str = "API/Auth/Logoff";

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// At the web access, with a directory that it calls so.
    Logon(&'static str),
    /// As a service user of the Identity tenant at this address.
    Identity(Url),
}

/// Who logs in.
pub(super) struct Login {
    /// How.
    pub(super) way: Way,
    /// The name of the user.
    pub(super) user: String,
    /// The password.
    pub(super) password: Zeroizing<String>,
}

impl Login {
    /// What the web access is asked with. Sessions of other processes stay.
    pub(super) fn body(&self) -> Value {
        let text = |text: &str| Value::String(text.into());
        let mut body = Object::new();
        body.insert("username".into(), text(&self.user));
        body.insert("password".into(), text(&self.password));
        body.insert("concurrentSession".into(), Value::Bool(true));
        Value::Object(body)
    }

    /// The form that asks Identity for a token (RFC 6749, section 4.4).
    pub(super) fn form(&self) -> [(&'static str, &str); 3] {
        let (id, secret) = (("client_id", &*self.user), ("client_secret", &**self.password));
        [("grant_type", "client_credentials"), id, secret]
    }

    /// Whether a login begins a session that has to be ended.
    pub(super) fn is_session(&self) -> bool {
        matches!(self.way, Way::Logon(_))
    }

    /// Who this is, in words.
    pub(super) fn words(&self) -> String {
        let how = match &self.way {
            Way::Logon("radius") => "RADIUS",
            Way::Logon(directory) => directory,
            Way::Identity(_) => "OAuth",
        };
        format!("the user `{}` ({how})", Shown(&self.user))
    }
}

/// Leaves out the password.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Login").field("way", &self.way).finish_non_exhaustive()
    }
}

/// What a login is answered with.
#[derive(Clone)]
pub(super) struct Token {
    /// The headers of requests. A session belongs to one of several servers, to which cookies lead.
    pub(super) headers: HeaderMap,
    end: Option<SystemTime>,
}

impl Token {
    /// The session in an answer of the web access, which is a bare JSON string; `None` if there is none.
    pub(super) fn of_logon(answer: &Answer) -> Option<Self> {
        let body = answer.json()?;
        let header = secret_header(body.as_str().filter(|text| !text.is_empty())?)?;
        let mut cookies = Cookies::default();
        cookies.keep(answer);
        Some(Self::of(header, cookies.header(), None))
    }

    /// The token in an answer of Identity; `None` if there is none.
    pub(super) fn of_identity(answer: &Answer) -> Option<Self> {
        let body = answer.object()?;
        let token = body.get("access_token").and_then(Value::as_str).filter(|text| !text.is_empty())?;
        let seconds = body.get("expires_in").and_then(Value::as_i64);
        let lifetime = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let end = lifetime.and_then(|lifetime| SystemTime::now().checked_add(lifetime));
        Some(Self::of(bearer(token)?, None, end))
    }

    fn of(header: HeaderValue, cookies: Option<HeaderValue>, end: Option<SystemTime>) -> Self {
        let cookies = cookies.map(|cookies| (COOKIE, cookies));
        Self { headers: [(AUTHORIZATION, header)].into_iter().chain(cookies).collect(), end }
    }
}

impl Expiring for Token {
    fn lifetime(&self) -> Option<Duration> {
        self.end.map(time_until)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.headers.get(AUTHORIZATION) == other.headers.get(AUTHORIZATION)
    }
}

/// Leaves out the token.
impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("end", &self.end).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_a_bare_string_and_keeps_the_cookies_of_its_server() {
        let cookie = [("set-cookie", "node=canary2; path=/; secure")];
        let token = Token::of_logon(&Answer::of(200, &cookie, "\"canary\"")).unwrap();
        assert_eq!(
            (&token.headers[AUTHORIZATION], &token.headers[COOKIE]),
            (&HeaderValue::from_static("canary"), &HeaderValue::from_static("node=canary2"),)
        );
        assert!(token.lifetime().is_none() && !format!("{token:?} {:?}", token.headers).contains("canary"));
        for body in ["<html>", "\"\"", "{}", "7", "\"a\\nb\""] {
            assert!(Token::of_logon(&Answer::of(200, &[], body)).is_none(), "{body}");
        }
    }

    #[test]
    fn a_token_of_identity_is_a_bearer_token_that_ends() {
        let body = r#"{"access_token": "canary", "expires_in": 900}"#;
        let token = Token::of_identity(&Answer::of(200, &[], body)).unwrap();
        assert_eq!(token.headers[AUTHORIZATION], "Bearer canary");
        assert!(token.lifetime().is_some_and(|left| left.as_secs() > 890) && token.is_same(&token.clone()));
        for body in ["<html>", "{}", r#"{"access_token": ""}"#] {
            assert!(Token::of_identity(&Answer::of(200, &[], body)).is_none(), "{body}");
        }
    }

    #[test]
    fn a_login_shows_no_password() {
        let login = |way| Login { way, user: "u".into(), password: Zeroizing::new("canary".to_owned()) };
        let identity = Way::Identity(Url::parse("https://i").unwrap());
        for (way, is_session, words) in [
            (Way::Logon("CyberArk"), true, "the user `u` (CyberArk)"),
            (Way::Logon("radius"), true, "the user `u` (RADIUS)"),
            (identity, false, "the user `u` (OAuth)"),
        ] {
            let login = login(way);
            assert_eq!((login.is_session(), login.words().as_str()), (is_session, words));
            assert!(!format!("{login:?}").contains("canary"));
            assert_eq!(login.form()[2], ("client_secret", "canary"));
        }
    }
}
