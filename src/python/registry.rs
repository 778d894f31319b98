//! One configuration, one client, one cache, however often Airflow builds a backend.
//!
//! Airflow makes a new backend for every `_secret` option and, up to Task SDK 1.3.1, for every lookup. All of
//! them with the same text and identity share what is in this list.
//!
//! The list is used with the GIL held throughout, so a fork (which also happens with the GIL held) always
//! finds it unlocked. It holds plain data; live objects are in a [`ForkCell`].

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use pyo3::Python;

use crate::agent::{Members, Reached, Remote};
use crate::backend::{Backend, Failure, Reply, Route, Settings, Skipped, Warnings, settle};
use crate::config::{Configured, Kwargs, RawOptions, configure_from};
use crate::error::{Error, ErrorKind, Result};
use crate::masking::Stamp;
use crate::process::{Clock, ForkCell};
use crate::python::agent::{self, Through};
use crate::python::later::Questions;
use crate::python::run::block_on;
use crate::store::StoreEntry;
use crate::store::convention::Lookup;
use crate::store::environment::Environment;
use crate::value::SecretValue;

/// Configurations kept alive for later backends. One whose backends are still in use outlives its removal.
const MOST_KEPT: NonZeroUsize = NonZeroUsize::new(16).unwrap();

type Key = (&'static str, RawOptions, Environment);

static CONFIGURATIONS: Mutex<Option<LruCache<Key, Arc<Shared>>>> = Mutex::new(None);

/// What all backends of one configuration share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    live: ForkCell<Backend>,
    agent: Option<Through>,
    /// For lookups that end before there is a backend.
    warnings: ForkCell<Warnings>,
    /// What event loops have asked for and still wait for.
    pub(super) questions: ForkCell<Questions>,
}

impl Shared {
    /// The backend of this process, if it is already built.
    pub(super) fn existing(&self) -> Option<&Backend> {
        self.live.get()
    }

    /// The backend of this process, built on first use. Call it without the GIL.
    pub(super) fn backend(&self) -> Result<&Backend> {
        self.live.get_or_try(|| Backend::open(Arc::clone(&self.settings), Clock::System))
    }

    /// The answer to `lookup` if it is known and fresh.
    pub(super) fn remembered(&self, lookup: Lookup<'_>) -> Option<Reply> {
        let by_agent = self.agent.as_ref().and_then(|agent| self.kept(agent.existing()?, lookup));
        by_agent.or_else(|| self.existing()?.remembered(lookup))
    }

    /// Notes that `value` was handed to the log maskers, as long as it is remembered.
    pub(super) fn note_masked(&self, lookup: Lookup<'_>, value: &SecretValue, masked: Stamp) {
        if let Some(remote) = self.agent.as_ref().and_then(Through::existing) {
            remote.note_masked(lookup, value, masked);
        }
        if let Some(backend) = self.existing() {
            backend.note_masked(lookup, value, masked);
        }
    }

    /// Asks the agent, if the configuration wants one. Call it without the GIL.
    pub(super) fn reach(&self, lookup: Lookup<'_>, route: &Route, teams: Option<bool>) -> agent::Outcome {
        let Some(remote) = self.remote() else { return Reached::Direct };
        match self.kept(remote, lookup) {
            Some(reply) => Reached::Settled(Ok(reply)),
            None if self.settings.chain.is_some() => self.reach_members(remote, lookup, route, teams),
            None => remote.ask(lookup, route, teams, agent::check),
        }
    }

    /// Asks the agent for each store of the chain that the lookup comes to, and the other members here.
    fn reach_members(
        &self,
        remote: &Remote,
        lookup: Lookup<'_>,
        route: &Route,
        teams: Option<bool>,
    ) -> agent::Outcome {
        let backend = match self.backend() {
            Ok(backend) => backend,
            Err(error) => return Reached::Settled(self.settle(lookup, error)),
        };
        let members = Members::new(remote, backend, teams);
        let outcome = match members.ask(lookup, route, agent::check) {
            Some(outcome) => outcome,
            None => block_on(members.ask_here_too(lookup, route)),
        };
        outcome.map_or_else(Reached::Interrupted, Reached::Settled)
    }

    /// What is remembered of the agent's answers. In a chain each member has its part.
    fn kept(&self, remote: &Remote, lookup: Lookup<'_>) -> Option<Reply> {
        if self.settings.chain.is_none() {
            return remote.remembered(lookup);
        }
        let backend = self.existing()?;
        backend.remembered_with(&Members::new(remote, backend, None), lookup)
    }

