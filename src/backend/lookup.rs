//! Asks the store and settles the outcome.

use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::memo::{Answer, Memo};
use crate::backend::on_error::{Failure, OnError};
use crate::backend::settings::Settings;
use crate::backend::warnings::Warnings;
use crate::error::{Error, ErrorKind, Result};
use crate::layers::{self, Cache};
use crate::process::{Clock, Deadline, Timestamp, no_fork};
use crate::store::SecretName;
use crate::store::convention::{Kind, Lookup};
use crate::value::SecretValue;

/// A backend at work: what one process keeps alive for one configuration.
#[derive(Debug)]
pub struct Backend {
    settings: Arc<Settings>,
    clock: Clock,
    /// Replaced when a file that the store was built from changes.
    stack: Mutex<Arc<Stack>>,
    warnings: Warnings,
}

/// A store in its layers, and the answers made of what it said.
#[derive(Debug)]
struct Stack {
    cache: Cache,
    memo: Memo,
}

impl Stack {
    /// Builds the store. Call it under [`no_fork`].
    fn open(settings: &Settings, clock: &Clock) -> Result<Self> {
        let store = (settings.entry.open)(&settings.options, &settings.environment)
            .map_err(|error| error.with_store(settings.entry.info.name))?;
        Ok(Self {
            cache: layers::stack(store, &settings.layers, clock.clone()),
            memo: Memo::new(settings.layers.cache.max_entries),
        })
    }
}

impl Backend {
    /// Builds the store and its layers. Call it under [`no_fork`].
    pub fn open(settings: Arc<Settings>, clock: Clock) -> Result<Self> {
        let stack = Mutex::new(Arc::new(Stack::open(&settings, &clock)?));
        Ok(Self { settings, clock, stack, warnings: Warnings::new() })
    }

    /// The answer to `lookup` if it is known and fresh.
    pub fn remembered(&self, lookup: Lookup<'_>) -> Option<Answer> {
        self.current().memo.get(lookup, self.clock.now())
    }

    /// Asks for `names` in order within the deadline of the lookup.
    ///
    /// The first secret that is there answers. An error ends the search: a name of the team that could not
    /// be read must not be answered by the global one.
    pub async fn ask(
        &self,
        lookup: Lookup<'_>,
        names: &[SecretName],
    ) -> Result<Option<SecretValue>, Failure> {
        let deadline = Deadline::after(self.settings.layers.timeout);
        match deadline.run(self.search(lookup, names)).await {
            Ok(value) => Ok(value),
            Err(error) => {
                let error = error.with_store(self.settings.entry.info.name);
                let is_due = || self.warnings.is_due(lookup, &self.clock);
                settle(self.settings.on_error, lookup, names, error, is_due)
            }
        }
    }

    async fn search(&self, lookup: Lookup<'_>, names: &[SecretName]) -> Result<Option<SecretValue>> {
        let stack = self.up_to_date()?;
        let mut fresh_until = Timestamp::ORIGIN.plus(std::time::Duration::MAX);
        let mut value = None;
        for name in names {
            let cached = stack.cache.fetch(name).await?;
            fresh_until = fresh_until.min(cached.fresh_until);
            let Some(found) = cached.value else {
                tracing::debug!("{} `{name}` is not there", self.settings.entry.info.title);
                continue;
            };
            value = self.read(&stack, lookup.kind, name, found)?;
            break;
        }
        stack.memo.keep(lookup, &Answer { value: value.clone(), fresh_until }, self.clock.now());
        Ok(value)
    }

    /// What Airflow gets for `found`. A value that makes no sense is not kept.
    fn read(
        &self,
        stack: &Stack,
        kind: Kind,
        name: &SecretName,
        found: SecretValue,
    ) -> Result<Option<SecretValue>> {
        self.settings.convention.read(kind, found).map_err(|error| {
            if error.kind() == ErrorKind::Malformed {
                stack.cache.forget(name);
            }
            error.with_store(self.settings.entry.info.name)
        })
    }

    fn current(&self) -> Arc<Stack> {
        Arc::clone(&self.stack.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stack, built anew if a file beneath it has changed.
    fn up_to_date(&self) -> Result<Arc<Stack>> {
        let stack = self.current();
        if !crate::store::Store::is_outdated(&stack.cache) {
            return Ok(stack);
        }
        tracing::debug!(
            "{}: a configuration file has changed; building the client anew",
            self.settings.entry.info.title
        );
        let fresh = {
            let _held = no_fork();
            Arc::new(Stack::open(&self.settings, &self.clock)?)
        };
        *self.stack.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}

/// Decides what becomes of `error`, and says so where Airflow would hide it: as a warning while `is_due`.
pub fn settle(
    policy: OnError,
    lookup: Lookup<'_>,
    names: &[SecretName],
    error: Error,
    is_due: impl FnOnce() -> bool,
) -> Result<Option<SecretValue>, Failure> {
    let text = format!("{} {:?}{}: {error}", lookup.kind.title(), lookup.id, tried(names));
    let outcome = policy.settle(error).map(|()| None);
    let fate = match &outcome {
        Ok(_) => "Returning None.",
        Err(failure) if failure.stops_airflow => "Airflow is told to stop its search.",
        // Airflow itself reports what a config lookup raises, and swallows the rest.
        Err(_) if lookup.kind == Kind::Config => return outcome,
        Err(_) => "Airflow takes this for a miss and asks its next backend.",
    };
    if is_due() {
        tracing::warn!("{text}. {fate}");
    } else {
        tracing::debug!("{text}. {fate}");
    }
    outcome
}

/// The names asked, as the end of "Connection `x`".
fn tried(names: &[SecretName]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { String::new() } else { format!(" (asked for {})", quoted.join(", then ")) }
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backend::memo::Memo;
    use crate::backend::pattern::Patterns;
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
            layers: LayerSettings::default(),
            options,
            environment: Environment::default(),
        };
        let stack = Stack {
            cache: layers::stack(store.clone(), &settings.layers, clock.clone()),
            memo: Memo::new(settings.layers.cache.max_entries),
        };
        let stack = Mutex::new(Arc::new(stack));
        Backend { settings: Arc::new(settings), clock: clock.clone(), stack, warnings: Warnings::new() }
    }

    fn names(names: &[&str]) -> Vec<SecretName> {
        names.iter().map(|name| SecretName::from(*name)).collect()
    }

    fn text(value: Option<SecretValue>) -> Option<String> {
        value.map(|value| value.expose().to_owned())
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
        assert_eq!(text(backend.remembered(lookup).unwrap().value).as_deref(), Some("global"));
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
