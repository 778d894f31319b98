//! A chain whose stores are asked by the agent, member by member.
//!
//! The walk from member to member is that of the process (see [`Elsewhere`]). It begins on the calling
//! thread, without a runtime: most lookups are over before any member has to be asked in this process. One
//! that reaches a class of another package, or finds the agent away, is walked again from the start with a
//! runtime; what the agent has answered by then is not asked again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::FutureExt;

use crate::agent::client::Asked;
use crate::agent::remote::Remote;
use crate::agent::wire::WireLookup;
use crate::backend::chain::{Elsewhere, Turn};
use crate::backend::{Backend, Failure, Reply, Route};
use crate::error::Result;
use crate::process::Deadline;
use crate::store::convention::Lookup;

/// A lookup of a chain whose stores the agent asks.
pub struct Members<'a> {
    remote: &'a Remote,
    backend: &'a Backend,
    deadline: Deadline,
    /// Whether Airflow has teams, where the plan had to know.
    multi_team: Option<bool>,
    /// What the agent has answered, by the position of the member.
    known: Mutex<Vec<(usize, Result<Reply>)>>,
    /// Whether the agent was found away.
    is_direct: AtomicBool,
}

impl<'a> Members<'a> {
    /// A lookup that begins now and has asked nothing yet.
    pub fn new(remote: &'a Remote, backend: &'a Backend, multi_team: Option<bool>) -> Self {
        let (known, is_direct) = (Mutex::default(), AtomicBool::new(false));
        Self { remote, backend, deadline: backend.deadline(), multi_team, known, is_direct }
    }

    /// The answer, if the agent alone can give it. `check` is called every 50 ms, and what it fails with ends
    /// the wait.
    pub fn ask<I: Send>(
        &self,
        lookup: Lookup<'_>,
        route: &Route,
        check: impl Fn() -> std::result::Result<(), I> + Send + Sync,
    ) -> Option<std::result::Result<Result<Reply, Failure>, I>> {
        let blocking = Blocking { members: self, check, interruption: Mutex::new(None) };
        let outcome = self.backend.ask_with(&blocking, self.deadline, lookup, route).now_or_never().map(Ok);
        let interruption = blocking.interruption.into_inner().unwrap_or_else(PoisonError::into_inner);
        interruption.map(Err).or(outcome)
    }

    /// The answer, with members that are asked in this process. It needs the runtime.
    pub async fn ask_here_too(&self, lookup: Lookup<'_>, route: &Route) -> Result<Reply, Failure> {
        self.backend.ask_with(self, self.deadline, lookup, route).await
    }

    /// What is known of the member's answer already.
    fn earlier(&self, lookup: Lookup<'_>, turn: Turn) -> Option<Result<Reply>> {
        let known =
            self.lock().iter().find(|(index, _)| *index == turn.index).map(|(_, reply)| reply.clone());
        known.or_else(|| self.remote.recall_of(turn.index, lookup).map(Ok))
    }

    /// What the agent said of the member; `None` if it is away.
    fn note<I>(
        &self,
        lookup: Lookup<'_>,
        turn: Turn,
        asked: Asked<I>,
    ) -> std::result::Result<Option<Result<Reply>>, I> {
        match asked {
            Asked::Answered(answered) => {
                let reply = self.remote.keep_of(turn.index, lookup, answered);
                self.lock().push((turn.index, reply.clone()));
                Ok(Some(reply))
            }
            Asked::Interrupted(interruption) => Err(interruption),
            Asked::Direct { is_news, is_absent } => {
                self.is_direct.store(true, Ordering::Release);
                self.remote.note_absence(turn.index, is_news, is_absent);
                Ok(None)
            }
        }
    }

    fn request<'b>(&self, lookup: Lookup<'b>, turn: Turn) -> WireLookup<'b> {
        WireLookup::new(lookup, self.multi_team).of_member(turn)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(usize, Result<Reply>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Elsewhere for Members<'_> {
    fn recall(&self, lookup: Lookup<'_>, index: usize) -> Option<Reply> {
        self.remote.recall_of(index, lookup)
    }

    async fn answer(&self, lookup: Lookup<'_>, turn: Turn) -> Option<Result<Reply>> {
        if turn.is_foreign {
            return None;
        }
        if let Some(earlier) = self.earlier(lookup, turn) {
            return Some(earlier);
        }
        if self.is_direct.load(Ordering::Acquire) {
            return None;
        }
        let asked = self.remote.client().ask_later(self.request(lookup, turn)).await;
        self.note(lookup, turn, asked).unwrap_or_else(|never: crate::agent::client::Never| match never {})
    }
}

/// The same on a thread that has no runtime. It waits for ever for what has to be asked in this process, so a
/// search that ends at its first step is one that the agent could answer.
struct Blocking<'a, Check, Interruption> {
    members: &'a Members<'a>,
    check: Check,
    interruption: Mutex<Option<Interruption>>,
}

#[async_trait]
impl<I: Send, C: Fn() -> std::result::Result<(), I> + Send + Sync> Elsewhere for Blocking<'_, C, I> {
    fn recall(&self, lookup: Lookup<'_>, index: usize) -> Option<Reply> {
        self.members.recall(lookup, index)
    }

    async fn answer(&self, lookup: Lookup<'_>, turn: Turn) -> Option<Result<Reply>> {
        if turn.is_foreign {
            return std::future::pending().await;
        }
        if let Some(earlier) = self.members.earlier(lookup, turn) {
            return Some(earlier);
        }
        let asked = self.members.remote.client().ask(self.members.request(lookup, turn), &self.check);
        match self.members.note(lookup, turn, asked) {
            Ok(Some(reply)) => Some(reply),
            Ok(None) => std::future::pending().await,
            Err(interruption) => {
                *self.interruption.lock().unwrap_or_else(PoisonError::into_inner) = Some(interruption);
                std::future::pending().await
            }
        }
    }
}
