//! The token: fetched by one login for all callers, used until it is about to expire, renewed if possible.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::error::Result;
use crate::process::{Clock, Timestamp};
use crate::store::kit::token::{Expiring, Terms, TokenHolder};
use crate::store::vault::login::Login;
use crate::store::vault::server::Server;

/// A token that works is used even if the login refuses to renew it.
const TERMS: Terms = Terms {
    before: Duration::from_mins(5),
    again: Duration::from_secs(30),
    outlives_refusal: true,
    outage: "The Vault token could not be renewed and is used until it expires",
};

/// The result of a login. Debug shows nothing of the token.
pub(super) struct Grant {
    /// The token itself.
    pub(super) token: SecretString,
    /// How long it lives; `None` if it never expires or its life is unknown.
    pub(super) lifetime: Option<Duration>,
    /// Whether its life can be prolonged.
    pub(super) renewable: bool,
    /// How many requests it can be used for; `None` for any number.
    pub(super) uses: Option<u64>,
}

/// A token in use.
pub(super) struct Token {
    grant: Grant,
    /// The time just before the login.
    since: Timestamp,
    uses_left: AtomicU64,
}

impl Token {
    /// The text for the header.
    pub(super) fn secret(&self) -> &SecretString {
        &self.grant.token
    }

    /// Whether it can be used for a limited number of requests only.
    pub(super) fn is_counted(&self) -> bool {
        self.grant.uses.is_some()
    }

    /// Takes one use; false if none is left.
    pub(super) fn take_use(&self) -> bool {
        let take = |left: u64| left.checked_sub(1);
        !self.is_counted() || self.uses_left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    /// One of the uses is reserved for the caller who logged in, before any other caller can take it.
    fn new(grant: Grant, since: Timestamp) -> Arc<Self> {
        let uses_left = AtomicU64::new(grant.uses.unwrap_or_default().saturating_sub(1));
        Arc::new(Self { grant, since, uses_left })
    }

    fn is_same_text(&self, other: &Self) -> bool {
        self.secret().expose_secret() == other.secret().expose_secret()
    }
}

impl Expiring for Arc<Token> {
    fn lifetime(&self) -> Option<Duration> {
        self.grant.lifetime
    }

    fn take_use(&self) -> bool {
        Token::take_use(self)
    }
}

/// The tokens of one login.
pub(super) struct Tokens {
    login: Login,
    clock: Clock,
    holder: TokenHolder<Arc<Token>>,
}

impl Tokens {
    /// Tokens of `login`, none of which has been fetched yet.
    pub(super) fn new(login: Login, clock: Clock) -> Self {
        Self { login, holder: TokenHolder::new(TERMS, clock.clone()), clock }
    }

    /// A token for one request, and whether it was fetched just now. One caller logs in while the others
    /// wait, and a failed login fails for all of them.
    pub(super) async fn get(&self, server: &Server) -> Result<(Arc<Token>, bool)> {
        let asked = self.clock.now();
        let token = self.holder.get(|old| self.renew_or_log_in(old, server)).await?;
        // A token obtained since the call began is new, even if another caller logged in.
        let is_new = token.since >= asked;
        Ok((token, is_new))
    }

    /// A token in place of one that the server refused; `None` if there is no other. The old one stays until
    /// there is a new one: a path outside the policies looks the same, and must not cost the others a working
    /// token.
    pub(super) async fn replace(&self, refused: &Arc<Token>, server: &Server) -> Result<Option<Arc<Token>>> {
        let token = self.holder.instead_of(|held| Arc::ptr_eq(held, refused), || self.log_in(server)).await?;
        Ok(Some(token).filter(|token| !token.is_same_text(refused)))
    }

    /// Stops using `dead`.
    pub(super) fn forget(&self, dead: &Arc<Token>) {
        self.holder.forget(|held| Arc::ptr_eq(held, dead));
    }

    /// The identity and the mount of the login.
    pub(super) fn identity(&self) -> &str {
        self.login.identity()
    }

