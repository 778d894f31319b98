//! Kubernetes Secrets, found by their labels and read through the API with the pod's service account.
//!
//! The results are those of `airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend` 10.25.0.
//! Secrets are only ever listed: that is the one permission that is needed. As in the official class a lookup
//! has `resourceVersion=0`, which the API server answers from its memory.

mod api;
mod config;
mod convention;
mod error;
mod policy;
mod secret;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::kit::checks::{impossible_names, plain_http, unverified};
use crate::store::kit::trust::{VERIFY, Verify};
use crate::store::options::Options;
use crate::store::tools::{Finding, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;

use self::api::Api;
use self::config::ADDRESS;
use self::convention::{KubernetesConvention, last_label, split, split_id};
use self::secret::{Secrets, next_page};

const INFO: StoreInfo = StoreInfo { name: "kubernetes_secrets", title: "Kubernetes Secrets" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.kubernetes.KubernetesSecretsBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(KubernetesConvention::from_options(options))),
    rules: OptionRules {
        check: |options, environment| match options.non_empty(ADDRESS.key) {
            Some(_) => config::address(options, environment).map(drop),
            None => Ok(()),
        },
        ..OptionRules::NONE
    },
    tools: Tools {
        official_class: Some(
            "airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend.KubernetesSecretsBackend",
        ),
        words: &["kubernetes", "k8s"],
        about: "Kubernetes Secrets: a Role of RBAC and its binding",
        lists_tags: true,
        check,
        policy: Some(policy::POLICY),
        ..Tools::NONE
    },
    open: |options, environment| Ok(Arc::new(Kubernetes { api: Api::open(options, environment)? })),
};

/// How many ids one selector names: about 6 KiB of an address.
const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99);

/// How many secrets a page of a listing has.
const PAGE: &str = "500";

/// The secrets of one namespace.
#[derive(Debug)]
struct Kubernetes {
    api: Api,
}

impl Kubernetes {
    async fn selected(&self, selector: &str, subject: &str) -> Result<Secrets> {
        // From the memory of the API server, as the official class asks.
        let query = [("labelSelector", selector), ("resourceVersion", "0")];
        Secrets::of(&self.api.secrets(&query, subject).await?, subject)
    }

    /// Many ids of one label and one team, with one request; the answers in the order of `ids`.
    async fn read_all(&self, beginning: &str, ids: &[&str]) -> Result<Vec<Result<Option<SecretValue>>>> {
        let (key, conditions) = split(beginning);
        let subject = format!("reading {} secrets of `{}`", ids.len(), SecretName::from(conditions));
        let selector = format!("{conditions} in ({})", ids.join(","));
        let secrets = self.selected(&selector, &subject).await?;
        let label = last_label(conditions);
        Ok(ids.iter().map(|id| secrets.labelled(label, id).value(key, &format!("{label}={id}"))).collect())
    }
}

#[async_trait]
impl Store for Kubernetes {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let (key, selector) = split(name.as_str());
        let secrets = self.selected(selector, &format!("reading `{name}`")).await;
        let value = secrets.and_then(|secrets| secrets.value(key, selector));
        value.map_err(|error| error.with_operation("read"))
    }

    /// Names that begin alike are read together.
    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        let mut answers = vec![None; names.len()];
        let parts: Vec<_> = names.iter().map(|name| split_id(name.as_str())).collect();
        for (place, part) in parts.iter().enumerate() {
            let Some((beginning, _)) = part.filter(|_| answers.get(place).is_some_and(Option::is_none))
            else {
                continue;
            };
            let alike = parts.iter().enumerate().filter_map(|(other, part)| {
                part.filter(|(of, _)| *of == beginning).map(|(_, id)| (other, id))
            });
            let (places, ids): (Vec<_>, Vec<_>) = alike.unzip();
            let read = self.read_all(beginning, &ids).await;
            for (number, other) in places.into_iter().enumerate() {
                let answer = match &read {
                    Ok(values) => values.get(number).cloned(),
                    Err(error) => Some(Err(error.clone())),
                };
                if let Some(slot) = answers.get_mut(other) {
                    *slot = answer.map(|answer| answer.map_err(|error| error.with_operation("read")));
                }
            }
        }
        answers
    }

    fn batch_size(&self) -> NonZeroUsize {
        BATCH
    }

    fn is_outdated(&self) -> bool {
        self.api.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Kubernetes {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        let Some((beginning, _)) = prefix.rsplit_once('=') else { return Ok(Listing::default()) };
        let (_, conditions) = split(beginning);
        let mut query = vec![("labelSelector", conditions), ("limit", PAGE)];
        query.extend(page.map(|page| ("continue", page.token())));
        let subject = "listing the names of secrets";
        let answer =
            self.api.metadata(&query, subject).await.map_err(|error| error.with_operation("list"))?;
        let secrets = Secrets::of(&answer, subject)?;
        let mut found = secrets.described(&format!("{beginning}="), last_label(conditions));
        found.retain(|secret| secret.name.as_str().starts_with(prefix));
        Ok(Listing { secrets: found, next: next_page(&answer) })
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let (_, selector) = split(name.as_str());
        let subject = format!("describing `{name}`");
        // Not from memory: who describes a secret wants to know its present version.
        let answer = self.api.metadata(&[("labelSelector", selector)], &subject).await;
        let answer = answer.map_err(|error| error.with_operation("describe"))?;
        Ok(Secrets::of(&answer, &subject)?.first_described(name))
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
    let is_unverified = Verify::read(options, VERIFY.key).is_off();
    let plain = address.as_ref().ok().and_then(|address| plain_http(address, ADDRESS.key));
    let unverified = is_unverified.then(|| unverified(VERIFY.key));
    let unknown = address.err().map(|error| Finding::of("address", &error));
    let found = plain.into_iter().chain(unverified).chain(unknown);
    found.chain(impossible_names(&KubernetesConvention::from_options(options))).collect()
}
