//! Logging in: an API key, a password for which Conjur gives the key, or a JWT; and the token of each.
//!
//! Source: `authentication.yml` of `conjur-openapi-spec` 5.3.2. A token ends after eight minutes.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION};
use http::{HeaderMap, HeaderValue};
use reqwest::Request;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::http::NoAnswerHints;
use crate::redact::{Shown, ShownPath};
use crate::store::kit::answer::Answer;
use crate::store::kit::reading::on_another_thread;
use crate::store::kit::rest::{FORM, Rest, secret_header, segment};
use crate::store::kit::session::Login;
use crate::store::kit::token::{Expiring, Terms, time_until};
use crate::value::Text;
use crate::value::json::{Object, Value, parse};

use super::error::{CONJUR, NO_ANSWER, login_refused};

const SUBJECT: &str = "logging in to Conjur";

/// How long a token works unless it says otherwise.
const LIFETIME: Duration = Duration::from_mins(8);

/// Asks for tokens and values in base64, which goes through every proxy unchanged.
pub(super) const BASE64: HeaderValue = HeaderValue::from_static("base64");

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");

/// Who logs in, and how.
pub(super) struct Authn {
    /// The account of the organization.
    pub(super) account: String,
    /// The role; `None` where a JWT says it.
    pub(super) login: Option<String>,
    /// What proves it.
    pub(super) proof: Proof,
}

/// What proves who logs in.
pub(super) enum Proof {
    /// An API key.
    Key(Zeroizing<String>),
    /// The password of a user.
    Password(Zeroizing<String>),
    /// A JWT, for one of the authenticators that take them.
    Jwt {
        /// The id of the authenticator.
        service: String,
        /// The token.
        jwt: Jwt,
    },
}

/// Where a JWT is.
pub(super) enum Jwt {
    /// In the configuration.
    Given(Zeroizing<String>),
    /// In a file, which is replaced before the token in it ends.
    File(PathBuf),
}

impl Jwt {
    async fn text(&self) -> Result<Zeroizing<String>> {
        match self {
            Self::Given(text) => Ok(text.clone()),
            Self::File(path) => {
                let owned = path.clone();
                let read =
                    on_another_thread(move || std::fs::read_to_string(owned).map(Zeroizing::new)).await?;
                let unusable = |reason: &str| {
                    let what =
                        format!("the file `{}` with the JWT cannot be used: {reason}", ShownPath(path));
                    let hint = "Check `jwt_path`, and that this user can read the file";
                    Error::new(ErrorKind::Unauthenticated, what).with_hint(hint)
                };
                let text = read.map_err(|error| unusable(&error.to_string()))?;
                let text = text.trim_start_matches('\u{feff}').trim();
                if text.is_empty() {
                    Err(unusable("it is empty"))
                } else {
                    Ok(Zeroizing::new(text.to_owned()))
                }
            }
        }
    }
}

impl Authn {
    fn role(&self) -> &str {
        self.login.as_deref().unwrap_or_default()
    }

    /// The options that hold the login, and what to check about them.
    const fn names(&self) -> (&'static str, &'static str) {
        match self.proof {
            Proof::Key(_) => {
                ("`login` and `api_key`", "Check `account`, `login` (host/ID for a host) and `api_key`")
            }
            Proof::Password(_) => ("`login` and `password`", "Check `account`, `login` and `password`"),
            Proof::Jwt { .. } => (
                "the JWT",
                "Check `account` and `service_id`; that the authenticator is enabled, that the host is in \
                its group, and that the claims of the JWT are those of the host's annotations",
            ),
        }
    }

    /// The token for an API key.
    async fn with_key(&self, rest: &Rest, key: &Zeroizing<String>) -> Result<Token> {
        let path = format!("authn/{}/{}/authenticate", segment(&self.account), segment(self.role()));
        self.token(rest, rest.post_body(&path, PLAIN, key.to_string())?).await
    }

