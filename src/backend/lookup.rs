//! Asks the store and settles the outcome.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;

use crate::backend::chain::Chain;
use crate::backend::closing;
use crate::backend::on_error::Failure;
use crate::backend::plan::Route;
use crate::backend::references::{Led, Target};
use crate::backend::reply::{Answered, Explained, Held, Known, Memory, Reply, Trail};
use crate::backend::settings::Settings;
use crate::backend::settle::settle_asked;
use crate::backend::stack::Stack;
use crate::backend::warnings::Warnings;
use crate::error::{Error, Result};
use crate::layers::Counters;
use crate::masking::Stamp;
use crate::process::{Clock, Deadline, no_fork};
use crate::store::Store;
use crate::store::convention::{Kind, Lookup};
use crate::value::SecretValue;

/// A running backend: what one process keeps alive for one configuration.
#[derive(Debug)]
pub struct Backend {
    pub(super) settings: Arc<Settings>,
    pub(super) clock: Clock,
    pub(super) counters: &'static Counters,
    /// Replaced when a file that the store was built from changes.
    pub(super) stack: Mutex<Arc<Stack>>,
    pub(super) warnings: Warnings,
    /// The members that are asked in its place, if this is a chain.
    pub(super) chain: Option<Chain>,
    /// What the references in its values led to.
    pub(super) led: Led,
}

impl Backend {
    /// Builds the store and its layers. Call it under [`no_fork`].
    pub fn open(settings: Arc<Settings>, clock: Clock) -> Result<Self> {
        let stack = Stack::open(&settings, &clock)?;
        Ok(Self::around(stack, settings, clock))
    }

    fn around(stack: Stack, settings: Arc<Settings>, clock: Clock) -> Self {
        let counters = settings.counters();
        let (chain, warnings) = (Chain::of(&settings, &clock), Warnings::new());
        Self {
            settings,
            clock,
            counters,
            stack: Mutex::new(Arc::new(stack)),
            warnings,
            chain,
            led: Led::default(),
        }
    }

    /// A backend on `store` instead of the one that the settings name.
    #[cfg(test)]
    pub(super) fn on(store: Arc<dyn Store>, settings: Arc<Settings>, clock: Clock) -> Self {
        Self::around(Stack::around(store, &settings, &clock), settings, clock)
    }

    /// Ends what services keep for its stores, within a short time.
    pub async fn close(&self) {
        closing::close(self.opened()).await;
        closing::close_replaced().await;
    }

    /// The stores for which a service keeps something.
    fn opened(&self) -> Vec<Arc<dyn Store>> {
        let members = self.chain.iter().flat_map(Chain::built).flat_map(Self::opened);
        self.current().in_use.opened().into_iter().chain(members).collect()
    }

    /// The answer to `lookup` if it is known and fresh.
    pub fn remembered(&self, lookup: Lookup<'_>) -> Option<Reply> {
        if let Some(chain) = &self.chain {
            return remembered_by(chain, lookup);
        }
        let (stack, now) = (self.current(), self.clock.now());
        let answer = stack.memo.get(lookup, now, stack.store.cache().epoch())?;
        self.count_hit(answer.value.is_some());
        Some(Reply { masked: answer.masked, ..Reply::known(answer.value, now.since(answer.fetched), false) })
    }

    /// Like [`Self::remembered`] of one store, not counted.
    pub(super) fn recall(&self, lookup: Lookup<'_>) -> Option<Reply> {
        let (stack, now) = (self.current(), self.clock.now());
        let answer = stack.memo.recall(lookup, now, stack.store.cache().epoch())?;
        Some(Reply { masked: answer.masked, ..Reply::known(answer.value, now.since(answer.fetched), false) })
    }

    /// Counts an answer from memory.
    #[inline]
    pub(super) fn count_hit(&self, has_value: bool) {
        self.counters.of_memory(has_value).add(1);
    }

    /// Notes that `value`, the answer to `lookup`, was passed to the log maskers, as long as it is
    /// remembered.
    pub fn note_masked(&self, lookup: Lookup<'_>, value: &SecretValue, masked: Stamp) {
        match &self.chain {
            Some(chain) => chain.note_masked(lookup, value, masked),
            None => self.current().memo.note_masked(lookup, value, masked),
        }
    }

