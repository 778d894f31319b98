//! Delinea Secret Server, by itself or as the vault of the Delinea Platform: one field of each secret, found
//! by the path of its folders, by its name in a folder, or by its number.
//!
//! Sources: the "Secret Server Rest API" 11.7.2, and Delinea's `python-tss-sdk` 2.0.1.

mod config;
mod convention;
mod error;
mod field;
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
use crate::store::kit::from_json::secret_from_json;
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;
use crate::value::json::Value;

use self::convention::convention;
use self::error::SECRET_SERVER;
use self::field::Field;
use self::record::Record;
use self::search::{Scope, path_of};
use self::session::{Session, understood};

const INFO: StoreInfo = StoreInfo { name: "delinea", title: "Delinea Secret Server" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.delinea.SecretServerBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(convention(options))),
    rules: OptionRules { check: config::check, ..OptionRules::NONE },
    tools: Tools {
        words: &["delinea"],
        about: "Delinea Secret Server: permissions belong to folders, so there is no policy",
        check,
        without_policy: (
            "permissions belong to its folders",
            "Give the user the permission View of the folders that the prefixes name, or of `folder_id`",
        ),
        ..Tools::NONE
    },
    open,
};

/// The secrets that one login may read.
#[derive(Debug)]
struct SecretServer {
    session: Session,
    scope: Scope,
    field: Option<String>,
    comment: Option<String>,
}

