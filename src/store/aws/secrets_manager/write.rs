//! Changes of secrets. A write has a client token, so that one that is sent twice makes one version. Source:
//! `CreateSecret`, `PutSecretValue`, `TagResource`, `DeleteSecret` and `RestoreSecret` in the API reference.

use aws_sdk_secretsmanager::types::Tag;

use super::SecretsManager;
use crate::error::{Error, ErrorKind, Result};
use crate::store::aws::store::Describe;
use crate::store::aws::write::{Change, WriteCall, half_done};
use crate::store::{Accepts, Current, NewSecret, Removal, SecretName, State};

const CREATE: WriteCall = WriteCall {
    operation: "CreateSecret",
    permission: "secretsmanager:CreateSecret (with tags also secretsmanager:TagResource)",
    doing: "creating",
    conflicts: &["ResourceExistsException", "InvalidRequestException"],
};

const PUT: WriteCall = WriteCall {
    operation: "PutSecretValue",
    permission: "secretsmanager:PutSecretValue",
    doing: "writing",
    conflicts: &["ResourceNotFoundException", "InvalidRequestException", "ResourceExistsException"],
};

const TAG: WriteCall = WriteCall {
    operation: "TagResource",
    permission: "secretsmanager:TagResource",
    doing: "tagging",
    conflicts: &["ResourceNotFoundException", "InvalidRequestException"],
};

const DELETE: WriteCall = WriteCall {
    operation: "DeleteSecret",
    permission: "secretsmanager:DeleteSecret",
    doing: "deleting",
    conflicts: &["ResourceNotFoundException", "InvalidRequestException"],
};

const RESTORE: WriteCall = WriteCall {
    operation: "RestoreSecret",
    permission: "secretsmanager:RestoreSecret",
    doing: "restoring",
    conflicts: &["ResourceNotFoundException", "InvalidRequestException"],
};

/// How long AWS keeps a deleted secret.
const RECOVERY_DAYS: std::ops::RangeInclusive<u32> = 7..=30;

impl Change for SecretsManager {
    const ACCEPTS: Accepts =
        Accepts { tags: true, expiry: false, recovery_days: true, restore: true, versions: true };

    /// AWS chooses the ARN of a secret.
    fn writable(name: &SecretName) -> Result<()> {
        if !name.as_str().starts_with("arn:") {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidName, format!("`{name}` is an ARN, under which nothing is written"))
            .with_hint("Write the name of the secret"))
    }

    fn is_repeatable(_over: &Current) -> bool {
        true
    }

    async fn current(&self, name: &SecretName, region: &str) -> Result<Current> {
        let Some(described) = self.describe(name, region).await? else { return Ok(Current::ABSENT) };
        let state = if described.deleted.is_some() { State::Deleted } else { State::Present };
        Ok(Current { state, version: described.version, tags: described.tags })
    }

    async fn put(
        &self,
        name: &SecretName,
        secret: &NewSecret,
        over: &Current,
        region: &str,
    ) -> Result<Option<String>> {
        match over.state {
            State::Absent => self.create(name, secret, region).await,
            State::Deleted => Err(scheduled(name)),
            State::Present => {
                let missing = over.missing_tags(&secret.tags);
                if !missing.is_empty() {
                    self.tag(name, &missing, region).await?;
                }
                let written = self.put_value(name, secret, region).await;
                written.map_err(|error| half_done(error, !missing.is_empty()))
            }
        }
    }

    async fn delete(&self, name: &SecretName, how: Removal, region: &str) -> Result<()> {
        let request = self.client.delete_secret().secret_id(name.as_str());
        let request = match how.recovery_days {
            Some(days) if !RECOVERY_DAYS.contains(&days) => return Err(wrong_days()),
            Some(days) => request.recovery_window_in_days(days.into()),
            None if how.purge => request.force_delete_without_recovery(true),
            None => request,
        };
        request.send().await.map(drop).map_err(|error| DELETE.failed(&error, name, region))
    }

    async fn restore(&self, name: &SecretName, region: &str) -> Result<()> {
        let request = self.client.restore_secret().secret_id(name.as_str());
        request.send().await.map(drop).map_err(|error| RESTORE.failed(&error, name, region))
    }
}

impl SecretsManager {
    async fn create(&self, name: &SecretName, secret: &NewSecret, region: &str) -> Result<Option<String>> {
        let request = self
            .client
            .create_secret()
            .name(name.as_str())
            .client_request_token(&secret.token)
            .secret_string(secret.value.expose());
        let request = secret.tags.iter().fold(request, |request, tag| request.tags(aws_tag(tag)));
        let answer = request.send().await.map_err(|error| CREATE.failed(&error, name, region))?;
        Ok(answer.version_id)
    }