    /// The token for a JWT.
    async fn with_jwt(&self, rest: &Rest, service: &str, jwt: &str) -> Result<Token> {
        let host = self.login.as_deref().map(|login| format!("/{}", segment(login))).unwrap_or_default();
        let (service, account) = (segment(service), segment(&self.account));
        let path = format!("authn-jwt/{service}/{account}{host}/authenticate");
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("jwt", jwt).finish();
        self.token(rest, rest.post_body(&path, FORM, form)?).await
    }

    async fn token(&self, rest: &Rest, mut request: Request) -> Result<Token> {
        request.headers_mut().insert(ACCEPT_ENCODING, BASE64);
        let answer = self.accepted(rest.send_plain(request, true).await)?;
        Token::of(&answer.body).ok_or_else(|| CONJUR.not_understood(SUBJECT))
    }

    /// The API key that belongs to a password.
    async fn key(&self, rest: &Rest, password: &str) -> Result<Zeroizing<String>> {
        let pair = Zeroizing::new(format!("{}:{password}", self.role()));
        let basic = secret_header(&format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        let request = rest.get(&format!("authn/{}/login", segment(&self.account)), [])?;
        let answer = self.accepted(rest.ask(&request, basic).await)?;
        let key = std::str::from_utf8(&answer.body).map(str::trim).unwrap_or_default();
        // A page of something else is no key.
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_key { Ok(Zeroizing::new(key.to_owned())) } else { Err(CONJUR.not_understood(SUBJECT)) }
    }

    fn accepted(&self, answer: Result<Answer, crate::http::TransportError>) -> Result<Answer> {
        let answer = answer.map_err(|failure| failure.to_error(SUBJECT, &NO_ANSWER))?;
        let (names, hint) = self.names();
        if answer.is_success() { Ok(answer) } else { Err(login_refused(&answer, SUBJECT, names, hint)) }
    }

    async fn with_password(&self, rest: &Rest, password: &str, old: Option<Token>) -> Result<Token> {
        if let Some(key) = old.and_then(|old| old.key) {
            match self.with_key(rest, &key).await {
                Ok(token) => return Ok(Token { key: Some(key), ..token }),
                Err(error) if error.is_temporary() => return Err(error),
                // It was replaced by another one since.
                Err(_) => {
                    tracing::debug!("Conjur does not accept the API key any longer. Asking for another.");
                }
            }
        }
        let key = self.key(rest, password).await?;
        let token = self.with_key(rest, &key).await?;
        Ok(Token { key: Some(Arc::new(key)), ..token })
    }
}

#[async_trait]
impl Login for Authn {
    type Token = Token;

    const SERVICE: &'static str = CONJUR.name;
    const TERMS: Terms = Terms {
        before: Duration::from_mins(1),
        again: Duration::from_secs(10),
        outlives_refusal: false,
        outage: "the token of Conjur could not be renewed and is used until it expires",
    };
    const NO_ANSWER: NoAnswerHints<'static> = NO_ANSWER;

    async fn log_in(&self, rest: &Rest, old: Option<Token>) -> Result<Token> {
        match &self.proof {
            Proof::Key(key) => self.with_key(rest, key).await,
            Proof::Password(password) => self.with_password(rest, password, old).await,
            Proof::Jwt { service, jwt } => self.with_jwt(rest, service, &jwt.text().await?).await,
        }
    }

    fn headers(token: &Token) -> HeaderMap {
        [(AUTHORIZATION, token.header.clone())].into_iter().collect()
    }

    fn is_refused(answer: &Answer) -> bool {
        answer.status == 401
    }

    fn words(&self) -> String {
        let account = Shown(&self.account);
        match (&self.proof, &self.login) {
            (Proof::Jwt { service, .. }, None) => {
                format!("a JWT for the authenticator `{}` of account `{account}`", Shown(service))
            }
            (_, login) => {
                let login = login.as_deref().unwrap_or_default();
                format!("the role `{}` of account `{account}`", Shown(login))
            }
        }
    }
}

/// Leaves out the secret.
impl fmt::Debug for Authn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authn").field("account", &self.account).finish_non_exhaustive()
    }
}

