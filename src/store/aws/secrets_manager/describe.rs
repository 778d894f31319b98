//! What Secrets Manager reports about a secret without its value, by `DescribeSecret` and with `ListSecrets`.
//!
//! Source: `DescribeSecret` and `SecretListEntry` in the API reference.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::operation::describe_secret::builders::DescribeSecretFluentBuilder;
use aws_sdk_secretsmanager::types::{SecretListEntry, Tag};

use super::SecretsManager;
use super::error::describe_error;
use crate::error::Result;
use crate::store::aws::store::{Describe, Tags};
use crate::store::aws::words::moment;
use crate::store::{Description, SecretName};

/// The label of the version that a read gets.
const CURRENT: &str = "AWSCURRENT";

impl Describe for SecretsManager {
    const DESCRIBE: &'static str = "DescribeSecret";

    /// What is known about a secret; `None` if it does not exist. One that is scheduled for deletion has a
    /// date for it.
    async fn describe(&self, name: &SecretName, region: &str) -> Result<Option<Description>> {
        match request(&self.client, name.as_str()).send().await {
            Ok(answer) => Ok(Some(of_answer(answer, name))),
            Err(error) => describe_error(&error, name, region).map_or(Ok(None), Err),
        }
    }

    async fn tags(&self, name: &SecretName, region: &str) -> Result<Option<Tags>> {
        Ok(self.describe(name, region).await?.map(|described| described.tags))
    }
}

/// The request for one secret.
pub(super) fn request(client: &Client, name: &str) -> DescribeSecretFluentBuilder {
    client.describe_secret().secret_id(name)
}

fn of_answer(answer: DescribeSecretOutput, name: &SecretName) -> Description {
    Description {
        id: answer.arn,
        version: answer.version_ids_to_stages.and_then(current),
        key: answer.kms_key_id,
        created: answer.created_date.and_then(moment),
        changed: answer.last_changed_date.and_then(moment),
        accessed: answer.last_accessed_date.and_then(moment),
        deleted: answer.deleted_date.and_then(moment),
        tags: tags(answer.tags),
        ..Description::of(answer.name.map_or_else(|| name.clone(), SecretName::from))
    }
}

/// The same from an entry of a listing. Without a name it is useless.
pub(super) fn of_entry(entry: SecretListEntry) -> Option<Description> {
    Some(Description {
        id: entry.arn,
        version: entry.secret_versions_to_stages.and_then(current),
        key: entry.kms_key_id,
        created: entry.created_date.and_then(moment),
        changed: entry.last_changed_date.and_then(moment),
        accessed: entry.last_accessed_date.and_then(moment),
        deleted: entry.deleted_date.and_then(moment),
        tags: tags(entry.tags),
        ..Description::of(entry.name?)
    })
}

fn current(stages: HashMap<String, Vec<String>>) -> Option<String> {
    stages
        .into_iter()
        .find(|(_, labels)| labels.iter().any(|label| label == CURRENT))
        .map(|(version, _)| version)
}

fn tags(tags: Option<Vec<Tag>>) -> Vec<(String, String)> {
    let tags = tags.unwrap_or_default().into_iter();
    tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::json;

    use crate::error::ErrorKind;
    use crate::store::Inspect;
    use crate::store::aws::secrets_manager::SecretsManager;
    use crate::store::aws::testing::{Memory, refusal, store};

    fn entry(stages: &str) -> serde_json::Value {
        json!({
            "ARN": "arn:a", "Name": "a", "KmsKeyId": "k", "CreatedDate": 1.5,
            "Tags": [{"Key": "team", "Value": "x"}, {"Value": "no key"}],
            stages: {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT", "mine"]},
        })
    }

    #[tokio::test]
    async fn a_description_holds_what_the_answer_reports() {
        let memory = Memory::new(|_, _| (200, entry("VersionIdsToStages")));
        let described = store::<SecretsManager>(&memory).describe(&"a".into()).await.unwrap().unwrap();
        assert_eq!((described.id.as_deref(), described.version.as_deref()), (Some("arn:a"), Some("v2")));
        assert_eq!(described.created, Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1500)));
        assert_eq!(described.tags, [("team".to_owned(), "x".to_owned())]);
        assert_eq!(memory.calls(), [("DescribeSecret".to_owned(), json!({"SecretId": "a"}))]);
    }

    #[tokio::test]
    async fn a_listing_reports_the_same_with_one_call() {
        let memory = Memory::new(|_, _| {
            (200, json!({"SecretList": [entry("SecretVersionsToStages"), {"Name": "b"}]}))
        });
        let described = store::<SecretsManager>(&memory).list("a", None).await.unwrap();
        assert_eq!(described.secrets.len(), 1);
        assert_eq!(
            (described.secrets[0].version.as_deref(), described.secrets[0].key.as_deref()),
            (Some("v2"), Some("k"))
        );
        assert_eq!(memory.operations(), ["ListSecrets"]);
    }

    #[tokio::test]
    async fn a_missing_secret_is_none_and_a_denied_one_names_the_permission() {
        let memory = Memory::new(|_, _| refusal(400, "ResourceNotFoundException"));
        assert_eq!(store::<SecretsManager>(&memory).describe(&"a".into()).await.unwrap(), None);
        let memory = Memory::new(|_, _| refusal(400, "AccessDeniedException"));
        let error = store::<SecretsManager>(&memory).describe(&"a".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        insta::assert_snapshot!(error, @"describing `a` was denied: canary (DescribeSecret: \
        AccessDeniedException). Allow this identity secretsmanager:DescribeSecret on `a` in test");
    }
}
