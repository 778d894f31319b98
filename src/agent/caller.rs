//! Who asks an agent, and what that process may ask for.

use std::sync::Arc;

use crate::backend::AgentGroup;
use crate::error::{Error, ErrorKind, Result};
use crate::process::{Peer, effective_user};
use crate::store::convention::{Kind, Lookup};

/// The process at the other end of a connection.
#[derive(Debug)]
pub(super) enum Caller {
    /// One of the agent's own user.
    Own,
    /// One of another user, where the configuration knows others.
    Guest(Peer, Arc<AgentGroup>),
}

impl Caller {
    /// The process `peer`; `None` if only the own user is served and it is another.
    pub(super) fn of(peer: Peer, group: Option<Arc<AgentGroup>>) -> Option<Self> {
        if peer.user == effective_user() {
            return Some(Self::Own);
        }
        group.map(|group| Self::Guest(peer, group))
    }

    /// Whether it is of the agent's own user.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }

    /// Whether it may ask for anything.
    pub(super) fn may_ask(&self) -> bool {
        match self {
            Self::Own => true,
            Self::Guest(peer, group) => group.knows(peer.user, &peer.groups),
        }
    }

    /// Whether Airflow has teams, as far as the word of this process counts: one that may not ask in the name
    /// of every team could say no, and then ask for an id that is another team's. An error if it may not ask
    /// for `lookup`.
    pub(super) fn multi_team(&self, lookup: Lookup<'_>, said: Option<bool>) -> Result<Option<bool>> {
        let Self::Guest(peer, group) = self else { return Ok(said) };
        match group.permits(peer.user, &peer.groups, lookup)? {
            Some(every_team) if every_team.0 => Ok(said),
            Some(_) => Ok(Some(true)),
            None => Err(denied(peer, lookup)),
        }
    }

    /// Whether it may have the next lookup of `id` ask the store.
    pub(super) fn may_refresh(&self, id: Option<&str>, team: Option<&str>) -> bool {
        let may_ask =
            |id| Kind::ALL.into_iter().any(|kind| self.multi_team(Lookup { kind, id, team }, None).is_ok());
        self.is_own() || id.is_some_and(may_ask)
    }
}

fn denied(peer: &Peer, lookup: Lookup<'_>) -> Error {
    let (user, kind) = (peer.user, lookup.kind.as_str());
    Error::new(ErrorKind::Denied, format!("user {user} may not ask the agent for this {kind}"))
        .with_hint("Add it to `allow` of `agent_group` in the configuration of the agent")
}