/// What a login is answered with.
#[derive(Clone)]
pub(super) struct Token {
    header: HeaderValue,
    end: Option<SystemTime>,
    /// The API key that Conjur gave for a password, which is costly to ask for.
    key: Option<Arc<Zeroizing<String>>>,
}

impl Token {
    /// The token in an answer, in base64 or as it is; `None` if there is none.
    fn of(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?.trim();
        let is_json = text.starts_with('{');
        let encoded = if is_json { STANDARD.encode(text) } else { text.split_ascii_whitespace().collect() };
        let token = decoded_object(&encoded)?;
        token.get("payload")?.as_str()?;
        let end = SystemTime::now().checked_add(lifetime(&token).unwrap_or(LIFETIME));
        let header = secret_header(&format!("Token token=\"{encoded}\""))?;
        Some(Self { header, end, key: None })
    }
}

/// The object that a text in base64 holds.
fn decoded_object(encoded: &str) -> Option<Object> {
    let json = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    parse(&Text::from(std::str::from_utf8(&json).ok()?)).ok()?.into_object()
}

/// How long a token works, by the server's clock alone.
fn lifetime(token: &Object) -> Option<Duration> {
    let payload = decoded_object(token.get("payload")?.as_str()?)?;
    let moment = |key| payload.get(key).and_then(Value::as_i64);
    u64::try_from(moment("exp")?.checked_sub(moment("iat")?)?).ok().map(Duration::from_secs)
}

impl Expiring for Token {
    fn lifetime(&self) -> Option<Duration> {
        self.end.map(time_until)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.header == other.header
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

    fn token(payload: &str) -> String {
        format!(
            r#"{{"protected": "e30=", "payload": "{}", "signature": "canary"}}"#,
            STANDARD.encode(payload)
        )
    }

    #[test]
    fn a_token_is_the_same_in_base64_and_as_it_is() {
        let json = token(r#"{"sub": "host/a", "iat": 1598769540}"#);
        let mut encoded = STANDARD.encode(&json);
        let plain = Token::of(json.as_bytes()).unwrap();
        assert_eq!(plain.header.to_str().unwrap(), format!("Token token=\"{encoded}\""));
        assert!(plain.is_same(&Token::of(encoded.as_bytes()).unwrap()));
        // Ruby breaks lines after 60 characters.
        encoded.insert(60, '\n');
        assert!(plain.is_same(&Token::of(encoded.as_bytes()).unwrap()));
        assert!(!format!("{plain:?}").contains("canary"));
    }

    #[test]
    fn a_token_lasts_as_long_as_it_says_or_eight_minutes() {
        for (payload, seconds) in [
            (r#"{"iat": 1000, "exp": 1060}"#, 60),
            (r#"{"iat": 1000}"#, 480),
            (r#"{"iat": 1000, "exp": 10}"#, 480),
            ("[]", 480),
        ] {
            let left = Token::of(token(payload).as_bytes()).unwrap().lifetime().unwrap().as_secs();
            assert!((seconds - 5..=seconds).contains(&left), "{payload}: {left}");
        }
    }

    #[test]
    fn an_answer_without_a_token_is_none() {
        for body in ["", "<html>", "{}", "e30=", "not base64!"] {
            assert!(Token::of(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[tokio::test]
    async fn a_file_without_a_token_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let text = || async { Jwt::File(path.clone()).text().await };
        assert!(text().await.unwrap_err().to_string().contains("with the JWT cannot be used"));
        std::fs::write(&path, " \n").unwrap();
        assert!(text().await.unwrap_err().to_string().contains("it is empty"));
        std::fs::write(&path, "\u{feff}a.b.c\n").unwrap();
        assert_eq!(&**text().await.unwrap(), "a.b.c");
    }
}