/// How a secret is asked for.
enum Way<'name> {
    /// By its number.
    Id(&'name str),
    /// By the path of its folders.
    Path(&'name str),
    /// By its number, which a search has found.
    Found(Record),
}

impl SecretServer {
    async fn read(&self, name: &str, subject: &str) -> Result<Option<SecretValue>> {
        let way = match &self.scope {
            _ if is_id(name) => Way::Id(name),
            Scope::Paths => Way::Path(name),
            Scope::Folder(_) => match self.scope.find(&self.session, name, subject).await? {
                Some(record) => Way::Found(record),
                None => return Ok(None),
            },
        };
        let (id, path) = match &way {
            Way::Id(id) => ((*id).to_owned(), None),
            Way::Path(path) => ("0".to_owned(), Some(path_of(path))),
            Way::Found(record) => (record.id().ok_or_else(|| SECRET_SERVER.not_understood(subject))?, None),
        };
        let path = path.as_deref().map(|path| ("secretPath", path));
        let query: Vec<_> = self.query().into_iter().chain(path).collect();
        let answer = self.session.ask(&format!("api/v1/secrets/{id}"), &query, subject).await?;
        if answer.is_success() {
            self.value(&answer, subject).await
        } else {
            self.why(way, &answer, subject).await
        }
    }

    /// A lookup never checks a secret out: that would keep everyone else out.
    fn query(&self) -> Vec<(&str, &str)> {
        let comment = self.comment.as_deref().map(|comment| ("autoComment", comment));
        [("noAutoCheckout", "true")].into_iter().chain(comment).collect()
    }

    async fn value(&self, answer: &Answer, subject: &str) -> Result<Option<SecretValue>> {
        let secret = understood(answer, subject)?;
        // What is deleted stays as inactive.
        if secret.get("active").and_then(Value::as_bool) == Some(false) {
            return Ok(None);
        }
        let field = Field::of(&secret, self.field.as_deref(), subject)?;
        if field.is_file() {
            let id = secret.get("id").and_then(Value::as_i64);
            let id = id.ok_or_else(|| SECRET_SERVER.not_understood(subject))?;
            return self
                .file(&format!("api/v1/secrets/{id}/fields/{}", field.slug()), subject)
                .await
                .map(Some);
        }
        let value = field.value().and_then(secret_from_json);
        value.map(Some).ok_or_else(|| {
            let what = format!("{subject}: the field `{}` has no value", Shown(field.slug()));
            Error::new(ErrorKind::Malformed, what).with_hint("Write a value, or another field as `field`")
        })
    }

    async fn file(&self, path: &str, subject: &str) -> Result<SecretValue> {
        let query = [("args.noAutoCheckout", "true")];
        let answer = self.session.ask(path, &query, subject).await?;
        if !answer.is_success() {
            return Err(error::refused(&answer, subject));
        }
        let text = std::str::from_utf8(&answer.body).map(SecretValue::text);
        text.map_err(|_| {
            Error::new(ErrorKind::Malformed, format!("{subject}: the file in the field is not text"))
                .with_hint("Store text in UTF-8")
        })
    }

    /// What a refusal of a read means: Secret Server answers alike for what is absent and what is kept back.
    async fn why(&self, way: Way<'_>, answer: &Answer, subject: &str) -> Result<Option<SecretValue>> {
        if !error::is_kept_back(answer) {
            return Err(error::refused(answer, subject));
        }
        let record = match way {
            Way::Found(record) => Some(record),
            Way::Path(path) => self.scope.find(&self.session, path, subject).await?,
            Way::Id(id) => match self.summary(id, subject).await? {
                None if answer.status != 404 => return Err(error::unknown_id(answer, subject)),
                record => record,
            },
        };
        record.map_or(Ok(None), |record| Err(error::kept_back(answer, &record, subject)))
    }

    /// The summary of the secret with this number, if the user can see it.
    async fn summary(&self, id: &str, subject: &str) -> Result<Option<Record>> {
        let answer = self.session.ask(&format!("api/v1/secrets/{id}/summary"), &[], subject).await?;
        if error::is_kept_back(&answer) {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(error::refused(&answer, subject));
        }
        Ok(Record::of(&Value::Object(understood(&answer, subject)?)))
    }
}

/// Whether a name is the number of a secret.
fn is_id(name: &str) -> bool {
    !name.is_empty() && name.len() <= 10 && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[async_trait]
impl Store for SecretServer {
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

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for SecretServer {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        let listed = self.scope.list(&self.session, prefix, page).await;
        listed.map_err(|error| error.with_operation("list"))
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let (text, subject) = (name.as_str(), format!("looking for `{name}`"));
        let found = if is_id(text) {
            self.summary(text, &subject).await
        } else {
            self.scope.find(&self.session, text, &subject).await
        };
        let found = found.map_err(|error| error.with_operation("describe"))?;
        Ok(found.map(|record| record.description(text)))
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        if is_id(name.as_str()) {
            return Ok(None);
        }
        let subject = format!("looking for `{name}` among what was deactivated");
        let found = self.scope.is_deactivated(&self.session, name.as_str(), &subject).await;
        let found = found.map_err(|error| error.with_operation("describe"))?;
        let evidence = format!("`{name}` was deactivated in Secret Server");
        let finding =
            || Finding::new(Severity::Problem, "deleted", evidence, "Activate it again, or store it anew");
        Ok(found.then(finding))
    }

    fn identity(&self) -> Option<String> {
        Some(self.session.identity())
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.session.findings().await
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let folder = options.count(config::FOLDER_ID);
    let text = |key| options.non_empty(key).map(str::to_owned);
    Ok(Arc::new(SecretServer {
        session: Session::open(options, environment)?,
        scope: folder.map_or(Scope::Paths, |id| Scope::Folder(id.to_string())),
        field: text("field"),
        comment: text("comment"),
    }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let address = config::address(options, environment);
    let found = checks::of_service(address.as_ref().ok(), config::ADDRESS.key, options, &convention(options));
    let login = address.and_then(|address| {
        config::login(options, environment, config::is_platform(options, &address)).map(drop)
    });
    let found = found.into_iter();
    found.chain(login.err().map(|error| Finding::of("config", &error))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_digits_is_a_number() {
        for (name, is) in
            [("7", true), ("0012", true), ("", false), ("a7", false), ("7/8", false), ("12345678901", false)]
        {
            assert_eq!(is_id(name), is, "{name}");
        }
    }
}
