//! Conjur: variables of one account, read with the short-lived token of a login.
//!
//! Sources: `conjur-openapi-spec` 5.3.2, and the vendor's client for Python, `conjur-api` 0.2.0.
//!
//! | file | what it does |
//! |---|---|
//! | `batch.rs` | many variables with one request |
//! | `config.rs` | options |
//! | `convention.rs` | ids of variables |
//! | `error.rs` | what statuses mean, and what helps |
//! | `login.rs` | logins and their tokens |
//! | `policy.rs` | the policy that lets a role read |
//! | `privilege.rs` | what the role may do with what it sees |
//! | `resource.rs` | what is known of a variable without its value |

mod batch;
mod config;
mod convention;
mod error;
mod login;
mod policy;
mod privilege;
mod resource;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::rest::segment;
use crate::store::kit::session::Session;
use crate::store::kit::{checks, trust};
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;
use crate::value::json::{Object, Value};

use self::convention::convention;
use self::error::CONJUR;
use self::login::Authn;
use self::resource::{described, is_empty};

const INFO: StoreInfo = StoreInfo { name: "conjur", title: "CyberArk Conjur" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.cyberark.ConjurBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(convention(options))),
    rules: OptionRules { check: config::check, ..OptionRules::NONE },
    tools: Tools {
        words: &["conjur"],
        about: "CyberArk Conjur: a policy with the variables and the role that reads them",
        lists_tags: true,
        check,
        policy: Some(policy::POLICY),
        ..Tools::NONE
    },
    open,
};

/// How many variables a page of a listing has.
const PAGE: usize = 500;

/// The variables that one role may read.
#[derive(Debug)]
struct Conjur {
    session: Session<Authn>,
    account: String,
}

impl Conjur {
    /// The path of a variable below `endpoint`. A slash in its id is none of the path.
    fn path(&self, endpoint: &str, name: &SecretName) -> String {
        format!("{endpoint}/{}/variable/{}", segment(&self.account), segment(name.as_str()))
    }

    /// The answer to a request, `None` where Conjur says that there is nothing.
    async fn found(&self, path: &str, query: &[(&str, &str)], subject: &str) -> Result<Option<Answer>> {
        let answer = self.session.ask(&self.session.get(path, query)?, subject).await?;
        match answer.status {
            _ if answer.is_success() => Ok(Some(answer)),
            _ if error::is_absent(&answer) => Ok(None),
            _ => Err(error::refused(&answer, subject)),
        }
    }

    async fn read(&self, name: &SecretName, subject: &str) -> Result<Option<SecretValue>> {
        let Some(answer) = self.found(&self.path("secrets", name), &[], subject).await? else {
            return Ok(None);
        };
        // The value is the body itself, so a page of something else would be taken for one.
        let is_page = answer.header("content-type").is_some_and(|form| form.starts_with("text/html"));
        if is_page { Err(CONJUR.not_understood(subject)) } else { text(&answer.body, subject).map(Some) }
    }

    /// A variable without its value, if the role can see it.
    async fn resource(&self, name: &SecretName, subject: &str) -> Result<Option<Object>> {
        let found = self.found(&self.path("resources", name), &[], subject).await?;
        found.map(|answer| answer.object().ok_or_else(|| CONJUR.not_understood(subject))).transpose()
    }

    /// One page of the variables that the role can see.
    async fn page(&self, offset: &str, limit: usize) -> Result<Vec<Object>> {
        let subject = "listing the variables";
        let path = format!("resources/{}/variable", segment(&self.account));
        let limit = limit.to_string();
        let request = self.session.get(&path, &[("limit", &limit), ("offset", offset)])?;
        let answer = self.session.ask(&request, subject).await?;
        if !answer.is_success() {
            return Err(error::refused(&answer, subject));
        }
        let resources =
            answer.json().and_then(Value::into_array).ok_or_else(|| CONJUR.not_understood(subject))?;
        Ok(resources.into_iter().filter_map(Value::into_object).collect())
    }
}

/// A value as text.
fn text(value: &[u8], subject: &str) -> Result<SecretValue> {
    std::str::from_utf8(value).map(SecretValue::text).map_err(|_| error::binary(subject))
}

/// Where the page after this one begins, if so many variables show that there is one.
fn next(offset: &str, count: usize) -> Option<Page> {
    let next = offset.parse::<usize>().ok()?.checked_add(PAGE)?;
    (count > PAGE).then(|| Page::new(next.to_string()))
}

#[async_trait]
impl Store for Conjur {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let read = self.read(name, &format!("reading `{name}`")).await;
        read.map_err(|error| error.with_operation("read"))
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        match self.batch(names).await {
            Ok(answers) => answers,
            Err(error) => vec![Some(Err(error.with_operation("batch"))); names.len()],
        }
    }

    fn batch_size(&self) -> NonZeroUsize {
        batch::SIZE
    }

    fn is_outdated(&self) -> bool {
        self.session.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Conjur {
    /// The search of the API is for words, not for beginnings, so everything is listed.
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        let offset = page.map_or("0", Page::token);
        // One more shows whether another page follows.
        let resources = self.page(offset, PAGE + 1).await.map_err(|error| error.with_operation("list"))?;
        let here = resources.iter().take(PAGE);
        let found = here.filter_map(|resource| described(resource, &self.account));
        let secrets = found.filter(|found| found.name.as_str().starts_with(prefix)).collect();
        Ok(Listing { secrets, next: next(offset, resources.len()) })
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let found = self.resource(name, &format!("looking for `{name}`")).await;
        let found = found.map_err(|error| error.with_operation("describe"))?;
        Ok(found.and_then(|resource| described(&resource, &self.account)))
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        let found = self.resource(name, &format!("looking for `{name}`")).await;
        let found = found.map_err(|error| error.with_operation("describe"))?;
        let finding = || {
            let evidence = format!("the variable `{name}` was declared in a policy and has no value yet");
            let remedy = "Give it one: conjur variable set -i ID -v VALUE";
            Finding::new(Severity::Warning, "no_value", evidence, remedy)
        };
        Ok(found.is_some_and(|resource| is_empty(&resource)).then(finding))
    }

    fn identity(&self) -> Option<String> {
        Some(self.session.identity())
    }

    async fn diagnose(&self) -> Vec<Finding> {
        let mut found = self.session.findings().await;
        found.extend(self.privileges().await);
        found
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let address = config::address(options, environment)?;
    let login = config::login(options, environment)?;
    let account = login.account.clone();
    let roots = || trust::roots(options, environment, config::CERTIFICATES);
    Ok(Arc::new(Conjur { session: Session::open(login, address, roots, environment)?, account }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let address = config::address(options, environment);
    let found = checks::of_service(address.as_ref().ok(), config::ADDRESS.key, options, &convention(options));
    let login = address.and_then(|_| config::login(options, environment).map(drop));
    let found = found.into_iter();
    found.chain(login.err().map(|error| Finding::of("config", &error))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_where_the_last_one_ended() {
        assert_eq!(next("500", PAGE + 1).as_ref().map(Page::token), Some("1000"));
        assert!(next("0", PAGE).is_none() && next("x", PAGE + 1).is_none());
    }

    #[test]
    fn a_value_is_text() {
        assert_eq!(text("\u{e9}".as_bytes(), "reading `a`").unwrap().expose(), "\u{e9}");
        assert_eq!(
            text(b"\xff", "reading `a`").unwrap_err().to_string(),
            "reading `a`: the value is not text in UTF-8. Store text, and binary content such as a \
            keystore in base64"
        );
    }
}