    /// Asks along `route` within the deadline of the lookup.
    ///
    /// The first existing secret answers. An error ends the search: a name of the team that could not be read
    /// must not be answered by the global one. The exception are errors that may also mean an absence: the
    /// search continues where the official class continues, too.
    pub async fn ask(&self, lookup: Lookup<'_>, route: &Route) -> Result<Reply, Failure> {
        self.ask_until(self.deadline(), lookup, route).await
    }

    /// Like [`Self::ask`], within a deadline that started earlier.
    pub async fn ask_until(
        &self,
        deadline: Deadline,
        lookup: Lookup<'_>,
        route: &Route,
    ) -> Result<Reply, Failure> {
        if let Some(chain) = &self.chain {
            // Boxed, so that the lookups of one store do not carry the size of this.
            return Box::pin(chain.ask(deadline, lookup, route, None)).await;
        }
        self.settled(lookup, route, self.named(deadline.run(self.search(lookup, route)).await))
    }

    /// Like [`Self::ask`], for another process, which applies the error policy and writes the log itself.
    pub async fn answer(&self, lookup: Lookup<'_>, route: &Route) -> Answered {
        let mut trail = Trail { notes: Some(Vec::new()), has_teams: route.2, ..Trail::new(0) };
        let search = self.search_along(lookup, &route.0, &mut trail);
        let outcome = self.named(self.deadline().run(search).await);
        self.as_answered(outcome, trail)
    }

    /// An outcome as another process gets it.
    pub(super) fn as_answered(&self, outcome: Result<Reply>, trail: Trail<'_>) -> Answered {
        let fresh_for = trail.ask_again.since(self.clock.now());
        Answered {
            outcome: outcome.map(|reply| Known {
                value: reply.value,
                age: reply.age.unwrap_or_default(),
                fresh_for,
                is_stale: trail.is_stale,
            }),
            notes: trail.notes.unwrap_or_default(),
        }
    }

    /// Like [`Self::remembered`], with the time that the answer may be repeated.
    pub fn known(&self, lookup: Lookup<'_>) -> Option<Known> {
        let (stack, now) = (self.current(), self.clock.now());
        let answer = stack.memo.recall(lookup, now, stack.store.cache().epoch())?;
        self.count_hit(answer.value.is_some());
        let (age, fresh_for) = (now.since(answer.fetched), answer.ask_again.since(now));
        Some(Known { value: answer.value, age, fresh_for, is_stale: false })
    }

    /// The answer to `lookup` from memory, if it is available without waiting: a fresh one, or an older value
    /// while it is being refreshed (`is_under_way` means that this very lookup is) or while no refresh is
    /// due.
    pub fn held(&self, lookup: Lookup<'_>, route: &Route, is_under_way: bool) -> Option<Held> {
        match &self.chain {
            Some(chain) => chain.held(lookup, route, is_under_way),
            None => self.held_among(None, lookup, route, is_under_way),
        }
    }

    /// Like [`Self::held`], of a member of `chain`.
    pub(super) fn held_among(
        &self,
        chain: Option<(&Chain, usize)>,
        lookup: Lookup<'_>,
        route: &Route,
        is_under_way: bool,
    ) -> Option<Held> {
        let stack = self.current();
        // While a prefetch is under way or still to come, the lookup has to wait for it.
        if stack.store.is_outdated() || !*stack.prefetched.try_lock().ok()? {
            return None;
        }
        let memory = Some(Memory { is_under_way, is_due: false, counters: Vec::new() });
        let mut trail =
            Trail { memory, chain, has_teams: route.2, ..Trail::new(stack.store.cache().epoch()) };
        // Memory answers without waiting, so the walk is ready at its first poll.
        let reply = self.walk(&stack, lookup, &route.0, &mut trail).now_or_never()?.ok()?;
        let memory = trail.memory?;
        // Counted only once memory has answered the whole lookup.
        memory.counters.iter().for_each(|counter| counter.add(1));
        Some(Held { reply, is_due: memory.is_due })
    }