    /// Whether a file that the login was built from has changed since.
    pub(super) fn is_outdated(&self) -> bool {
        self.login.is_outdated()
    }

    /// Whether there is never another token.
    pub(super) fn is_fixed(&self) -> bool {
        self.login.is_fixed()
    }

    /// Whether the token was written down, so that nothing is known about it.
    pub(super) fn is_written_down(&self) -> bool {
        self.login.is_written_down()
    }

    /// Prolongs a renewable token, or fetches another one.
    async fn renew_or_log_in(&self, old: Option<Arc<Token>>, server: &Server) -> Result<Arc<Token>> {
        // Renewing does not restore the uses of a counted token, so it is replaced.
        if let Some(old) = old.filter(|old| old.grant.renewable && !old.is_counted()) {
            let since = self.clock.now();
            match self.login.renew(server, old.secret()).await {
                Ok(grant) => return Ok(Token::new(prolonged(grant, &old), since)),
                Err(error) if error.is_temporary() => return Err(error),
                Err(error) => tracing::debug!("the Vault token was not renewed, logging in anew: {error}"),
            }
        }
        self.log_in(server).await
    }

    async fn log_in(&self, server: &Server) -> Result<Arc<Token>> {
        let since = self.clock.now();
        Ok(Token::new(self.login.log_in(server).await?, since))
    }
}

/// A token near the end of its longest possible life only gets the rest of it: the next step is a login.
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

    /// Tokens of which one is already held and lives for 100 seconds.
    async fn tokens(uses: Option<u64>) -> (Tokens, Clock, Arc<Token>) {
        let mut options = Options::default();
        for (key, text) in [("auth_type", "userpass"), ("username", "u"), ("password", "p")] {
            options.set(key, OptionValue::Text(text.to_owned()));
        }
        let clock = Clock::manual();
        let tokens = Tokens::new(login(&options, &Environment::default()).unwrap(), clock.clone());
        let held = Token::new(token(Some(100), true, uses).grant, clock.now());
        let held = tokens.holder.get(|_| async { Ok(held) }).await.unwrap();
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
        let client = build_client(&network, &client_config(&Roots::Empty).unwrap()).unwrap();
        Server::new(client, &settings)
    }

    #[tokio::test]
    async fn a_hanging_renewal_leaves_the_token_to_all_others() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = server(silent.local_addr().unwrap().port());
        let (tokens, clock, held) = tokens(None).await;
        clock.advance(Duration::from_secs(81));
        let other = async {
            tokio::task::yield_now().await;
            tokens.get(&server).await.unwrap()
        };
        let (token, is_new) = tokio::select! {
            biased;
            _ = tokens.get(&server) => panic!("no answer comes"),
            other = other => other,
        };
        assert!(Arc::ptr_eq(&token, &held) && !is_new);
        // The renewal was cut off, and the next one can wait.
        assert!(Arc::ptr_eq(&tokens.get(&server).await.unwrap().0, &held));
    }

    #[tokio::test]
    async fn a_working_token_outlives_a_failed_login() {
        let (tokens, clock, held) = tokens(None).await;
        let unreachable = server(1);
        assert!(tokens.replace(&held, &unreachable).await.is_err());
        assert!(Arc::ptr_eq(&tokens.get(&unreachable).await.unwrap().0, &held));
        clock.advance(Duration::from_secs(81));
        assert!(Arc::ptr_eq(&tokens.get(&unreachable).await.unwrap().0, &held));
        clock.advance(Duration::from_secs(20));
        assert!(tokens.get(&unreachable).await.is_err());
        tokens.forget(&held);
        assert!(tokens.holder.held().is_none());
    }

    #[tokio::test]
    async fn one_use_is_for_the_caller_who_logged_in() {
        let (tokens, _, held) = tokens(Some(2)).await;
        let unreachable = server(1);
        assert!(Arc::ptr_eq(&tokens.get(&unreachable).await.unwrap().0, &held));
        assert!(tokens.get(&unreachable).await.is_err());
    }
}
