//! Requests within a session, which all callers of a process share.

use std::sync::Arc;

use http::header::COOKIE;

use crate::error::{Error, Result};
use crate::http::TransportError;
use crate::process::Clock;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::cookies::Cookies;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::Probe;
use crate::store::kit::rest::{Rest, bearer, client};
use crate::store::kit::token::{Expiring, TokenHolder};
use crate::store::kit::trust;
use crate::store::options::Options;
use crate::store::tools::Finding;

use super::config;
use super::error::{self, NO_ANSWER, SECRETS_SAFE};
use super::login::{Login, SignedIn, TERMS};

const LOGIN: &str = "signing in to Secrets Safe";
const TOKEN: &str = "Auth/connect/token";
const SIGN_IN: &str = "Auth/SignAppIn";
const SIGN_OUT: &str = "Auth/Signout";

/// The query of a request.
pub(super) type Query<'text> = [(&'text str, &'text str)];

/// A client, the login and its session.
#[derive(Debug)]
pub(super) struct Session {
    rest: Rest,
    login: Login,
    version: Option<String>,
    sessions: TokenHolder<SignedIn>,
    probe: Probe,
    files: WatchedFiles,
}

impl Session {
    /// A session that has not begun. Reads the files of certificates; no network.
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let address = config::address(options, environment)?;
        let login = config::login(options, environment)?;
        let mut files = WatchedFiles::default();
        let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
        let client = client(&address, roots, environment, &mut files)?;
        let probe = Probe::new(client.clone(), &address, roots, "certificates");
        let sessions = TokenHolder::new(TERMS, Clock::System);
        let version = config::version(options);
        Ok(Self { rest: Rest::new(client, address), login, version, sessions, probe, files })
    }

    /// The answer to a GET, whatever it is. A session that has ended is replaced once.
    pub(super) async fn ask(&self, path: &str, query: &Query<'_>, subject: &str) -> Result<Answer> {
        self.begin().await?;
        let is_refused = |outcome: &Result<Answer>| outcome.as_ref().is_ok_and(|answer| answer.status == 401);
        let another = |_| async {
            tracing::debug!("Secrets Safe has ended the session. Signing in and trying once more.");
            self.begin().await.map_err(Err)
        };
        let ask = |session| self.send(session, path, query, subject);
        self.sessions.with_another(ask, is_refused, another).await
    }

    async fn begin(&self) -> Result<()> {
        let login = self.sessions.get(|_| self.sign_in()).await;
        login.map(drop).map_err(Error::as_login_failure)
    }

    async fn sign_in(&self) -> Result<SignedIn> {
        let mut cookies = Cookies::default();
        let authorization = match &self.login {
            Login::Key { header, .. } => header.clone(),
            Login::Client { id, secret } => {
                let form =
                    [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
                let answer = self.accepted(self.rest.post_form(TOKEN, &form, true).await?)?;
                // A load balancer may set one that leads to the same machine again.
                cookies.keep(&answer);
                let token = answer.object().and_then(|body| bearer(body.get("access_token")?.as_str()?));
                token.ok_or_else(|| SECRETS_SAFE.not_understood(LOGIN))?
            }
        };
        let mut request = self.rest.post_empty(SIGN_IN)?;
        request.headers_mut().extend(cookies.header().map(|header| (COOKIE, header)));
        let answer = self.accepted(self.rest.ask(&request, Some(authorization)).await)?;
        cookies.keep(&answer);
        let is_user = answer.object().is_some_and(|body| body.get("UserId").is_some_and(|id| !id.is_null()));
        let header = cookies.header().filter(|_| is_user);
        header.map(|header| SignedIn(Arc::new(header))).ok_or_else(|| SECRETS_SAFE.not_understood(LOGIN))
    }

    /// The answer to a step of the login, unless it is an error.
    fn accepted(&self, answer: Result<Answer, TransportError>) -> Result<Answer> {
        let answer = answer.map_err(|failure| failure.to_error(LOGIN, &NO_ANSWER))?;
        if answer.is_success() {
            return Ok(answer);
        }
        Err(error::login_refused(&answer, LOGIN, self.login.options()))
    }

    async fn send(
        &self,
        session: Option<SignedIn>,
        path: &str,
        query: &Query<'_>,
        subject: &str,
    ) -> Result<Answer> {
        let version = self.version.as_deref().map(|version| ("version", version));
        let mut request = self.rest.get(path, query.iter().copied().chain(version))?;
        request.headers_mut().extend(session.map(|session| (COOKIE, (*session.0).clone())));
        let answer = self.rest.ask(&request, None).await;
        answer.map_err(|failure| failure.to_error(subject, &NO_ANSWER))
    }

    /// Whether Password Safe keeps a session for this.
    pub(super) fn is_open(&self) -> bool {
        self.sessions.held().is_some()
    }

    /// Ends the session. What fails is left to Password Safe, which ends it after 20 minutes.
    pub(super) async fn sign_out(&self) {
        let Some(session) = self.sessions.held() else { return };
        self.sessions.forget(|held| held.is_same(&session));
        let Ok(mut request) = self.rest.post_empty(SIGN_OUT) else { return };
        request.headers_mut().insert(COOKIE, (*session.0).clone());
        if !self.rest.ask(&request, None).await.is_ok_and(|answer| answer.is_success()) {
            tracing::debug!("The session of Secrets Safe could not be ended. It ends by itself.");
        }
    }

    /// Where and as whom Secrets Safe is asked.
    pub(super) fn identity(&self) -> String {
        format!("{}, on {}", self.login.words(), self.probe.address)
    }

    /// Whether a file that this was built from has changed.
    pub(super) fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    /// The service's clock and its certificate.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        self.probe.findings().await
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
        let written = [("address", "https://h"), ("run_as", "d\\u"), ("api_key", "canary")];
        assert_eq!(open(&written[..2]).unwrap_err().kind(), ErrorKind::Unauthenticated);
        assert_eq!(open(&written[1..]).unwrap_err().kind(), ErrorKind::Config);
        let session = open(&written).unwrap();
        assert_eq!(session.identity(), "the user `d\\u`, with an API key, on https://h");
        assert!(!format!("{session:?}").contains("canary"));
    }
}
