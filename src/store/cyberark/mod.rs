//! Accounts of CyberArk's Privileged Access Manager, on premises or as Privilege Cloud: the password or key
//! of each, found by its name in a safe.
//!
//! Sources: `cyberark_authentication.py`, `cyberark_account.py` and `cyberark_credential.py` of CyberArk's
//! collection for Ansible, `accounts.py` of `aiobastion` 0.1.9, and "Get accounts" of the documentation.
//!
//! | file | what it does |
//! |---|---|
//! | `account.rs` | what a search reports of an account |
//! | `config.rs` | options |
//! | `convention.rs` | names |
//! | `error.rs` | what refusals mean, and what helps |
//! | `login.rs` | the ways to log in, and what a login is answered with |
//! | `session.rs` | requests with the session, its renewal and its end |

mod account;
mod config;
mod convention;
mod error;
mod login;
mod session;

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::kit::checks;
use crate::store::kit::known::{Ids, Known};
use crate::store::options::Options;
use crate::store::tools::{Finding, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;
use crate::value::json::{Object, Value};

#[cfg(feature = "cyberark-ccp")]
pub(super) use self::config::DEFAULTS;
#[cfg(feature = "cyberark-ccp")]
pub(super) use self::convention::LETTERS;

use self::account::Account;
use self::convention::convention;
use self::error::{CYBERARK, ambiguous};
use self::session::Session;

const INFO: StoreInfo = StoreInfo { name: "cyberark", title: "CyberArk Privileged Access Manager" };

/// How many accounts a page has at most.
const PAGE: usize = 1000;

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.cyberark.PrivilegedAccountsBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(convention(options))),
    rules: OptionRules { check: config::check, ..OptionRules::NONE },
    tools: Tools {
        words: &["cyberark"],
        about: "CyberArk's accounts: permissions belong to the members of a safe, so there is no policy",
        check,
        without_policy: (
            "permissions belong to the members of a safe",
            "Give the user the permissions List accounts and Retrieve accounts of the safe",
        ),
        ..Tools::NONE
    },
    open,
};

/// The accounts that one user may read.
#[derive(Debug)]
struct Accounts {
    session: Session,
    safe: Option<String>,
    reason: Option<String>,
    known: Known,
}

impl Accounts {
    async fn read(&self, name: &str, subject: &str) -> Result<Option<SecretValue>> {
        if let Some(place) = self.known.take(&name.into())
            && let Some(value) = self.retrieve(&place, subject).await?
        {
            return Ok(Some(value));
        }
        let Some(account) = self.find(name, subject).await? else { return Ok(None) };
        let place = account.secret().ok_or_else(|| CYBERARK.not_understood(subject))?;
        self.retrieve(&place, subject).await
    }

    /// The password or key that is there; `None` if its account is gone.
    async fn retrieve(&self, place: &str, subject: &str) -> Result<Option<SecretValue>> {
        let path = format!("API/Accounts/{place}/Retrieve");
        let Some(answer) = self.session.post(&path, &self.body(), subject).await? else { return Ok(None) };
        let value = answer.as_str().map(SecretValue::text);
        value.map(Some).ok_or_else(|| CYBERARK.not_understood(subject))
    }

    /// Remembers where the secrets of these accounts are, which are all that there are: others may have the
    /// same names.
    fn remember(&self, accounts: &[Account]) {
        let (mut places, mut repeated) = (Ids::new(), Vec::new());
        for account in accounts {
            if let (Some(name), Some(place)) = (account.name(), account.secret())
                && places.insert(name.into(), place).is_some()
            {
                repeated.push(SecretName::from(name));
            }
        }
        for name in &repeated {
            places.remove(name);
        }
        self.known.keep(places);
    }

    fn body(&self) -> Value {
        let mut body = Object::new();
        if let Some(reason) = &self.reason {
            body.insert("Reason".into(), Value::String(reason.as_str().into()));
        }
        Value::Object(body)
    }

