//! Server and login combined: how a request gets its token, and what happens when the token is refused.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::http::{
    ClientSettings, Roots, build_client, client_config, warn_about_plain_http, with_client_certificate,
};
use crate::process::Clock;
use crate::store::SecretName;
use crate::store::environment::Environment;
use crate::store::kit::files::{WatchedFiles, expand};
use crate::store::options::Options;
use crate::store::vault::call::Call;
use crate::store::vault::config::{VaultSettings, client_certificate};
use crate::store::vault::diagnosis::{Memory, is_sealed, token_lives};
use crate::store::vault::error::{no_answer, refused, sealed};
use crate::store::vault::login::login;
use crate::store::vault::server::{Reply, Server};
use crate::store::vault::slips::version_in_address;
use crate::store::vault::tokens::{Token, Tokens};
use crate::store::vault::trust::roots;

/// How long a connection may take to open: just over the time at which a lost SYN packet is sent for the
/// third time (after 1 s and 3 s).
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// How long the server may stay silent: hvac's default. The deadline of a lookup usually ends the wait
/// earlier.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The path of every request.
#[derive(Debug)]
pub(super) struct Access {
    /// The server.
    pub(super) server: Server,
    /// The token.
    pub(super) tokens: Tokens,
    /// What is remembered about failures.
    pub(super) memory: Memory,
    /// The clock that measures times.
    pub(super) clock: Clock,
    files: WatchedFiles,
}

/// An answer, and the token that was sent for it.
pub(super) struct TokenReply {
    /// The answer, of any status except 429 and 5xx.
    pub(super) reply: Reply,
    /// The token.
    pub(super) token: Arc<Token>,
}

impl Access {
    /// Reads options, environment and files. No network; call it under [`crate::process::no_fork`].
    pub(super) fn open(
        settings: &VaultSettings,
        options: &Options,
        environment: &Environment,
    ) -> Result<Self> {
        let clock = Clock::System;
        let mut files = WatchedFiles::default();
        let client = client(settings, options, environment, &mut files)?;
        // A token file may be replaced at any time. The tokens of pods are not watched: they are read at each
        // login.
        if let Some(path) = options.non_empty("token_path") {
            files.watch(&expand(path, environment));
        }
        let tokens = Tokens::new(login(options, environment)?, clock.clone());
        Ok(Self { server: Server::new(client, settings), tokens, memory: Memory::default(), clock, files })
    }

    /// Sends `call` for `name` with the token. A refused token is replaced and the call repeated once, unless
    /// the token is new, or the policies are known or found to be the reason.
    pub(super) async fn ask(&self, call: &Call, name: &SecretName, subject: &str) -> Result<TokenReply> {
        let (token, is_new) = self.tokens.get(&self.server).await?;
        let reply = self.send(call, &token, subject).await?;
        let may_be_the_token =
            // A token that was just issued, or that cannot be replaced, is not the cause.
            reply.status == 403 && reply.is_of_vault() && !is_new && !self.tokens.is_fixed();
        if !may_be_the_token || self.is_denied(name, &token).await {
            return Ok(TokenReply { reply, token });
        }
        tracing::debug!("Vault refused the token. Logging in again and retrying once.");
        let Some(token) = self.another(&token, name).await? else {
            return Ok(TokenReply { reply, token });
        };
        let reply = self.send(call, &token, subject).await?;
        if reply.status == 403 {
            self.memory.note_vain_login(name, &self.clock);
        }
        Ok(TokenReply { reply, token })
    }

    /// Whether another token would be refused as well. A login that did not help shows that policies are
    /// missing; after that a token is checked before the next login, so that many such names do not cost a
    /// login each.
    async fn is_denied(&self, name: &SecretName, token: &Token) -> bool {
        if self.memory.was_denied(name, &self.clock) {
            return true;
        }
        let is_policy = self.memory.was_login_vain(&self.clock) && token_lives(&self.server, token).await;
        if is_policy {
            self.memory.note_denial(name, &self.clock);
        }
        is_policy
    }

    /// A token other than `refused`. If logins no longer work, for example because the secret id could only
    /// be used once, a token that still works is kept.
    async fn another(&self, refused: &Arc<Token>, name: &SecretName) -> Result<Option<Arc<Token>>> {
        match self.tokens.replace(refused, &self.server).await {
            Err(error) if token_lives(&self.server, refused).await => {
                tracing::warn!("No new Vault token was given, and the old one goes on: {error}");
                self.memory.note_denial(name, &self.clock);
                Ok(None)
            }
            Err(error) => {
                self.tokens.forget(refused);
                Err(error)
            }
            replaced => replaced,
        }
    }

    async fn send(&self, call: &Call, token: &Token, subject: &str) -> Result<Reply> {
        let reply =
            self.server.ask(call, Some(token.secret())).await.map_err(|error| no_answer(&error, subject))?;
        if is_sealed(&self.server, &reply).await {
            return Err(sealed(subject));
        }
        // An outage or a limit, whichever token was sent; `refused` makes a temporary error of it.
        match reply.status {
            429 | 500..=599 => Err(refused(&reply, subject)),
            _ => Ok(reply),
        }
    }

    /// Whether a file that influenced the configuration has changed since.
    pub(super) fn is_outdated(&self) -> bool {
        self.files.have_changed() || self.tokens.is_outdated()
    }
}

/// An unusable CA bundle does not matter to a plain address. If that redirects to https, no certificate is
/// trusted.
fn client(
    settings: &VaultSettings,
    options: &Options,
    environment: &Environment,
    files: &mut WatchedFiles,
) -> Result<reqwest::Client> {
    warn_about_plain_http(&settings.url);
    if let Some(slip) = version_in_address(settings) {
        tracing::warn!("{}. {}.", slip.evidence, slip.remedy);
    }
    let network = ClientSettings {
        connect_timeout: CONNECT_TIMEOUT,
        read_timeout: READ_TIMEOUT,
        proxies: settings.proxies.clone(),
    };
    let roots = roots(options, environment);
    if let Some(path) = roots.path() {
        files.watch(path);
    }
    let is_plain = settings.url.scheme() == "http" && !settings.proxies.needs_tls();
    let tls = client_config(&roots)
        // Over plain http no certificate is verified, so a CA file that cannot be used does no harm.
        .or_else(|error| if is_plain { client_config(&Roots::Empty) } else { Err(error) })?;
    let Some((certificate, key)) = client_certificate(options, environment)? else {
        return build_client(&network, &tls);
    };
    let (certificate, key) = (expand(&certificate, environment), expand(&key, environment));
    files.watch(&certificate);
    files.watch(&key);
    build_client(&network, &with_client_certificate(&tls, &certificate, &key)?)
}
