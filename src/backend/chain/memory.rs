//! Answers from the memory of the members, and what becomes of it.

use crate::backend::chain::elsewhere::Elsewhere;
use crate::backend::chain::plan::Leg;
use crate::backend::chain::running::{Chain, Running};
use crate::backend::plan::Route;
use crate::backend::reply::{Held, Reply};
use crate::layers::Counters;
use crate::masking::Stamp;
use crate::store::convention::Lookup;
use crate::value::SecretValue;

impl Chain {
    /// The answer to `lookup` if every member that it reaches knows its part. Counted only if so.
    pub(in crate::backend) fn remembered(
        &self,
        lookup: Lookup<'_>,
        elsewhere: Option<&dyn Elsewhere>,
    ) -> Option<Reply> {
        let (mut asked, mut oldest) = (Vec::new(), None);
        for index in self.routes.of(lookup)?.iter() {
            let (counters, reply) = self.recall(lookup, *index, elsewhere)?;
            asked.push((counters, reply.value.is_some()));
            oldest = oldest.max(reply.age);
            if reply.value.is_some() {
                count(&asked);
                return Some(Reply { member: position(*index), ..reply });
            }
        }
        count(&asked);
        Some(Reply::known(None, oldest?, false))
    }

    /// What is remembered of the member's answer, and where that is counted.
    fn recall(
        &self,
        lookup: Lookup<'_>,
        index: usize,
        elsewhere: Option<&dyn Elsewhere>,
    ) -> Option<(&'static Counters, Reply)> {
        if let Some(reply) = elsewhere.and_then(|elsewhere| elsewhere.recall(lookup, index)) {
            return Some((self.settings.members.get(index)?.counters()?, reply));
        }
        let backend = self.members.get(index)?.existing()?;
        Some((backend.counters, backend.recall(lookup)?))
    }

    /// Like [`Backend::held`].
    pub(in crate::backend) fn held(
        &self,
        lookup: Lookup<'_>,
        route: &Route,
        is_under_way: bool,
    ) -> Option<Held> {
        let (mut is_due, mut oldest) = (false, None);
        for (index, leg) in route.1.iter().enumerate() {
            if leg.is_passed_over() {
                continue;
            }
            let Leg::Ask(names) = leg else { return None };
            let member_route = Route(names.clone(), Vec::new(), route.2);
            let held = self.members.get(index)?.existing()?;
            let held = held.held_among(Some((self, index)), lookup, &member_route, is_under_way)?;
            is_due |= held.is_due;
            oldest = oldest.max(held.reply.age);
            if held.reply.value.is_some() {
                return Some(Held { reply: Reply { member: position(index), ..held.reply }, is_due });
            }
        }
        Some(Held { reply: Reply::known(None, oldest?, false), is_due })
    }

    /// Like [`Backend::refresh`], for every member that runs.
    pub(in crate::backend) fn refresh(&self, id: Option<&str>, team: Option<&str>) {
        let led = id.map(|id| self.built().flat_map(|backend| backend.led_by(id, team)).collect::<Vec<_>>());
        self.built().for_each(|backend| backend.refresh(id, team));
        for (member, name) in led.unwrap_or_default() {
            if let Some(backend) = self.members.get(member).and_then(Running::existing) {
                backend.current().store.cache().expire(&name);
            }
        }
    }

    /// Like [`Backend::note_masked`]: only the member that holds the value has something to note.
    pub(in crate::backend) fn note_masked(&self, lookup: Lookup<'_>, value: &SecretValue, masked: Stamp) {
        self.built().for_each(|backend| backend.note_masked(lookup, value, masked));
    }
}

/// The position of a member, as a reply holds it.
pub(super) fn position(index: usize) -> Option<u32> {
    u32::try_from(index).ok()
}

fn count(asked: &[(&Counters, bool)]) {
    for (counters, has_value) in asked {
        counters.of_memory(*has_value).add(1);
    }
}