    /// The account of this very name; several are an error.
    async fn find(&self, name: &str, subject: &str) -> Result<Option<Account>> {
        let keywords = keywords(name);
        let mut found = Vec::new();
        let mut next = Some(0);
        while let Some(offset) = next {
            let (accounts, following) = self.page(&keywords, offset, subject).await?;
            // The search finds words in any property of an account.
            found.extend(accounts.into_iter().filter(|account| account.name() == Some(name)));
            next = following;
        }
        if found.len() > 1 { Err(ambiguous(&found, subject)) } else { Ok(found.pop()) }
    }

    /// One page of the accounts with these keywords in the safe, and where the next one begins.
    async fn page(
        &self,
        keywords: &str,
        offset: usize,
        subject: &str,
    ) -> Result<(Vec<Account>, Option<usize>)> {
        let (filter, limit, from) = (
            self.safe.as_deref().map(|safe| format!("safeName eq {safe}")),
            PAGE.to_string(),
            offset.to_string(),
        );
        let search = (!keywords.is_empty()).then_some(("search", keywords));
        let filter = filter.as_deref().map(|filter| ("filter", filter));
        let query: Vec<_> = search.into_iter().chain(filter).collect();
        let query = [&query[..], &[("limit", &limit), ("offset", &from)]].concat();
        let answer = self.session.object("API/Accounts", &query, subject).await?;
        let values = answer.get("value").and_then(Value::as_array);
        let values = values.ok_or_else(|| CYBERARK.not_understood(subject))?;
        let has_next = answer.get("nextLink").and_then(Value::as_str).is_some_and(|link| !link.is_empty());
        let next = (has_next && !values.is_empty()).then(|| offset + values.len());
        let accounts = values.iter().filter_map(Account::of);
        Ok((accounts.filter(|account| account.is_in(self.safe.as_deref())).collect(), next))
    }
}

/// A name as words to search for: three characters are not allowed in an address of the web access, not even
/// encoded.
fn keywords(name: &str) -> String {
    name.replace(['+', '&', '%'], " ").trim().to_owned()
}

#[async_trait]
impl Store for Accounts {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let read = self.read(name.as_str(), &format!("reading `{name}`")).await;
        read.map_err(|error| error.with_operation("read"))
    }

    fn is_outdated(&self) -> bool {
        self.session.is_outdated()
    }

    fn is_open(&self) -> bool {
        self.session.is_open()
    }

    async fn close(&self) {
        self.session.log_off().await;
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Accounts {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        let offset = page.and_then(|page| page.token().parse().ok()).unwrap_or(0);
        let listed = self.page("", offset, "listing the names of accounts").await;
        let (accounts, next) = listed.map_err(|error| error.with_operation("list"))?;
        if offset == 0 && next.is_none() {
            self.remember(&accounts);
        }
        let is_below = |account: &&Account| account.name().is_some_and(|name| name.starts_with(prefix));
        let secrets = accounts.iter().filter(is_below).map(Account::description).collect();
        Ok(Listing { secrets, next: next.map(|offset| Page::new(offset.to_string())) })
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let found = self.find(name.as_str(), &format!("looking for `{name}`")).await;
        let found = found.map_err(|error| error.with_operation("describe"))?;
        Ok(found.map(|account| account.description()))
    }

    fn identity(&self) -> Option<String> {
        Some(self.session.identity())
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.session.findings().await
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(Accounts {
        session: Session::open(options, environment)?,
        safe: config::safe(options, environment).map(str::to_owned),
        reason: options.non_empty("reason").map(str::to_owned),
        known: Known::default(),
    }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let address = config::address(options, environment);
    let found = checks::of_service(address.as_ref().ok(), config::ADDRESS.key, options, &convention(options));
    let login = address.and_then(|address| config::login(options, environment, &address).map(drop));
    found.into_iter().chain(login.err().map(|error| Finding::of("config", &error))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_searched_for_without_what_no_address_may_have() {
        for (name, words) in [("a-b", "a-b"), ("R&D", "R D"), ("100%", "100"), ("+&%", "")] {
            assert_eq!(keywords(name), words);
        }
    }
}
