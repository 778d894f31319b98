//! Requests with the token of a login, which all callers of a process share.

use reqwest::Client;
use url::Url;

use crate::error::{Error, Result};
use crate::process::Clock;
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::Probe;
use crate::store::kit::rest::{Rest, client};
use crate::store::kit::token::TokenHolder;
use crate::store::kit::trust;
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::value::json::{Object, Value};

use super::config;
use super::error::{self, NO_ANSWER, SECRET_SERVER};
use super::login::{Login, PLATFORM_TOKEN_PATH, TERMS, TOKEN_PATH, Token};

const LOGIN: &str = "logging in to Secret Server";
const VAULTS: &str = "asking the Platform for its vault";

/// The query of a request.
pub(super) type Query<'text> = [(&'text str, &'text str)];

/// A client, the login and its token.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    address: Url,
    is_platform: bool,
    login: Login,
    tokens: TokenHolder<Token>,
    probe: Probe,
    files: WatchedFiles,
}

impl Session {
    /// A session that has not begun. Reads the files of certificates; no network.
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let address = config::address(options, environment)?;
        let is_platform = config::is_platform(options, &address);
        let login = config::login(options, environment, is_platform)?;
        let mut files = WatchedFiles::default();
        let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
        let client = client(&address, roots, environment, &mut files)?;
        let probe = Probe::new(client.clone(), &address, roots, "certificates");
        let tokens = TokenHolder::new(TERMS, Clock::System);
        Ok(Self { client, address, is_platform, login, tokens, probe, files })
    }

    /// The answer to a GET, whatever it is. A token that is refused is replaced once.
    pub(super) async fn ask(&self, path: &str, query: &Query<'_>, subject: &str) -> Result<Answer> {
        self.begin().await?;
        let is_refused = |outcome: &Result<Answer>| outcome.as_ref().is_ok_and(error::is_token_refused);
        let another = |_| async {
            tracing::debug!("Secret Server refused the token. Logging in and trying once more.");
            self.begin().await.map_err(Err)
        };
        let ask = |token| self.send(token, path, query, subject);
        self.tokens.with_another(ask, is_refused, another).await
    }

    /// The JSON object that a GET is answered with.
    pub(super) async fn object(&self, path: &str, query: &Query<'_>, subject: &str) -> Result<Object> {
        let answer = self.ask(path, query, subject).await?;
        if answer.is_success() { understood(&answer, subject) } else { Err(error::refused(&answer, subject)) }
    }

    async fn begin(&self) -> Result<()> {
        let login = self.tokens.get(|old| self.log_in(old)).await;
        login.map(drop).map_err(Error::as_login_failure)
    }

    async fn log_in(&self, old: Option<Token>) -> Result<Token> {
        if let Some(old) = &old
            && let Some(form) = old.refresh_form()
        {
            // Each works once, so the request is never repeated.
            match self.token(&form, false).await {
                Ok(token) => return Ok(token.of_vault(old.vault.clone())),
                Err(error) if error.is_temporary() => return Err(error),
                Err(_) => tracing::debug!("Secret Server does not renew the token. Logging in."),
            }
        }
        let token = self.token(&self.login.form(self.is_platform), true).await?;
        let vault = if self.is_platform { Some(self.vault(&token).await?) } else { None };
        Ok(token.of_vault(vault))
    }

    async fn token(&self, form: &Query<'_>, is_repeatable: bool) -> Result<Token> {
        let path = if self.is_platform { PLATFORM_TOKEN_PATH } else { TOKEN_PATH };
        let answer = self.at(&self.address).post_form(path, form, is_repeatable).await?;
        let answer = answer.map_err(|failure| failure.to_error(LOGIN, &NO_ANSWER))?;
        if !answer.is_success() {
            return Err(error::login_refused(&answer, LOGIN, self.login.options()));
        }
        // Some errors are pages with the status 200.
        Token::of(&answer).ok_or_else(|| SECRET_SERVER.not_understood(LOGIN))
    }

    /// The address of the Platform's vault, which is a Secret Server.
    async fn vault(&self, token: &Token) -> Result<Url> {
        let answer = self.send(Some(token.clone()), "vaultbroker/api/vaults", &[], VAULTS).await?;
        if !answer.is_success() {
            return Err(error::refused(&answer, VAULTS));
        }
        let hint = "Make one of the vaults the default, and active";
        let none =
            || Error::config("the Platform has no vault that is the default and active").with_hint(hint);
        let vault =
            checked(&default_vault(&understood(&answer, VAULTS)?).ok_or_else(none)?, "the Platform's vault")?;
        if self.address.scheme() == "https" && vault.scheme() != "https" {
            let what =
                "the Platform names a vault whose address is plain http, where the token would be readable";
            return Err(Error::config(what).with_hint("Correct the address of the vault on the Platform"));
        }
        Ok(vault)
    }

    async fn send(
        &self,
        token: Option<Token>,
        path: &str,
        query: &Query<'_>,
        subject: &str,
    ) -> Result<Answer> {
        let vault = token.as_ref().and_then(|token| token.vault.as_ref());
        let rest = self.at(vault.unwrap_or(&self.address));
        let request = rest.get(path, query.iter().copied())?;
        let answer = rest.ask(&request, token.map(|token| token.header)).await;
        answer.map_err(|failure| failure.to_error(subject, &NO_ANSWER))
    }

    fn at(&self, address: &Url) -> Rest {
        Rest::new(self.client.clone(), address.clone())
    }

    /// Where and as whom Secret Server is asked.
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

