//! Requests with the session of a login, which all callers of a process share.

use http::HeaderMap;
use reqwest::{Client, Request};
use url::Url;

use crate::error::{Error, Result};
use crate::http::TransportError;
use crate::process::Clock;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::place::Place;
use crate::store::kit::probe::Probe;
use crate::store::kit::rest::{Rest, client};
use crate::store::kit::token::{Expiring, TokenHolder};
use crate::store::kit::trust;
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::value::json::{Object, Value};

use super::config;
use super::error::{self, CYBERARK, NO_ANSWER};
use super::login::{LOGOFF_PATH, Login, TERMS, TOKEN_PATH, Token, Way};

const LOGIN: &str = "logging in to CyberArk";

/// A client, the login and its session.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    rest: Rest,
    login: Login,
    place: Place,
    tokens: TokenHolder<Token>,
    probe: Probe,
    files: WatchedFiles,
}

impl Session {
    /// A session that has not begun. Reads the files of certificates; no network.
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let address = config::address(options, environment)?;
        let login = config::login(options, environment, &address)?;
        let mut files = WatchedFiles::default();
        let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
        let client = client(&address, roots, environment, &mut files)?;
        let probe = Probe::new(client.clone(), &address, roots, "certificates");
        Ok(Self {
            rest: Rest::new(client.clone(), address),
            client,
            login,
            place: config::place(options, environment),
            tokens: TokenHolder::new(TERMS, Clock::System),
            probe,
            files,
        })
    }

    /// The JSON object that a GET is answered with.
    pub(super) async fn object(&self, path: &str, query: &[(&str, &str)], subject: &str) -> Result<Object> {
        let answer = self.ask(|| self.rest.get(path, query.iter().copied()), subject).await?;
        if !answer.is_success() {
            return Err(error::refused(&answer, subject, &self.place));
        }
        answer.object().ok_or_else(|| CYBERARK.not_understood(subject))
    }

    /// The JSON that a POST is answered with; `None` if CyberArk says that there is no such account.
    pub(super) async fn post(&self, path: &str, body: &Value, subject: &str) -> Result<Option<Value>> {
        let answer = self.ask(|| self.rest.post(path, body), subject).await?;
        if error::is_gone(&answer) {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(error::refused(&answer, subject, &self.place));
        }
        answer.json().map(Some).ok_or_else(|| CYBERARK.not_understood(subject))
    }

    /// The answer to a request, whatever it is. A session that is refused is replaced once.
    async fn ask(
        &self,
        request: impl Fn() -> Result<Request> + Send + Sync,
        subject: &str,
    ) -> Result<Answer> {
        self.begin().await?;
        let is_refused = |outcome: &Result<Answer>| outcome.as_ref().is_ok_and(error::is_session_over);
        let another = |_| async {
            tracing::debug!("CyberArk refused the session. Logging in and trying once more.");
            self.begin().await.map_err(Err)
        };
        let ask = |token: Option<Token>| {
            let request = request();
            async move {
                let headers = token.map(|token| token.headers).unwrap_or_default();
                sent(self.rest.send(request?, &headers).await, subject)
            }
        };
        self.tokens.with_another(ask, is_refused, another).await
    }

    async fn begin(&self) -> Result<()> {
        let login = self.tokens.get(|_old| self.log_in()).await;
        login.map(drop).map_err(Error::as_login_failure)
    }

    async fn log_in(&self) -> Result<Token> {
        let answer = match &self.login.way {
            Way::Logon(directory) => {
                let request = self.rest.post(&format!("API/Auth/{directory}/Logon"), &self.login.body())?;
                self.rest.send(request, &HeaderMap::new()).await
            }
            Way::Identity(address) => {
                self.at(address).post_form(TOKEN_PATH, &self.login.form(), true).await?
            }
        };
        let answer = sent(answer, LOGIN)?;
        if !answer.is_success() {
            return Err(error::login_refused(&answer, LOGIN, &self.place));
        }
        let token = match &self.login.way {
            Way::Logon(_) => Token::of_logon(&answer),
            Way::Identity(_) => Token::of_identity(&answer),
        };
        token.ok_or_else(|| CYBERARK.not_understood(LOGIN))
    }

    /// Whether CyberArk keeps a session for this login.
    pub(super) fn is_open(&self) -> bool {
        self.login.is_session() && self.tokens.held().is_some()
    }

    /// Ends that session.
    pub(super) async fn log_off(&self) {
        let Some(token) = self.tokens.held().filter(|_| self.login.is_session()) else { return };
        self.tokens.forget(|held| held.is_same(&token));
        let Ok(request) = self.rest.post(LOGOFF_PATH, &Value::Object(Object::new())) else { return };
        if self.rest.send(request, &token.headers).await.is_err() {
            tracing::debug!("CyberArk could not be told that the session is over.");
        }
    }

    fn at(&self, address: &Url) -> Rest {
        Rest::new(self.client.clone(), address.clone())
    }

    /// Where and as whom CyberArk is asked.
    pub(super) fn identity(&self) -> String {
        format!("{}, for {} on {}", self.login.words(), self.place, self.probe.address)
    }

    /// Whether a file that this was built from has changed.
    pub(super) fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    /// The server's clock and its certificate.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        self.probe.findings().await
    }
}

fn sent(outcome: Result<Answer, TransportError>, subject: &str) -> Result<Answer> {
    outcome.map_err(|failure| failure.to_error(subject, &NO_ANSWER))
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
