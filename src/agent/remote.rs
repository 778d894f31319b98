//! A backend whose store is asked by the agent: what a process keeps of it, and what it does with an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::agent::client::{Asked, Client};
use crate::agent::place::Place;
use crate::agent::start::{Order, Program, start};
use crate::agent::wire::WireLookup;
use crate::backend::chain::Member;
use crate::backend::{
    Answered, Failure, Known, Memo, Remembered, Reply, Route, Settings, Warnings, settle_asked,
};
use crate::error::Error;
use crate::layers::Counters;
use crate::masking::Stamp;
use crate::process::Clock;
use crate::store::convention::Lookup;
use crate::value::SecretValue;

/// What came of asking through the agent.
#[derive(Debug)]
pub enum Reached<Interruption> {
    /// What Airflow is answered.
    Settled(Result<Reply, Failure>),
    /// No agent answers: the store has to be asked.
    Direct,
    /// The caller does not want to wait any longer.
    Interrupted(Interruption),
}

/// The client's half of a backend. It belongs to one generation of the process; no client of a store, no
/// runtime and no certificate is behind it.
#[derive(Debug)]
pub struct Remote {
    settings: Arc<Settings>,
    client: Client,
    /// How an agent is started that is not there.
    starter: Option<(Program, Order)>,
    /// Why none is started, if that is worth a word.
    why_not: Option<&'static str>,
    memo: Memo,
    /// Of each member, if this is a chain.
    memos: Vec<Memo>,
    warnings: Warnings,
    clock: Clock,
    counters: &'static Counters,
    /// Changes when what is remembered must go.
    epoch: AtomicU64,
}

impl Remote {
    /// A backend that asks the agent at `place`, and starts it with `starter`. Makes no connection.
    pub fn new(
        settings: Arc<Settings>,
        place: Place,
        starter: Option<(Program, Order)>,
        why_not: Option<&'static str>,
    ) -> Self {
        let memo = |settings: &Settings| {
            let cache = &settings.layers.cache;
            Memo::new(cache.max_entries, cache.max_bytes)
        };
        let members = settings.chain.iter().flat_map(|chain| &chain.members);
        let memos = members.map(|member| memo(member.settings.as_ref().unwrap_or(&settings))).collect();
        Self {
            client: Client::new(place).for_lookups_within(settings.layers.timeout),
            starter,
            why_not,
            memo: memo(&settings),
            memos,
            warnings: Warnings::new(),
            clock: Clock::System,
            counters: Counters::of(settings.entry.info.name),
            epoch: AtomicU64::new(0),
            settings,
        }
    }

    /// The answer to `lookup` if it is known and fresh.
    pub fn remembered(&self, lookup: Lookup<'_>) -> Option<Reply> {
        let reply = self.recall(&self.memo, lookup)?;
        self.counters.of_memory(reply.value.is_some()).add(1);
        Some(reply)
    }

    /// The answer of a member of a chain if it is known and fresh. Not counted.
    pub(super) fn recall_of(&self, index: usize, lookup: Lookup<'_>) -> Option<Reply> {
        self.recall(self.memos.get(index)?, lookup)
    }

    fn recall(&self, memo: &Memo, lookup: Lookup<'_>) -> Option<Reply> {
        let now = self.clock.now();
        let answer = memo.recall(lookup, now, self.epoch())?;
        Some(Reply { masked: answer.masked, ..Reply::known(answer.value, now.since(answer.fetched), false) })
    }

    /// Notes that `value` was handed to the log maskers, as long as it is remembered.
    pub fn note_masked(&self, lookup: Lookup<'_>, value: &SecretValue, masked: Stamp) {
        for memo in self.memos.iter().chain([&self.memo]) {
            memo.note_masked(lookup, value, masked);
        }
    }

    /// Asks the agent. The error policy and the log are those of this process: each task has its reason in
    /// its own log. `multi_team` says whether Airflow has teams, where the plan had to know; `check` is
    /// called every 50 ms, and what it fails with ends the wait.
    pub fn ask<I>(
        &self,
        lookup: Lookup<'_>,
        route: &Route,
        multi_team: Option<bool>,
        check: impl FnMut() -> Result<(), I>,
    ) -> Reached<I> {
        self.reached(lookup, route, self.client.ask(WireLookup::new(lookup, multi_team), check))
    }

