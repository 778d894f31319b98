//! What the engine reports about a secret without its value.
//!
//! Version 2 has metadata besides the values; `data/` is not requested. Version 1 only has names: what the
//! listing of the folder contains exists. Source: "Read secret metadata" and "List secrets" in the KV API
//! reference.

use std::time::SystemTime;

use vaultrs::api::kv2::requests::ReadSecretMetadataRequest;

use crate::error::Result;
use crate::moment;
use crate::store::vault::Vault;
use crate::store::vault::call::Call;
use crate::store::vault::config::KvVersion;
use crate::store::vault::error::{foreign, no_answer, not_understood, refused};
use crate::store::vault::place::SecretPath;
use crate::store::{Description, SecretName};
use crate::value::json::{Object, Value};

impl Vault {
    /// What is known about a secret; `None` if it does not exist. The description says if its current version
    /// was deleted.
    pub(super) async fn describe_secret(&self, name: &SecretName) -> Result<Option<Description>> {
        let subject = format!("describing `{name}`");
        let place = self.place(name, &subject)?;
        match self.version(&place, name, &subject).await? {
            KvVersion::One => self.describe_by_listing(name, &place).await,
            KvVersion::Two => self.describe_by_metadata(name, &place, &subject).await,
        }
    }

    async fn describe_by_listing(
        &self,
        name: &SecretName,
        place: &SecretPath,
    ) -> Result<Option<Description>> {
        let whole = format!("{}/{}", place.mount, place.path);
        let Some((folder, key)) = whole.rsplit_once('/') else { return Ok(None) };
        let keys = self.list_folder(&format!("{folder}/")).await?;
        let is_there = keys.iter().any(|listed| listed == key);
        Ok(is_there.then(|| Description { form: Some("KV 1".to_owned()), ..Description::of(name.clone()) }))
    }

    async fn describe_by_metadata(
        &self,
        name: &SecretName,
        place: &SecretPath,
        subject: &str,
    ) -> Result<Option<Description>> {
        let (mount, path) = (place.mount.clone(), place.path.clone());
        let call = Call::of(&ReadSecretMetadataRequest { mount, path });
        let call = call.map_err(|error| no_answer(&error, subject))?;
        let answer = self.access.ask(&call, name, subject).await?;
        let question = self.question(&answer, &place.mount, &call.path, KvVersion::Two, subject);
        let reply = &answer.reply;
        match reply.status {
            200..=299 => {
                let json = reply.json();
                let data = json.as_ref().and_then(Value::as_object).and_then(|members| members.get("data"));
                let data = data.and_then(Value::as_object).ok_or_else(|| not_understood(reply, subject))?;
                Ok(Some(of_metadata(name, data)))
            }
            403 if reply.is_of_vault() => Err(question.denied().await),
            403 | 404 if !reply.is_of_vault() => Err(foreign(reply, subject)),
            404 => self.sure_of_absence(&answer, &question).await.map(|()| None),
            _ => Err(refused(reply, subject)),
        }
    }
}

fn of_metadata(name: &SecretName, data: &Object) -> Description {
    let time = |key: &str| data.get(key).and_then(Value::as_str).and_then(moment::read);
    let current = data.get("current_version").and_then(Value::as_i64).filter(|number| *number > 0);
    let version = current.map(|number| number.to_string());
    let versions = data.get("versions").and_then(Value::as_object);
    let state = version.as_deref().and_then(|number| versions?.get(number)?.as_object());
    let deleted = state.and_then(|state| state.get("deletion_time")?.as_str()).and_then(moment::read);
    let destroyed = state.and_then(|state| state.get("destroyed")?.as_bool()).unwrap_or(false);
    Description {
        form: Some(form(version.is_some(), deleted, destroyed).to_owned()),
        version,
        created: time("created_time"),
        changed: time("updated_time"),
        deleted,
        tags: tags(data.get("custom_metadata")),
        ..Description::of(name.clone())
    }
}

/// With `delete_version_after` the deletion date of a readable version is in the future.
fn form(has_version: bool, deleted: Option<SystemTime>, destroyed: bool) -> &'static str {
    match deleted {
        _ if !has_version => "KV 2, without any version",
        _ if destroyed => "KV 2, current version destroyed",
        Some(moment) if moment <= SystemTime::now() => "KV 2, current version deleted",
        _ => "KV 2",
    }
}

fn tags(custom: Option<&Value>) -> Vec<(String, String)> {
    let members = custom.and_then(Value::as_object).into_iter().flat_map(Object::iter);
    members.filter_map(|(key, value)| Some((key.to_str()?.to_owned(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json::parse;

    fn described(data: &str) -> Description {
        of_metadata(&"secret/a".into(), parse(&Text::from(data)).unwrap().as_object().unwrap())
    }

    #[test]
    fn metadata_contain_version_dates_and_custom_metadata() {
        let described = described(
            r#"{"created_time": "2026-03-01T12:30:00.5Z", "updated_time": "2026-03-01T12:31:00Z", "current_version": 3,
                "custom_metadata": {"team": "x"}, "versions": {"3": {"deletion_time": "", "destroyed": false}}}"#,
        );
        assert_eq!((described.version.as_deref(), described.form.as_deref()), (Some("3"), Some("KV 2")));
        assert_eq!((described.created, described.deleted), (moment::read("2026-03-01T12:30:00.5Z"), None));
        assert!(
            described.created < described.changed && described.tags == [("team".to_owned(), "x".to_owned())]
        );
    }

    #[test]
    fn a_deleted_version_and_one_that_will_be_are_distinguished() {
        let form = |deletion: &str, destroyed| {
            let state = format!(r#"{{"deletion_time": "{deletion}", "destroyed": {destroyed}}}"#);
            let described = described(&format!(r#"{{"current_version": 2, "versions": {{"2": {state}}}}}"#));
            (described.form.unwrap(), described.deleted.is_some())
        };
        assert_eq!(form("2020-01-01T00:00:00Z", false), ("KV 2, current version deleted".to_owned(), true));
        assert_eq!(form("2020-01-01T00:00:00Z", true), ("KV 2, current version destroyed".to_owned(), true));
        assert_eq!(form("2999-01-01T00:00:00Z", false), ("KV 2".to_owned(), true));
        let bare = described(r#"{"current_version": 0, "custom_metadata": null, "versions": {}}"#);
        assert_eq!((bare.version, bare.form.as_deref()), (None, Some("KV 2, without any version")));
    }
}
