//! Secrets in the configuration itself: for tests, and the pattern for new stores.
//!
//! Nothing is read from outside: the option `secrets` is the store. It names secrets as Secrets Manager does,
//! so a configuration that was tried here works there.

mod convention;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::kit::from_json::secret_from_json;
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{CONFIG_PREFIX, CONNECTIONS_PREFIX, SEPARATOR, VARIABLES_PREFIX};
use crate::store::tools::Tools;
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;
use crate::value::json::Value;

pub use self::convention::MemoryConvention;

/// What the rest of the product needs to know about this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.memory.MemoryBackend",
    options: &[SECRETS, CONNECTIONS_PREFIX, VARIABLES_PREFIX, CONFIG_PREFIX, SEPARATOR],
    variables: &[],
    convention: |options| Ok(Arc::new(MemoryConvention::from_options(options))),
    rules: OptionRules::NONE,
    tools: Tools {
        words: &["memory"],
        about: "Secrets in memory, for tests: no policy",
        without_policy: (
            "its secrets are in the configuration",
            "Use it for tests alone: who reads airflow.cfg, or the environment, reads them",
        ),
        ..Tools::NONE
    },
    open: |options, _environment: &Environment| Ok(Arc::new(MemoryStore::from_options(options))),
};

const INFO: StoreInfo = StoreInfo { name: "memory", title: "Memory" };

const SECRETS: OptionSpec = OptionSpec::new(
    "secrets",
    OptionKind::SecretObject,
    "Every secret by its full name in the store; a value may be a string or any other JSON.",
);

/// Secrets held in memory. Debug shows only how many there are.
pub struct MemoryStore {
    secrets: HashMap<String, SecretValue>,
}

impl MemoryStore {
    /// A store that holds the contents of the option `secrets`. A null counts as no secret.
    pub fn from_options(options: &Options) -> Self {
        let members = options.object(SECRETS.key).and_then(Value::as_object);
        let secrets = members.into_iter().flatten().filter_map(|(name, value)| {
            // Rust cannot ask for a name with a lone surrogate, so nothing is lost without it.
            Some((name.to_str()?.to_owned(), secret_from_json(value)?))
        });
        Self { secrets: secrets.collect() }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MemoryStore({} secrets)", self.secrets.len())
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        Ok(self.secrets.get(name.as_str()).cloned())
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for MemoryStore {
    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Listing> {
        Ok(Listing::only_page(self.secrets.keys().map(String::as_str), prefix))
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let form = |value: &SecretValue| if value.is_structured() { "JSON" } else { "text" };
        let secret = self.secrets.get(name.as_str());
        let described =
            |value| Description { form: Some(form(value).to_owned()), ..Description::of(name.clone()) };
        Ok(secret.map(described))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;
    use crate::value::{Text, json};

    fn store(secrets: &str) -> Arc<dyn Store> {
        let mut options = Options::default();
        options.set(SECRETS.key, OptionValue::Object(json::parse(&Text::from(secrets)).unwrap()));
        (ENTRY.open)(&options, &Environment::default()).unwrap()
    }

    async fn read(store: &dyn Store, name: &str) -> Option<(String, bool)> {
        let value = store.get(&name.into()).await.unwrap();
        value.map(|value| (value.expose().to_owned(), value.is_structured()))
    }

    #[tokio::test]
    async fn strings_are_text_and_other_json_is_structured() {
        let store = store(r#"{"a/b": "text", "number": 1, "nothing": null, "empty": ""}"#);
        assert_eq!(read(&*store, "a/b").await, Some(("text".to_owned(), false)));
        assert_eq!(read(&*store, "number").await, Some(("1".to_owned(), true)));
        assert_eq!(read(&*store, "nothing").await, None);
        assert_eq!(read(&*store, "empty").await, Some((String::new(), false)));
        assert_eq!(read(&*store, "absent").await, None);
    }

    #[tokio::test]
    async fn no_secrets_is_an_empty_store() {
        let store = (ENTRY.open)(&Options::default(), &Environment::default()).unwrap();
        assert_eq!(read(&*store, "a").await, None);
    }

    #[tokio::test]
    async fn names_are_listed_by_prefix_and_a_null_has_none() {
        let store = store(r#"{"b": "", "a/2": "x", "a/1": 1, "a/3": null}"#);
        let names = store.inspect().unwrap().list("a/", None).await.unwrap();
        assert_eq!(names, Listing::of_names(["a/1", "a/2"], None));
        assert_eq!(store.inspect().unwrap().list("", None).await.unwrap().secrets.len(), 3);
    }

    #[tokio::test]
    async fn a_description_has_the_form_and_no_value() {
        let store = store(r#"{"a": "canary", "b": {"c": "canary"}}"#);
        let described = |name: &'static str| {
            let store = Arc::clone(&store);
            async move { store.inspect().unwrap().describe(&name.into()).await.unwrap() }
        };
        let (text, json) = (described("a").await.unwrap(), described("b").await.unwrap());
        assert_eq!((text.form.as_deref(), json.form.as_deref()), (Some("text"), Some("JSON")));
        assert!(!format!("{text:?}{json:?}").contains("canary"));
        assert_eq!(described("c").await, None);
    }

    #[test]
    fn debug_shows_no_name_and_no_value() {
        assert_eq!(format!("{:?}", store(r#"{"name-x": "canary-1"}"#)), "MemoryStore(1 secrets)");
    }
}
