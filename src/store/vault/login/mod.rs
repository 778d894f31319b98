//! Logins: from the configuration to a token.
//!
//! | file | contents |
//! |---|---|
//! | `settings.rs` | which login is configured, and which settings can never work |
//! | `written.rs` | tokens that were written down |
//! | `password.rs` | approle, github, ldap, radius, userpass |
//! | `wrapped.rs` | the secret id behind a wrapping token |
//! | `assertion.rs` | kubernetes, jwt: tokens in files; cert: the certificate of the connection |
//! | `aws.rs`, `azure.rs`, `gcp.rs` | the identities of clouds, from the stores there |
//!
//! The official class writes the mount's configuration for azure and radius instead of logging in; here these
//! methods log in, and nothing is ever written.

mod assertion;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "google")]
mod gcp;
mod password;
mod settings;
mod wrapped;
mod written;

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use vaultrs::api::token::requests::RenewTokenSelfRequest;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::{Shown, ShownPath};
use crate::store::vault::call::Call;
use crate::store::vault::diagnosis::is_sealed;
use crate::store::vault::error::{LOGIN, no_answer, not_understood, refused, sealed};
use crate::store::vault::server::{Reply, Server};
use crate::store::vault::tokens::Grant;
use crate::value::json::{Object, Value};

pub(super) use self::settings::{check, login};

/// What a method does to log in.
pub(super) enum LoginStep {
    /// Nothing is sent: this is the token.
    Token(SecretString),
    /// This request is sent.
    Call(Call),
}

/// One way to log in. Debug shows no credential.
#[async_trait]
pub(super) trait Method: Debug + Send + Sync {
    /// The request to the mount, built for each login: this reads files and makes signatures.
    async fn step(&self, mount: &str, server: &Server) -> Result<LoginStep>;

    /// Whether a file that influenced the configuration has changed since. Files that are read at each login
    /// do not count.
    fn is_outdated(&self) -> bool {
        false
    }
}

/// The origin of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Written in the configuration: there is never another.
    Fixed,
    /// Written in a file, which may contain another the next time.
    File,
    /// Issued by the server.
    Server,
}

/// The configured login.
#[derive(Debug)]
pub(super) struct Login {
    name: &'static str,
    mount: String,
    origin: Origin,
    /// The identity that logs in, or the place of the token.
    identity: String,
    method: Box<dyn Method>,
}

impl Login {
    /// The identity and the mount, in words that hold no credential.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether every login returns the same token.
    pub(super) fn is_fixed(&self) -> bool {
        self.origin == Origin::Fixed
    }

    /// Whether tokens come from the configuration or a file.
    pub(super) fn is_written_down(&self) -> bool {
        self.origin != Origin::Server
    }

    /// Whether a file that influenced the configuration has changed since.
    pub(super) fn is_outdated(&self) -> bool {
        self.method.is_outdated()
    }

    /// A new token. Every failure is marked as one of the login.
    pub(super) async fn log_in(&self, server: &Server) -> Result<Grant> {
        let outcome = self.try_log_in(server).await;
        outcome.map_err(|error| error.with_operation(LOGIN).as_login_failure())
    }

    async fn try_log_in(&self, server: &Server) -> Result<Grant> {
        let call = match self.method.step(&self.mount, server).await? {
            LoginStep::Token(token) => {
                // Nothing is known about a written token, so it is used until it is refused.
                return Ok(Grant { token, lifetime: None, renewable: false, uses: None });
            }
            LoginStep::Call(call) => call,
        };
        let subject = format!("logging in by {} at `auth/{}`", self.name, Shown(&self.mount));
        let reply = server.ask(&call, None).await.map_err(|error| no_answer(&error, &subject))?;
        if is_sealed(server, &reply).await {
            return Err(sealed(&subject));
        }
        if !reply.is_success() {
            return Err(self.refusal(&reply, &subject));
        }
        grant(&reply, &subject)
    }

    /// Prolongs the life of `token`.
    pub(super) async fn renew(&self, server: &Server, token: &SecretString) -> Result<Grant> {
        let subject = "renewing the token";
        let call = Call::of(&RenewTokenSelfRequest { increment: None })
            .map_err(|error| no_answer(&error, subject))?;
        let reply = server.ask(&call, Some(token)).await.map_err(|error| no_answer(&error, subject))?;
        if reply.is_success() { grant(&reply, subject) } else { Err(refused(&reply, subject)) }
    }

