//! Secrets that something else mounts as files: Kubernetes its Secrets, the External Secrets Operator and the
//! secrets-store CSI driver those of a store, Docker and systemd theirs.
//!
//! Each file holds one value, and its name ends in Airflow's id. Nothing is kept between lookups, so a change
//! of a mount shows at the next one: reading a small file costs microseconds.
//!
//! | file | contents |
//! |---|---|
//! | `config.rs`, `convention.rs`, `error.rs` | as in every store |
//! | `read.rs` | the value in a file |
//! | `folder.rs` | the files in a folder |
//! | `findings.rs` | what is noteworthy about them |

mod config;
mod convention;
mod error;
mod findings;
mod folder;
mod read;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::convention::Kind;
use crate::store::environment::Environment;
use crate::store::kit::checks;
use crate::store::kit::reading::on_another_thread;
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity, Tools};
use crate::store::{
    Description, Inspect, Listing, OptionRules, Page, PerKind, SecretName, Store, StoreEntry, StoreInfo,
};
use crate::value::SecretValue;

use self::config::{KEEP_NEWLINE, OPTIONS, Place, path_key, places};
use self::convention::MountedConvention;

/// What the rest of the product needs to know about this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.files.MountedFilesBackend",
    options: OPTIONS,
    variables: &[],
    convention: |options| Ok(Arc::new(MountedConvention::from_options(options))),
    rules: OptionRules { check: config::check, keeps_values: false, ..OptionRules::NONE },
    tools: Tools {
        words: &["mounted"],
        about: "Mounted files: who may read them is up to the mount, so there is no policy",
        check,
        without_policy: (
            "who may read the files is up to the mount",
            "In Kubernetes set `defaultMode` and `fsGroup` of the volume, or mount it into fewer containers",
        ),
        ..Tools::NONE
    },
    open: |options, _environment| Ok(Arc::new(MountedFiles::from_options(options))),
};

const INFO: StoreInfo = StoreInfo { name: "mounted_files", title: "Mounted files" };

/// The files in the folders of all kinds.
#[derive(Clone, Debug)]
struct MountedFiles {
    places: Arc<PerKind<Option<Place>>>,
    keep_newline: bool,
}

impl MountedFiles {
    fn from_options(options: &Options) -> Self {
        Self { places: Arc::new(places(options)), keep_newline: options.boolean_of(&KEEP_NEWLINE) }
    }

    fn value(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        read::value(self.place_of(name)?, name.as_str(), self.keep_newline)
    }

    fn description(&self, name: &SecretName) -> Result<Option<Description>> {
        self.place_of(name).and_then(|_| folder::describe(name))
    }

    /// A name need not come from the convention: a bundle has one that the user wrote.
    fn place_of(&self, name: &SecretName) -> Result<&Place> {
        let place = self.places.iter().flatten().find(|place| place.may_hold(name.as_str()));
        place.ok_or_else(|| error::outside(name))
    }

    async fn with<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> T + Send + 'static) -> Result<T> {
        let store = self.clone();
        on_another_thread(move || work(&store)).await
    }
}

#[async_trait]
impl Store for MountedFiles {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let name = name.clone();
        let read = self.with(move |store| store.value(&name)).await.flatten();
        read.map_err(|error| error.with_operation("read"))
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for MountedFiles {
    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Listing> {
        let prefix = prefix.to_owned();
        let listed = self.with(move |store| folder::list(&store.places, &prefix)).await.flatten();
        listed.map_err(|error| error.with_operation("list"))
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let name = name.clone();
        let described = self.with(move |store| store.description(&name)).await.flatten();
        described.map_err(|error| error.with_operation("describe"))
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        let name = name.clone();
        self.with(move |_| folder::why_absent(&name)).await
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.with(|store| findings::findings(&store.places)).await.unwrap_or_default()
    }
}

/// What is noteworthy in the options.
fn check(options: &Options, _environment: &Environment) -> Vec<Finding> {
    let places = places(options);
    let [connection, variable, config] = Kind::ALL;
    let pairs = [(connection, variable), (connection, config), (variable, config)];
    let is_shared = |(one, other): &(Kind, Kind)| {
        let (one, other) = (places.of(*one), places.of(*other));
        one.is_some() && one == other
    };
    let shared = pairs.into_iter().filter(is_shared).map(|(one, other)| {
        let evidence =
            format!("a {one} and a {other} of one id are one file: both have the same folder and prefix");
        let remedy = format!("Give one of them a folder of its own, as `{}`, or a prefix", path_key(other));
        Finding::new(Severity::Warning, "names", evidence, remedy)
    });
    let impossible = checks::impossible_names(&MountedConvention::from_options(options));
    impossible.into_iter().chain(shared).collect()
}
