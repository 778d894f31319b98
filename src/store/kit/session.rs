//! Requests with the token or the session of a login, which all callers of a process share.

use std::fmt::Debug;

use async_trait::async_trait;
use http::HeaderMap;
use reqwest::Request;
use url::Url;

use crate::error::{Error, Result};
use crate::http::{NoAnswerHints, Roots};
use crate::process::Clock;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::Probe;
use crate::store::kit::rest::{Rest, client};
use crate::store::kit::token::{Expiring, Terms, TokenHolder};
use crate::store::tools::Finding;

/// How a service is logged in to, and what shows that it does not accept a token any longer.
#[async_trait]
pub trait Login: Debug + Send + Sync {
    /// What a login supplies.
    type Token: Expiring + Send + Sync;

    /// What that is called, for messages.
    const HELD: &'static str = "token";

    /// The name of the service, for messages.
    const SERVICE: &'static str;
    /// When its tokens are renewed.
    const TERMS: Terms;
    /// What helps where no answer came.
    const NO_ANSWER: NoAnswerHints<'static>;

    /// Logs in. `old` is the token to be renewed, if it still works.
    async fn log_in(&self, rest: &Rest, old: Option<Self::Token>) -> Result<Self::Token>;

    /// The headers that show a token.
    fn headers(token: &Self::Token) -> HeaderMap;

    /// Whether the answer is about the token, and not about what was asked for.
    fn is_refused(answer: &Answer) -> bool;

    /// Who logs in, in words that hold no secret.
    fn words(&self) -> String;

    /// Whether the service keeps something for a login, which has to be ended.
    fn is_kept(&self) -> bool {
        false
    }

    /// Ends that, as far as the service lets it happen.
    async fn end(&self, _rest: &Rest, _token: &Self::Token) {}
}

/// A client, a login and its token.
#[derive(Debug)]
pub struct Session<L: Login> {
    login: L,
    rest: Rest,
    tokens: TokenHolder<L::Token>,
    probe: Probe,
    files: WatchedFiles,
}

impl<L: Login> Session<L> {
    /// A session that has not begun. Reads the files of certificates; no network.
    pub fn open(
        login: L,
        address: Url,
        roots: impl Fn() -> Roots,
        environment: &Environment,
    ) -> Result<Self> {
        let mut files = WatchedFiles::default();
        let client = client(&address, &roots, environment, &mut files)?;
        let probe = Probe::new(client.clone(), &address, &roots, "certificates");
        let tokens = TokenHolder::new(L::TERMS, Clock::System);
        Ok(Self { login, rest: Rest::new(client, address), tokens, probe, files })
    }

    /// A request for `path` below the address.
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Request> {
        self.rest.get(path, query.iter().copied())
    }

    /// The answer to a request, whatever it is. A token that is refused is replaced once.
    pub async fn ask(&self, request: &Request, subject: &str) -> Result<Answer> {
        self.begin().await?;
        let is_refused = |outcome: &Result<Answer>| outcome.as_ref().is_ok_and(L::is_refused);
        let another = |_| async {
            tracing::debug!("{} refused the {}. Logging in and trying once more.", L::SERVICE, L::HELD);
            self.begin().await.map_err(Err)
        };
        let ask = |token: Option<L::Token>| async move {
            let headers = token.as_ref().map(L::headers).unwrap_or_default();
            let answer = self.rest.send(request, headers).await;
            answer.map_err(|failure| failure.to_error(subject, &L::NO_ANSWER))
        };
        self.tokens.with_another(ask, is_refused, another).await
    }

    async fn begin(&self) -> Result<()> {
        let login = self.tokens.get(|old| self.login.log_in(&self.rest, old)).await;
        login.map(drop).map_err(Error::as_login_failure)
    }

    /// The client with the address of the service.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Who logs in.
    pub fn login(&self) -> &L {
        &self.login
    }

    /// The address of the service, as messages show it.
    pub fn address(&self) -> &str {
        &self.probe.address
    }

    /// Whether the service keeps something for this.
    pub fn is_open(&self) -> bool {
        self.login.is_kept() && self.tokens.held().is_some()
    }

    /// Ends what the service keeps.
    pub async fn close(&self) {
        let Some(token) = self.tokens.held().filter(|_| self.login.is_kept()) else { return };
        self.tokens.forget(|held| held.is_same(&token));
        self.login.end(&self.rest, &token).await;
    }

    /// Where and as whom the service is asked.
    pub fn identity(&self) -> String {
        format!("{}, on {}", self.login.words(), self.probe.address)
    }

    /// Whether a file that this was built from has changed.
    pub fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    /// The service's clock and its certificate.
    pub async fn findings(&self) -> Vec<Finding> {
        self.probe.findings().await
    }
}
