//! Asks the store and settles the outcome.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use crate::backend::bundle::Bundles;
use crate::backend::memo::{Answer, Memo};
use crate::backend::on_error::{Failure, OnError};
use crate::backend::reply::{Explained, Held, Memory, Reply, Trail};
use crate::backend::settings::Settings;
use crate::backend::settle::settle;
use crate::backend::warnings::Warnings;
use crate::error::{Error, ErrorKind, Result};
use crate::layers::{self, Cached, Counters, Inspected, Layered, Observe, Origin};
use crate::masking::Stamp;
use crate::process::{Clock, Deadline, no_fork};
use crate::redact::Quoted;
use crate::store::convention::{Kind, Lookup, Naming};
use crate::store::{SecretName, Store};
use crate::value::SecretValue;

/// A backend at work: what one process keeps alive for one configuration.
#[derive(Debug)]
pub struct Backend {
    pub(super) settings: Arc<Settings>,
    clock: Clock,
    counters: &'static Counters,
    /// Replaced when a file that the store was built from changes.
    stack: Mutex<Arc<Stack>>,
    warnings: Warnings,
}

/// A store in its layers, and the answers made of what it said.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) store: Observe,
    pub(super) inspect: Inspected,
    memo: Memo,
    bundles: Bundles,
    /// Whether the prefetch is over; held by the caller who does it.
    prefetched: tokio::sync::Mutex<bool>,
}

impl Stack {
    /// Builds the store. Call it under [`no_fork`].
    fn open(settings: &Settings, clock: &Clock) -> Result<Self> {
        let (entry, options) = (settings.entry, &settings.options);
        let store = options
            .check_faults(|key| key.ends_with("_lookup_pattern") || (entry.plays_no_part)(options, key))
            .and_then(|()| (entry.open)(options, &settings.environment))
            .map_err(|error| error.with_store(entry.info.name))?;
        Ok(Self::around(store, settings, clock))
    }

    fn around(store: Arc<dyn Store>, settings: &Settings, clock: &Clock) -> Self {
        let cache = &settings.layers.cache;
        let Layered { lookups, inspect } = layers::stack(store, &settings.layers, clock.clone());
        Self {
            memo: Memo::new(cache.max_entries, cache.max_bytes),
            store: lookups,
            inspect,
            bundles: Bundles::default(),
            // Nothing can be kept without a cache.
            prefetched: tokio::sync::Mutex::new(settings.prefetch.is_empty() || cache.ttl.is_zero()),
        }
    }
}

impl Backend {
    /// Builds the store and its layers. Call it under [`no_fork`].
    pub fn open(settings: Arc<Settings>, clock: Clock) -> Result<Self> {
        let stack = Stack::open(&settings, &clock)?;
        Ok(Self::around(stack, settings, clock))
    }

    fn around(stack: Stack, settings: Arc<Settings>, clock: Clock) -> Self {
        let counters = Counters::of(settings.entry.info.name);
        Self { settings, clock, counters, stack: Mutex::new(Arc::new(stack)), warnings: Warnings::new() }
    }

    /// A backend on `store`, whatever the settings name.
    #[cfg(test)]
    pub(super) fn on(store: Arc<dyn Store>, settings: Arc<Settings>, clock: Clock) -> Self {
        Self::around(Stack::around(store, &settings, &clock), settings, clock)
    }

    /// The answer to `lookup` if it is known and fresh.
    pub fn remembered(&self, lookup: Lookup<'_>) -> Option<Reply> {
        let (stack, now) = (self.current(), self.clock.now());
        let answer = stack.memo.get(lookup, now, stack.store.cache().epoch())?;
        if answer.value.is_some() { &self.counters.hits } else { &self.counters.negative }.add(1);
        Some(Reply { told: answer.told, ..Reply::known(answer.value, now.since(answer.fetched), false) })
    }

    /// Notes that `value`, the answer to `lookup`, was handed to the log maskers, as long as it is remembered.
    pub fn note_told(&self, lookup: Lookup<'_>, value: &SecretValue, told: Stamp) {
        self.current().memo.note_told(lookup, value, told);
    }

    /// Asks for `names` in order within the deadline of the lookup.
    ///
    /// The first secret that is there answers. An error ends the search: a name of the team that could not
    /// be read must not be answered by the global one. What may as well mean that there is no such secret leads on,
    /// where the official class goes on, too.
    pub async fn ask(&self, lookup: Lookup<'_>, names: &[SecretName]) -> Result<Reply, Failure> {
        self.ask_until(self.deadline(), lookup, names).await
    }

