//! Doppler: the secrets of one config of one project, read with a token.
//!
//! Sources: docs.doppler.com/reference/api, and `services/secrets.py` of Doppler's `python-sdk` 1.3.0.

mod config;
mod convention;
mod error;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::slice;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::from_json::secret_from_json;
use crate::store::kit::kept::Kept;
use crate::store::kit::service::{Service, noteworthy};
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;
use crate::value::json::{Object, Value};

use self::config::{ADDRESS, Place, TokenKind};
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
        check: |options, _environment| checked(options.text_of(&ADDRESS), ADDRESS.key).map(drop),
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

/// More names than a config has.
const LARGEST_BATCH: NonZeroUsize = NonZeroUsize::new(2000).unwrap();

/// The longest list of names in an address; beyond it the whole config is downloaded.
const LONGEST_LIST: usize = 4000;

/// One config, as one token.
#[derive(Debug)]
struct Doppler {
    service: Service,
    place: Place,
    sees_all: bool,
    downloaded: Kept<Download>,
}

/// What a download holds of the names that it was made for.
type Download = BTreeMap<SecretName, Option<SecretValue>>;

impl Doppler {
    fn query<'text>(&'text self, more: &'text [(&'text str, &'text str)]) -> Vec<(&'text str, &'text str)> {
        let Place { project, config } = &self.place;
        let place = [("project", project.as_deref()), ("config", config.as_deref())];
        let place = place.into_iter().filter_map(|(key, value)| Some((key, value?)));
        place.chain(more.iter().copied()).collect()
    }

    /// Whether this is all that there is to know of a name in a download: what this token is not shown may be
    /// there.
    fn settles(&self, value: Option<&SecretValue>) -> bool {
        value.is_some() || self.sees_all
    }

    async fn read(&self, name: &SecretName, subject: &str) -> Result<Option<SecretValue>> {
        let name = [("name", name.as_str())];
        let query = self.query(&name);
        let answer = self.service.object("v3/configs/config/secret", query, subject).await?;
        found(&answer, subject)
    }

    /// Every name at once: the API has neither pages nor a filter.
    async fn names(&self, subject: &str) -> Result<Vec<String>> {
        let query = self.query(&[]);
        let answer = self.service.object("v3/configs/config/secrets/names", query, subject).await?;
        let names = answer.get("names").and_then(Value::as_array);
        let names = names.ok_or_else(|| DOPPLER.vendor.not_understood(subject))?;
        Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Many secrets with one request; an unchanged download is not sent again.
    async fn download(&self, names: &[SecretName]) -> Result<Arc<Download>> {
        let last = self.downloaded.last();
        let is_in = |last: &Arc<Download>| names.iter().all(|name| last.contains_key(name));
        // Asked for once more as a whole, since that is what the entity tag is of.
        let wanted: Download = match last.filter(is_in) {
            Some(last) => last.keys().map(|name| (name.clone(), None)).collect(),
            None => names.iter().map(|name| (name.clone(), None)).collect(),
        };
        let joined = wanted.keys().map(SecretName::as_str).collect::<Vec<_>>().join(",");
        let pairs = [("format", "json"), ("secrets", &joined)];
        let query = self.query(if joined.len() > LONGEST_LIST { &pairs[..1] } else { &pairs });
        let subject = format!("downloading {} secrets", wanted.len());
        let path = "v3/configs/config/secrets/download";
        let value = |answer: &Object, name: &SecretName| answer.get(name.as_str()).and_then(secret_from_json);
        let read =
            |answer: &Object| wanted.into_keys().map(|name| (name.clone(), value(answer, &name))).collect();
        self.service.kept(&self.downloaded, path, query, &subject, read).await
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
        let last = self.downloaded.last();
        let is_downloaded =
            last.is_some_and(|last| last.get(name).is_some_and(|value| self.settles(value.as_ref())));
        // Part of a download, which is only sent again if something has changed.
        if is_downloaded && let Some(answer) = self.get_many(slice::from_ref(name)).await.pop().flatten() {
            return answer;
        }
        let read = self.read(name, &format!("reading `{name}`")).await;
        read.map_err(|error| error.with_operation("read"))
    }

    /// A name that a download lacks is left to [`Self::get`] if the token may not be shown every secret.
    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        match self.download(names).await.map_err(|error| error.with_operation("download")) {
            Ok(known) => {
                let value = |name| known.get(name).and_then(Option::as_ref);
                let answer = |value| self.settles(value).then(|| Ok(value.cloned()));
                names.iter().map(|name| answer(value(name))).collect()
            }
            Err(error) => vec![Some(Err(error)); names.len()],
        }
    }

    fn batch_size(&self) -> NonZeroUsize {
        LARGEST_BATCH
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
        Some(self.service.identity())
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.service.findings().await
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let (address, place) =
        (checked(options.text_of(&ADDRESS), ADDRESS.key)?, Place::read(options, environment)?);
    let service = Service::open(&DOPPLER, address, &place, options, environment)?;
    let sees_all = DOPPLER.token(options, environment).map(TokenKind::of).is_some_and(TokenKind::sees_all);
    Ok(Arc::new(Doppler { service, place, sees_all, downloaded: Kept::default() }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let address = checked(options.text_of(&ADDRESS), ADDRESS.key).ok();
    let placeless = Place::read(options, environment).err().map(|error| {
        let hint = error.hint().unwrap_or_default();
        Finding::new(Severity::Problem, "config", error.message(), hint)
    });
    let found = noteworthy(options, address.as_ref(), &DopplerConvention::new(options));
    found.into_iter().chain(placeless).collect()
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

    #[test]
    fn a_token_that_belongs_to_no_config_needs_both() {
        let outcome = |token: &str, set: &[(&str, &str)]| {
            let options = Options::of_texts(&[("token", token)]);
            let environment = Environment::of(set);
            (
                check(&options, &environment).len(),
                open(&options, &environment).err().map(|error| error.kind()),
            )
        };
        let both = [("DOPPLER_PROJECT", "p"), ("DOPPLER_CONFIG", "c")];
        for token in ["dp.pt.canary", "dp.sa.canary", "dp.ct.canary"] {
            assert_eq!(outcome(token, &[]), (1, Some(ErrorKind::Config)));
            assert_eq!(outcome(token, &both[..1]), (1, Some(ErrorKind::Config)));
            assert_eq!(outcome(token, &both), (0, None));
        }
        assert_eq!((outcome("dp.st.dev.canary", &[]), outcome("other", &[])), ((0, None), (0, None)));
    }

    #[test]
    fn prefixes_that_are_spelled_alike_are_reported() {
        let found = |prefix: &str| {
            let options =
                Options::of_texts(&[("connections_prefix", "air-flow"), ("variables_prefix", prefix)]);
            check(&options, &Environment::default()).len()
        };
        assert_eq!((found("AIR_FLOW"), found("air-flow"), found("air")), (1, 0, 0));
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
