//! Doppler: the secrets of one config of one project, read with a token.
//!
//! Sources: docs.doppler.com/reference/api, and `services/secrets.py` of Doppler's `python-sdk` 1.3.0.

mod config;
mod convention;
mod error;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Request;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::kit::download::{ANY_NUMBER, Downloads};
use crate::store::kit::from_json::secret_from_json;
use crate::store::kit::names::{Named, texts};
use crate::store::kit::service::Service;
use crate::store::options::Options;
use crate::store::tools::{Finding, Tools};
use crate::store::{Inspect, OptionRules, SecretName, Store, StoreEntry, StoreInfo};
use crate::value::SecretValue;
use crate::value::json::{Object, Value};

use self::convention::convention;
use self::error::DOPPLER;

const INFO: StoreInfo = StoreInfo { name: "doppler", title: "Doppler" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.doppler.DopplerBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(convention(options))),
    rules: OptionRules {
        check: |options, environment| DOPPLER.address(options, environment).map(drop),
        ..OptionRules::NONE
    },
    tools: Tools {
        words: &["doppler"],
        about: "Doppler: what a token may read is chosen where it is made, so there is no policy",
        check,
        without_policy: (
            "what a token may read is chosen where it is made",
            "Make a service token that may read this config alone: doppler configs tokens create airflow",
        ),
        ..Tools::NONE
    },
    open,
};

/// One config, as one token.
#[derive(Debug)]
struct Doppler {
    service: Service,
    downloads: Downloads,
}

impl Doppler {
    fn request(&self, path: &str, query: &[(&str, Option<&str>)]) -> Result<Request> {
        self.service.get(&format!("v3/configs/config/{path}"), query)
    }

    fn download(&self, list: Option<&str>) -> Result<Request> {
        self.request("secrets/download", &[("format", Some("json")), ("secrets", list)])
    }

    async fn read(&self, name: &SecretName, subject: &str) -> Result<Option<SecretValue>> {
        let request = self.request("secret", &[("name", Some(name.as_str()))])?;
        found(&self.service.object(request, subject).await?, subject)
    }
}

/// The secret in an answer, with its references to other secrets resolved. An absent name is
/// answered with nulls, and so is one that this token may not see.
fn found(answer: &Object, subject: &str) -> Result<Option<SecretValue>> {
    let secret = answer.get("value").and_then(Value::as_object);
    let secret = secret.ok_or_else(|| DOPPLER.vendor.not_understood(subject))?;
    let is_restricted = secret.get("computedVisibility").and_then(Value::as_str) == Some("restricted");
    match secret.get("computed").and_then(secret_from_json) {
        None if is_restricted => Err(error::restricted(subject)),
        value => Ok(value),
    }
}

#[async_trait]
impl Store for Doppler {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        if let Some(answer) = self.downloads.again(&self.service, name, |list| self.download(list)).await {
            return answer;
        }
        let read = self.read(name, &format!("reading `{name}`")).await;
        read.map_err(|error| error.with_operation("read"))
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        self.downloads.read(&self.service, names, |list| self.download(list)).await
    }

    fn batch_size(&self) -> NonZeroUsize {
        ANY_NUMBER
    }

    fn reads_together(&self) -> bool {
        true
    }

    fn is_outdated(&self) -> bool {
        self.service.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Named for Doppler {
    fn service(&self) -> &Service {
        &self.service
    }

    /// The API has neither pages nor a filter.
    async fn names(&self, subject: &str) -> Result<Vec<String>> {
        let answer = self.service.object(self.request("secrets/names", &[])?, subject).await?;
        texts(&answer, "names").ok_or_else(|| DOPPLER.vendor.not_understood(subject))
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let place = config::place(options, environment)?;
    let service = Service::open(&DOPPLER, place, options, environment)?;
    let shows_all = DOPPLER.token(options, environment).is_some_and(config::shows_all);
    Ok(Arc::new(Doppler { service, downloads: Downloads::new(shows_all) }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let found = DOPPLER.noteworthy(options, environment, &convention(options)).into_iter();
    found
        .chain(config::place(options, environment).err().map(|error| Finding::of("config", &error)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::value::{Text, json};

    #[test]
    fn nulls_are_absence_unless_the_secret_is_restricted() {
        let read = |value: &str| {
            let answer = json::parse(&Text::from(format!(r#"{{"name": "N", "value": {value}}}"#).as_str()));
            found(&answer.unwrap().into_object().unwrap(), "reading `N`")
        };
        let value = read(r#"{"raw": "${A}", "computed": "canary", "computedVisibility": "restricted"}"#);
        assert_eq!(value.unwrap().unwrap().expose(), "canary");
        assert!(read(r#"{"raw": null, "computed": null, "computedVisibility": null}"#).unwrap().is_none());
        let error = read(r#"{"computed": null, "computedVisibility": "restricted"}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert_eq!(read("null").unwrap_err().kind(), ErrorKind::Malformed);
    }
}
