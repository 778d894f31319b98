//! Going from name to name, until there is an answer.

use std::time::{Duration, Instant};

use crate::backend::lookup::Backend;
use crate::backend::memo::Remembered;
use crate::backend::plan::Route;
use crate::backend::reply::{Memory, Reply, Trail};
use crate::backend::settle::is_nowhere;
use crate::backend::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::layers::{Cached, Origin};
use crate::masking::Stamp;
use crate::process::Deadline;
use crate::redact::Quoted;
use crate::store::convention::{Kind, Lookup, Naming};
use crate::store::{SecretName, Store};
use crate::value::SecretValue;

impl Backend {
    pub(super) async fn search(&self, lookup: Lookup<'_>, route: &Route) -> Result<Reply> {
        let mut trail = Trail::new(0);
        trail.has_teams = route.2;
        self.search_along(lookup, &route.0, &mut trail).await
    }

    pub(super) async fn search_along(
        &self,
        lookup: Lookup<'_>,
        names: &[SecretName],
        trail: &mut Trail<'_>,
    ) -> Result<Reply> {
        let stack = self.up_to_date()?;
        self.prefetch(&stack).await;
        trail.epoch = stack.store.cache().epoch();
        self.walk(&stack, lookup, names, trail).await
    }

    /// Asks for `names` one after the other, until there is an answer.
    pub(super) async fn walk(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        names: &[SecretName],
        trail: &mut Trail<'_>,
    ) -> Result<Reply> {
        let mut value = None;
        let mut failed = None;
        if self.reads_candidates(stack, lookup, names, trail) {
            failed = Box::pin(stack.store.cache().read_candidates(names)).await;
        }
        for (index, name) in names.iter().enumerate() {
            let found = match failed.take() {
                Some(error) => Err(error),
                None => self.find(stack, lookup, name, trail).await,
            };
            let has_next = index + 1 < names.len();
            if let Some((place, found)) = self.unless_next_answers(lookup, found, has_next, trail)? {
                value = self.read(stack, lookup.kind, &place, found)?;
                if let Some(found) = value.take_if(|found| self.settings.references.concern(found)) {
                    // Boxed, so that other lookups do not carry the size of this.
                    let resolved = Box::pin(self.resolved(stack, lookup, &place, found, trail)).await;
                    value = Some(unless_malformed(stack, &place, resolved)?);
                }
                self.say_passed_over(lookup, name, trail);
                break;
            }
            tracing::debug!("{} `{name}` is not there", self.settings.entry.info.title);
        }
        // A name that was absent a while ago lets an outage continue with the next name, but is not an answer
        // on its own. Neither is a possible absence if no other name answers.
        if value.is_none()
            && let Some(error) = trail.doubt.take().or_else(|| trail.passed_over.take())
        {
            return Err(error);
        }
        Ok(self.reply(stack, lookup, value, trail))
    }

    /// Whether several names are read at once, where the store charges no more for that. A bundle comes
    /// before them, from memory alone nothing is read, and an explanation shows each step.
    fn reads_candidates(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        names: &[SecretName],
        trail: &Trail<'_>,
    ) -> bool {
        let is_plain = trail.memory.is_none() && trail.steps.is_none();
        names.len() > 1
            && is_plain
            && self.settings.bundles.of(lookup.kind).is_none()
            && stack.store.reads_together()
    }

    /// Looks for `name` in the bundle of its kind, then on its own; returns its place and value.
    async fn find(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        name: &SecretName,
        trail: &mut Trail<'_>,
    ) -> Result<Option<(SecretName, SecretValue)>> {
        // The bundle comes first, so that its ids need no reads of their own.
        if let Some(bundle) = self.settings.bundles.of(lookup.kind)
            && let Some(key) = self.key_in_bundle(lookup.kind, name)
            && let Some(found) = self.find_in_bundle(stack, lookup, bundle, &key, trail).await?
        {
            return Ok(Some((bundle.clone(), found)));
        }
        Ok(self.fetch(stack, lookup, name, trail).await?.map(|found| (name.clone(), found)))
    }

    /// `found`, or `None` if its error leaves the answer to the next name.
    fn unless_next_answers<T>(
        &self,
        lookup: Lookup<'_>,
        found: Result<Option<T>>,
        has_next: bool,
        trail: &mut Trail<'_>,
    ) -> Result<Option<T>> {
        if !has_next || found.is_ok() {
            return found;
        }
        if self.is_in_bundles_alone(lookup, &found) {
            return Ok(None);
        }
        found.or_else(|error| {
            if !self.settings.on_error.leads_on(&error) {
                return Err(error);
            }
            trail.pass_over(error);
            Ok(None)
        })
    }

    /// Logs that `name` answers in place of another one that could not be read.
    fn say_passed_over(&self, lookup: Lookup<'_>, name: &SecretName, trail: &mut Trail<'_>) {
        let Some(error) = &trail.passed_over else { return };
        let text = format!(
            "{} {:?}: {error}. The shared name `{name}` answers instead.",
            lookup.kind.title(),
            lookup.id
        );
        self.note(lookup, text, trail);
    }

    /// Logs `text` as a warning of the lookup, or hands it to the process that writes the log.
    fn note(&self, lookup: Lookup<'_>, text: String, trail: &mut Trail<'_>) {
        match &mut trail.notes {
            Some(notes) => notes.push(text),
            None => self.warnings.say(lookup, &self.clock, &text),
        }
    }

