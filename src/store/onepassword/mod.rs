//! 1Password Connect: the items of one vault, read with an access token of a Connect server.
//!
//! Sources: `docs/openapi/spec.yaml` of `1Password/connect`, 1.7.1, and `client.py` of
//! `onepasswordconnectsdk` 2.1.0.
//!
//! | file | what it does |
//! |---|---|
//! | `config.rs` | options |
//! | `convention.rs` | titles; which fields of an item Airflow gets |
//! | `error.rs` | what statuses mean, and what helps |
//! | `filter.rs` | the filter of a list |
//! | `health.rs` | what the server reports about itself |
//! | `inspect.rs` | listing, describing, `strongroom doctor` |
//! | `item.rs` | items and their fields |
//! | `policy.rs` | the command that makes a token |
//! | `vault.rs` | finds the vault |

mod config;
mod convention;
mod error;
mod filter;
mod health;
mod inspect;
mod item;
mod policy;
mod vault;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::kit::download::ANY_NUMBER;
use crate::store::kit::from_json::json_text;
use crate::store::kit::known::{Ids, Known};
use crate::store::kit::service::Service;
use crate::store::options::Options;
use crate::store::tools::{Finding, Tools};
use crate::store::{Inspect, OptionRules, SecretName, Store, StoreEntry, StoreInfo};
use crate::value::SecretValue;
use crate::value::json::{Object, Value};

use self::convention::ItemConvention;
use self::error::{CONNECT, ambiguous};
use self::filter::equals;
use self::item::{fields, id, is_active, is_id, text};
use self::vault::Vault;

const INFO: StoreInfo = StoreInfo { name: "onepassword_connect", title: "1Password Connect" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.onepassword.OnePasswordConnectBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(ItemConvention::new(options))),
    rules: OptionRules {
        check: |options, environment| config::check(options, environment).map(drop),
        ..OptionRules::NONE
    },
    tools: Tools {
        words: &["onepassword", "1password"],
        about: "1Password Connect: a token that may read one vault, as a command",
        lists_tags: true,
        check,
        policy: Some(policy::POLICY),
        ..Tools::NONE
    },
    open,
};

/// One vault, as one token.
#[derive(Debug)]
struct Connect {
    service: Service,
    vault: Vault,
    section: Option<String>,
    known: Known,
}

/// The answer for one name of several; `None` if it has to be read by itself.
type Settled = Option<Result<Option<SecretValue>>>;

impl Connect {
    /// The items of the vault without their fields, all or those that `filter` selects.
    async fn items(&self, filter: Option<&str>, subject: &str) -> Result<Vec<Object>> {
        let vault = self.vault.id(&self.service, subject).await?;
        let query = filter.map(|filter| ("filter", filter));
        let request = self.service.get_path(&format!("v1/vaults/{vault}/items"), query.as_slice())?;
        let answer = match self.service.value(request, subject).await {
            Err(error) if matches!(error.kind(), ErrorKind::Config | ErrorKind::Denied) => {
                self.vault.forget().await;
                return Err(error);
            }
            answer => answer?,
        };
        let items = answer.into_array().ok_or_else(|| CONNECT.vendor.not_understood(subject))?;
        Ok(items.into_iter().filter_map(Value::into_object).collect())
    }

    /// The items of this very title, archived ones as well.
    async fn search(&self, title: &str, subject: &str) -> Result<Vec<Object>> {
        let mut items = self.items(Some(&equals("title", title)), subject).await?;
        // The service may compare in another way, such as without regard to case.
        items.retain(|item| text(item, "title") == Some(title));
        Ok(items)
    }

    /// An item with its fields; `None` if there is none of this id.
    async fn item(&self, id: &str, subject: &str) -> Result<Option<Object>> {
        let vault = self.vault.id(&self.service, subject).await?;
        let request = self.service.get_path(&format!("v1/vaults/{vault}/items/{id}"), &[])?;
        self.service.object_if_there(request, subject).await
    }

