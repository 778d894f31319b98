//! A store with scripted answers, for the tests of the layers and of the backend.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::store::tools::Finding;
use crate::store::{Description, Inspect, Names, Page, SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// What the store does in one call.
#[derive(Clone)]
pub(crate) enum Act {
    Value(&'static str),
    Absent,
    Error(Error),
    /// A value that expires after some seconds.
    Short(&'static str, u64),
    /// A value after some seconds.
    Late(&'static str, u64),
    Panic,
    /// Fails after some seconds.
    Wait(u64, Error),
}

/// Follows its steps, then repeats its default.
pub(crate) struct Scripted {
    steps: Mutex<VecDeque<Act>>,
    delay: Option<Duration>,
    value: Option<&'static str>,
    calls: AtomicUsize,
    names: Mutex<Vec<String>>,
}

impl Scripted {
    pub(crate) fn new(steps: Vec<Act>) -> Self {
        Self {
            steps: Mutex::new(steps.into()),
            delay: None,
            value: None,
            calls: AtomicUsize::new(0),
            names: Mutex::default(),
        }
    }

    pub(crate) fn hanging() -> Self {
        Self { delay: Some(Duration::from_secs(86_400)), ..Self::new(vec![]) }
    }

    pub(crate) fn slow(delay: Duration, value: &'static str) -> Self {
        Self { delay: Some(delay), value: Some(value), ..Self::new(vec![]) }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.names.lock().unwrap().clone()
    }
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Scripted")
    }
}

#[async_trait]
impl Store for Scripted {
    fn info(&self) -> &StoreInfo {
        &StoreInfo { name: "scripted", title: "Scripted" }
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.names.lock().unwrap().push(name.as_str().to_owned());
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        let step = self.steps.lock().unwrap().pop_front();
        match step {
            Some(Act::Value(value)) => Ok(Some(SecretValue::text(value))),
            Some(Act::Short(value, seconds)) => {
                Ok(Some(SecretValue::text(value).with_valid_for(Duration::from_secs(seconds))))
            }
            Some(Act::Late(value, seconds)) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(Some(SecretValue::text(value)))
            }
            Some(Act::Panic) => {
                // Lets other callers join first, so that one of them can take over.
                tokio::task::yield_now().await;
                panic!("as the script says")
            }
            Some(Act::Absent) => Ok(None),
            Some(Act::Error(error)) => Err(error),
            Some(Act::Wait(seconds, error)) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Err(error)
            }
            None => Ok(self.value.map(SecretValue::text)),
        }
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

/// Inspection follows the same script.
#[async_trait]
impl Inspect for Scripted {
    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Names> {
        self.get(&prefix.into()).await.map(|_| Names::default())
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        Ok(self.get(name).await?.map(|_| Description::of(name.clone())))
    }

    async fn diagnose(&self) -> Vec<Finding> {
        let found = self.get(&"diagnose".into()).await;
        found.err().map(|error| Finding::fine("script", error.to_string())).into_iter().collect()
    }
}
