//! What a vault shows of its items without their fields.

use async_trait::async_trait;

use crate::error::Result;
use crate::store::tools::{Finding, Severity};
use crate::store::{Description, Inspect, Listing, Page, SecretName};
use crate::value::json::Object;

use super::item::{described, is_active, is_id, state, text};
use super::{Connect, health, only};

impl Connect {
    /// The item of a name without its fields; an archived one if no other has the title.
    async fn shown(&self, name: &SecretName, subject: &str) -> Result<Option<Object>> {
        let items = self.search(name.as_str(), subject).await?;
        let is_found = only(&items, subject)?.is_some();
        let found = items.into_iter().find(|item| !is_found || is_active(item));
        match found {
            None if is_id(name.as_str()) => self.item(name.as_str(), subject).await,
            found => Ok(found),
        }
    }
}

#[async_trait]
impl Inspect for Connect {
    /// The service filters by whole titles only.
    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Listing> {
        let items = self.items(None, "listing the items").await;
        let items = items.map_err(|error| error.with_operation("list"))?;
        self.remember(&items);
        let below =
            items.iter().filter(|item| text(item, "title").is_some_and(|title| title.starts_with(prefix)));
        Ok(Listing { secrets: below.filter_map(described).collect(), next: None })
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let shown = self.shown(name, &format!("looking for `{name}`")).await;
        let shown = shown.map_err(|error| error.with_operation("describe"))?;
        Ok(shown
            .as_ref()
            .and_then(described)
            .map(|described| Description { name: name.clone(), ..described }))
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        let shown = self.shown(name, &format!("looking for `{name}`")).await;
        let shown = shown.map_err(|error| error.with_operation("describe"))?;
        let kept_back = shown.as_ref().and_then(|item| Some((state(item)?, text(item, "id")?)));
        Ok(kept_back.map(|(state, id)| {
            let evidence = format!("the item `{name}` ({id}) is {state}, and lookups do not return it");
            Finding::new(
                Severity::Warning,
                "archived",
                evidence,
                "Restore it in 1Password, or make a new one",
            )
        }))
    }

    fn identity(&self) -> Option<String> {
        Some(self.service.identity())
    }

    async fn diagnose(&self) -> Vec<Finding> {
        let mut found = self.service.findings().await;
        let health = self.service.openly("health").await;
        found.extend(health.and_then(|answer| health::judged(&answer)));
        found
    }
}