    async fn put_value(&self, name: &SecretName, secret: &NewSecret, region: &str) -> Result<Option<String>> {
        let request = self
            .client
            .put_secret_value()
            .secret_id(name.as_str())
            .client_request_token(&secret.token)
            .secret_string(secret.value.expose());
        let answer = request.send().await.map_err(|error| PUT.failed(&error, name, region))?;
        Ok(answer.version_id)
    }

    async fn tag(&self, name: &SecretName, tags: &[(String, String)], region: &str) -> Result<()> {
        let request = self.client.tag_resource().secret_id(name.as_str());
        let request = tags.iter().fold(request, |request, tag| request.tags(aws_tag(tag)));
        request.send().await.map(drop).map_err(|error| TAG.failed(&error, name, region))
    }
}

fn aws_tag((key, value): &(String, String)) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn scheduled(name: &SecretName) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("`{name}` is deleted and can be restored, so nothing was written"),
    )
    .with_operation("PutSecretValue")
    .with_hint("`strongroom restore` brings it back, and `strongroom delete --purge` makes room for another")
}

fn wrong_days() -> Error {
    Error::config("Secrets Manager keeps a deleted secret for 7 to 30 days")
        .with_hint("Write --recovery-days 7 to 30, or --purge to delete it for good")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Write;
    use crate::store::aws::testing::{Memory, refusal, store};
    use crate::value::SecretValue;

    fn secret(tags: &[(&str, &str)]) -> NewSecret {
        NewSecret {
            value: SecretValue::text("canary"),
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            expires: None,
            token: "t".repeat(40),
        }
    }

    fn present(tags: &[(&str, &str)]) -> Current {
        Current { tags: secret(tags).tags, ..Current::present(Some("v1".to_owned())) }
    }

    async fn put(memory: &Memory, over: &Current, tags: &[(&str, &str)]) -> Result<Option<String>> {
        store::<SecretsManager>(memory).put(&"a".into(), &secret(tags), over).await
    }

    #[tokio::test]
    async fn a_new_secret_is_created_and_another_gets_a_version() {
        let memory = Memory::new(|_, _| (200, json!({"VersionId": "v2"})));
        let version = put(&memory, &Current::ABSENT, &[("team", "x")]).await.unwrap();
        assert_eq!(version.as_deref(), Some("v2"));
        put(&memory, &present(&[("team", "x")]), &[("team", "x")]).await.unwrap();
        put(&memory, &present(&[("team", "y")]), &[("team", "x")]).await.unwrap();
        let calls = memory.calls();
        let operations: Vec<_> = calls.iter().map(|(operation, _)| operation.as_str()).collect();
        assert_eq!(operations, ["CreateSecret", "PutSecretValue", "TagResource", "PutSecretValue"]);
        assert_eq!(calls[0].1["ClientRequestToken"], "t".repeat(40));
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_named() {
        let denied = Memory::new(|_, _| refusal(400, "AccessDeniedException"));
        let error = put(&denied, &Current::ABSENT, &[]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.hint().unwrap().contains("secretsmanager:CreateSecret"), "{error}");
        let taken = Memory::new(|_, _| refusal(400, "ResourceExistsException"));
        assert_eq!(put(&taken, &Current::ABSENT, &[]).await.unwrap_err().kind(), ErrorKind::Conflict);
        let half = Memory::new(|operation, _| match operation {
            "TagResource" => (200, json!({})),
            _ => refusal(400, "AccessDeniedException"),
        });
        let error = put(&half, &present(&[]), &[("team", "x")]).await.unwrap_err();
        assert!(error.message().starts_with("its tags were changed and its value was not"), "{error}");
        let deleted = Current { state: State::Deleted, ..present(&[]) };
        assert_eq!(put(&half, &deleted, &[]).await.unwrap_err().kind(), ErrorKind::Conflict);
    }

    #[tokio::test]
    async fn a_deletion_can_have_days() {
        let memory = Memory::new(|_, _| (200, json!({})));
        let delete = async |recovery_days, purge| {
            let how = Removal { purge, recovery_days };
            store::<SecretsManager>(&memory).delete(&"a".into(), how, &present(&[])).await
        };
        delete(None, false).await.unwrap();
        delete(Some(7), false).await.unwrap();
        delete(None, true).await.unwrap();
        assert_eq!(delete(Some(31), false).await.unwrap_err().kind(), ErrorKind::Config);
        let calls: Vec<_> = memory.calls().into_iter().map(|(_, body)| body).collect();
        assert_eq!(
            calls,
            [
                json!({"SecretId": "a"}),
                json!({"SecretId": "a", "RecoveryWindowInDays": 7}),
                json!({"SecretId": "a", "ForceDeleteWithoutRecovery": true}),
            ]
        );
    }

    #[test]
    fn nothing_is_written_under_an_arn() {
        assert!(SecretsManager::writable(&"arn:aws:x".into()).is_err());
        assert!(SecretsManager::writable(&"a".into()).is_ok());
    }
}
