//! Leaves out secrets that a backend must not see: by their tags, or by how their names begin.
//!
//! The innermost layer, beside the store: what it leaves out is absent for everything above, the cache and
//! the command line among them. A secret whose tags are in question is described before it is read, so that
//! the value of one that is left out never leaves the store.

mod rules;
mod write;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::tools::{Finding, Severity, Unread};
use crate::store::{Description, Inspect, Listing, Page, SecretName, Store, StoreInfo, Write, one_by_one};
use crate::value::SecretValue;

pub use self::rules::FilterRules;
pub(super) use self::rules::{EXCLUDED_TAGS, FILTER_ON_PREFIX, FILTER_ON_TAGS};

/// A store of which only some secrets can be seen.
#[derive(Debug)]
pub struct Filter {
    inner: Arc<dyn Store>,
    rules: FilterRules,
    /// Whether the store's listing has the tags of each secret.
    lists_tags: bool,
}

impl Filter {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, rules: FilterRules, lists_tags: bool) -> Self {
        Self { inner, rules, lists_tags }
    }

    /// What `name` is called in the store; `None` if its name leaves it out.
    fn name_in_store(&self, name: &SecretName) -> Option<SecretName> {
        if !self.rules.keeps_prefix {
            return Some(SecretName::from(format!("{}{name}", self.rules.prefix)));
        }
        name.as_str().starts_with(&self.rules.prefix).then(|| name.clone())
    }

    /// What a secret in the store is called by those who ask.
    fn name_outside(&self, name: &SecretName) -> SecretName {
        let below =
            name.as_str().strip_prefix(self.rules.prefix.as_str()).filter(|_| !self.rules.keeps_prefix);
        below.map_or_else(|| name.clone(), SecretName::from)
    }

    /// Whether the tags of a secret leave it in. One that does not exist is left out.
    async fn has_right_tags(&self, name: &SecretName) -> Result<bool> {
        if !self.rules.has_tags() {
            return Ok(true);
        }
        let tags = self.inspected()?.tags(name).await?;
        Ok(tags.is_some_and(|tags| self.rules.against(&tags).is_none()))
    }

    /// Those of `secrets` whose tags leave them in, with the names that are asked for.
    async fn inside(&self, secrets: Vec<Description>) -> Result<Vec<Description>> {
        let checked: Result<Vec<_>> =
            one_by_one(secrets, |secret| self.checked(secret)).await.into_iter().collect();
        Ok(checked?.into_iter().flatten().collect())
    }

    async fn checked(&self, secret: Description) -> Result<Option<Description>> {
        let is_inside = if self.lists_tags {
            self.rules.against(&secret.tags).is_none()
        } else {
            self.has_right_tags(&secret.name).await?
        };
        Ok(is_inside.then(|| Description { name: self.name_outside(&secret.name), ..secret }))
    }
}

#[async_trait]
impl Store for Filter {
    fn info(&self) -> &StoreInfo {
        self.inner.info()
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        match self.name_in_store(name) {
            Some(name) if self.has_right_tags(&name).await? => self.inner.get(&name).await,
            _ => Ok(None),
        }
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        if self.rules.has_tags() {
            return vec![None; names.len()];
        }
        let in_store: Vec<Option<SecretName>> = names.iter().map(|name| self.name_in_store(name)).collect();
        let inside: Vec<SecretName> = in_store.iter().flatten().cloned().collect();
        let mut answers = self.inner.get_many(&inside).await.into_iter();
        in_store
            .iter()
            .map(|name| if name.is_some() { answers.next().flatten() } else { Some(Ok(None)) })
            .collect()
    }

    fn batch_size(&self) -> NonZeroUsize {
        if self.rules.has_tags() { NonZeroUsize::MIN } else { self.inner.batch_size() }
    }

    fn reads_together(&self) -> bool {
        !self.rules.has_tags() && self.inner.reads_together()
    }

    fn is_outdated(&self) -> bool {
        self.inner.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        self.inner.inspect().map(|_| self as &dyn Inspect)
    }

    fn write(&self) -> Option<&dyn Write> {
        self.inner.write().map(|_| self as &dyn Write)
    }
}

impl Filter {
    fn inspected(&self) -> Result<&dyn Inspect> {
        let cannot = || self.inner.info().cannot("describe", "report the tags of a secret");
        self.inner.inspect().ok_or_else(cannot)
    }
}

#[async_trait]
impl Inspect for Filter {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        let rules = &self.rules;
        let prefix = if !rules.keeps_prefix {
            format!("{}{prefix}", rules.prefix)
        } else if prefix.starts_with(&rules.prefix) {
            prefix.to_owned()
        } else if rules.prefix.starts_with(prefix) {
            rules.prefix.clone()
        } else {
            return Ok(Listing::default());
        };
        let listing = self.inspected()?.list_tagged(&prefix, &rules.required, page).await?;
        Ok(Listing { secrets: self.inside(listing.secrets).await?, next: listing.next })
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let Some(name) = self.name_in_store(name) else { return Ok(None) };
        let Some(described) = self.inspected()?.describe(&name).await? else { return Ok(None) };
        // Without tags in it, they may be something that has to be asked for apart.
        let is_inside = if described.tags.is_empty() {
            self.has_right_tags(&name).await?
        } else {
            self.rules.against(&described.tags).is_none()
        };
        Ok(is_inside.then_some(described))
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        let left_out = |why: String| {
            Finding::new(
                Severity::Note,
                "filtered",
                why,
                "Change the filter, or the secret, if it is meant to be read",
            )
        };
        let Some(name) = self.name_in_store(name) else {
            let why =
                format!("`{name}` does not begin with `{}`, as `filter_on_prefix` asks", self.rules.prefix);
            return Ok(Some(left_out(why)));
        };
        if self.rules.has_tags()
            && let Some(tags) = self.inspected()?.tags(&name).await?
            && let Some(why) = self.rules.against(&tags)
        {
            return Ok(Some(left_out(format!("`{name}` exists, but {why}"))));
        }
        self.inspected()?.why_absent(&name).await
    }

    fn identity(&self) -> Option<String> {
        self.inner.inspect()?.identity()
    }

    async fn diagnose(&self) -> Vec<Finding> {
        match self.inner.inspect() {
            Some(inspect) => inspect.diagnose().await,
            None => Vec::new(),
        }
    }

    async fn unread(&self) -> Result<Vec<Unread>> {
        self.inspected()?.unread().await
    }
}

#[cfg(test)]
mod tests;