    /// Adds the store's name to an error that arose above the layers.
    pub(super) fn named<T>(&self, outcome: Result<T>) -> Result<T> {
        // A reference may lead to another store, whose errors have its name.
        let of_this = |error: Error| match error.store() {
            Some(_) => error,
            None => error.with_store(self.settings.entry.info.name),
        };
        outcome.map_err(of_this)
    }

    fn settled(&self, lookup: Lookup<'_>, route: &Route, outcome: Result<Reply>) -> Result<Reply, Failure> {
        outcome.or_else(|error| {
            settle_asked(&self.settings, (&self.warnings, &self.clock), lookup, route, error)
        })
    }

    /// Like [`Self::ask`], but also returns what was asked on the way, and the error, even one that counts as
    /// a miss.
    pub async fn explain(&self, lookup: Lookup<'_>, route: &Route) -> Explained {
        let deadline = self.deadline();
        if let Some(chain) = &self.chain {
            return Box::pin(chain.explain(deadline, lookup, route)).await;
        }
        let mut trail = Trail { steps: Some(Vec::new()), has_teams: route.2, ..Trail::new(0) };
        let outcome = self.named(deadline.run(self.search_along(lookup, &route.0, &mut trail)).await);
        let error = outcome.as_ref().err().cloned();
        let outcome = self.settled(lookup, route, outcome);
        Explained { outcome, error, steps: trail.steps.unwrap_or_default(), members: Vec::new() }
    }

    /// Makes the next lookup of `id` ask the store, for every kind and also for `team`; without an id, every
    /// next lookup. An old value is still served if the store does not answer. Makes no call.
    pub fn refresh(&self, id: Option<&str>, team: Option<&str>) {
        if let Some(chain) = &self.chain {
            return chain.refresh(id, team);
        }
        let stack = self.current();
        let Some(id) = id else { return stack.store.cache().expire_all() };
        // Of a chain's member these may be names of other members: the chain refreshes them.
        if self.settings.is_alone {
            self.led_by(id, team).iter().for_each(|(_, name)| stack.store.cache().expire(name));
        }
        for kind in Kind::ALL {
            let names = self.settings.convention.names(Lookup { kind, id, team }).into_names();
            // A kind that is switched off has no names, so its bundle is not asked either.
            let bundle = self.settings.bundles.of(kind).filter(|_| !names.is_empty());
            names.iter().chain(bundle).for_each(|name| stack.store.cache().expire(name));
        }
    }

    /// What the references in the values of `id` led to.
    pub(super) fn led_by(&self, id: &str, team: Option<&str>) -> Vec<Target> {
        let names = Kind::ALL.into_iter().flat_map(|kind| {
            let names = self.settings.convention.names(Lookup { kind, id, team }).into_names();
            let bundle = self.settings.bundles.of(kind).filter(|_| !names.is_empty()).cloned();
            names.into_iter().chain(bundle)
        });
        names.flat_map(|name| self.led.by(&name)).collect()
    }

    #[allow(clippy::inline_always)] // a part of every warm lookup
    #[inline(always)]
    pub(super) fn current(&self) -> Arc<Stack> {
        Arc::clone(&self.stack.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stack, rebuilt if a file that it depends on has changed.
    pub(super) fn up_to_date(&self) -> Result<Arc<Stack>> {
        let stack = self.current();
        if !stack.store.is_outdated() {
            return Ok(stack);
            // The check and the files are read without a lock, so several threads may get here at once.
        }
        tracing::debug!(
            "{}: a configuration file has changed; building the client anew",
            self.settings.entry.info.title
        );
        // A fork in the middle would leave the client's locks held in the child.
        let _held = no_fork();
        // Another thread may have rebuilt it while this one waited.
        let current = self.current();
        if !Arc::ptr_eq(&current, &stack) {
            return Ok(current);
        }
        let fresh = Arc::new(Stack::open(&self.settings, &self.clock)?);
        *self.stack.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}

/// Apart, so that the lookups of one store do not pay for the registers that this takes.
#[cold]
#[inline(never)]
fn remembered_by(chain: &Chain, lookup: Lookup<'_>) -> Option<Reply> {
    chain.remembered(lookup, None)
}
