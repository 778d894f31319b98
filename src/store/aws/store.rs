//! The store around an AWS service that holds secrets: credentials and batches. The service itself only has
//! its requests and the meaning of their answers.

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use aws_types::SdkConfig;

use crate::error::Result;
use crate::store::aws::access::{Access, Service};
use crate::store::aws::batches::{BatchFailure, BatchSwitch, Known, read_many};
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::store::{Description, Descriptions, Inspect, Names, Page, SecretName, Store, StoreInfo};
use crate::value::SecretValue;

/// A service that holds secrets. Each call is one request, or the pages of one; [`AwsStore`] provides
/// credentials and replaces those that are refused.
pub(super) trait SecretService: Sized + Send + Sync + 'static {
    /// What the store is.
    const INFO: &'static StoreInfo;
    /// How the service is configured.
    const SERVICE: Service;
    /// The operation that reads one secret.
    const READ: &'static str;
    /// The operation that describes one.
    const DESCRIBE: &'static str;
    /// The most names in one batch.
    const LARGEST_BATCH: NonZeroUsize;

    /// A client of the service.
    fn new(config: &SdkConfig) -> Self;

    /// Refuses a name that no secret can have, before any request.
    fn usable(_name: &SecretName) -> Result<()> {
        Ok(())
    }

    /// Reads one secret.
    fn read(
        &self,
        name: &SecretName,
        region: &str,
    ) -> impl Future<Output = Result<Option<SecretValue>>> + Send;

    /// Whether a name can be part of a batch.
    fn fits(name: &SecretName) -> bool;

    /// Reads one batch of at least two names, and notes the answers.
    fn read_batch(
        &self,
        names: &[SecretName],
        access: &Access,
        known: &mut Known,
    ) -> impl Future<Output = Result<(), BatchFailure>> + Send;

    /// One page of the secrets whose names begin with `prefix`.
    fn list(
        &self,
        prefix: &str,
        page: Option<&Page>,
        region: &str,
    ) -> impl Future<Output = Result<Descriptions>> + Send;

    /// What is known about a secret; `None` if it does not exist.
    fn describe(
        &self,
        name: &SecretName,
        region: &str,
    ) -> impl Future<Output = Result<Option<Description>>> + Send;
}

/// The store around a service.
pub(super) struct AwsStore<S> {
    pub(super) service: S,
    pub(super) access: Access,
    /// Switched off once this identity or this endpoint turns out to have no batches.
    pub(super) batches: BatchSwitch,
}

impl<S: SecretService> AwsStore<S> {
    /// Builds the store. See [`Access::open`].
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let access = Access::open(&S::SERVICE, options, environment)?;
        Ok(Self { service: S::new(&access.sdk_config), access, batches: BatchSwitch::default() })
    }

    /// Reads one batch with credentials that work.
    pub(super) async fn read_batch(
        &self,
        names: &[SecretName],
        known: &mut Known,
    ) -> Result<(), BatchFailure> {
        self.access.log_in().await.map_err(BatchFailure::Failed)?;
        // Noted before the call, as in `Access::signed`.
        let used = self.access.credentials.held();
        match self.service.read_batch(names, &self.access, known).await {
            Err(BatchFailure::Failed(error)) if self.access.is_replaced(&error, used).await => {
                self.service.read_batch(names, &self.access, known).await
            }
            other => other,
        }
    }
}

/// Opens the store for the registry.
pub(super) fn open<S: SecretService>(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(AwsStore::<S>::open(options, environment)?))
}

/// Leaves out the client, whose own Debug fills pages with the SDK's tables.
impl<S: SecretService> fmt::Debug for AwsStore<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct(S::INFO.name).field("access", &self.access).finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: SecretService> Store for AwsStore<S> {
    fn info(&self) -> &StoreInfo {
        S::INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        S::usable(name).map_err(|error| error.with_operation(S::READ))?;
        self.access.signed(|| self.service.read(name, &self.access.region)).await
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        read_many(self, names).await
    }

    fn batch_size(&self) -> NonZeroUsize {
        if self.batches.is_off() { NonZeroUsize::MIN } else { S::LARGEST_BATCH }
    }

    fn is_outdated(&self) -> bool {
        self.access.is_outdated()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl<S: SecretService> Inspect for AwsStore<S> {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        self.list_described(prefix, page).await.map(Names::from)
    }

    async fn list_described(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        self.access.signed(|| self.service.list(prefix, page, &self.access.region)).await
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        S::usable(name).map_err(|error| error.with_operation(S::DESCRIBE))?;
        self.access.signed(|| self.service.describe(name, &self.access.region)).await
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.access.findings().await
    }

    fn identity(&self) -> Option<String> {
        Some(self.access.identity())
    }
}