    /// Like [`Self::ask`], for a thread that drives other lookups meanwhile.
    pub async fn ask_later<I>(
        &self,
        lookup: Lookup<'_>,
        route: &Route,
        multi_team: Option<bool>,
    ) -> Reached<I> {
        let asked = self.client.ask_later(WireLookup::new(lookup, multi_team)).await;
        self.reached(lookup, route, asked)
    }

    fn reached<I>(&self, lookup: Lookup<'_>, route: &Route, asked: Asked<I>) -> Reached<I> {
        match asked {
            Asked::Answered(answered) => {
                self.counters.agent_answers.add(1);
                Reached::Settled(self.settle(lookup, route, answered))
            }
            Asked::Interrupted(interruption) => Reached::Interrupted(interruption),
            Asked::Direct { is_news, is_absent } => {
                self.counters.agent_absences.add(1);
                self.say_away(is_news, is_absent);
                Reached::Direct
            }
        }
    }

    fn say_away(&self, is_news: bool, is_absent: bool) {
        if is_absent && !self.client.is_named() {
            self.begin();
        } else if is_news || is_absent {
            let text = "The agent does not answer, so the store is asked directly. `strongroom agent status` \
                        shows its state.";
            self.warnings.say_of("agent", &self.clock, text);
        }
    }

    /// What asks the agent.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Notes that the agent was away when a member of a chain was to be asked.
    pub(super) fn note_absence(&self, index: usize, is_news: bool, is_absent: bool) {
        self.counters_of(index).agent_absences.add(1);
        self.say_away(is_news, is_absent);
    }

    /// The answer of a member of a chain, which is kept for as long as the agent would repeat it.
    pub(super) fn keep_of(
        &self,
        index: usize,
        lookup: Lookup<'_>,
        answered: Answered,
    ) -> Result<Reply, Error> {
        self.counters_of(index).agent_answers.add(1);
        for note in &answered.notes {
            self.warnings.say(lookup, &self.clock, note);
        }
        let known = answered.outcome?;
        Ok(self.keep(self.memos.get(index).unwrap_or(&self.memo), lookup, known))
    }

    fn counters_of(&self, index: usize) -> &'static Counters {
        let member = self.settings.chain.as_ref().and_then(|chain| chain.members.get(index));
        member.and_then(Member::counters).unwrap_or(self.counters)
    }

    /// Starts an agent for the lookups that follow; this one does not wait for it.
    fn begin(&self) {
        if let Some(why_not) = self.why_not {
            self.warnings.say_of("start", &self.clock, why_not);
        }
        let Some((program, order)) = &self.starter else { return };
        if let Err(error) = start(program, self.client.place(), order) {
            let text = format!("No agent could be started, so the store is asked directly: {error}");
            self.warnings.say_of("start", &self.clock, &text);
        }
    }

    fn settle(&self, lookup: Lookup<'_>, route: &Route, answered: Answered) -> Result<Reply, Failure> {
        for note in &answered.notes {
            self.warnings.say(lookup, &self.clock, note);
        }
        match answered.outcome {
            Ok(known) => Ok(self.keep(&self.memo, lookup, known)),
            Err(error) => settle_asked(&self.settings, (&self.warnings, &self.clock), lookup, route, error),
        }
    }

    /// Keeps an answer for as long as the agent would repeat it.
    fn keep(&self, memo: &Memo, lookup: Lookup<'_>, known: Known) -> Reply {
        let now = self.clock.now();
        let answer = Remembered {
            value: known.value,
            fetched: now.minus(known.age),
            ask_again: now.plus(known.fresh_for),
            masked: Stamp::default(),
        };
        memo.keep(lookup, &answer, now, self.epoch());
        Reply::known(answer.value, known.age, known.is_stale)
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The next lookup of `id`, or every next lookup, asks the store. The agent is told, if it answers.
    pub fn refresh(&self, id: Option<&str>, team: Option<&str>) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.client.refresh(id, team);
    }
}
