//! What is behind a refusal. Only asked for once a read has failed: a read that works costs one request.

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

/// More of what is remembered than this is forgotten.
const MOST_REMEMBERED: usize = 256;

/// What is mounted somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// A KV engine.
    Kv(KvVersion),
    /// Something else.
    Other,
}

impl Engine {
    /// Its name in a message.
    fn as_str(self) -> &'static str {
        match self {
            Self::Kv(KvVersion::One) => "a KV engine of version 1",
            Self::Kv(KvVersion::Two) => "a KV engine of version 2",
            Self::Other => "another engine than KV",
        }
    }
}

/// Asks what is mounted at `mount`. Source: `sys/internal/ui/mounts`, which the tools of Vault ask, too; it
/// answers to any token that a policy allows something there.
pub(super) fn engine_call(mount: &str) -> Result<Call, TransportError> {
    Call::of(&Own::get(format!("sys/internal/ui/mounts/{mount}")))
}

/// What `reply` says is mounted there; `None` if it does not.
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

/// The place of a read that failed.
pub(super) struct Question<'read> {
    /// The server.
    pub(super) server: &'read Server,
    /// The token of the read.
    pub(super) token: &'read Token,
    /// Whether the token was written down, so that nobody knows whether it still works.
    pub(super) is_written_down: bool,
    /// The mount.
    pub(super) mount: &'read str,
    /// The path of the request, mount included.
    pub(super) path: &'read str,
    /// The version that the request was made for.
    pub(super) version: KvVersion,
    /// `read` or `list`.
    pub(super) capability: &'static str,
    /// What was asked, for messages.
    pub(super) subject: &'read str,
}

impl Question<'_> {
    /// Why 403: a policy, the mount, its version, or the token itself.
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

    /// Why nothing of the mount may be seen: the token itself, the mount, or a policy.
    pub(super) async fn unseen(&self) -> Error {
        if self.is_written_down && !token_lives(self.server, self.token).await {
            error::token_refused(self.subject)
        } else {
            error::mount_unseen(self.subject, self.mount)
        }
    }

    /// Why not what was asked for: another version is there than the one asked for, or nothing is mounted,
    /// where the answer was told in words. `None` for a mere absence, which a policy allowed to see.
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
        // A token that is used up would be refused whatever is there.
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

/// Whether the server still knows `token`. Only asked for once it was refused.
pub(super) async fn token_lives(server: &Server, token: &Token) -> bool {
    let Ok(call) = Call::of(&Own::get("auth/token/lookup-self")) else { return false };
    token.take_use() && server.ask(&call, Some(token.secret())).await.is_ok_and(|reply| reply.is_success())
}

/// 503 is what a sealed server says, and what a proxy says of one that is away.
pub(super) async fn is_sealed(server: &Server, reply: &Reply) -> bool {
    if reply.status != 503 {
        return false;
    }
    let Ok(call) = Call::of(&Own::get("sys/seal-status")) else { return false };
    // Namespaces are among what a sealed server cannot read.
    let call = Call { is_of_root: true, ..call };
    let Ok(status) = server.ask(&call, None).await else { return false };
    let json = status.json();
    let sealed = json.as_ref().and_then(Value::as_object).and_then(|members| members.get("sealed"));
    sealed.and_then(Value::as_bool).unwrap_or(false)
}

/// What a store remembers of failures.
#[derive(Debug, Default)]
pub(super) struct Memory {
    denials: Mutex<HashMap<String, Timestamp>>,
    vain_login: Mutex<Option<Timestamp>>,
    told: Mutex<HashSet<String>>,
}

impl Memory {
    /// Whether a token that works was refused for this name a moment ago, so that another one would be, too.
    pub(super) fn was_denied(&self, name: &SecretName, clock: &Clock) -> bool {
        let denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        denials
            .get(&*short_key(name.as_str()))
            .is_some_and(|moment| clock.now().since(*moment) < DENIALS_LAST)
    }

    /// A token that works was refused for this name.
    pub(super) fn note_denial(&self, name: &SecretName, clock: &Clock) {
        let mut denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        if denials.len() >= MOST_REMEMBERED {
            denials.clear();
        }
        denials.insert(short_key(name.as_str()).into_owned(), clock.now());
    }

    /// A login was made for this name, and its token was refused, too.
    pub(super) fn note_vain_login(&self, name: &SecretName, clock: &Clock) {
        self.note_denial(name, clock);
        *self.vain_login.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.now());
    }

    /// Whether that happened a moment ago.
    pub(super) fn was_login_vain(&self, clock: &Clock) -> bool {
        let moment = *self.vain_login.lock().unwrap_or_else(PoisonError::into_inner);
        moment.is_some_and(|moment| clock.now().since(moment) < DENIALS_LAST)
    }

    /// Whether this is the first time that something is told of `name`.
    pub(super) fn is_news(&self, name: &SecretName) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MOST_REMEMBERED {
            told.clear();
        }
        told.insert(short_key(name.as_str()).into_owned())
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
    fn what_was_told_once_is_no_news() {
        let (memory, name) = (Memory::default(), SecretName::from("a"));
        assert!(memory.is_news(&name) && !memory.is_news(&name));
    }
}