    /// Like [`Self::reach`], for a thread that drives other lookups meanwhile.
    pub(super) async fn reach_later(
        &self,
        lookup: Lookup<'_>,
        route: &Route,
        teams: Option<bool>,
    ) -> agent::Outcome {
        let Some(remote) = self.remote() else { return Reached::Direct };
        if let Some(reply) = self.kept(remote, lookup) {
            return Reached::Settled(Ok(reply));
        }
        if self.settings.chain.is_none() {
            return remote.ask_later(lookup, route, teams).await;
        }
        match self.backend() {
            Ok(backend) => {
                let members = Members::new(remote, backend, teams);
                Reached::Settled(Box::pin(members.ask_here_too(lookup, route)).await)
            }
            Err(error) => Reached::Settled(self.settle(lookup, error)),
        }
    }

    fn remote(&self) -> Option<&Remote> {
        match self.agent.as_ref()?.remote(&self.settings) {
            Ok(remote) => Some(remote),
            Err(error) => {
                self.warn_of("agent", &format!("No agent is asked: {error}"));
                None
            }
        }
    }

    /// Makes the next lookup ask the store, here and in the agent. Call it without the GIL.
    pub(super) fn refresh(&self, id: Option<&str>, team: Option<&str>) {
        if let Some(backend) = self.existing() {
            backend.refresh(id, team);
        }
        if let Some(remote) = self.remote() {
            remote.refresh(id, team);
        }
    }

    /// Logs `text` about `lookup`, which ended before there was a backend: a warning once a minute. Call it
    /// without the GIL.
    pub(super) fn warn(&self, lookup: Lookup<'_>, text: &str) {
        self.warnings.get_or_init(Warnings::new).say(lookup, &Clock::System, text);
    }

    /// The reply to a lookup that is not made; logs why where that belongs in the log. Call it without the
    /// GIL.
    pub(super) fn skip(&self, lookup: Lookup<'_>, skipped: &Skipped) -> Reply {
        if let Some(fault) = skipped.fault() {
            self.warn_of_kind(lookup, fault, &skipped.reason(lookup.kind));
        }
        Reply::none(skipped.outcome())
    }

    /// For a lookup that did not reach a store, such as one without a region: the error policy applies
    /// nevertheless.
    pub(super) fn settle(&self, lookup: Lookup<'_>, error: Error) -> Result<Reply, Failure> {
        let fault = (error.kind() == ErrorKind::InvalidName).then_some(error.kind().as_str());
        settle(self.settings.on_error, lookup, None, error, |text| match fault {
            Some(fault) => self.warn_of_kind(lookup, fault, text),
            None => self.warn(lookup, text),
        })
    }

    /// Like [`Self::warn`], for all ids of the kind together: `fault` is what is wrong with them.
    fn warn_of_kind(&self, lookup: Lookup<'_>, fault: &str, text: &str) {
        self.warnings.get_or_init(Warnings::new).say_of_kind(lookup.kind, fault, &Clock::System, text);
    }

    /// Like [`Self::warn`], for what concerns no single lookup.
    pub(super) fn warn_of(&self, topic: &'static str, text: &str) {
        self.warnings.get_or_init(Warnings::new).say_of(topic, &Clock::System, text);
    }

    /// Whether to warn about `lookup` now, which ended before there was a backend. Call it without the GIL.
    pub(super) fn warning_is_due(&self, lookup: Lookup<'_>) -> bool {
        self.warnings.get_or_init(Warnings::new).is_due(lookup, &Clock::System)
    }
}

/// The shared configuration for this text, and the warnings if this process has not seen it before. `unread`
/// reports kwargs that Airflow could not read; it may run Python, so the list is not locked meanwhile.
pub(super) fn share(
    py: Python<'_>,
    entry: &'static StoreEntry,
    raw: RawOptions,
    environment: Environment,
    unread: impl FnOnce() -> Result<Vec<String>>,
) -> Result<(Arc<Shared>, Vec<String>)> {
    let key = (entry.info.name, raw, environment);
    if let Some(shared) = with_list(|list| list.get(&key).cloned()) {
        return Ok((shared, Vec::new()));
    }
    // Not locked here: `unread` runs Python, which may release the GIL.
    let unread = unread()?;
    // Kwargs that Airflow could not read arrive as none, so missing options must not be reported as missing.
    let kwargs = if unread.is_empty() { Kwargs::Read } else { Kwargs::Unread };
    let Configured { settings, mut warnings } = configure_from(entry, &key.1, key.2.clone(), kwargs)?;
    let shared = Arc::new(Shared {
        agent: Through::new(py, &settings, &key.1),
        settings,
        live: ForkCell::new(),
        warnings: ForkCell::new(),
        questions: ForkCell::new(),
    });
    with_list(|list| list.put(key, Arc::clone(&shared)));
    warnings.extend(unread);
    Ok((shared, warnings))
}

fn with_list<T>(use_list: impl FnOnce(&mut LruCache<Key, Arc<Shared>>) -> T) -> T {
    // The list is consistent even if a thread panicked with the lock held.
    let mut configurations = CONFIGURATIONS.lock().unwrap_or_else(PoisonError::into_inner);
    use_list(configurations.get_or_insert_with(|| LruCache::new(MOST_KEPT)))
}
