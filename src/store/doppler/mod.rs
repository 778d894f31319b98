//! Doppler: the secrets of one config of one project, read with a token.
//!
//! Sources: docs.doppler.com/reference/api, and `services/secrets.py` of Doppler's `python-sdk` 1.3.0.

mod config;
mod convention;
mod error;

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::kit::from_json::secret_from_json;
use crate::store::kit::service::{Service, noteworthy};
use crate::store::options::Options;
use crate::store::tools::{Finding, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;
use crate::value::json::{Object, Value};

use self::config::Place;
use self::convention::DopplerConvention;
use self::error::DOPPLER;

const INFO: StoreInfo = StoreInfo { name: "doppler", title: "Doppler" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.doppler.DopplerBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(DopplerConvention::new(options))),
    rules: OptionRules {
        check: |options, _environment| config::address(options).map(drop),
        ..OptionRules::NONE
    },
    tools: Tools {
        words: &["doppler"],
        about: "Doppler: what a token may read is chosen where it is made, so there is no policy",
        check,
        ..Tools::NONE
    },
    open,
};

/// One config, as one token.
#[derive(Debug)]
struct Doppler {
    service: Service,
    place: Place,
}

impl Doppler {
    /// What the API answers for `path`, a JSON object.
    async fn ask(&self, path: &str, name: Option<&SecretName>, subject: &str) -> Result<Object> {
        let Place { project, config } = &self.place;
        let pairs = [("project", project.as_deref()), ("config", config.as_deref())];
        let pairs = pairs.into_iter().chain([("name", name.map(SecretName::as_str))]);
        let query = pairs.filter_map(|(key, value)| Some((key, value?)));
        let (refused, unclear) =
            (|answer: &_| error::refused(answer, subject, &self.place), || DOPPLER.not_understood(subject));
        let path = format!("v3/configs/config/{path}");
        let answer = self.service.json(&path, query, subject, refused, unclear).await?;
        answer.into_object().ok_or_else(unclear)
    }

    /// Every name at once: the API has neither pages nor a filter.
    async fn names(&self, subject: &str) -> Result<Vec<String>> {
        let answer = self.ask("secrets/names", None, subject).await?;
        let names = answer.get("names").and_then(Value::as_array);
        let names = names.ok_or_else(|| DOPPLER.not_understood(subject))?;
        Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}

/// The secret in an answer, with its references to other secrets resolved. An absent name is
/// answered with nulls, and so is one that this token may not see.
fn found(answer: &Object, subject: &str) -> Result<Option<SecretValue>> {
    let secret = answer.get("value").and_then(Value::as_object);
    let secret = secret.ok_or_else(|| DOPPLER.not_understood(subject))?;
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
        let subject = format!("reading `{name}`");
        let answer = self.ask("secret", Some(name), &subject).await;
        answer.and_then(|answer| found(&answer, &subject)).map_err(|error| error.with_operation("read"))
    }

    fn is_outdated(&self) -> bool {
        self.service.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Doppler {
    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Listing> {
        let names = self.names("listing the names of secrets").await;
        names.map(|names| Listing::only_page(names, prefix)).map_err(|error| error.with_operation("list"))
    }

    /// Doppler says nothing of a secret without its value but that it is there.
    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let names = self.names(&format!("looking for `{name}`")).await;
        let names = names.map_err(|error| error.with_operation("describe"))?;
        Ok(names.iter().any(|known| known == name.as_str()).then(|| Description::of(name.clone())))
    }

    fn identity(&self) -> Option<String> {
        Some(format!("a token, for {} on {}", self.place, self.service.origin()))
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.service.findings().await
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let (address, authorization) = (config::address(options)?, config::authorization(options, environment)?);
    let service = Service::open(address, authorization, options, environment)?;
    Ok(Arc::new(Doppler { service, place: Place::read(options, environment) }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let address = config::address(options).ok();
    let found = noteworthy(options, address.as_ref(), &DopplerConvention::new(options));
    found.into_iter().chain(config::without_place(options, environment)).collect()
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
        let value = read(r#"{"computed": "canary", "computedVisibility": "masked"}"#).unwrap();
        assert_eq!(value.unwrap().expose(), "canary");
        assert!(read(r#"{"computed": null}"#).unwrap().is_none());
        let error = read(r#"{"computed": null, "computedVisibility": "restricted"}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert_eq!(read("null").unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn a_token_that_belongs_to_no_config_needs_both() {
        let found = |token: &str, set: &[(&str, &str)]| {
            let options = Options::of_texts(&[("token", token)]);
            check(&options, &Environment::of(set)).len()
        };
        let both = [("DOPPLER_PROJECT", "p"), ("DOPPLER_CONFIG", "c")];
        for token in ["dp.pt.canary", "dp.sa.canary", "dp.ct.canary"] {
            assert_eq!((found(token, &[]), found(token, &both[..1]), found(token, &both)), (1, 1, 0));
        }
        assert_eq!((found("dp.st.dev.canary", &[]), found("other", &[])), (0, 0));
    }

    #[test]
    fn opening_needs_a_token_and_shows_none() {
        let options = Options::of_texts(&[("project", "p"), ("config", "dev")]);
        let open = |set: &[(&str, &str)]| open(&options, &Environment::of(set));
        assert_eq!(open(&[]).unwrap_err().kind(), ErrorKind::Unauthenticated);
        let store = open(&[("DOPPLER_TOKEN", "canary")]).unwrap();
        assert!(!format!("{store:?}").contains("canary"));
        let identity = "a token, for config `dev` of project `p` on https://api.doppler.com";
        assert_eq!(store.inspect().unwrap().identity().as_deref(), Some(identity));
    }
}