    /// An item by an id that is known beforehand: from a list, or since the name is one.
    async fn item_at_once(&self, name: &SecretName, subject: &str) -> Result<Option<Object>> {
        let (listed, title) = (self.known.take(name), name.as_str());
        let Some(id) = listed.as_deref().or_else(|| is_id(title).then_some(title)) else { return Ok(None) };
        let found = self.item(id, subject).await?;
        // It may have been renamed since.
        Ok(found.filter(|item| id == title || text(item, "title") == Some(title)))
    }

    async fn read(&self, name: &SecretName, subject: &str) -> Result<Option<SecretValue>> {
        let mut found = self.item_at_once(name, subject).await?.filter(is_active);
        if found.is_none() {
            let items = self.search(name.as_str(), subject).await?;
            let Some(only) = only(&items, subject)? else { return Ok(None) };
            let id = id(only).ok_or_else(|| CONNECT.vendor.not_understood(subject))?;
            found = self.item(id, subject).await?.filter(is_active);
        }
        Ok(found.and_then(|item| self.value(&item)))
    }

    /// The fields of an item, from which the convention takes what a lookup is for.
    fn value(&self, item: &Object) -> Option<SecretValue> {
        let fields = fields(item, self.section.as_deref());
        json_text(&Value::Object(fields)).map(SecretValue::structured)
    }

    /// What one list says of several names: those that are absent or ambiguous are settled, and the ids of
    /// the others are remembered for the reads that follow.
    async fn settle(&self, names: &[SecretName]) -> Result<Vec<Settled>> {
        if names.len() < 2 || self.known.has_all(names) {
            return Ok(vec![None; names.len()]);
        }
        let items = self.items(None, &format!("looking for {} items", names.len())).await?;
        let ids = self.remember(&items);
        let settled = |name: &SecretName| {
            if ids.contains(name) || is_id(name.as_str()) {
                return None;
            }
            let same: Vec<_> =
                items.iter().filter(|item| text(item, "title") == Some(name.as_str())).collect();
            let only = only(same, &format!("reading `{name}`"));
            Some(only.map(|_| None).map_err(|error| error.with_operation("list")))
        };
        Ok(names.iter().map(settled).collect())
    }

    /// Remembers the ids of titles that one item has, and returns those titles.
    fn remember(&self, items: &[Object]) -> std::collections::HashSet<SecretName> {
        let (mut ids, mut repeated) = (Ids::new(), Vec::new());
        for item in items.iter().filter(|item| is_active(item)) {
            if let (Some(title), Some(id)) = (text(item, "title"), id(item))
                && ids.insert(title.into(), id.to_owned()).is_some()
            {
                repeated.push(SecretName::from(title));
            }
        }
        for name in repeated {
            ids.remove(&name);
        }
        let titles = ids.keys().cloned().collect();
        self.known.keep(ids);
        titles
    }
}

/// The only one of these items that can be read; several are an error.
fn only<'item>(
    items: impl IntoIterator<Item = &'item Object>,
    subject: &str,
) -> Result<Option<&'item Object>> {
    let active: Vec<_> = items.into_iter().filter(|item| is_active(item)).collect();
    match *active {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        _ => Err(ambiguous(subject, active.iter().filter_map(|item| id(item)))),
    }
}

#[async_trait]
impl Store for Connect {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let read = self.read(name, &format!("reading `{name}`")).await;
        read.map_err(|error| error.with_operation("read"))
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Settled> {
        match self.settle(names).await {
            Ok(settled) => settled,
            Err(error) => vec![Some(Err(error.with_operation("list"))); names.len()],
        }
    }

    fn batch_size(&self) -> NonZeroUsize {
        ANY_NUMBER
    }

    fn is_outdated(&self) -> bool {
        self.service.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let place = config::place(options, environment);
    let service = Service::open(&CONNECT, place, options, environment)?;
    let vault = Vault::new(config::vault(options, environment));
    let section = options.non_empty(config::SECTION.key).map(str::to_owned);
    Ok(Arc::new(Connect { service, vault, section, known: Known::default() }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let found = CONNECT.noteworthy(options, environment, &ItemConvention::new(options)).into_iter();
    let missing = CONNECT.address(options, environment).err();
    found.chain(missing.map(|error| Finding::of("address", &error))).collect()
}
