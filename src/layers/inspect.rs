//! Inspection of a store under the same conditions as lookups: with a deadline, in the same queue, and with
//! retries.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::layers::limit::Queue;
use crate::layers::retry::Attempts;
use crate::layers::timeout::Timeout;
use crate::process::Deadline;
use crate::store::tools::{Finding, Unread};
use crate::store::{Description, Descriptions, Inspect, Names, Page, SecretName};

/// The [`Inspect`] of a store, subject to the limits of its lookups. A store without one reports nothing.
#[derive(Debug)]
pub struct Inspected {
    timed: Arc<Timeout>,
    attempts: Arc<Attempts>,
    queue: Arc<Queue>,
    /// The time limit of one call in total, if no deadline is set.
    timeout: Duration,
}

impl Inspected {
    /// Wraps the store in `timed`; `attempts` and `queue` are those of its lookups.
    pub(super) fn new(
        timed: Arc<Timeout>,
        attempts: Arc<Attempts>,
        queue: Arc<Queue>,
        timeout: Duration,
    ) -> Self {
        Self { timed, attempts, queue, timeout }
    }

    fn inner(&self) -> Option<&dyn Inspect> {
        self.timed.store().inspect()
    }

    /// Makes `call` with as many attempts as a lookup has.
    async fn ask<T, F: Future<Output = Result<T>>>(&self, what: &str, call: impl Fn() -> F) -> Result<T> {
        let asked = async {
            self.queue.wait().await?;
            self.attempts.run(|| what.to_owned(), || self.timed.attempt(call())).await
        };
        let outcome = match Deadline::current() {
            Some(_) => asked.await,
            // The command line inspects outside a lookup, which would have set a deadline.
            None => Deadline::after(self.timeout).run(asked).await,
        };
        outcome.map_err(|error| error.with_store(self.timed.store().info().name))
    }

    fn cannot<T>(&self, operation: &'static str, what: &str) -> Result<T> {
        let info = self.timed.store().info();
        Err(info.cannot(operation, what).with_store(info.name))
    }
}

#[async_trait]
impl Inspect for Inspected {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        match self.inner() {
            Some(inner) => self.ask("list", || inner.list(prefix, page)).await,
            None => self.cannot("list", "list its secrets"),
        }
    }

    async fn list_described(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        match self.inner() {
            Some(inner) => self.ask("list", || inner.list_described(prefix, page)).await,
            None => self.cannot("list", "list its secrets"),
        }
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        match self.inner() {
            Some(inner) => self.ask("describe", || inner.describe(name)).await,
            None => self.cannot("describe", "describe a secret"),
        }
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        let Some(inner) = self.inner() else { return Ok(None) };
        self.ask("why_absent", || inner.why_absent(name)).await
    }

    fn identity(&self) -> Option<String> {
        self.inner()?.identity()
    }

    /// A single attempt: failures are among the findings.
    async fn diagnose(&self) -> Vec<Finding> {
        let Some(inner) = self.inner() else { return Vec::new() };
        let found = async {
            self.queue.wait().await?;
            self.timed.run(inner.diagnose()).await
        };
        Deadline::after(self.timeout).run(found).await.unwrap_or_default()
    }

    async fn unread(&self) -> Result<Vec<Unread>> {
        let Some(inner) = self.inner() else { return Ok(Vec::new()) };
        self.ask("unread", || inner.unread()).await
    }
}
