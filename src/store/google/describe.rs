//! What Secret Manager reports about a secret without its value, by `GetSecret` and `GetSecretVersion` and
//! with `ListSecrets`.
//!
//! Source: `Secret`, `Replication` and `SecretVersion` in the discovery document `secretmanager.v1`.

use std::collections::HashMap;

use google_cloud_secretmanager_v1::model::replication::Replication as Kind;
use google_cloud_secretmanager_v1::model::secret::Expiration;
use google_cloud_secretmanager_v1::model::secret_version::State;
use google_cloud_secretmanager_v1::model::{CustomerManagedEncryption, Replication, Secret, SecretVersion};

use crate::error::{Error, ErrorKind, Result};
use crate::store::tools::{Finding, Severity};
use crate::store::{Description, SecretName};

use super::CloudSecretManager;
use super::error::{DESCRIBE, DESCRIBE_VERSION, describe_error};
use super::name::check_name;

/// The state of a secret that was created and never given a value.
const EMPTY: &str = "without a version";

impl CloudSecretManager {
    /// What is known about a secret; `None` if it does not exist. The second call reports which version a
    /// read gets, and whether it can be read: the secret itself has neither.
    pub(super) async fn describe_secret(&self, name: &SecretName) -> Result<Option<Description>> {
        let project = self.asked_of(name).await?;
        let Some(secret) = self.secret(name, &project).await? else { return Ok(None) };
        let mut described = of_secret(secret);
        match self.latest(name, &project).await {
            Ok(Some(version)) => add_version(&mut described, &version),
            Ok(None) => described.state = Some(EMPTY),
            // An identity that may see secrets but no versions still gets a description.
            Err(error) if error.kind() == ErrorKind::Denied => {
                tracing::warn!("which version of `{name}` is read is not known: {error}");
            }
            Err(error) => return Err(error),
        }
        Ok(Some(described))
    }

    /// A read of a secret without a version gets the same answer as one of an absent secret.
    pub(super) async fn reason_of_absence(&self, name: &SecretName) -> Result<Option<Finding>> {
        let project = self.asked_of(name).await?;
        let found = self.secret(name, &project).await?;
        Ok(found.map(|_| without_version(name, &project)))
    }

    async fn asked_of(&self, name: &SecretName) -> Result<String> {
        check_name(name)?;
        self.log_in().await.map_err(|error| error.with_operation(DESCRIBE))
    }

    async fn secret(&self, name: &SecretName, project: &str) -> Result<Option<Secret>> {
        let whole = format!("{}/secrets/{}", self.place.parent(project), name.as_str());
        let answer = self.client.get_secret().set_name(whole).send().await;
        known(answer, |error| describe_error(error, name, project, DESCRIBE))
    }

    async fn latest(&self, name: &SecretName, project: &str) -> Result<Option<SecretVersion>> {
        let whole = format!("{}/secrets/{}/versions/latest", self.place.parent(project), name.as_str());
        let answer = self.client.get_secret_version().set_name(whole).send().await;
        known(answer, |error| describe_error(error, name, project, DESCRIBE_VERSION))
    }
}

/// An answer, an error, or nothing if `judge` recognises the error as an absence.
fn known<T>(
    answer: google_cloud_gax::Result<T>,
    judge: impl FnOnce(&google_cloud_gax::error::Error) -> Option<Error>,
) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => judge(&error).map_or(Ok(None), Err),
    }
}

fn without_version(name: &SecretName, project: &str) -> Finding {
    Finding::new(
        Severity::Problem,
        "no_version",
        format!("the secret `{name}` is there, but it has no version, so that there is nothing to read"),
        format!("Add one: `gcloud secrets versions add {name} --project {project} --data-file -`"),
    )
}

/// The contents of a `Secret`. Version aliases and annotations are listed with the labels, under names that
/// no label can have.
pub(super) fn of_secret(secret: Secret) -> Description {
    let short = secret.name.rsplit('/').next().unwrap_or_default().to_owned();
    let (form, mut keys) = secret.replication.as_ref().map(replication).unwrap_or_default();
    keys.extend(key(secret.customer_managed_encryption.as_ref()));
    keys.dedup();
    let aliases = secret.version_aliases.into_iter().map(|(alias, version)| (alias, version.to_string()));
    let deleted = match secret.expiration {
        Some(Expiration::ExpireTime(moment)) => Some(*moment),
        _ => None,
    };
    Description {
        id: Some(secret.name),
        form,
        key: Some(keys.join(", ")).filter(|keys| !keys.is_empty()),
        created: secret.create_time.and_then(|moment| moment.try_into().ok()),
        deleted: deleted.and_then(|moment| moment.try_into().ok()),
        tags: [
            sorted("", secret.labels),
            sorted("annotations/", secret.annotations),
            sorted("aliases/", aliases.collect()),
        ]
        .concat(),
        ..Description::of(short)
    }
}

