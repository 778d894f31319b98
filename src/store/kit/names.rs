//! Stores whose service lists the names of its secrets, all at once, and says nothing more of them.

use async_trait::async_trait;

use crate::error::Result;
use crate::store::kit::service::Service;
use crate::store::tools::Finding;
use crate::store::{Description, Inspect, Listing, Page, SecretName};
use crate::value::json::{Object, Value};

/// Such a store; it can be inspected as far as its service allows that.
#[async_trait]
pub trait Named: Send + Sync {
    /// The service.
    fn service(&self) -> &Service;

    /// Every name.
    async fn names(&self, subject: &str) -> Result<Vec<String>>;
}

#[async_trait]
impl<S: Named> Inspect for S {
    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Listing> {
        let names = self.names("listing the names of secrets").await;
        names.map(|names| Listing::only_page(names, prefix)).map_err(|error| error.with_operation("list"))
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let names = self.names(&format!("looking for `{name}`")).await;
        let names = names.map_err(|error| error.with_operation("describe"))?;
        Ok(names.iter().any(|known| known == name.as_str()).then(|| Description::of(name.clone())))
    }

    fn identity(&self) -> Option<String> {
        Some(self.service().identity())
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.service().findings().await
    }
}

/// The texts of the list that an answer has as `key`.
pub fn texts(answer: &Object, key: &str) -> Option<Vec<String>> {
    let list = answer.get(key)?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}
