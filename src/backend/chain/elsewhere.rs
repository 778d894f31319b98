//! Members that another process asks: the agent of the host.
//!
//! The process that looks up walks from member to member itself, so routing, `on_error`, the log and the
//! order are the same as without an agent. Only the answer of a member that is a store comes from elsewhere;
//! a class of another package is always asked in the process that looks up.

use std::time::Duration;

use async_trait::async_trait;

use crate::backend::chain::plan::Leg;
use crate::backend::chain::running::{Chain, Running, SHARE};
use crate::backend::chain::settings::Member;
use crate::backend::lookup::Backend;
use crate::backend::on_error::Failure;
use crate::backend::plan::Route;
use crate::backend::reply::{Answered, Held, Known, Reply, Trail};
use crate::error::{Error, Result};
use crate::process::Deadline;
use crate::store::convention::Lookup;

/// Has the answers of members.
#[async_trait]
pub trait Elsewhere: Send + Sync {
    /// The member's answer, if it is known and fresh. Not counted.
    fn recall(&self, lookup: Lookup<'_>, index: usize) -> Option<Reply>;

    /// The member's answer; `None` if it has to be asked in this process.
    async fn answer(&self, lookup: Lookup<'_>, turn: Turn) -> Option<Result<Reply>>;
}

/// A member that is about to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its position.
    pub index: usize,
    /// Whether it is a class of another package.
    pub is_foreign: bool,
    /// How long it may take.
    pub time: Time,
}

/// How long a member may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// What is left for it.
    pub left: Duration,
    /// Whether that is only its part of the time of the lookup.
    pub is_share: bool,
}

impl Time {
    fn deadline(self) -> Deadline {
        if self.is_share { Deadline::within(self.left, SHARE) } else { Deadline::after(self.left) }
    }
}

impl Backend {
    /// The deadline of a lookup that begins now.
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.settings.layers.timeout)
    }

    /// Like [`Self::remembered`], for a chain whose stores are asked `elsewhere`.
    pub fn remembered_with(&self, elsewhere: &dyn Elsewhere, lookup: Lookup<'_>) -> Option<Reply> {
        self.chain.as_ref()?.remembered(lookup, Some(elsewhere))
    }

    /// Like [`Self::ask_until`], for a chain whose stores are asked `elsewhere`.
    pub async fn ask_with(
        &self,
        elsewhere: &dyn Elsewhere,
        deadline: Deadline,
        lookup: Lookup<'_>,
        route: &Route,
    ) -> Result<Reply, Failure> {
        match &self.chain {
            Some(chain) => Box::pin(chain.ask(deadline, lookup, route, Some(elsewhere))).await,
            None => Err(Error::internal("only the stores of a chain are asked one by one").into()),
        }
    }

    /// Like [`Self::known`], of the member at `index`.
    pub fn known_of(&self, index: usize, lookup: Lookup<'_>) -> Option<Known> {
        self.chain.as_ref()?.members.get(index)?.existing()?.known(lookup)
    }

    /// Like [`Self::held`], of the member at `index`.
    pub fn held_of(&self, index: usize, lookup: Lookup<'_>, route: &Route) -> Option<Held> {
        let chain = self.chain.as_ref()?;
        let own = Route(route.1.get(index)?.names().to_vec(), Vec::new(), route.2);
        chain.members.get(index)?.existing()?.held_among(Some((chain, index)), lookup, &own, true)
    }

    /// Like [`Self::answer`], of the member at `index`, which has `time` if that is limited.
    pub async fn answer_of(
        &self,
        index: usize,
        time: Option<Time>,
        lookup: Lookup<'_>,
        route: &Route,
    ) -> Answered {
        let mut trail = Trail { notes: Some(Vec::new()), has_teams: route.2, ..Trail::new(0) };
        let outcome = match self.stand_in(index, lookup, route) {
            Ok(part) => part.ask(time, lookup, &mut trail).await,
            Err(error) => Err(error),
        };
        self.as_answered(outcome, trail)
    }

    /// The member at `index` as a process asks it that walks along `route` itself.
    fn stand_in<'a>(&'a self, index: usize, lookup: Lookup<'_>, route: &'a Route) -> Result<Part<'a>> {
        let no_member = || Error::internal("the chain has no such member");
        let chain = self.chain.as_ref().ok_or_else(no_member)?;
        let (member, running) = chain.member(index).ok_or_else(no_member)?;
        match route.1.get(index).ok_or_else(no_member)? {
            // A process of the same configuration passes over it as well.
            Leg::PassedOver(skipped) => Err(skipped
                .as_error(lookup.id)
                .unwrap_or_else(|| Error::internal(skipped.reason(lookup.kind)))),
            Leg::Fault(error) => Err(error.clone()),
            Leg::Ask(_) if member.is_foreign() => {
                Err(Error::internal("a class of another package is asked where the lookup is made"))
            }
            leg @ Leg::Ask(_) => Ok(Part { chain, index, member, running, leg }),
        }
    }
}

/// A member that is asked on behalf of another process.
struct Part<'a> {
    chain: &'a Chain,
    index: usize,
    member: &'a Member,
    running: &'a Running,
    leg: &'a Leg,
}

impl<'a> Part<'a> {
    async fn ask(&self, time: Option<Time>, lookup: Lookup<'_>, trail: &mut Trail<'a>) -> Result<Reply> {
        trail.chain = Some((self.chain, self.index));
        let backend = self.running.backend(self.member, &self.chain.clock)?;
        let deadline = time.map_or_else(|| backend.deadline(), Time::deadline);
        let search = backend.search_along(lookup, self.leg.names(), trail);
        backend.named(deadline.run(search).await)
    }
}
