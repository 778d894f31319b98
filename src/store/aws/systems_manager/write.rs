//! Changes of parameters. A new one is a `SecureString`; one that exists keeps its type. The Parameter Store
//! compares nothing but whether a parameter exists, and what is deleted there is gone. Source:
//! `PutParameter`, `AddTagsToResource` and `DeleteParameter` in the API reference.

use aws_sdk_ssm::types::{ParameterType, ResourceTypeForTagging, Tag};

use super::SystemsManager;
use super::error::{read_error, split_selector};
use crate::error::{Error, ErrorKind, Result};
use crate::store::aws::store::Describe;
use crate::store::aws::write::{Change, WriteCall, half_done};
use crate::store::{Accepts, Current, NewSecret, Removal, SecretName, State};

const PUT: WriteCall = WriteCall {
    operation: "PutParameter",
    permission: "ssm:PutParameter (for a new one with tags also ssm:AddTagsToResource)",
    doing: "writing",
    conflicts: &["ParameterAlreadyExists"],
};

const TAG: WriteCall = WriteCall {
    operation: "AddTagsToResource",
    permission: "ssm:AddTagsToResource",
    doing: "tagging",
    conflicts: &["InvalidResourceId"],
};

const DELETE: WriteCall = WriteCall {
    operation: "DeleteParameter",
    permission: "ssm:DeleteParameter",
    doing: "deleting",
    conflicts: &["ParameterNotFound"],
};

impl Change for SystemsManager {
    const ACCEPTS: Accepts =
        Accepts { tags: true, expiry: false, recovery_days: false, restore: false, versions: true };

    /// A name can have a version or a label behind a colon; only the latest version is written.
    fn writable(name: &SecretName) -> Result<()> {
        let (parameter, selector) = split_selector(name.as_str());
        if selector.is_empty() && !name.as_str().contains(':') && !parameter.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidName, format!("`{name}` names no parameter that can be written"))
            .with_hint("Leave the version or label behind the colon out"))
    }

    fn is_repeatable(_over: &Current) -> bool {
        false
    }

    async fn current(&self, name: &SecretName, region: &str) -> Result<Current> {
        // Not decrypted: only the version is looked at.
        let answer = self.client.get_parameter().name(name.as_str()).send().await;
        let parameter = match answer {
            Ok(answer) => answer.parameter,
            Err(error) => return read_error(&error, name, region).map_or(Ok(Current::ABSENT), Err),
        };
        let version = parameter.map(|parameter| parameter.version.to_string());
        let tags = self.tags(name, region).await?.unwrap_or_default();
        Ok(Current { tags, ..Current::present(version) })
    }

    async fn put(
        &self,
        name: &SecretName,
        secret: &NewSecret,
        over: &Current,
        region: &str,
    ) -> Result<Option<String>> {
        let request = self.client.put_parameter().name(name.as_str()).value(secret.value.expose());
        let (request, has_new_tags) = if over.state == State::Present {
            let missing = over.missing_tags(&secret.tags);
            if !missing.is_empty() {
                self.tag(name, &missing, region).await?;
            }
            (request.overwrite(true), !missing.is_empty())
        } else {
            let request = request.r#type(ParameterType::SecureString).overwrite(false);
            (request.set_tags(aws_tags(&secret.tags)?), false)
        };
        match request.send().await {
            Ok(answer) => Ok(Some(answer.version.to_string())),
            Err(error) => Err(half_done(PUT.failed(&error, name, region), has_new_tags)),
        }
    }

    async fn delete(&self, name: &SecretName, _how: Removal, region: &str) -> Result<()> {
        let request = self.client.delete_parameter().name(name.as_str());
        request.send().await.map(drop).map_err(|error| DELETE.failed(&error, name, region))
    }

    async fn restore(&self, _name: &SecretName, _region: &str) -> Result<()> {
        Err(super::INFO.cannot("restore", "restore a deleted parameter"))
    }
}

impl SystemsManager {
    async fn tag(&self, name: &SecretName, tags: &[(String, String)], region: &str) -> Result<()> {
        let request = self.client.add_tags_to_resource().resource_type(ResourceTypeForTagging::Parameter);
        let request = request.resource_id(name.as_str()).set_tags(aws_tags(tags)?);
        request.send().await.map(drop).map_err(|error| TAG.failed(&error, name, region))
    }
}

/// `None` where there are no tags, since an empty list is refused.
fn aws_tags(tags: &[(String, String)]) -> Result<Option<Vec<Tag>>> {
    let tag = |(key, value): &(String, String)| Tag::builder().key(key).value(value).build();
    let built = tags.iter().map(tag).collect::<Result<Vec<_>, _>>();
    let built = built.map_err(|_| Error::internal("a tag without a key or a value"))?;
    Ok(Some(built).filter(|tags| !tags.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Write;
    use crate::store::aws::testing::{Memory, refusal, store};
    use crate::value::SecretValue;

    fn secret() -> NewSecret {
        let tags = vec![("team".to_owned(), "x".to_owned())];
        NewSecret { value: SecretValue::text("canary"), tags, expires: None, token: "t".to_owned() }
    }

    #[tokio::test]
    async fn a_new_parameter_is_encrypted_and_another_keeps_its_type() {
        let memory = Memory::new(|_, _| (200, json!({"Version": 2})));
        let store = store::<SystemsManager>(&memory);
        let version = store.put(&"/a".into(), &secret(), &Current::ABSENT).await.unwrap();
        assert_eq!(version.as_deref(), Some("2"));
        store.put(&"/a".into(), &secret(), &Current::present(None)).await.unwrap();
        let calls = memory.calls();
        let operations: Vec<_> = calls.iter().map(|(operation, _)| operation.as_str()).collect();
        assert_eq!(operations, ["PutParameter", "AddTagsToResource", "PutParameter"]);
        let tags = json!([{"Key": "team", "Value": "x"}]);
        let created = json!({
            "Name": "/a", "Value": "canary", "Type": "SecureString", "Overwrite": false, "Tags": tags,
        });
        assert_eq!(calls[0].1, created);
        assert_eq!(calls[2].1, json!({"Name": "/a", "Value": "canary", "Overwrite": true}));
    }

    #[tokio::test]
    async fn another_writer_is_a_conflict_and_a_denial_names_the_permission() {
        for (code, kind, hint) in [
            ("ParameterAlreadyExists", ErrorKind::Conflict, "strongroom describe"),
            ("AccessDeniedException", ErrorKind::Denied, "ssm:PutParameter"),
        ] {
            let memory = Memory::new(move |_, _| refusal(400, code));
            let store = store::<SystemsManager>(&memory);
            let error = store.put(&"/a".into(), &secret(), &Current::ABSENT).await.unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.hint().unwrap().contains(hint), "{error}");
        }
    }

    #[test]
    fn only_the_latest_version_is_written() {
        assert!(SystemsManager::writable(&"/a".into()).is_ok());
        assert!(SystemsManager::writable(&"/a:1".into()).is_err());
    }
}
