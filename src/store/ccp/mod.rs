//! Objects of a safe that CyberArk's Central Credential Provider hands out: one password for each query. The
//! provider knows the application by its id, its machine and its certificate, and lists nothing.
//!
//! Sources: `cyberark_credential.py` of CyberArk's collection for Ansible, and `aimccp.py` of `pyaim` 1.5.4.

mod config;
mod convention;
mod error;

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::redact::Shown;
use crate::store::environment::Environment;
use crate::store::kit::checks;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::place::Place;
use crate::store::kit::probe::Probe;
use crate::store::kit::rest::{Rest, client_as};
use crate::store::kit::trust;
use crate::store::options::Options;
use crate::store::tools::{Finding, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;
use crate::value::json::Value;

use self::config::Asked;
use self::convention::convention;
use self::error::{CCP, NO_ANSWER};

const INFO: StoreInfo = StoreInfo { name: "cyberark_ccp", title: "CyberArk Central Credential Provider" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.cyberark.CentralCredentialProviderBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(convention(options))),
    rules: OptionRules { check: config::check, ..OptionRules::NONE },
    tools: Tools {
        words: &["ccp"],
        about: "CyberArk's Central Credential Provider: it is an application that has permissions",
        check,
        without_policy: (
            "permissions belong to the members of a safe",
            "Make the application and the provider members of the safe that may retrieve accounts",
        ),
        ..Tools::NONE
    },
    open,
};

/// The objects that one application may read.
#[derive(Debug)]
struct Provider {
    asked: Asked,
    has_certificate: bool,
    place: Place,
    rest: Rest,
    probe: Probe,
    files: WatchedFiles,
}

impl Provider {
    async fn read(&self, name: &str, subject: &str) -> Result<Option<SecretValue>> {
        let query = self.asked.query(name);
        let fixed = [("AppId", &*self.asked.app_id), ("Query", &query), ("QueryFormat", "Exact")];
        let reason = self.asked.reason.as_deref().map(|reason| ("Reason", reason));
        let request = self.rest.get("api/Accounts", fixed.into_iter().chain(reason))?;
        let answer = self.rest.ask(&request, None).await;
        let answer = answer.map_err(|failure| failure.to_error(subject, &NO_ANSWER))?;
        if error::is_absent(&answer) {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(error::refused(&answer, subject, &self.place));
        }
        let object = answer.object();
        let content = object.as_ref().and_then(|object| object.get("Content")).and_then(Value::as_str);
        content.map(SecretValue::text).map(Some).ok_or_else(|| CCP.not_understood(subject))
    }
}

#[async_trait]
impl Store for Provider {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let read = self.read(name.as_str(), &format!("reading `{name}`")).await;
        read.map_err(|error| error.with_operation("read"))
    }

    fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Provider {
    async fn list(&self, _prefix: &str, _page: Option<&Page>) -> Result<Listing> {
        let hint = "Ask for a name, or list the safe by `strongroom.cyberark.PrivilegedAccountsBackend`";
        Err(INFO.cannot("list", "list its objects").with_hint(hint))
    }

    async fn describe(&self, _name: &SecretName) -> Result<Option<Description>> {
        let hint = "`strongroom explain` says whether it is there, by reading it";
        Err(INFO.cannot("describe", "describe an object without reading its password").with_hint(hint))
    }

    fn identity(&self) -> Option<String> {
        let with = if self.has_certificate { " with its certificate" } else { "" };
        let app = Shown(&self.asked.app_id);
        Some(format!("the application `{app}`{with}, for {} on {}", self.place, self.probe.address))
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.probe.findings().await
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let (address, asked) = (config::address(options, environment)?, Asked::read(options, environment)?);
    let certificate = config::certificate(options, environment);
    let has_certificate = certificate.is_some();
    let mut files = WatchedFiles::default();
    let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
    let client = client_as(certificate, &address, roots, environment, &mut files)?;
    let probe = Probe::new(client.clone(), &address, roots, "certificates");
    let (place, rest) = (config::place(options, environment), Rest::new(client, address));
    Ok(Arc::new(Provider { asked, has_certificate, place, rest, probe, files }))
}

/// What is noteworthy in the options.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let address = config::address(options, environment);
    let found = checks::of_service(address.as_ref().ok(), config::ADDRESS.key, options, &convention(options));
    let missing = address.and_then(|_| Asked::read(options, environment).map(drop)).err();
    found.into_iter().chain(missing.map(|error| Finding::of("config", &error))).collect()
}
