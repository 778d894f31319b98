//! Changes of secrets, as far as they are the same for all services: credentials, names, refusals.

use std::borrow::Cow;
use std::future::Future;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorKind, Result};
use crate::store::aws::error::{AwsRefusal, Failure, general_hint};
use crate::store::aws::store::{AwsStore, SecretService};
use crate::store::{Accepts, Current, NewSecret, Removal, SecretName, Write};

/// How a service changes its secrets. Each call makes one change, of one request or of two.
pub(super) trait Change {
    /// What it takes beside a value.
    const ACCEPTS: Accepts;

    /// Refuses a name under which nothing can be written, before any request.
    fn writable(name: &SecretName) -> Result<()>;

    /// Whether the same write can be sent twice.
    fn is_repeatable(over: &Current) -> bool;

    /// What is under a name.
    fn current(&self, name: &SecretName, region: &str) -> impl Future<Output = Result<Current>> + Send;

    /// Writes a value, and returns its version.
    fn put(
        &self,
        name: &SecretName,
        secret: &NewSecret,
        over: &Current,
        region: &str,
    ) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Deletes a secret.
    fn delete(
        &self,
        name: &SecretName,
        how: Removal,
        region: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Brings a deleted secret back.
    fn restore(&self, name: &SecretName, region: &str) -> impl Future<Output = Result<()>> + Send;
}

#[async_trait]
impl<S: SecretService> Write for AwsStore<S> {
    fn accepts(&self) -> Accepts {
        S::ACCEPTS
    }

    async fn current(&self, name: &SecretName) -> Result<Current> {
        S::usable(name).and_then(|()| S::writable(name)).map_err(|error| error.with_operation("write"))?;
        self.access.signed(|| self.service.current(name, &self.access.region)).await
    }

    async fn put(&self, name: &SecretName, secret: &NewSecret, over: &Current) -> Result<Option<String>> {
        self.access.signed(|| self.service.put(name, secret, over, &self.access.region)).await
    }

    fn is_repeatable(&self, over: &Current) -> bool {
        S::is_repeatable(over)
    }

    async fn delete(&self, name: &SecretName, how: Removal, _over: &Current) -> Result<()> {
        self.access.signed(|| self.service.delete(name, how, &self.access.region)).await
    }

    async fn restore(&self, name: &SecretName, _over: &Current) -> Result<()> {
        self.access.signed(|| self.service.restore(name, &self.access.region)).await
    }
}

/// A request that changes something.
pub(super) struct WriteCall {
    /// Its name.
    pub(super) operation: &'static str,
    /// The permission that a policy has to grant.
    pub(super) permission: &'static str,
    /// What it does, as the beginning of a sentence.
    pub(super) doing: &'static str,
    /// The codes that mean that something else was found than before.
    pub(super) conflicts: &'static [&'static str],
}

impl WriteCall {
    /// The error of a failed call.
    pub(super) fn failed<E: ProvideErrorMetadata>(
        &self,
        error: &SdkError<E, HttpResponse>,
        name: &SecretName,
        region: &str,
    ) -> Error {
        let subject = format!("{} `{name}`", self.doing);
        let error = match Failure::of(error, &subject) {
            Failure::Broken(error) => error,
            Failure::Refused(refusal) => self.refused(&refusal, &subject, name, region),
        };
        error.with_operation(self.operation)
    }

    fn refused(&self, refusal: &AwsRefusal, subject: &str, name: &SecretName, region: &str) -> Error {
        let code = refusal.code().unwrap_or_default();
        if self.conflicts.contains(&code) {
            let text = format!("{subject}: another writer was faster, or the secret is deleted");
            return Error::new(ErrorKind::Conflict, text)
                .with_code(code.to_owned())
                .with_hint("Look at it with `strongroom describe`, and try again");
        }
        let kind = refusal.kind();
        let hint = match kind {
            ErrorKind::Denied => Some(format!(
                "Allow this identity {} on `{name}` in {region}, and kms:GenerateDataKey on the secret's own \
                key; `strongroom policy --mode manage` prints all of it",
                self.permission
            )),
            _ => general_hint(refusal, kind).map(Cow::into_owned),
        };
        refusal.to_error(kind, subject).with_hint_if(hint)
    }
}

/// The error of a write of which the first step, the tags, was done.
pub(super) fn half_done(error: Error, has_new_tags: bool) -> Error {
    if has_new_tags { error.about("its tags were changed and its value was not") } else { error }
}
