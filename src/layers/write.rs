//! Changes of a store's secrets under the same conditions as lookups: with a deadline, in the same queue, and
//! with retries that never write twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::layers::limit::Queue;
use crate::layers::retry::Attempts;
use crate::layers::timeout::Timeout;
use crate::process::Deadline;
use crate::store::{
    Accepts, Current, NewSecret, Removal, SecretName, State, StoreInfo, Write, same_contents,
};
use crate::value::SecretValue;

/// The [`Write`] of a store, subject to the limits of its lookups.
///
/// An attempt whose answer is lost may have changed the store. It is made again only where the store
/// recognises it; and before the error is returned, the store is asked what it has now.
#[derive(Debug)]
pub struct Written {
    timed: Arc<Timeout>,
    attempts: Arc<Attempts>,
    queue: Arc<Queue>,
    /// The time limit of one call in total.
    timeout: Duration,
}

impl Written {
    /// Wraps the store in `timed`; `attempts` and `queue` are those of its lookups.
    pub(super) fn new(
        timed: Arc<Timeout>,
        attempts: Arc<Attempts>,
        queue: Arc<Queue>,
        timeout: Duration,
    ) -> Self {
        Self { timed, attempts, queue, timeout }
    }

    /// Whether the store's secrets can be changed at all.
    pub fn is_possible(&self) -> bool {
        self.timed.store().write().is_some()
    }

    /// What the store is.
    pub fn info(&self) -> &StoreInfo {
        self.timed.store().info()
    }

    /// Reads one secret without the cache.
    pub async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.ask("read", || self.timed.store().get(name)).await
    }

    fn inner(&self) -> Result<&dyn Write> {
        let cannot = || self.info().cannot("write", "be written to").with_store(self.info().name);
        self.timed.store().write().ok_or_else(cannot)
    }

    /// Makes `call` with as many attempts as a lookup has.
    async fn ask<T, F: Future<Output = Result<T>>>(&self, what: &str, call: impl Fn() -> F) -> Result<T> {
        let asked = async {
            self.queue.wait().await?;
            self.attempts.run(|| what.to_owned(), || self.timed.attempt(call())).await
        };
        let outcome = Deadline::after(self.timeout).run(asked).await;
        outcome.map_err(|error| error.with_store(self.info().name))
    }

    /// Makes a change. One whose answer was lost is made again only if it `is_repeatable`; the second answer
    /// says whether the change may have been made in spite of the error.
    async fn change<T, F: Future<Output = Result<T>>>(
        &self,
        what: &str,
        is_repeatable: bool,
        call: impl Fn() -> F,
    ) -> Result<T, (Error, bool)> {
        let is_in_doubt = AtomicBool::new(false);
        let asked = async {
            self.queue.wait().await?;
            let attempt = || async {
                // It stays so if the attempt is cut.
                let was_in_doubt = is_in_doubt.swap(true, Ordering::Relaxed);
                match self.timed.attempt(call()).await {
                    Err(error) if is_lost(&error) => {
                        Err(if is_repeatable { error } else { error.permanent() })
                    }
                    answer => {
                        // An answer ends the doubt about this attempt, but not about one before it.
                        is_in_doubt.store(was_in_doubt, Ordering::Relaxed);
                        answer
                    }
                }
            };
            self.attempts.run(|| what.to_owned(), attempt).await
        };
        let outcome = Deadline::after(self.timeout).run(asked).await;
        let is_in_doubt = is_in_doubt.load(Ordering::Relaxed);
        outcome.map_err(|error| {
            let may_be_made = is_in_doubt && (is_lost(&error) || error.kind() == ErrorKind::Conflict);
            (error.with_store(self.info().name), may_be_made)
        })
    }
}

/// Whether the store may have done what the failed call asked for.
fn is_lost(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unreachable)
}

/// The error of a change of which it is not known whether it was made.
fn in_doubt(error: &Error, name: &SecretName) -> Error {
    let text = format!("{}; it is not known whether `{name}` was changed", error.message());
    let hint = "Look at it with `strongroom describe` or `strongroom get` before another attempt";
    let told = Error::new(error.kind(), text).with_hint(hint);
    let told = match error.code() {
        Some(code) => told.with_code(code.to_owned()),
        None => told,
    };
    match error.operation() {
        Some(operation) => told.with_operation(operation.to_owned()),
        None => told,
    }
}

/// The error of a change that a look at the store did not find.
fn not_made(error: Error, name: &SecretName) -> Error {
    if error.kind() == ErrorKind::Conflict {
        return error;
    }
    let text = format!("a moment later `{name}` was as before");
    error.about(text).permanent()
}

#[async_trait]
impl Write for Written {
    fn accepts(&self) -> Accepts {
        self.timed.store().write().map(Write::accepts).unwrap_or_default()
    }

    async fn current(&self, name: &SecretName) -> Result<Current> {
        let inner = self.inner()?;
        self.ask("current", || inner.current(name)).await
    }

    async fn put(&self, name: &SecretName, secret: &NewSecret, over: &Current) -> Result<Option<String>> {
        let inner = self.inner()?;
        let outcome = self.change("put", inner.is_repeatable(over), || inner.put(name, secret, over)).await;
        let (error, may_be_made) = match outcome {
            Ok(version) => return Ok(version),
            Err(failed) => failed,
        };
        if !may_be_made {
            return Err(error);
        }
        let store = self.info().name;
        match self.read(name).await {
            Ok(Some(value)) if same_contents(&value, &secret.value) => {
                Ok(self.current(name).await.ok().and_then(|current| current.version))
            }
            Ok(_) => Err(not_made(error, name)),
            Err(_) => Err(in_doubt(&error, name).with_store(store)),
        }
    }

    fn is_repeatable(&self, over: &Current) -> bool {
        self.timed.store().write().is_some_and(|inner| inner.is_repeatable(over))
    }

    async fn delete(&self, name: &SecretName, how: Removal, over: &Current) -> Result<()> {
        let inner = self.inner()?;
        let outcome = self.change("delete", false, || inner.delete(name, how, over)).await;
        let is_done = |state| state == State::Absent || (state == State::Deleted && !how.purge);
        self.looked_at(name, outcome, is_done).await
    }

    async fn restore(&self, name: &SecretName, over: &Current) -> Result<()> {
        let inner = self.inner()?;
        let outcome = self.change("restore", false, || inner.restore(name, over)).await;
        self.looked_at(name, outcome, |state| state == State::Present).await
    }
}

impl Written {
    /// The outcome of a change that shows in what is under the name.
    async fn looked_at(
        &self,
        name: &SecretName,
        outcome: Result<(), (Error, bool)>,
        is_done: impl Fn(State) -> bool,
    ) -> Result<()> {
        match outcome {
            Ok(()) => Ok(()),
            Err((error, false)) => Err(error),
            Err((error, true)) => match self.current(name).await {
                Ok(current) if is_done(current.state) => Ok(()),
                Ok(_) => Err(not_made(error, name)),
                Err(_) => Err(in_doubt(&error, name).with_store(self.info().name)),
            },
        }
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
