//! The simulated server as a store of Strongroom.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use _native::error::{Error, ErrorKind, Result};
use _native::store::convention::{Convention, Kind, Lookup, Naming};
use _native::store::options::Options;
use _native::store::prefix::{PrefixDefaults, PrefixRules};
use _native::store::tools::Tools;
use _native::store::{SecretName, Store, StoreEntry, StoreInfo};
use _native::value::SecretValue;
use async_trait::async_trait;

use crate::server::Server;
use crate::tally::Part;
use crate::workload::ids;

/// The most names in one request: the limit of `BatchGetSecretValue`.
const BATCH: NonZeroUsize = NonZeroUsize::new(20).unwrap();
const INFO: StoreInfo = StoreInfo { name: "simulated", title: "Simulated store" };

/// The settings of a backend in place of those of AWS.
pub(crate) static ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.simulated",
    options: &[],
    variables: &[],
    convention: |options| Ok(Arc::new(Names(PrefixRules::from_options(options, PrefixDefaults::AIRFLOW)))),
    check: |_options, _environment| Ok(()),
    attempts: |_options, _environment| None,
    plays_no_part: |_options, _key| false,
    rate_after_throttle: None,
    tools: Tools::NONE,
    open: |_options: &Options, _environment| Ok(Arc::new(open()?)),
};

/// Stores so far, of every simulation.
static OPENED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The server and the part of Airflow for the next store that is opened.
    static NEXT: RefCell<Option<(Arc<Server>, Part)>> = const { RefCell::new(None) };
}

/// Sets the server of the next store. A store is opened by the core, which passes nothing on.
pub(crate) fn prepare(server: &Arc<Server>, part: Part) {
    NEXT.set(Some((Arc::clone(server), part)));
}

fn open() -> Result<Simulated> {
    let (server, part) = NEXT.take().ok_or_else(|| Error::internal("nothing was prepared"))?;
    // The rate limit of a process is kept under the name of its store, and here every store is a separate
    // process.
    let number = OPENED.fetch_add(1, Ordering::Relaxed);
    let name = Box::leak(format!("simulated-{number}").into_boxed_str());
    Ok(Simulated { server, part, info: StoreInfo { name, ..INFO } })
}

#[derive(Debug)]
struct Names(PrefixRules);

impl Convention for Names {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        self.0.names(lookup)
    }

    fn read(&self, _kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        Ok(Some(value))
    }
}

#[derive(Debug)]
struct Simulated {
    server: Arc<Server>,
    part: Part,
    info: StoreInfo,
}

impl Simulated {
    async fn call(&self) -> Result<()> {
        if self.server.call(self.part).await {
            return Ok(());
        }
        // As `src/store/aws/error.rs` classifies ThrottlingException: temporary, without a time to
        // wait.
        Err(Error::new(ErrorKind::Throttled, "was throttled").temporary(None))
    }
}

/// The contents of the store. Some ids of Airflow are only in its database.
fn value(name: &SecretName) -> Option<SecretValue> {
    match name.as_str() {
        "bundles/connections" => Some(bundle(Kind::Connection)),
        "bundles/variables" => Some(bundle(Kind::Variable)),
        id if id.contains(ids::ELSEWHERE) => None,
        _ => Some(SecretValue::text("value")),
    }
}

fn bundle(kind: Kind) -> SecretValue {
    let here = ids::all(kind).filter(|id| !id.contains(ids::ELSEWHERE));
    let entries: serde_json::Map<_, _> = here.map(|id| (id, "value".into())).collect();
    SecretValue::text(serde_json::Value::Object(entries).to_string())
}

#[async_trait]
impl Store for Simulated {
    fn info(&self) -> &StoreInfo {
        &self.info
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.call().await.map(|()| value(name))
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        match self.call().await {
            Ok(()) => names.iter().map(|name| Some(Ok(value(name)))).collect(),
            Err(error) => vec![Some(Err(error)); names.len()],
        }
    }

    fn batch_size(&self) -> NonZeroUsize {
        BATCH
    }
}
