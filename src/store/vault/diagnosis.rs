//! The reason for a refusal. Only requested after a failed read: a successful read costs one request.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::http::TransportError;
use crate::process::{Clock, Timestamp};
use crate::store::vault::call::{Call, Own};
use crate::store::vault::config::KvVersion;
use crate::store::vault::error;
use crate::store::vault::server::{Reply, Server};
use crate::store::vault::tokens::Token;
use crate::store::{SecretName, short_key};
use crate::value::json::{Object, Value};

/// How long a denial is remembered, so that a missing policy does not cost a login at each lookup.
const DENIALS_LAST: Duration = Duration::from_mins(1);

/// The most names that are remembered.
const MOST_REMEMBERED: usize = 256;

/// What is mounted at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// A KV engine.
    Kv(KvVersion),
    /// Something else.
    Other,
}

impl Engine {
    /// Its name, for messages.
    fn as_str(self) -> &'static str {
        match self {
            Self::Kv(KvVersion::One) => "a KV engine of version 1",
            Self::Kv(KvVersion::Two) => "a KV engine of version 2",
            Self::Other => "another engine than KV",
        }
    }
}

/// The request for what is mounted at `mount`. Source: `sys/internal/ui/mounts`, which Vault's own tools use,
/// too; it answers any token that a policy allows something there.
pub(super) fn engine_call(mount: &str) -> Result<Call, TransportError> {
    Call::of(&Own::get(format!("sys/internal/ui/mounts/{mount}")))
}

/// The engine in `reply`; `None` if it contains none.
pub(super) fn engine(reply: &Reply) -> Option<Engine> {
    let json = reply.json().filter(|_| reply.is_success());
    let data = json.as_ref().and_then(Value::as_object).and_then(|members| members.get("data"));
    data.and_then(Value::as_object).map(engine_of)
}

fn engine_of(data: &Object) -> Engine {
    let text = |members: &Object, key| members.get(key).and_then(Value::as_str).map(str::to_owned);
    let version = data.get("options").and_then(Value::as_object).and_then(|options| text(options, "version"));
    match (text(data, "type").as_deref(), version.as_deref()) {
        (Some("kv"), Some("2")) => Engine::Kv(KvVersion::Two),
        (Some("kv" | "generic"), _) => Engine::Kv(KvVersion::One),
        _ => Engine::Other,
    }
}

/// A failed read, and where it happened.
pub(super) struct Question<'read> {
    /// The server.
    pub(super) server: &'read Server,
    /// The token of the read.
    pub(super) token: &'read Token,
    /// Whether the token was written down, so that it is not known whether it still works.
    pub(super) is_written_down: bool,
    /// The mount.
    pub(super) mount: &'read str,
    /// The path of the request, mount included.
    pub(super) path: &'read str,
    /// The version that the request was made for.
    pub(super) version: KvVersion,
    /// `read` or `list`.
    pub(super) capability: &'static str,
    /// What was requested, for messages.
    pub(super) subject: &'read str,
}

impl Question<'_> {
    /// The reason for a 403: a policy, the mount, its version, or the token itself.
    pub(super) async fn denied(&self) -> Error {
        match self.engine().await {
            Ok(engine) if engine == Engine::Kv(self.version) => {
                error::denied(self.subject, self.path, self.capability)
            }
            Ok(engine) => self.differs(engine).with_code("403"),
            Err(Some(_)) => self.unseen().await,
            Err(None) => error::denied(self.subject, self.path, self.capability),
        }
    }

    /// The reason why nothing of the mount is visible: the token itself, the mount, or a policy.
    pub(super) async fn unseen(&self) -> Error {
        if self.is_written_down && !token_lives(self.server, self.token).await {
            error::token_refused(self.subject)
        } else {
            error::mount_unseen(self.subject, self.mount)
        }
    }

    /// The reason for a failed read: the mount has another version than the configured one, or (if the answer
    /// has words) nothing is mounted. `None` for a mere absence that the policies allow to see.
    pub(super) async fn misdirected(&self, in_words: bool) -> Option<Error> {
        match self.engine().await {
            Ok(engine) if engine == Engine::Kv(self.version) => None,
            Ok(engine) => Some(self.differs(engine).with_code("404")),
            Err(Some(400..=404)) if in_words => Some(error::mount_missing(self.subject, self.mount)),
            Err(_) => None,
        }
    }

    /// What is mounted, as far as the token may know; else the status of the refusal, `None` for no answer.
    async fn engine(&self) -> Result<Engine, Option<u16>> {
        let call = engine_call(self.mount).map_err(|_| None)?;
        // A used-up token would be refused, whatever is mounted.
        if !self.token.take_use() {
            return Err(None);
        }
        let reply = self.server.ask(&call, Some(self.token.secret())).await.map_err(|_| None)?;
        engine(&reply).ok_or(Some(reply.status))
    }

    fn differs(&self, engine: Engine) -> Error {
        error::mount_differs(self.subject, self.mount, self.version.number(), engine.as_str())
    }
}

