//! BeyondTrust Secrets Safe, the part of Password Safe that holds secrets of applications: credentials, texts
//! and files, found by the path of their folders, by their title in a folder, or by their id.
//!
//! Sources: "Secrets Safe APIs" of the BeyondInsight and Password Safe API Guide, and BeyondTrust's
//! `beyondtrust-bips-library` 2.32.1 and `go-client-library-passwordsafe`.

mod config;
mod convention;
mod error;
mod login;
mod record;
mod search;
mod session;

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::checks;
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;

use self::convention::convention;
use self::error::SECRETS_SAFE;
use self::record::{Form, Record, is_id};
use self::search::{SECRETS, Scope};
use self::session::Session;

const INFO: StoreInfo = StoreInfo { name: "beyondtrust", title: "BeyondTrust Secrets Safe" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.beyondtrust.SecretsSafeBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(convention(options))),
    rules: OptionRules { check: config::check, ..OptionRules::NONE },
    tools: Tools {
        words: &["beyondtrust"],
        about: "BeyondTrust Secrets Safe: permissions belong to safes, so there is no policy",
        check,
        without_policy: (
            "permissions belong to its safes",
            "Give the user a role that may read the secrets of the safes that the prefixes name, or of \
            `folder_id`",
        ),
        ..Tools::NONE
    },
    open,
};

/// The secrets that one login may read.
#[derive(Debug)]
struct SecretsSafe {
    session: Session,
    scope: Scope,
}

impl SecretsSafe {
    /// The secret with this name. A listing has its value as well, but that of a file.
    async fn find(&self, name: &str, subject: &str) -> Result<Option<Record>> {
        if !is_id(name) {
            return self.scope.find(&self.session, name, subject).await;
        }
        let answer = self.session.ask(&format!("{SECRETS}/{name}"), &[], subject).await?;
        if error::is_absent(&answer) { Ok(None) } else { record(&answer, subject).map(Some) }
    }

    async fn read(&self, name: &str, subject: &str) -> Result<Option<SecretValue>> {
        match self.find(name, subject).await? {
            Some(record) => self.value(&record, subject).await.map(Some),
            None => Ok(None),
        }
    }

    async fn value(&self, record: &Record, subject: &str) -> Result<SecretValue> {
        match record.form() {
            Form::Credential => record.password().map(SecretValue::text).ok_or_else(|| {
                let what = format!("{subject}: the credential has no password");
                Error::new(ErrorKind::Malformed, what)
                    .with_hint("Write one, or let the user's group read the secret")
            }),
            Form::Text => match record.content() {
                Some(text) => Ok(SecretValue::text(text)),
                None => self.text(record, subject).await,
            },
            Form::File => self.file(record, subject).await,
        }
    }

    /// The text of a secret whose record has none: it is empty, or has to be asked for.
    async fn text(&self, record: &Record, subject: &str) -> Result<SecretValue> {
        let answer = self.of_record(record, "text", subject).await?;
        let found = self::record(&answer, subject)?;
        found.whole_content().map(SecretValue::text).ok_or_else(|| SECRETS_SAFE.not_understood(subject))
    }

    async fn file(&self, record: &Record, subject: &str) -> Result<SecretValue> {
        let answer = self.of_record(record, "file/download", subject).await?;
        let accepted = accepted(&answer, subject)?;
        let text = std::str::from_utf8(&accepted.body).map(SecretValue::text);
        text.map_err(|_| {
            Error::new(ErrorKind::Malformed, format!("{subject}: the file is not text"))
                .with_hint("Store text in UTF-8")
        })
    }

    async fn of_record(&self, record: &Record, part: &str, subject: &str) -> Result<Answer> {
        let id = record.id().ok_or_else(|| SECRETS_SAFE.not_understood(subject))?;
        self.session.ask(&format!("{SECRETS}/{id}/{part}"), &[], subject).await
    }

    /// A folder that is not there, or that may not be seen: every secret would be absent.
    async fn folder_problem(&self) -> Option<Finding> {
        let Scope::Folder(id) = &self.scope else { return None };
        let path = format!("secrets-safe/folders/{id}");
        let asked = self.session.ask(&path, &[], "looking for the folder").await;
        asked.is_ok_and(|answer| error::is_absent(&answer)).then(|| {
            let evidence = format!("there is no folder `{}`, or the user may not see it", Shown(id));
            Finding::new(Severity::Problem, "folder", evidence, "Correct `folder_id`, or share the safe")
        })
    }
}

fn accepted<'answer>(answer: &'answer Answer, subject: &str) -> Result<&'answer Answer> {
    if answer.is_success() { Ok(answer) } else { Err(error::refused(answer, subject)) }
}

/// The secret that an answer is.
fn record(answer: &Answer, subject: &str) -> Result<Record> {
    let record = accepted(answer, subject)?.json().and_then(Record::of);
    record.ok_or_else(|| SECRETS_SAFE.not_understood(subject))
}

#[async_trait]
impl Store for SecretsSafe {
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
        self.session.sign_out().await;
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for SecretsSafe {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        let listed = self.scope.list(&self.session, prefix, page).await;
        listed.map_err(|error| error.with_operation("list"))
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let found = self.find(name.as_str(), &format!("looking for `{name}`")).await;
        let found = found.map_err(|error| error.with_operation("describe"))?;
        Ok(found.map(|record| record.description(name.as_str())))
    }

    fn identity(&self) -> Option<String> {
        Some(self.session.identity())
    }

    async fn diagnose(&self) -> Vec<Finding> {
        let findings = self.session.findings().await;
        findings.into_iter().chain(self.folder_problem().await).collect()
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let session = Session::open(options, environment)?;
    Ok(Arc::new(SecretsSafe { session, scope: config::scope(options)? }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let address = config::address(options, environment);
    let found = checks::of_service(address.as_ref().ok(), config::ADDRESS.key, options, &convention(options));
    let login = address.and_then(|_| config::login(options, environment)).map(drop);
    let problem = login.and_then(|()| config::scope(options)).err();
    found.into_iter().chain(problem.map(|error| Finding::of("config", &error))).collect()
}
