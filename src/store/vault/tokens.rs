//! The token: got by one login for all who wait, used until it is about to end, renewed where it can be.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::process::{Clock, Timestamp};
use crate::store::vault::login::Login;
use crate::store::vault::server::Server;

/// A token is renewed or replaced this long before it ends, or after four fifths of its life.
const LARGEST_MARGIN: Duration = Duration::from_mins(5);

/// After a renewal that failed or was cut off, the next one is tried this much later.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// What a login brought. Debug shows nothing of the token.
pub(super) struct Grant {
    /// The token itself.
    pub(super) token: SecretString,
    /// How long it lives; `None` for ever, or nobody knows.
    pub(super) lifetime: Option<Duration>,
    /// Whether its life can be prolonged.
    pub(super) renewable: bool,
    /// How many requests it is good for; `None` for any number.
    pub(super) uses: Option<u64>,
}

/// A token in use.
pub(super) struct Token {
    grant: Grant,
    /// The moment before the login.
    since: Timestamp,
    uses_left: AtomicU64,
}

impl Token {
    /// What goes into the header.
    pub(super) fn secret(&self) -> &SecretString {
        &self.grant.token
    }

    /// Whether it is good for a counted number of requests.
    pub(super) fn is_counted(&self) -> bool {
        self.grant.uses.is_some()
    }

    fn is_same_text(&self, other: &Self) -> bool {
        self.secret().expose_secret() == other.secret().expose_secret()
    }

    fn ends(&self) -> Option<Timestamp> {
        self.grant.lifetime.map(|lifetime| self.since.plus(lifetime))
    }

    fn renew_at(&self) -> Option<Timestamp> {
        let lifetime = self.grant.lifetime?;
        Some(self.since.plus(lifetime.saturating_sub(LARGEST_MARGIN.min(lifetime / 5))))
    }

    /// Takes one use; false if none is left.
    pub(super) fn take_use(&self) -> bool {
        let take = |left: u64| left.checked_sub(1);
        !self.is_counted() || self.uses_left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }
}

struct Held {
    token: Arc<Token>,
    /// When to renew or replace it.
    due: Option<Timestamp>,
}

/// What the last login that is over came to, for those who waited for it.
#[derive(Default)]
struct Last {
    number: u64,
    failure: Option<Error>,
}

/// The token of one login.
pub(super) struct Tokens {
    login: Login,
    clock: Clock,
    held: Mutex<Option<Held>>,
    /// How many logins are over.
    finished: AtomicU64,
    /// Held by the one who logs in. Whoever is cancelled leaves it to the next.
    turn: tokio::sync::Mutex<Last>,
}

