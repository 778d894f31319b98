//! Questions to a store other than lookups, with the same queue and time limits: for the command line.

use std::num::NonZeroUsize;

use crate::backend::lookup::Backend;
use crate::backend::plan::Route;
use crate::error::Result;
use crate::process::Deadline;
use crate::store::convention::Kind;
use crate::store::tools::{Finding, Unread};
use crate::store::{Description, Inspect, Page, SecretName, Store};

/// One page of ids.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Airflow's ids with what is known about each.
    pub secrets: Vec<(String, Description)>,
    /// How many names the store listed.
    pub count: usize,
    /// What to ask for next; `None` after the last page.
    pub next: Option<Page>,
}

impl Backend {
    /// The ids whose names begin with `prefix`, with what the store reports about each: one page of them.
    pub async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listed> {
        let listed = self.up_to_date()?.inspect.list_described(prefix, page).await?;
        let of_id = |described: Description| {
            let id = described.name.as_str().strip_prefix(prefix)?.to_owned();
            Some((id, described))
        };
        let count = listed.secrets.len();
        let secrets = listed.secrets.into_iter().filter_map(of_id).collect();
        Ok(Listed { secrets, count, next: listed.next })
    }

    /// What the store reports about the first existing name along `route`, without its value.
    pub async fn describe(&self, route: &Route) -> Result<Option<Description>> {
        for name in &route.0 {
            if let Some(described) = self.up_to_date()?.inspect.describe(name).await? {
                return Ok(Some(described));
            }
        }
        Ok(None)
    }

    /// Why `name`, which a lookup did not find, is absent, as far as the store knows.
    pub async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        self.up_to_date()?.inspect.why_absent(name).await
    }

    /// How many secrets one request of the store reads at present.
    pub fn batch_size(&self) -> NonZeroUsize {
        self.current().store.batch_size()
    }

    /// Makes the cache read `names` in as few requests as the store allows, within the time of one lookup.
    /// Names that fail are read again when they are looked up.
    pub async fn read_ahead(&self, names: &[SecretName]) {
        let deadline = Deadline::within(self.settings.layers.timeout, "the time for reading ahead");
        let read = deadline.run(async {
            let stack = self.up_to_date()?;
            Ok(stack.store.cache().warm(names).await.len())
        });
        match read.await {
            Ok(failed) => tracing::debug!("read {} secrets ahead, {failed} failed", names.len()),
            Err(error) => tracing::debug!("not all of {} secrets were read ahead: {error}", names.len()),
        }
    }

    /// What is noteworthy about the running store.
    pub async fn diagnose(&self) -> Vec<Finding> {
        self.current().inspect.diagnose().await
    }

    /// Fields of the secret `name` that Airflow does not get, each with a remedy. Examines what the cache
    /// holds; without a cache there are none.
    pub async fn dropped(&self, kind: Kind, name: &SecretName) -> Result<Vec<String>> {
        let is_kept = !self.settings.layers.cache.ttl.is_zero();
        if !is_kept || self.settings.bundles.of(kind) == Some(name) {
            return Ok(Vec::new());
        }
        let stack = self.up_to_date()?;
        let deadline = Deadline::after(self.settings.layers.timeout);
        let cached = deadline.run(stack.store.fetch(name)).await?;
        Ok(cached.value.map(|value| self.settings.convention.dropped(kind, &value)).unwrap_or_default())
    }

    /// What the store holds although no lookup returns it.
    pub async fn unread(&self) -> Result<Vec<Unread>> {
        self.up_to_date()?.inspect.unread().await
    }

    /// The identity that the store is asked with, without a call.
    pub fn identity(&self) -> Option<String> {
        self.current().inspect.identity()
    }
}
