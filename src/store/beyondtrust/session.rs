//! Requests within a session, which all callers of a process share.

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use http::header::COOKIE;

use crate::error::Result;
use crate::http::{NoAnswerHints, TransportError};
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::cookies::Cookies;
use crate::store::kit::rest::{Rest, bearer};
use crate::store::kit::token::Terms;
use crate::store::kit::{session, trust};
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

impl Login {
    /// The answer to a step of the login, unless it is an error.
    fn accepted(&self, answer: Result<Answer, TransportError>) -> Result<Answer> {
        let answer = answer.map_err(|failure| failure.to_error(LOGIN, &NO_ANSWER))?;
        if answer.is_success() {
            return Ok(answer);
        }
        Err(error::login_refused(&answer, LOGIN, self.options()))
    }
}

#[async_trait]
impl session::Login for Login {
    type Token = SignedIn;

    const HELD: &'static str = "session";
    const SERVICE: &'static str = SECRETS_SAFE.name;
    const TERMS: Terms = TERMS;
    const NO_ANSWER: NoAnswerHints<'static> = NO_ANSWER;

    async fn log_in(&self, rest: &Rest, _old: Option<SignedIn>) -> Result<SignedIn> {
        let mut cookies = Cookies::default();
        let authorization = match self {
            Self::Key { header, .. } => header.clone(),
            Self::Client { id, secret } => {
                let form =
                    [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
                let answer = self.accepted(rest.post_form(TOKEN, &form, true).await?)?;
                // A load balancer may set one that leads to the same machine again.
                cookies.keep(&answer);
                let token = answer.object().and_then(|body| bearer(body.get("access_token")?.as_str()?));
                token.ok_or_else(|| SECRETS_SAFE.not_understood(LOGIN))?
            }
        };
        let mut request = rest.post_empty(SIGN_IN)?;
        request.headers_mut().extend(cookies.header().map(|header| (COOKIE, header)));
        let answer = self.accepted(rest.ask(&request, Some(authorization)).await)?;
        cookies.keep(&answer);
        let is_user = answer.object().is_some_and(|body| body.get("UserId").is_some_and(|id| !id.is_null()));
        let header = cookies.header().filter(|_| is_user);
        header.map(|header| SignedIn(Arc::new(header))).ok_or_else(|| SECRETS_SAFE.not_understood(LOGIN))
    }

    fn headers(session: &SignedIn) -> HeaderMap {
        [(COOKIE, (*session.0).clone())].into_iter().collect()
    }

    fn is_refused(answer: &Answer) -> bool {
        answer.status == 401
    }

    fn words(&self) -> String {
        Self::words(self)
    }

    fn is_kept(&self) -> bool {
        true
    }

    /// What fails is left to Password Safe, which ends a session after 20 minutes.
    async fn end(&self, rest: &Rest, session: &SignedIn) {
        let Ok(request) = rest.post_empty(SIGN_OUT) else { return };
        let ended = rest.send(&request, <Self as session::Login>::headers(session)).await;
        if !ended.is_ok_and(|answer| answer.is_success()) {
            tracing::debug!("The session of Secrets Safe could not be ended. It ends by itself.");
        }
    }
}

/// A client, the login and its session, and the version of the answers.
#[derive(Debug)]
pub(super) struct Session {
    session: session::Session<Login>,
    version: Option<String>,
}

impl Session {
    /// A session that has not begun. Reads the files of certificates; no network.
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let address = config::address(options, environment)?;
        let login = config::login(options, environment)?;
        let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
        let session = session::Session::open(login, address, roots, environment)?;
        Ok(Self { session, version: config::version(options) })
    }

    /// The answer to a GET, whatever it is. A session that has ended is replaced once.
    pub(super) async fn ask(&self, path: &str, query: &Query<'_>, subject: &str) -> Result<Answer> {
        let version = self.version.as_deref().map(|version| ("version", version));
        let query: Vec<_> = query.iter().copied().chain(version).collect();
        self.session.ask(&self.session.get(path, &query)?, subject).await
    }

    /// Whether Password Safe keeps a session for this.
    pub(super) fn is_open(&self) -> bool {
        self.session.is_open()
    }

    /// Ends the session.
    pub(super) async fn sign_out(&self) {
        self.session.close().await;
    }

    /// Where and as whom Secrets Safe is asked.
    pub(super) fn identity(&self) -> String {
        self.session.identity()
    }

    /// Whether a file that this was built from has changed.
    pub(super) fn is_outdated(&self) -> bool {
        self.session.is_outdated()
    }

    /// The service's clock and its certificate.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        self.session.findings().await
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