/// Whether the server still accepts `token`. Only checked after a refusal.
pub(super) async fn token_lives(server: &Server, token: &Token) -> bool {
    let Ok(call) = Call::of(&Own::get("auth/token/lookup-self")) else { return false };
    token.take_use() && server.ask(&call, Some(token.secret())).await.is_ok_and(|reply| reply.is_success())
}

/// A sealed server answers with 503, but so does a proxy whose server is down.
pub(super) async fn is_sealed(server: &Server, reply: &Reply) -> bool {
    if reply.status != 503 {
        return false;
    }
    let Ok(call) = Call::of(&Own::get("sys/seal-status")) else { return false };
    // A sealed server cannot read its namespaces either.
    let call = Call { is_of_root: true, ..call };
    let Ok(status) = server.ask(&call, None).await else { return false };
    let json = status.json();
    let sealed = json.as_ref().and_then(Value::as_object).and_then(|members| members.get("sealed"));
    sealed.and_then(Value::as_bool).unwrap_or(false)
}

/// What a store remembers about failures.
#[derive(Debug, Default)]
pub(super) struct Memory {
    denials: Mutex<HashMap<String, Timestamp>>,
    vain_login: Mutex<Option<Timestamp>>,
    reported: Mutex<HashSet<String>>,
}

impl Memory {
    /// Whether a working token was refused for this name a moment ago, so that another one would be refused,
    /// too.
    pub(super) fn was_denied(&self, name: &SecretName, clock: &Clock) -> bool {
        let denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        denials
            .get(&*short_key(name.as_str()))
            .is_some_and(|moment| clock.now().since(*moment) < DENIALS_LAST)
    }

    /// Notes that a working token was refused for this name.
    pub(super) fn note_denial(&self, name: &SecretName, clock: &Clock) {
        let mut denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        if denials.len() >= MOST_REMEMBERED {
            denials.clear();
        }
        denials.insert(short_key(name.as_str()).into_owned(), clock.now());
    }

    /// Notes that a login was made for this name, and its token was refused as well.
    pub(super) fn note_vain_login(&self, name: &SecretName, clock: &Clock) {
        self.note_denial(name, clock);
        *self.vain_login.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.now());
    }

    /// Whether a login was in vain a moment ago.
    pub(super) fn was_login_vain(&self, clock: &Clock) -> bool {
        let moment = *self.vain_login.lock().unwrap_or_else(PoisonError::into_inner);
        moment.is_some_and(|moment| clock.now().since(moment) < DENIALS_LAST)
    }

    /// Whether this is the first report about `name`.
    pub(super) fn is_news(&self, name: &SecretName) -> bool {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() >= MOST_REMEMBERED {
            reported.clear();
        }
        reported.insert(short_key(name.as_str()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json;

    #[test]
    fn engines_are_known_by_type_and_version() {
        let read = |text: &str| engine_of(json::parse(&Text::from(text)).unwrap().as_object().unwrap());
        assert_eq!(read(r#"{"type": "kv", "options": {"version": "2"}}"#), Engine::Kv(KvVersion::Two));
        assert_eq!(read(r#"{"type": "kv", "options": null}"#), Engine::Kv(KvVersion::One));
        assert_eq!(read(r#"{"type": "generic"}"#), Engine::Kv(KvVersion::One));
        assert_eq!(read(r#"{"type": "pki", "options": {"version": "2"}}"#), Engine::Other);
        assert_eq!(read("{}"), Engine::Other);
    }

    #[test]
    fn a_denial_is_remembered_for_a_minute() {
        let (memory, clock, name) = (Memory::default(), Clock::manual(), SecretName::from("a"));
        assert!(!memory.was_denied(&name, &clock));
        memory.note_denial(&name, &clock);
        assert!(memory.was_denied(&name, &clock) && !memory.was_denied(&"b".into(), &clock));
        assert!(!memory.was_login_vain(&clock));
        memory.note_vain_login(&"b".into(), &clock);
        assert!(memory.was_login_vain(&clock) && memory.was_denied(&"b".into(), &clock));
        clock.advance(DENIALS_LAST);
        assert!(!memory.was_denied(&name, &clock) && !memory.was_login_vain(&clock));
    }

    #[test]
    fn what_was_reported_once_is_not_news() {
        let (memory, name) = (Memory::default(), SecretName::from("a"));
        assert!(memory.is_news(&name) && !memory.is_news(&name));
    }
}