    /// Whether `found` only reports that the store cannot have such a name, which is why a bundle was asked.
    fn is_in_bundles_alone<T>(&self, lookup: Lookup<'_>, found: &Result<T>) -> bool {
        found.as_ref().is_err_and(|error| is_nowhere(&self.settings, lookup, error))
    }

    /// Values from a bundle live only as long as the cache keeps the bundle itself.
    async fn find_in_bundle(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        bundle: &SecretName,
        key: &str,
        trail: &mut Trail<'_>,
    ) -> Result<Option<SecretValue>> {
        let source = self.fetch(stack, lookup, bundle, trail).await;
        let found = source.and_then(|source| match &source {
            Some(source) => stack.bundles.get(lookup.kind, bundle, source, key),
            None => Ok(None),
        });
        let found = unless_malformed(stack, bundle, found);
        // Once the cache no longer holds the bundle, its unpacked form must not outlive it.
        if !stack.store.cache().holds(bundle) {
            stack.bundles.forget(lookup.kind);
        }
        found
    }

    /// The rest of a name after the prefix of its kind: the id, preceded by the team if it is a team's name.
    fn key_in_bundle(&self, kind: Kind, name: &SecretName) -> Option<String> {
        // An empty name is impossible, but it is the prefix where none is configured.
        let (Naming::Names(prefix) | Naming::Impossible { names: prefix, .. }) =
            self.settings.convention.names(Lookup { kind, id: "", team: None })
        else {
            return None;
        };
        self.settings.convention.id_below(prefix.first()?.as_str(), name)
    }

    pub(super) async fn fetch(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        name: &SecretName,
        trail: &mut Trail<'_>,
    ) -> Result<Option<SecretValue>> {
        let start = trail.steps.is_some().then(Instant::now);
        let cached = match &mut trail.memory {
            Some(memory) => recall(stack, name, memory),
            None => stack.store.fetch(name).await,
        };
        trail.note(name, &cached, start.map(|start| start.elapsed()).unwrap_or_default());
        let cached = cached?;
        if let (Origin::Stale(error), Some(_)) = (&cached.origin, &cached.value) {
            self.say_stale(lookup, name, self.clock.now().since(cached.fetched), error, trail);
        }
        trail.add(&cached);
        Ok(cached.value)
    }

    fn say_stale(
        &self,
        lookup: Lookup<'_>,
        name: &SecretName,
        age: Duration,
        error: &Error,
        trail: &mut Trail<'_>,
    ) {
        let text = format!(
            "{} {}: {} does not answer, so the value of `{name}` from {}s ago is served: {error}",
            lookup.kind.title(),
            Quoted(lookup.id),
            self.settings.entry.info.title,
            age.as_secs(),
        );
        self.note(lookup, text, trail);
    }

    fn reply(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        value: Option<SecretValue>,
        trail: &Trail<'_>,
    ) -> Reply {
        let now = self.clock.now();
        let answer = Remembered {
            value,
            fetched: trail.fetched.min(now),
            ask_again: trail.ask_again,
            masked: Stamp::default(),
        };
        stack.memo.keep(lookup, &answer, now, trail.epoch);
        Reply::known(answer.value, now.since(answer.fetched), trail.is_stale)
    }

    /// Reads the configured secrets in advance, once; lookups in the meantime wait for it. What fails is read
    /// again when it is looked up.
    async fn prefetch(&self, stack: &Stack) {
        // Held while prefetching, so that other lookups wait for it instead of reading one by one.
        let mut is_over = stack.prefetched.lock().await;
        if *is_over {
            return;
        }
        // Half of the time of a lookup, so that the lookup that does it still has time for its own read.
        let deadline = Deadline::within(self.settings.layers.timeout / 2, "the time for a prefetch");
        let prefetch = deadline.run(async {
            let (names, unlisted) = self.settings.prefetch.names(&self.settings, &stack.inspect).await;
            let failed = stack.store.cache().warm(&names).await;
            tracing::debug!("prefetched {} of {} secrets", names.len() - failed.len(), names.len());
            unlisted.or(failed.into_iter().next().map(|(_, error)| error)).map_or(Ok(()), Err)
        });
        if let Err(error) = prefetch.await {
            tracing::warn!("Not everything could be prefetched: {error}. It is read when it is looked up.");
        }
        // Even after a failure: lookups then read what is missing.
        *is_over = true;
    }

    /// The value for Airflow.
    fn read(
        &self,
        stack: &Stack,
        kind: Kind,
        name: &SecretName,
        found: SecretValue,
    ) -> Result<Option<SecretValue>> {
        let value = self.settings.convention.read(kind, found);
        unless_malformed(stack, name, value)
    }
}

/// What memory holds of `name`. The error ends the walk and is never shown.
fn recall(stack: &Stack, name: &SecretName, memory: &mut Memory) -> Result<Cached> {
    let held = stack.store.cache().held(name, memory.is_under_way);
    let (cached, is_due) = held.ok_or_else(|| Error::internal("memory does not hold the answer"))?;
    memory.is_due |= is_due;
    let outcome = Ok(cached);
    memory.counters.push(stack.store.counter(&outcome));
    outcome
}

/// A malformed secret is not kept.
fn unless_malformed<T>(stack: &Stack, name: &SecretName, outcome: Result<T>) -> Result<T> {
    outcome.inspect_err(|error| {
        if error.kind() == ErrorKind::Malformed {
            stack.store.cache().forget(name);
        }
    })
}
