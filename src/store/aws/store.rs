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
use crate::store::aws::write::Change;
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::store::tags::TagRule;
use crate::store::tools::Finding;
use crate::store::{Description, Inspect, Listing, Page, SecretName, Store, StoreInfo, Write};
use crate::value::SecretValue;

/// A service that holds secrets. Each call is one request, or the pages of one; [`AwsStore`] provides
/// credentials and replaces those that are refused.
pub(super) trait SecretService:
    ReadBatches + List + Describe + Change + Sized + Send + Sync + 'static
{
    /// What the store is.
    const INFO: &'static StoreInfo;
    /// How the service is configured.
    const SERVICE: Service;
    /// The operation that reads one secret.
    const READ: &'static str;

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
}

/// How it reads several secrets with one request.
pub(super) trait ReadBatches {
    /// Names in one batch, at most.
    const LARGEST_BATCH: NonZeroUsize;

    /// Whether a name can be part of a batch.
    fn fits(name: &SecretName) -> bool;

    /// Reads one batch of at least two names, and notes the answers.
    fn read_batch(
        &self,
        names: &[SecretName],
        access: &Access,
        known: &mut Known,
    ) -> impl Future<Output = Result<(), BatchFailure>> + Send;
}

/// How it lists secrets.
pub(super) trait List {
    /// One page of the secrets whose names begin with `prefix`, and of those that have `tags` if the service
    /// can tell.
    fn list(
        &self,
        prefix: &str,
        tags: &[TagRule],
        page: Option<&Page>,
        region: &str,
    ) -> impl Future<Output = Result<Listing>> + Send;
}

/// Keys with values.
pub(super) type Tags = Vec<(String, String)>;

/// How it describes a secret.
pub(super) trait Describe {
    /// The operation that does so.
    const DESCRIBE: &'static str;

    /// What is known about a secret; `None` if it does not exist.
    fn describe(
        &self,
        name: &SecretName,
        region: &str,
    ) -> impl Future<Output = Result<Option<Description>>> + Send;

    /// The tags of a secret; `None` if it does not exist.
    fn tags(&self, name: &SecretName, region: &str) -> impl Future<Output = Result<Option<Tags>>> + Send;
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

    fn write(&self) -> Option<&dyn Write> {
        Some(self)
    }
}

#[async_trait]
impl<S: SecretService> Inspect for AwsStore<S> {
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        self.list_tagged(prefix, &[], page).await
    }

    async fn list_tagged(&self, prefix: &str, tags: &[TagRule], page: Option<&Page>) -> Result<Listing> {
        self.access.signed(|| self.service.list(prefix, tags, page, &self.access.region)).await
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        S::usable(name).map_err(|error| error.with_operation(S::DESCRIBE))?;
        self.access.signed(|| self.service.describe(name, &self.access.region)).await
    }

    async fn tags(&self, name: &SecretName) -> Result<Option<Tags>> {
        S::usable(name).map_err(|error| error.with_operation(S::DESCRIBE))?;
        self.access.signed(|| self.service.tags(name, &self.access.region)).await
    }

    async fn diagnose(&self) -> Vec<Finding> {
        self.access.findings().await
    }

    fn identity(&self) -> Option<String> {
        Some(self.access.identity())
    }
}