/// The JSON object of an answer; some errors are pages with the status 200.
pub(super) fn understood(answer: &Answer, subject: &str) -> Result<Object> {
    answer.object().ok_or_else(|| SECRET_SERVER.not_understood(subject))
}

fn default_vault(answer: &Object) -> Option<String> {
    let vaults = answer.get("vaults")?.as_array()?.iter().filter_map(Value::as_object);
    let is = |vault: &Object, flag| vault.get(flag).and_then(Value::as_bool) == Some(true);
    let mut usable = vaults.filter(|vault| is(vault, "isDefault") && is(vault, "isActive"));
    let url = usable.find_map(|vault| vault.get("connection")?.as_object()?.get("url")?.as_str());
    url.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_default_vault_that_is_active_is_used() {
        let vault = |body: &str| default_vault(&Answer::of(200, &[], body).object().unwrap());
        let one = |flags: &str| format!(r#"{{{flags}, "connection": {{"url": "https://{}"}}}}"#, flags.len());
        let off = one(r#""isDefault": true, "isActive": false"#);
        let other = one(r#""isActive": true"#);
        let on = one(r#""isDefault": true, "isActive": true"#);
        assert_eq!(vault(&format!(r#"{{"vaults": [{off}, {other}, {on}]}}"#)).as_deref(), Some("https://35"));
        assert_eq!(vault(&format!(r#"{{"vaults": [{off}, {other}]}}"#)), None);
        assert_eq!(vault("{}"), None);
    }

    #[test]
    fn opening_needs_a_login_and_shows_none() {
        let open = |written: &[(&'static str, &str)]| {
            Session::open(&Options::of_texts(written), &Environment::default())
        };
        let written = [("address", "https://h/SecretServer"), ("username", "u"), ("password", "canary")];
        assert_eq!(open(&written[..2]).unwrap_err().kind(), ErrorKind::Unauthenticated);
        assert_eq!(open(&written[1..]).unwrap_err().kind(), ErrorKind::Config);
        let session = open(&written).unwrap();
        assert_eq!(session.identity(), "the user `u`, on https://h");
        assert!(!format!("{session:?}").contains("canary"));
    }

    #[test]
    fn a_page_is_no_answer() {
        let error = understood(&Answer::of(200, &[], "<html>canary"), "reading `a`").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.hint().is_some_and(|hint| hint.contains("`address`")), "{error}");
    }
}
