//! The vault with the items: its id, which requests need, is looked up once.

use std::sync::Arc;

use crate::error::Result;
use crate::store::kit::service::Service;
use crate::value::json::{Object, Value};

use super::error::{CONNECT, no_only_vault, no_such_vault, several_of_name};
use super::filter::equals;
use super::item::{id, is_id, text};

/// What is written about the vault, and its id as far as it is known.
#[derive(Debug)]
pub(super) struct Vault {
    /// Its name or its id; `None` for the only one that the token may read.
    written: Option<String>,
    /// Held while the id is looked up, so that one request serves all.
    known: tokio::sync::Mutex<Option<Arc<str>>>,
}

impl Vault {
    /// A vault by its name or its id. An id is not looked up.
    pub(super) fn new(written: Option<&str>) -> Self {
        let known = written.filter(|written| is_id(written)).map(Arc::from);
        Self { written: written.map(str::to_owned), known: tokio::sync::Mutex::new(known) }
    }

    /// Its id.
    pub(super) async fn id(&self, service: &Service, subject: &str) -> Result<Arc<str>> {
        let mut known = self.known.lock().await;
        if let Some(id) = &*known {
            return Ok(Arc::clone(id));
        }
        let found = self.find(service, subject).await?;
        Ok(Arc::clone(known.insert(found)))
    }

    /// Looks the id up again at the next request: the vault may have been replaced by one of the same name.
    pub(super) async fn forget(&self) {
        if !self.written.as_deref().is_some_and(is_id) {
            *self.known.lock().await = None;
        }
    }

    async fn find(&self, service: &Service, subject: &str) -> Result<Arc<str>> {
        let filter = self.written.as_deref().map(|name| equals("name", name));
        let query = filter.as_deref().map(|filter| ("filter", filter));
        let request = service.get_path("v1/vaults", query.as_slice())?;
        let answer = service.value(request, subject).await?;
        let not_understood = || CONNECT.vendor.not_understood(subject);
        let vaults = answer.as_array().ok_or_else(not_understood)?;
        let vaults: Vec<&Object> = vaults.iter().filter_map(Value::as_object).collect();
        self.only(&vaults, subject).and_then(|vault| id(vault).map(Arc::from).ok_or_else(not_understood))
    }

    fn only<'vault>(&self, vaults: &[&'vault Object], subject: &str) -> Result<&'vault Object> {
        let Some(name) = &self.written else {
            return match vaults {
                [only] => Ok(only),
                several => {
                    Err(no_only_vault(subject, several.iter().filter_map(|vault| text(vault, "name"))))
                }
            };
        };
        // The service may compare in another way, such as without regard to case.
        let named: Vec<_> =
            vaults.iter().filter(|vault| text(vault, "name") == Some(name)).copied().collect();
        match *named {
            [only] => Ok(only),
            [] => Err(no_such_vault(subject, name)),
            _ => Err(several_of_name(subject, name, named.iter().filter_map(|vault| id(vault)))),
        }
    }
}