impl Tokens {
    /// Nothing is asked for yet.
    pub(super) fn new(login: Login, clock: Clock) -> Self {
        let (held, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { login, clock, held, finished: AtomicU64::new(0), turn }
    }

    /// A token to use for one request, and whether it was got just now. One caller logs in while the others wait, and a login
    /// that fails does so for all of them.
    pub(super) async fn get(&self, server: &Server) -> Result<(Arc<Token>, bool)> {
        if let Some(token) = self.usable(None) {
            return Ok((token, false));
        }
        let asked = self.clock.now();
        let token = self.in_turn(None, self.renew_or_log_in(server)).await?;
        let is_new = token.since >= asked;
        Ok((token, is_new))
    }

    /// Another token in the place of one that the server refused; `None` if there is no other. The old one stays until there
    /// is a new one: a path outside the policies looks the same, and must not cost the others a token that works.
    pub(super) async fn replace(&self, refused: &Arc<Token>, server: &Server) -> Result<Option<Arc<Token>>> {
        let token = self.in_turn(Some(refused), self.log_in(server)).await?;
        Ok(Some(token).filter(|token| !token.is_same_text(refused)))
    }

    /// Nobody uses `dead` any more.
    pub(super) fn forget(&self, dead: &Arc<Token>) {
        let mut held = self.lock();
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.token, dead)) {
            *held = None;
        }
    }

    /// What `work` brings, or another token than `refused` that somebody else got meanwhile.
    async fn in_turn(
        &self,
        refused: Option<&Arc<Token>>,
        work: impl Future<Output = Result<Arc<Token>>> + Send,
    ) -> Result<Arc<Token>> {
        let seen = self.finished.load(Ordering::Acquire);
        let mut last = self.turn.lock().await;
        if let Some(token) = self.usable(refused) {
            return Ok(token);
        }
        if last.number > seen
            && let Some(error) = &last.failure
        {
            return Err(error.clone());
        }
        let outcome = work.await;
        last.number = self.finished.fetch_add(1, Ordering::AcqRel) + 1;
        last.failure = outcome.as_ref().err().cloned();
        outcome
    }

    /// Who logs in and where.
    pub(super) fn identity(&self) -> &str {
        self.login.identity()
    }

    /// Whether there never is another token.
    pub(super) fn is_fixed(&self) -> bool {
        self.login.is_fixed()
    }

    /// Whether the token is one that somebody wrote down, so that nothing is known of it.
    pub(super) fn is_written_down(&self) -> bool {
        self.login.is_written_down()
    }

    /// The token that is held, with one of its uses, unless it is due or is `refused`.
    fn usable(&self, refused: Option<&Arc<Token>>) -> Option<Arc<Token>> {
        let held = self.lock();
        let held = held.as_ref()?;
        let due = held.due.is_some_and(|due| due <= self.clock.now());
        let is_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, &held.token));
        (!due && !is_refused && held.token.take_use()).then(|| Arc::clone(&held.token))
    }

    async fn renew_or_log_in(&self, server: &Server) -> Result<Arc<Token>> {
        let Some(old) = self.still_good() else { return self.log_in(server).await };
        // Meanwhile the others go on with it, also if whoever renews it is cancelled.
        self.postpone(&old);
        if old.grant.renewable && !old.is_counted() {
            let since = self.clock.now();
            match self.login.renew(server, old.secret()).await {
                Ok(grant) => return Ok(self.hold(prolonged(grant, &old), since)),
                Err(error) if error.is_temporary() => return Ok(kept(old, &error)),
                Err(error) => tracing::debug!("the Vault token was not renewed, logging in anew: {error}"),
            }
        }
        match self.log_in(server).await {
            Ok(token) => Ok(token),
            Err(error) => Ok(kept(old, &error)),
        }
    }

    async fn log_in(&self, server: &Server) -> Result<Arc<Token>> {
        let since = self.clock.now();
        Ok(self.hold(self.login.log_in(server).await?, since))
    }

    /// The token that is held, with one of its uses, unless it has ended or is used up.
    fn still_good(&self) -> Option<Arc<Token>> {
        let held = self.lock();
        let token = &held.as_ref()?.token;
        let lives = token.ends().is_none_or(|ends| ends > self.clock.now());
        (lives && token.take_use()).then(|| Arc::clone(token))
    }

    /// One of the uses is for whoever got it, before anybody else sees it.
    fn hold(&self, grant: Grant, since: Timestamp) -> Arc<Token> {
        let uses_left = AtomicU64::new(grant.uses.unwrap_or_default().saturating_sub(1));
        let token = Arc::new(Token { grant, since, uses_left });
        *self.lock() = Some(Held { token: Arc::clone(&token), due: token.renew_at() });
        token
    }

    fn postpone(&self, old: &Arc<Token>) {
        let again = self.clock.now().plus(RENEW_AGAIN);
        if let Some(held) = self.lock().as_mut().filter(|held| Arc::ptr_eq(&held.token, old)) {
            held.due = old.ends().map(|ends| ends.min(again));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What still works is used, whatever became of the next one.
fn kept(old: Arc<Token>, error: &Error) -> Arc<Token> {
    tracing::warn!("The Vault token could not be renewed and is used until it expires: {error}");
    old
}

/// A token near the end of the longest life it may have gets only the rest of it: then the next step is a login.
fn prolonged(mut grant: Grant, old: &Token) -> Grant {
    let before = old.grant.lifetime.unwrap_or_default();
    grant.renewable &= grant.lifetime.is_none_or(|lifetime| lifetime >= before / 2);
    grant
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").field("login", &self.login).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{ClientSettings, ProxySettings, Roots, build_client, client_config};
    use crate::store::environment::Environment;
    use crate::store::options::{OptionValue, Options};
    use crate::store::vault::config::VaultSettings;
    use crate::store::vault::login::login;

    fn token(lifetime: Option<u64>, renewable: bool, uses: Option<u64>) -> Token {
        let lifetime = lifetime.map(Duration::from_secs);
        let grant = Grant { token: SecretString::from("canary"), lifetime, renewable, uses };
        Token { grant, since: Timestamp::ORIGIN, uses_left: AtomicU64::new(uses.unwrap_or_default()) }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ORIGIN.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_token_is_due_in_the_last_fifth_of_its_life_or_in_the_last_five_minutes() {
        assert_eq!(token(Some(100), true, None).renew_at(), Some(at(80)));
        assert_eq!(token(Some(3600), true, None).renew_at(), Some(at(3300)));
        assert_eq!(token(Some(3600), true, None).ends(), Some(at(3600)));
        assert_eq!(token(None, false, None).renew_at(), None);
    }

    #[test]
    fn uses_are_counted_down() {
        let counted = token(None, false, Some(2));
        assert_eq!([counted.take_use(), counted.take_use(), counted.take_use()], [true, true, false]);
        assert!((0..9).all(|_| token(None, false, None).take_use()));
    }

    #[test]
    fn a_token_that_gets_no_more_life_is_not_renewed_again() {
        let old = token(Some(100), true, None);
        let renewed = |lifetime| prolonged(token(Some(lifetime), true, None).grant, &old).renewable;
        assert!(renewed(100) && renewed(50) && !renewed(49));
    }

    fn tokens(uses: Option<u64>) -> (Tokens, Clock, Arc<Token>) {
        let mut options = Options::default();
        for (key, text) in [("auth_type", "userpass"), ("username", "u"), ("password", "p")] {
            options.set(key, OptionValue::Text(text.to_owned()));
        }
        let clock = Clock::manual();
        let tokens = Tokens::new(login(&options, &Environment::default()).unwrap(), clock.clone());
        let held = tokens.hold(token(Some(100), true, uses).grant, clock.now());
        (tokens, clock, held)
    }

    /// A server behind `port` of this machine.
    fn server(port: u16) -> Server {
        let mut options = Options::default();
        options.set("url", OptionValue::Text(format!("http://127.0.0.1:{port}")));
        let settings = VaultSettings::read(&options, &Environment::default()).unwrap();
        let patience = Duration::from_mins(1);
        let network = ClientSettings {
            connect_timeout: patience,
            read_timeout: patience,
            proxies: ProxySettings::NONE,
        };
        let client = build_client(&network, &client_config(&Roots::Nobody).unwrap()).unwrap();
        Server::new(client, &settings)
    }

    #[tokio::test]
    async fn a_renewal_that_hangs_leaves_the_token_to_all_others() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = server(silent.local_addr().unwrap().port());
        let (tokens, clock, held) = tokens(None);
        clock.advance(Duration::from_secs(81));
        let other = async {
            tokio::task::yield_now().await;
            tokens.get(&server).await.unwrap()
        };
        let (token, is_new) = tokio::select! {
            biased;
            _ = tokens.get(&server) => panic!("nobody answers"),
            other = other => other,
        };
        assert!(Arc::ptr_eq(&token, &held) && !is_new);
        // The renewal was cut off, and the next one can wait.
        assert!(tokens.usable(None).is_some());
    }

    #[tokio::test]
    async fn a_token_that_works_outlives_a_login_that_fails() {
        let (tokens, clock, held) = tokens(None);
        let nobody = server(1);
        assert!(tokens.replace(&held, &nobody).await.is_err());
        assert!(tokens.usable(None).is_some());
        clock.advance(Duration::from_secs(81));
        assert!(Arc::ptr_eq(&tokens.get(&nobody).await.unwrap().0, &held));
        clock.advance(Duration::from_secs(20));
        assert!(tokens.get(&nobody).await.is_err());
        tokens.forget(&held);
        assert!(tokens.still_good().is_none());
    }

    #[test]
    fn one_use_is_for_whoever_logged_in() {
        let (tokens, _, held) = tokens(Some(2));
        assert!(tokens.usable(Some(&held)).is_none());
        assert!(tokens.usable(None).is_some() && tokens.usable(None).is_none());
    }
}
