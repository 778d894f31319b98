//! Elasticsearch and OpenSearch: one document for each sealed value, read by its id.
//!
//! Sources: the OpenAPI document of `elastic/elasticsearch-specification`, and answers of Elasticsearch
//! 7.17.29 and 8.19.21 and of OpenSearch 2.11.1. What a record looks like is our own:
//! `docs/sealed-values.md`.

mod api;
mod config;
mod convention;
mod error;
mod search;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::sealed::{Keys, Place, Record};
use crate::store::environment::Environment;
use crate::store::kit::checks;
use crate::store::kit::sealing::{keys, no_place, noteworthy, place};
use crate::store::options::Options;
use crate::store::tools::{Finding, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;
use crate::value::json::Object;

use self::api::Api;
use self::convention::{convention, is_valid};

const INFO: StoreInfo = StoreInfo { name: "elasticsearch", title: "Elasticsearch" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.elasticsearch.ElasticsearchBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(convention(options))),
    rules: OptionRules { check: config::check, ..OptionRules::NONE },
    tools: Tools {
        words: &["elasticsearch", "opensearch"],
        about: "Elasticsearch, OpenSearch: roles are for whole indices, so there is no policy",
        lists_tags: true,
        check,
        without_policy: (
            "roles decide it, for whole indices",
            "Make a role with the privilege `read` for this index alone",
        ),
        ..Tools::NONE
    },
    open: |options, environment| Ok(Arc::new(Elasticsearch::open(options, environment)?)),
};

/// How many documents one request asks for.
const BATCH: NonZeroUsize = match NonZeroUsize::new(500) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// One index, and the keys of what is in it.
#[derive(Debug)]
struct Elasticsearch {
    api: Api,
    keys: Keys,
}

impl Elasticsearch {
    fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let mut api = Api::open(options, environment)?;
        let keys = keys(options, environment, &mut api.files)?;
        Ok(Self { api, keys })
    }

    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let place = checked(name)?;
        let subject = format!("reading `{name}`");
        let document = self.api.document(name.as_str(), true, &subject).await?;
        document.map(|members| self.opened(&members, place, &subject)).transpose()
    }

    fn opened(&self, members: &Object, place: Place<'_>, subject: &str) -> Result<SecretValue> {
        self.keys.open(&Record::parse(members, subject)?, place)
    }

    /// The values of names that documents can have, in their order.
    async fn read_all(&self, names: &[&SecretName]) -> Result<Vec<Result<Option<SecretValue>>>> {
        let ids: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        let subject = format!("reading {} secrets", ids.len());
        let documents = self.api.documents(&ids, &subject).await?;
        let values = names.iter().zip(documents).map(|(name, document)| {
            let (place, subject) = (checked(name)?, format!("reading `{name}`"));
            document?.map(|members| self.opened(&members, place, &subject)).transpose()
        });
        Ok(values.collect())
    }
}

/// Kind and name of what can be the id of a document.
fn checked(name: &SecretName) -> Result<Place<'_>> {
    if !is_valid(name.as_str()) {
        let what =
            format!("`{name}` has {} bytes, and an id of Elasticsearch at most 512", name.as_str().len());
        return Err(Error::new(ErrorKind::InvalidName, what).with_hint("Use a shorter id or prefix"));
    }
    place(name).ok_or_else(|| no_place(name))
}

#[async_trait]
impl Store for Elasticsearch {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.read(name).await.map_err(|error| error.with_operation("read"))
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        let possible: Vec<_> = names.iter().filter(|name| checked(name).is_ok()).collect();
        let read = if possible.is_empty() { Ok(Vec::new()) } else { self.read_all(&possible).await };
        let mut values = match read {
            Ok(values) => values.into_iter().map(Some).collect::<Vec<_>>(),
            // OpenSearch has a permission of its own for this request; a read of one name needs another.
            Err(error) if error.kind() == ErrorKind::Denied => vec![None; possible.len()],
            Err(error) => vec![Some(Err(error)); possible.len()],
        }
        .into_iter();
        let with_operation = |error: Error| error.with_operation("read");
        let answers = names.iter().map(|name| match checked(name) {
            Ok(_) => values.next().flatten().map(|value| value.map_err(with_operation)),
            Err(error) => Some(Err(with_operation(error))),
        });
        answers.collect()
    }

    fn batch_size(&self) -> NonZeroUsize {
        BATCH
    }

    fn reads_together(&self) -> bool {
        true
    }

    fn is_outdated(&self) -> bool {
        self.api.files.have_changed()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Elasticsearch {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        search::list(&self.api, prefix, page).await.map_err(|error| error.with_operation("list"))
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        checked(name)?;
        let document = self.api.document(name.as_str(), false, &format!("describing `{name}`")).await;
        let document = document.map_err(|error| error.with_operation("describe"))?;
        Ok(document.map(|members| search::description(name.clone(), &members)))
    }

    fn identity(&self) -> Option<String> {
        Some(self.api.identity())
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.api.findings().await
    }
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let address = config::address(options, environment);
    let found = checks::of_service(address.as_ref().ok(), config::ADDRESS.key, options, &convention(options))
        .into_iter();
    let login = config::login(options, environment).map(drop);
    let faults = [address.map(drop), login].into_iter().filter_map(Result::err);
    let faults = faults.map(|error| Finding::of("config", &error));
    found.chain(faults).chain(noteworthy(options, environment)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_needs_a_key_and_shows_none() {
        let written = [
            ("address", "https://h:9200"),
            ("api_key", "id:canary"),
            ("sealing_key", "canary-".repeat(5).leak()),
        ];
        let open = |written: &[(&'static str, &str)]| {
            Elasticsearch::open(&Options::of_texts(written), &Environment::default())
        };
        assert!(open(&written[..2]).unwrap_err().to_string().starts_with("there is no key"));
        assert_eq!(open(&written[1..]).unwrap_err().kind(), ErrorKind::Config);
        let store = open(&written).unwrap();
        assert!(!format!("{store:?}").contains("canary"));
        assert_eq!(
            store.api.identity(),
            "the API key of `api_key`, for the index `strongroom` on https://h:9200"
        );
    }

    #[test]
    fn a_name_that_is_too_long_is_refused_with_the_reason() {
        let long = SecretName::from(format!("variable/{}", "n".repeat(504)));
        let error = checked(&long).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName);
        assert!(error.to_string().contains("has 513 bytes"), "{error}");
        assert!(checked(&"variable/a".into()).is_ok());
        assert!(checked(&"all".into()).unwrap_err().to_string().contains("begins with its kind"));
    }
}
