//! Requests with the session of a login, which all callers of a process share.

use async_trait::async_trait;
use http::HeaderMap;

use crate::error::Result;
use crate::http::NoAnswerHints;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::place::Place;
use crate::store::kit::rest::Rest;
use crate::store::kit::token::Terms;
use crate::store::kit::{session, trust};
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::value::json::{Object, Value};

use super::config;
use super::error::{self, CYBERARK, NO_ANSWER};
use super::login::{LOGOFF_PATH, Login, TERMS, TOKEN_PATH, Token, Way};

const LOGIN: &str = "logging in to CyberArk";

/// The login, and what it is for.
#[derive(Debug)]
struct Logon {
    login: Login,
    place: Place,
}

#[async_trait]
impl session::Login for Logon {
    type Token = Token;

    const HELD: &'static str = "session";
    const SERVICE: &'static str = CYBERARK.name;
    const TERMS: Terms = TERMS;
    const NO_ANSWER: NoAnswerHints<'static> = NO_ANSWER;

    async fn log_in(&self, rest: &Rest, _old: Option<Token>) -> Result<Token> {
        let answer = match &self.login.way {
            Way::Logon(directory) => {
                let request = rest.post(&format!("API/Auth/{directory}/Logon"), &self.login.body())?;
                rest.send_plain(request, true).await
            }
            Way::Identity(address) => {
                rest.at(address.clone()).post_form(TOKEN_PATH, &self.login.form(), true).await?
            }
        };
        let answer = answer.map_err(|failure| failure.to_error(LOGIN, &NO_ANSWER))?;
        if !answer.is_success() {
            return Err(error::login_refused(&answer, LOGIN, &self.place));
        }
        let token = match &self.login.way {
            Way::Logon(_) => Token::of_logon(&answer),
            Way::Identity(_) => Token::of_identity(&answer),
        };
        token.ok_or_else(|| CYBERARK.not_understood(LOGIN))
    }

    fn headers(token: &Token) -> HeaderMap {
        token.headers.clone()
    }

    fn is_refused(answer: &Answer) -> bool {
        error::is_session_over(answer)
    }

    fn words(&self) -> String {
        self.login.words()
    }

    fn is_kept(&self) -> bool {
        self.login.is_session()
    }

    async fn end(&self, rest: &Rest, token: &Token) {
        let Ok(request) = rest.post(LOGOFF_PATH, &Value::Object(Object::new())) else { return };
        if rest.send(&request, token.headers.clone()).await.is_err() {
            tracing::debug!("CyberArk could not be told that the session is over.");
        }
    }
}

/// A client, the login and its session.
#[derive(Debug)]
pub(super) struct Session(session::Session<Logon>);

impl Session {
    /// A session that has not begun. Reads the files of certificates; no network.
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let address = config::address(options, environment)?;
        let login = config::login(options, environment, &address)?;
        let of_safe = Logon { login, place: config::place(options, environment) };
        let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
        session::Session::open(of_safe, address, roots, environment).map(Self)
    }

    /// The JSON object that a GET is answered with.
    pub(super) async fn object(&self, path: &str, query: &[(&str, &str)], subject: &str) -> Result<Object> {
        let answer = self.0.ask(&self.0.get(path, query)?, subject).await?;
        if !answer.is_success() {
            return Err(error::refused(&answer, subject, self.place()));
        }
        answer.object().ok_or_else(|| CYBERARK.not_understood(subject))
    }

    /// The JSON that a POST is answered with; `None` if CyberArk says that there is no such account.
    pub(super) async fn post(&self, path: &str, body: &Value, subject: &str) -> Result<Option<Value>> {
        let answer = self.0.ask(&self.0.rest().post(path, body)?, subject).await?;
        if error::is_gone(&answer) {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(error::refused(&answer, subject, self.place()));
        }
        answer.json().map(Some).ok_or_else(|| CYBERARK.not_understood(subject))
    }

    fn place(&self) -> &Place {
        &self.0.login().place
    }

    /// Whether CyberArk keeps a session for this login.
    pub(super) fn is_open(&self) -> bool {
        self.0.is_open()
    }

    /// Ends that session.
    pub(super) async fn log_off(&self) {
        self.0.close().await;
    }

    /// Where and as whom CyberArk is asked.
    pub(super) fn identity(&self) -> String {
        let logon = self.0.login();
        format!("{}, for {} on {}", logon.login.words(), logon.place, self.0.address())
    }

    /// Whether a file that this was built from has changed.
    pub(super) fn is_outdated(&self) -> bool {
        self.0.is_outdated()
    }

    /// The server's clock and its certificate.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        self.0.findings().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn opening_needs_a_login_and_shows_none() {
        let open = |written: &[(&'static str, &str)]| {
            Session::open(&Options::of_texts(written), &Environment::default())
        };
        let written = [("address", "https://h"), ("username", "u"), ("password", "canary"), ("safe", "S")];
        assert_eq!(open(&written[..2]).unwrap_err().kind(), ErrorKind::Unauthenticated);
        assert_eq!(open(&written[1..]).unwrap_err().kind(), ErrorKind::Config);
        let session = open(&written).unwrap();
        assert_eq!(session.identity(), "the user `u` (CyberArk), for safe `S` on https://h");
        assert!(!session.is_open() && !format!("{session:?}").contains("canary"));
    }
}