/// Where the value is stored, and with which keys.
fn replication(replication: &Replication) -> (Option<String>, Vec<String>) {
    match &replication.replication {
        Some(Kind::Automatic(automatic)) => (
            Some("replicated automatically".to_owned()),
            key(automatic.customer_managed_encryption.as_ref()).into_iter().collect(),
        ),
        Some(Kind::UserManaged(managed)) => {
            let places: Vec<_> = managed.replicas.iter().map(|replica| replica.location.as_str()).collect();
            let keys = managed.replicas.iter();
            let keys = keys.filter_map(|replica| key(replica.customer_managed_encryption.as_ref()));
            (Some(format!("replicated to {}", places.join(", "))), keys.collect())
        }
        _ => (None, Vec::new()),
    }
}

fn key(encryption: Option<&CustomerManagedEncryption>) -> Option<String> {
    encryption.map(|encryption| encryption.kms_key_name.clone()).filter(|key| !key.is_empty())
}

/// Sorted, since the service returns them in no order.
fn sorted(begin: &str, pairs: HashMap<String, String>) -> Vec<(String, String)> {
    let pairs = pairs.into_iter().map(|(key, value)| (format!("{begin}{key}"), value));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    pairs
}

fn add_version(described: &mut Description, version: &SecretVersion) {
    described.version = version.name.rsplit('/').next().map(str::to_owned);
    described.changed = version.create_time.and_then(|moment| moment.try_into().ok());
    described.state = match version.state {
        State::Enabled => Some("enabled"),
        State::Disabled => Some("disabled"),
        State::Destroyed => Some("destroyed"),
        _ => None,
    };
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::json;

    use super::*;

    fn described(secret: serde_json::Value) -> Description {
        of_secret(serde_json::from_value(secret).unwrap())
    }

    #[test]
    fn the_contents_of_a_secret_are_described() {
        let key = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
        let described_secret = described(json!({
            "name": "projects/1/secrets/a",
            "createTime": "1970-01-01T00:00:05Z",
            "expireTime": "1970-01-01T00:00:09Z",
            "labels": {"team": "data", "a": "b"},
            "annotations": {"team": "Data"},
            "versionAliases": {"prod": "3"},
            "replication": {"automatic": {"customerManagedEncryption": {"kmsKeyName": key}}},
        }));
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(described_secret.name.as_str(), "a");
        assert_eq!(described_secret.id.as_deref(), Some("projects/1/secrets/a"));
        assert_eq!(
            (described_secret.created, described_secret.deleted, described_secret.changed),
            (at(5), at(9), None)
        );
        assert_eq!(
            (described_secret.key.as_deref(), described_secret.form.as_deref()),
            (Some(key), Some("replicated automatically"))
        );
        let tags = [("a", "b"), ("team", "data"), ("annotations/team", "Data"), ("aliases/prod", "3")];
        assert_eq!(described_secret.tags, tags.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_secret_says_where_it_is_stored_or_nothing() {
        let replicas =
            json!([{"location": "l1"}, {"location": "l2", "customerManagedEncryption": {"kmsKeyName": "k"}}]);
        let described_secret =
            described(json!({"name": "n", "replication": {"userManaged": {"replicas": replicas}}}));
        assert_eq!(
            (described_secret.form.as_deref(), described_secret.key.as_deref()),
            (Some("replicated to l1, l2"), Some("k"))
        );
        let regional = described(json!({"name": "n", "customerManagedEncryption": {"kmsKeyName": "k"}}));
        assert_eq!((regional.form, regional.key.as_deref()), (None, Some("k")));
        assert_eq!(described(json!({})).created, None);
    }

    #[test]
    fn the_latest_version_says_whether_it_can_be_read() {
        for (number, state) in
            [(1, Some("enabled")), (2, Some("disabled")), (3, Some("destroyed")), (0, None)]
        {
            let mut described_secret = Description::of("a");
            let version = json!({"name": "projects/1/secrets/a/versions/7", "state": number});
            add_version(&mut described_secret, &serde_json::from_value(version).unwrap());
            assert_eq!((described_secret.version.as_deref(), described_secret.state), (Some("7"), state));
        }
    }
}