    /// As [`Self::ask`], within a deadline that began to count before.
    pub async fn ask_until(
        &self,
        deadline: Deadline,
        lookup: Lookup<'_>,
        names: &[SecretName],
    ) -> Result<Reply, Failure> {
        self.settled(lookup, names, self.named(deadline.run(self.search(lookup, names)).await))
    }

    /// The answer to `lookup` from memory, if nothing has to be waited for: what is fresh, and an older value while it is
    /// being refreshed, which `is_under_way` says of this very lookup, or while no refresh is due.
    pub fn held(&self, lookup: Lookup<'_>, names: &[SecretName], is_under_way: bool) -> Option<Held> {
        let stack = self.current();
        if stack.store.is_outdated() || !*stack.prefetched.try_lock().ok()? {
            return None;
        }
        let memory = Some(Memory { is_under_way, is_due: false, counters: Vec::new() });
        let mut trail = Trail { memory, ..Trail::new(stack.store.cache().epoch()) };
        let reply = self.walk(&stack, lookup, names, &mut trail).now_or_never()?.ok()?;
        let memory = trail.memory?;
        memory.counters.iter().for_each(|counter| counter.add(1));
        Some(Held { reply, is_due: memory.is_due })
    }

    /// What went wrong above the layers names the store as well.
    fn named<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| error.with_store(self.settings.entry.info.name))
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.settings.layers.timeout)
    }

    fn settled(
        &self,
        lookup: Lookup<'_>,
        names: &[SecretName],
        outcome: Result<Reply>,
    ) -> Result<Reply, Failure> {
        outcome.or_else(|error| {
            let is_of_a_kind = error.kind() == ErrorKind::InvalidName;
            let fault = error.kind().as_str();
            let say = |text: &str| {
                if is_of_a_kind {
                    self.warnings.say_of_kind(lookup.kind, fault, &self.clock, text);
                } else {
                    self.warnings.say(lookup, &self.clock, text);
                }
            };
            // A name that only a bundle can hold is absent from it, whatever an error should mean.
            let policy = if self.is_nowhere(lookup, &error) { OnError::Miss } else { self.settings.on_error };
            settle(policy, lookup, names, error, say)
        })
    }

    /// As [`Self::ask`], and tells what was asked on the way and the error, even one that counts as a miss.
    pub async fn explain(&self, lookup: Lookup<'_>, names: &[SecretName]) -> Explained {
        let deadline = self.deadline();
        let mut trail = Trail { steps: Some(Vec::new()), ..Trail::new(0) };
        let outcome = self.named(deadline.run(self.search_along(lookup, names, &mut trail)).await);
        let error = outcome.as_ref().err().cloned();
        let outcome = self.settled(lookup, names, outcome);
        Explained { outcome, error, steps: trail.steps.unwrap_or_default() }
    }

    /// Makes the next lookup of `id` ask the store, of every kind and for `team` too; without an id, every next lookup.
    /// An old value still serves if the store does not answer. Makes no call.
    pub fn refresh(&self, id: Option<&str>, team: Option<&str>) {
        let stack = self.current();
        let Some(id) = id else { return stack.store.cache().expire_all() };
        for kind in Kind::ALL {
            let names = self.settings.convention.names(Lookup { kind, id, team }).into_names();
            // A kind that is switched off has no names, and then its bundle answers nothing either.
            let bundle = self.settings.bundles.of(kind).filter(|_| !names.is_empty());
            names.iter().chain(bundle).for_each(|name| stack.store.cache().expire(name));
        }
    }

    async fn search(&self, lookup: Lookup<'_>, names: &[SecretName]) -> Result<Reply> {
        self.search_along(lookup, names, &mut Trail::new(0)).await
    }

    async fn search_along(
        &self,
        lookup: Lookup<'_>,
        names: &[SecretName],
        trail: &mut Trail,
    ) -> Result<Reply> {
        let stack = self.up_to_date()?;
        self.prefetch(&stack).await;
        trail.epoch = stack.store.cache().epoch();
        self.walk(&stack, lookup, names, trail).await
    }

    /// Asks for `names` one after the other, until there is an answer.
    async fn walk(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        names: &[SecretName],
        trail: &mut Trail,
    ) -> Result<Reply> {
        let mut value = None;
        for (index, name) in names.iter().enumerate() {
            let found = self.find(stack, lookup, name, trail).await;
            let has_next = index + 1 < names.len();
            if let Some((place, found)) = self.unless_next_answers(lookup, found, has_next, trail)? {
                value = self.read(stack, lookup.kind, &place, found)?;
                self.say_passed_over(lookup, name, trail);
                break;
            }
            tracing::debug!("{} `{name}` is not there", self.settings.entry.info.title);
        }
        // What was absent a while ago leads on to the next name in an outage, but is no answer by itself.
        // Nor is what may have been absence once no other name answers.
        if value.is_none()
            && let Some(error) = trail.doubt.take().or_else(|| trail.passed_over.take())
        {
            return Err(error);
        }
        Ok(self.reply(stack, lookup, value, trail))
    }

    /// Looks for `name` in the bundle of its kind, then by itself; answers where it was and what it is.
    async fn find(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        name: &SecretName,
        trail: &mut Trail,
    ) -> Result<Option<(SecretName, SecretValue)>> {
        if let Some(bundle) = self.settings.bundles.of(lookup.kind)
            && let Some(key) = self.key_in_bundle(lookup.kind, name)
            && let Some(found) = self.find_in_bundle(stack, lookup, bundle, &key, trail).await?
        {
            return Ok(Some((bundle.clone(), found)));
        }
        Ok(self.fetch(stack, lookup, name, trail).await?.map(|found| (name.clone(), found)))
    }

    /// `found`, or nothing where its error leaves the answer to the name that comes next.
    fn unless_next_answers<T>(
        &self,
        lookup: Lookup<'_>,
        found: Result<Option<T>>,
        has_next: bool,
        trail: &mut Trail,
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

    /// Says that `name` answers for another one that could not be read.
    fn say_passed_over(&self, lookup: Lookup<'_>, name: &SecretName, trail: &Trail) {
        let Some(error) = &trail.passed_over else { return };
        let text = format!(
            "{} {:?}: {error}. The shared name `{name}` answers instead.",
            lookup.kind.title(),
            lookup.id
        );
        self.warnings.say(lookup, &self.clock, &text);
    }

    /// Whether `found` says no more than that the store cannot have such a name, which is why a bundle was asked.
    fn is_in_bundles_alone<T>(&self, lookup: Lookup<'_>, found: &Result<T>) -> bool {
        found.as_ref().is_err_and(|error| self.is_nowhere(lookup, error))
    }

    fn is_nowhere(&self, lookup: Lookup<'_>, error: &Error) -> bool {
        error.kind() == ErrorKind::InvalidName
            && matches!(self.settings.convention.names(lookup), Naming::Impossible { .. })
    }

    /// What was taken out of a bundle lives no longer than the cache keeps the bundle itself.
    async fn find_in_bundle(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        bundle: &SecretName,
        key: &str,
        trail: &mut Trail,
    ) -> Result<Option<SecretValue>> {
        let source = self.fetch(stack, lookup, bundle, trail).await;
        let found = source.and_then(|source| match &source {
            Some(source) => stack.bundles.get(lookup.kind, bundle, source, key),
            None => Ok(None),
        });
        let found = unless_malformed(stack, bundle, found);
        if !stack.store.cache().holds(bundle) {
            stack.bundles.forget(lookup.kind);
        }
        found
    }

    /// What is left of a name without the prefix of its kind: the id, after the team if it is a team's.
    fn key_in_bundle(&self, kind: Kind, name: &SecretName) -> Option<String> {
        // No secret can have an empty name, which is all that is left where there is no prefix.
        let (Naming::Names(prefix) | Naming::Impossible { names: prefix, .. }) =
            self.settings.convention.names(Lookup { kind, id: "", team: None })
        else {
            return None;
        };
        name.as_str().strip_prefix(prefix.first()?.as_str()).map(str::to_owned)
    }

    async fn fetch(
        &self,
        stack: &Stack,
        lookup: Lookup<'_>,
        name: &SecretName,
        trail: &mut Trail,
    ) -> Result<Option<SecretValue>> {
        let start = trail.steps.is_some().then(Instant::now);
        let cached = match &mut trail.memory {
            Some(memory) => recall(stack, name, memory),
            None => stack.store.fetch(name).await,
        };
        trail.note(name, &cached, start.map(|start| start.elapsed()).unwrap_or_default());
        let cached = cached?;
        if let (Origin::Stale(error), Some(_)) = (&cached.origin, &cached.value) {
            self.say_stale(lookup, name, self.clock.now().since(cached.fetched), error);
        }
        trail.add(&cached);
        Ok(cached.value)
    }

    fn say_stale(&self, lookup: Lookup<'_>, name: &SecretName, age: Duration, error: &Error) {
        let text = format!(
            "{} {}: {} does not answer, so the value of `{name}` from {}s ago is served: {error}",
            lookup.kind.title(),
            Quoted(lookup.id),
            self.settings.entry.info.title,
            age.as_secs(),
        );
        self.warnings.say(lookup, &self.clock, &text);
    }

    fn reply(&self, stack: &Stack, lookup: Lookup<'_>, value: Option<SecretValue>, trail: &Trail) -> Reply {
        let now = self.clock.now();
        let answer = Answer {
            value,
            fetched: trail.fetched.min(now),
            ask_again: trail.ask_again,
            told: Stamp::default(),
        };
        stack.memo.keep(lookup, &answer, now, trail.epoch);
        Reply::known(answer.value, now.since(answer.fetched), trail.is_stale)
    }

    /// Reads what the user wants to have at hand, once; lookups meanwhile wait for it. What fails is read again when it is
    /// looked up.
    async fn prefetch(&self, stack: &Stack) {
        let mut is_over = stack.prefetched.lock().await;
        if *is_over {
            return;
        }
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
        *is_over = true;
    }

    /// What Airflow gets for `found`.
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

    pub(super) fn current(&self) -> Arc<Stack> {
        Arc::clone(&self.stack.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stack, built anew if a file beneath it has changed.
    pub(super) fn up_to_date(&self) -> Result<Arc<Stack>> {
        let stack = self.current();
        if !stack.store.is_outdated() {
            return Ok(stack);
        }
        tracing::debug!(
            "{}: a configuration file has changed; building the client anew",
            self.settings.entry.info.title
        );
        let _held = no_fork();
        // Somebody else may have built it while we waited.
        let current = self.current();
        if !Arc::ptr_eq(&current, &stack) {
            return Ok(current);
        }
        let fresh = Arc::new(Stack::open(&self.settings, &self.clock)?);
        *self.stack.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}

/// What memory holds of `name`. The error ends the walk, and nobody sees it.
fn recall(stack: &Stack, name: &SecretName, memory: &mut Memory) -> Result<Cached> {
    let held = stack.store.cache().held(name, memory.is_under_way);
    let (cached, is_due) = held.ok_or_else(|| Error::internal("memory does not hold the answer"))?;
    memory.is_due |= is_due;
    let outcome = Ok(cached);
    memory.counters.push(stack.store.counter(&outcome));
    outcome
}

/// A secret that makes no sense is not kept.
fn unless_malformed<T>(stack: &Stack, name: &SecretName, outcome: Result<T>) -> Result<T> {
    outcome.inspect_err(|error| {
        if error.kind() == ErrorKind::Malformed {
            stack.store.cache().forget(name);
        }
    })
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::backend::bundle::BundleNames;
    use crate::backend::pattern::Patterns;
    use crate::backend::prefetch::Prefetch;
    use crate::backend::telemetry::Metrics;
    use crate::layers::LayerSettings;
    use crate::layers::testing::{Scripted, Step};
    use crate::store::environment::Environment;
    use crate::store::options::Options;
    use crate::store::registry::find;

    const LOOKUP: Lookup<'static> = Lookup { kind: Kind::Connection, id: "db", team: None };

    fn backend(store: &Arc<Scripted>, on_error: OnError, clock: &Clock) -> Backend {
        let (entry, options) = (find("memory").unwrap(), Options::default());
        let settings = Settings {
            entry,
            convention: (entry.convention)(&options).unwrap(),
            patterns: Patterns::from_options(&options),
            on_error,
            log_misses: false,
            layers: LayerSettings::default(),
            bundles: BundleNames::default(),
            prefetch: Prefetch::default(),
            audit: None,
            metrics: Metrics::Off,
            options,
            environment: Environment::default(),
        };
        Backend::on(store.clone(), Arc::new(settings), clock.clone())
    }

    fn names(names: &[&str]) -> Vec<SecretName> {
        names.iter().map(|name| SecretName::from(*name)).collect()
    }

    fn text(reply: Reply) -> Option<String> {
        Some(reply.value?.expose().to_owned())
    }

    #[tokio::test]
    async fn the_first_name_that_is_there_answers_and_the_answer_is_remembered() {
        let store = Arc::new(Scripted::new(vec![Step::Absent, Step::Value("global")]));
        let (clock, lookup) = (Clock::manual(), Lookup { team: Some("t"), ..LOOKUP });
        let backend = backend(&store, OnError::Official, &clock);
        assert!(backend.remembered(lookup).is_none());
        let names = names(&["p/t--db", "p/db"]);
        assert_eq!(text(backend.ask(lookup, &names).await.unwrap()).as_deref(), Some("global"));
        assert_eq!(store.names(), ["p/t--db", "p/db"]);
        assert_eq!(text(backend.remembered(lookup).unwrap()).as_deref(), Some("global"));
        assert!(backend.remembered(LOOKUP).is_none());
        // The absent name of the team is the first to be doubted.
        clock.advance(Duration::from_secs(15));
        assert!(backend.remembered(lookup).is_none());
    }

    #[tokio::test]
    async fn an_error_on_the_teams_name_is_never_answered_by_the_global_one() {
        let denied = Error::new(ErrorKind::Denied, "no");
        let store = Arc::new(Scripted::new(vec![Step::Error(denied), Step::Value("global")]));
        let backend = backend(&store, OnError::Official, &Clock::manual());
        let failure = backend.ask(LOOKUP, &names(&["p/t--db", "p/db"])).await.unwrap_err();
        assert_eq!((failure.error.kind(), store.calls()), (ErrorKind::Denied, 1));
        assert!(backend.remembered(LOOKUP).is_none());
    }

    #[cfg(feature = "google")]
    #[tokio::test]
    async fn a_bundle_answers_for_names_that_the_store_cannot_have() {
        use crate::config::{RawOptions, RawValue, configure};
        let none = || Step::Error(Error::new(ErrorKind::InvalidName, "no name").as_upstream_miss());
        for (prefix, separator) in [("airflow-connections", "-"), ("", "")] {
            let kwargs = [("connections_prefix", prefix), ("sep", separator), ("bundle", "all")];
            let text_of = |(key, value): (&str, &str)| (key.to_owned(), RawValue::Text(value.to_owned()));
            let raw: RawOptions = kwargs.into_iter().map(text_of).collect();
            let entry = find("google_secret_manager").unwrap();
            let settings = configure(entry, &raw, Environment::default()).unwrap().settings;
            let bundle = r#"{"a.b": "shared", "t--c.d": "of the team", "c.d": "shared"}"#;
            let store = Arc::new(Scripted::new(vec![Step::Value(bundle), none(), none()]));
            let backend = Backend::on(store.clone(), settings, Clock::manual());
            for (id, expected) in [("c.d", Some("of the team")), ("a.b", Some("shared")), ("e.f", None)] {
                let lookup = Lookup { kind: Kind::Connection, id, team: Some("t") };
                let names = backend.settings.convention.names(lookup).into_names();
                assert_eq!(text(backend.ask(lookup, &names).await.unwrap()).as_deref(), expected, "{id}");
            }
        }
    }

    #[tokio::test]
    async fn what_the_official_class_takes_for_a_miss_is_never_remembered_as_one() {
        let pending_deletion = Error::new(ErrorKind::Malformed, "scheduled for deletion").as_upstream_miss();
        let store = Arc::new(Scripted::new(vec![Step::Error(pending_deletion), Step::Value("back")]));
        let backend = backend(&store, OnError::Official, &Clock::manual());
        assert_eq!(text(backend.ask(LOOKUP, &names(&["p/db"])).await.unwrap()), None);
        assert_eq!(text(backend.ask(LOOKUP, &names(&["p/db"])).await.unwrap()).as_deref(), Some("back"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_store_ends_with_the_deadline() {
        let store = Arc::new(Scripted::hanging());
        let backend = backend(&store, OnError::Stop, &Clock::System);
        let start = tokio::time::Instant::now();
        let failure = backend.ask(LOOKUP, &names(&["p/db"])).await.unwrap_err();
        assert!(failure.stops_airflow);
        assert_eq!(failure.error.kind(), ErrorKind::Timeout);
        assert!(start.elapsed() <= Duration::from_secs(11), "{:?}", start.elapsed());
    }
}