    /// Vault answers wrong credentials with 400 or 403, and a missing mount with 403 as well.
    fn refusal(&self, reply: &Reply, subject: &str) -> Error {
        // Depending on the method, Vault refuses a login with any of these.
        if !matches!(reply.status, 400 | 401 | 403 | 404) {
            return refused(reply, subject);
        }
        Error::new(ErrorKind::Unauthenticated, format!("{subject}: the server refused the login"))
            .with_code(reply.status.to_string())
            .with_hint(format!(
                "{}; and check that the method is mounted at `auth/{}` in this namespace \
                (`auth_mount_point`, `vault auth list`)",
                self.advice(),
                Shown(&self.mount)
            ))
    }

    fn advice(&self) -> &'static str {
        match self.name {
            "approle" => {
                "Check `role_id` and `secret_id`: a secret id may have expired, or be used up or bound to \
                other addresses"
            }
            "userpass" | "ldap" | "radius" => "Check `username` and `password`",
            "kubernetes" => {
                "Check that `kubernetes_role` exists and is bound to this service account and its namespace"
            }
            "jwt" => "Check that `jwt_role` exists, and audience, issuer and expiry of the token",
            "cert" => {
                "Check that the certificate of `cert` is trusted by a role of the mount, and `cert_role`"
            }
            "github" => "Check the GitHub token and that its user is in the configured organisation",
            "aws_iam" => {
                "Check that the role `role_id` exists and is bound to this AWS principal, and `iam_server_id`"
            }
            "azure" => {
                "Check that the role `role_id` exists and is bound to this identity, and `azure_resource`"
            }
            "gcp" => "Check that the role `role_id` exists and is bound to this service account",
            _ => "Check the credentials",
        }
    }
}

/// The `auth` of a reply. Source: "Login" of each method in the reference of Vault's API. vaultrs's own type
/// for it lacks `num_uses`.
fn grant(reply: &Reply, subject: &str) -> Result<Grant> {
    let json = reply.json().ok_or_else(|| not_understood(reply, subject))?;
    let auth = json.as_object().and_then(|members| members.get("auth")).and_then(Value::as_object);
    let auth = auth.ok_or_else(|| not_understood(reply, subject))?;
    let token = auth.get("client_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| without_token(subject, auth))?;
    let count = |key| auth.get(key).and_then(Value::as_i64).and_then(|count| u64::try_from(count).ok());
    Ok(Grant {
        token: SecretString::from(token.to_owned()),
        // Zero means that the token does not expire.
        lifetime: count("lease_duration").filter(|seconds| *seconds > 0).map(Duration::from_secs),
        renewable: auth.get("renewable").and_then(Value::as_bool).unwrap_or(false),
        // Zero means any number of uses.
        uses: count("num_uses").filter(|uses| *uses > 0),
    })
}

fn without_token(subject: &str, auth: &Object) -> Error {
    let error = Error::new(ErrorKind::Unauthenticated, format!("{subject}: the answer holds no token"));
    if auth.get("mfa_requirement").is_some_and(|value| !value.is_null()) {
        return error.with_hint(
            "The login asks for a second factor, which cannot be given here: use a login without one",
        );
    }
    error.with_hint("Check `url` and proxies: something else than Vault may have answered")
}

/// The text of a credential file, without white space around it. Read at each login, since such files are
/// replaced.
async fn credential_file(path: &Path, option: &str) -> Result<Zeroizing<String>> {
    let shown = ShownPath(path);
    let unusable = |reason: String| {
        Error::new(
            ErrorKind::Unauthenticated,
            format!("the file `{shown}` of `{option}` cannot be used: {reason}"),
        )
        .with_hint("Check the path, and that this user can read the file")
    };
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(owned).map(Zeroizing::new)).await;
    let text = read.map_err(|_| unusable("reading it was stopped".to_owned()))?;
    let text = text.map_err(|error| unusable(error.to_string()))?;
    // Editors on Windows write a byte order mark, which is not part of a token.
    match text.trim_start_matches('\u{feff}').trim() {
        "" => Err(unusable("it is empty".to_owned())),
        trimmed => Ok(Zeroizing::new(trimmed.to_owned())),
    }
}

/// The error if the body cannot be built; nothing of it is shown.
fn unsendable(error: &crate::http::TransportError) -> Error {
    no_answer(error, "putting the login together")
}
