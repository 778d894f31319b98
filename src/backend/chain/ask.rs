//! Asking one member after the other.

use crate::backend::chain::elsewhere::{Elsewhere, Turn};
use crate::backend::chain::explained::MemberSearch;
use crate::backend::chain::fate::Scene;
use crate::backend::chain::memory::position;
use crate::backend::chain::plan::Leg;
use crate::backend::chain::running::Chain;
use crate::backend::on_error::Failure;
use crate::backend::plan::Route;
use crate::backend::reply::{Explained, Reply, Trail};
use crate::error::{Error, Result};
use crate::process::{Deadline, is_outside};
use crate::store::convention::Lookup;

/// A lookup under way.
struct Walk<'a> {
    deadline: Deadline,
    lookup: Lookup<'a>,
    /// How many members are still to be asked, besides the current one.
    others: usize,
    has_teams: Option<bool>,
    /// What answers for the members that are stores, if another process asks them.
    elsewhere: Option<&'a dyn Elsewhere>,
    /// What each member contributed, if the caller wants to know.
    seen: Option<Vec<MemberSearch>>,
}

impl Chain {
    /// Asks along `route`, which was planned for this chain, until a member has the secret.
    pub(in crate::backend) async fn ask(
        &self,
        deadline: Deadline,
        lookup: Lookup<'_>,
        route: &Route,
        elsewhere: Option<&dyn Elsewhere>,
    ) -> Result<Reply, Failure> {
        self.note_route(lookup, route);
        self.walk(&mut Walk { elsewhere, ..Walk::new(deadline, lookup, route) }, route).await
    }

    /// Like [`Self::ask`], with what each member contributed.
    pub(in crate::backend) async fn explain(
        &self,
        deadline: Deadline,
        lookup: Lookup<'_>,
        route: &Route,
    ) -> Explained {
        let mut walk = Walk { seen: Some(Vec::new()), ..Walk::new(deadline, lookup, route) };
        let outcome = self.walk(&mut walk, route).await;
        let mut members = walk.seen.unwrap_or_default();
        // The members after the one that answered are shown, too.
        let rest = route.1.iter().enumerate().skip(members.len());
        members.extend(rest.filter_map(|(index, leg)| self.shown(index, leg)));
        let led_on = || members.iter().find_map(|member| member.error.clone());
        let error = match &outcome {
            Err(failure) => Some(failure.error.clone()),
            Ok(reply) => reply.value.is_none().then(led_on).flatten(),
        };
        let steps = members.iter().flat_map(|member| member.steps.iter().cloned()).collect();
        Explained { outcome, error, steps, members }
    }

    async fn walk(&self, walk: &mut Walk<'_>, route: &Route) -> Result<Reply, Failure> {
        let (mut oldest, mut doubt) = (None, None);
        for (index, leg) in route.1.iter().enumerate() {
            let Some(found) = self.ask_member(walk, index, leg).await else { continue };
            match found {
                Ok(reply) if reply.value.is_some() => return Ok(Reply { member: position(index), ..reply }),
                Ok(reply) => oldest = oldest.max(reply.age),
                Err(error) => {
                    doubt = doubt.or(Some(error.kind().as_str()));
                    self.settle(walk, index, leg, error)?;
                }
            }
        }
        // After an error it is not known that there is no such secret.
        Ok(doubt.map_or_else(|| Reply::known(None, oldest.unwrap_or_default(), false), Reply::none))
    }

    /// The answer of the member at `index`; `None` if it is passed over.
    async fn ask_member(&self, walk: &mut Walk<'_>, index: usize, leg: &Leg) -> Option<Result<Reply>> {
        if leg.is_passed_over() {
            walk.note(self.shown(index, leg));
            return None;
        }
        walk.others -= 1;
        let mut trail = Trail {
            steps: walk.seen.as_ref().map(|_| Vec::new()),
            chain: Some((self, index)),
            has_teams: walk.has_teams,
            ..Trail::new(0)
        };
        let found = self.search(walk, index, leg, &mut trail).await;
        if walk.seen.is_some() {
            walk.note(self.shown(index, leg).map(|shown| shown.with(&found, trail.steps)));
        }
        Some(found)
    }

    async fn search(&self, walk: &Walk<'_>, index: usize, leg: &Leg, trail: &mut Trail<'_>) -> Result<Reply> {
        let (member, running) = self.member(index).ok_or_else(|| Error::internal("no such member"))?;
        let names = match leg {
            Leg::Fault(error) => return Err(error.clone()),
            leg => leg.names(),
        };
        if let Some(elsewhere) = walk.elsewhere {
            let time = member.time(walk.deadline, walk.others);
            let turn = Turn { index, is_foreign: member.is_foreign(), time };
            if let Some(found) = elsewhere.answer(walk.lookup, turn).await {
                return found;
            }
        }
        let backend = running.backend(member, &self.clock)?;
        let search = backend.search_along(walk.lookup, names, trail);
        backend.named(member.deadline(walk.deadline, walk.others).run(search).await)
    }

    fn settle(&self, walk: &Walk<'_>, index: usize, leg: &Leg, error: Error) -> Result<(), Failure> {
        let Some((member, running)) = self.member(index) else { return Err(error.into()) };
        let has_next = walk.others > 0;
        Scene { member, running, leg, has_next, clock: &self.clock }.settle(walk.lookup, error)
    }

    /// Remembers which members the lookup concerns, unless a fault might be mended.
    fn note_route(&self, lookup: Lookup<'_>, route: &Route) {
        // A lookup that a class of another package makes passes over members that other lookups ask.
        if !is_outside() && !route.1.iter().any(|leg| matches!(leg, Leg::Fault(_))) {
            let asked = route.1.iter().enumerate().filter(|(_, leg)| !leg.is_passed_over());
            self.routes.keep(lookup, asked.map(|(index, _)| index));
        }
    }

    /// The member at `index` before it is asked.
    fn shown(&self, index: usize, leg: &Leg) -> Option<MemberSearch> {
        let (member, _) = self.member(index)?;
        let passed_over = if let Leg::PassedOver(skipped) = leg { Some(skipped.clone()) } else { None };
        Some(MemberSearch::unasked(member, passed_over))
    }
}

impl<'a> Walk<'a> {
    fn new(deadline: Deadline, lookup: Lookup<'a>, route: &Route) -> Self {
        let others = route.1.iter().filter(|leg| !leg.is_passed_over()).count();
        Self { deadline, lookup, others, has_teams: route.2, elsewhere: None, seen: None }
    }

    fn note(&mut self, shown: Option<MemberSearch>) {
        if let Some(seen) = &mut self.seen {
            seen.extend(shown);
        }
    }
}
