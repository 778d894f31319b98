//! What Key Vault reports about a secret without its value, by `GetSecretVersions` and `GetDeletedSecret` and
//! with `GetSecrets`.
//!
//! `GetSecret` returns the same along with the value, so it is never used here. Source: `SecretItem`,
//! `SecretAttributes` and `DeletedSecretBundle` in the specification of the data plane.

use std::collections::HashMap;
use std::time::SystemTime;

use azure_core::time::OffsetDateTime;
use azure_security_keyvault_secrets::ResourceExt;
use azure_security_keyvault_secrets::models::{DeletedSecret, SecretAttributes, SecretProperties};

use crate::error::Result;
use crate::store::azure::error::read_error;
use crate::store::tools::{Finding, Severity};
use crate::store::{Description, SecretName};

use super::convention::is_valid_name;
use super::{DESCRIBE, KeyVault, invalid_name, no_such_page, reader};

/// The states of a secret.
pub(super) const DISABLED: &str = "disabled";
const ENABLED: &str = "enabled";
const DELETED: &str = "deleted";

const DELETED_OPERATION: &str = "GetDeletedSecret";

/// The most pages of versions that are read, of 25 each: no real secret has more versions, and a faulty
/// server might name a next page forever.
const MOST_PAGES: usize = 200;

/// The most pages of deleted secrets that are read, of 25 each.
const MOST_DELETED_PAGES: usize = 4;

impl KeyVault {
    /// What is known about a secret, with one call for each 25 versions; `None` if it does not exist. If
    /// there is no version, one more call finds out whether it was deleted and can be recovered.
    pub(super) async fn describe_secret(&self, name: &SecretName) -> Result<Option<Description>> {
        match self.current(name).await.map_err(|error| error.with_operation(DESCRIBE))? {
            Some(current) => Ok(Some(of_version(current, name))),
            None => Ok(self.deleted(name).await?.map(|deleted| of_deleted(deleted, name))),
        }
    }

    /// A read of a deleted secret gets the same answer as one of a secret that never existed.
    pub(super) async fn reason_of_absence(&self, name: &SecretName) -> Result<Option<Finding>> {
        Ok(self.deleted(name).await?.map(|deleted| of_deleted(deleted, name)).map(|deleted| gone(&deleted)))
    }

    /// Deleted secrets below the prefixes that can be recovered; nothing if this identity may not list them.
    pub(super) async fn deleted_below(&self) -> Option<Finding> {
        let (mut names, mut link) = (Vec::new(), None);
        for _ in 0..MOST_DELETED_PAGES {
            let page = reader::deleted_page(&self.client, link).await.ok()?;
            names
                .extend(page.value.iter().filter_map(|deleted| deleted.resource_id().ok()).map(|id| id.name));
            link = page.next_link.filter(|link| !link.is_empty()).and_then(|link| self.vault.link(&link));
            if link.is_none() {
                break;
            }
        }
        names.retain(|name| self.diagnosis.is_below(name));
        deleted_names(&names)
    }

    /// The version that a read gets: the newest one. The service returns them in no order.
    async fn current(&self, name: &SecretName) -> Result<Option<SecretProperties>> {
        if !is_valid_name(name.as_str()) {
            return Err(invalid_name(name));
        }
        let (mut versions, mut link) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = match reader::versions(&self.client, name.as_str(), link).await {
                Ok(page) => page,
                Err(error) => {
                    let asked = self.asked(format!("describing `{name}`"), "list");
                    return read_error(&error, &asked).map_or(Ok(None), Err);
                }
            };
            versions.extend(page.value);
            match page.next_link.filter(|link| !link.is_empty()) {
                Some(text) => link = Some(self.vault.link(&text).ok_or_else(no_such_page)?),
                None => return Ok(newest(versions, name)),
            }
        }
        Err(no_such_page())
    }

    async fn deleted(&self, name: &SecretName) -> Result<Option<DeletedSecret>> {
        if !is_valid_name(name.as_str()) {
            return Ok(None);
        }
        match reader::deleted(&self.client, name.as_str()).await {
            Ok(deleted) => Ok(Some(deleted)),
            Err(error) => {
                let asked = self.asked(format!("asking whether `{name}` was deleted"), "get");
                let error = read_error(&error, &asked);
                error.map_or(Ok(None), |error| Err(error.with_operation(DELETED_OPERATION)))
            }
        }
    }
}

/// Times have whole seconds only, so two versions may have the same one.
fn newest(versions: Vec<SecretProperties>, name: &SecretName) -> Option<SecretProperties> {
    let last = versions.iter().map(made).max()?;
    let mut of_last = versions.into_iter().filter(|version| made(version) == last);
    let mut newest = of_last.next()?;
    if of_last.next().is_some() {
        tracing::warn!(
            "two versions of `{name}` were made in one second: which of them is read is not known"
        );
        // The id names a version, which is not known here.
        newest.id = None;
    }
    Some(newest)
}

fn made(properties: &SecretProperties) -> Option<(OffsetDateTime, Option<OffsetDateTime>)> {
    let attributes = properties.attributes.as_ref()?;
    Some((attributes.created?, attributes.updated))
}

fn of_version(properties: SecretProperties, name: &SecretName) -> Description {
    let version = properties.resource_id().ok().and_then(|id| id.version);
    Description { version, ..of_properties(properties, name.as_str()) }
}

/// The contents of a listing's entry.
pub(super) fn of_properties(properties: SecretProperties, name: impl Into<SecretName>) -> Description {
    let described = Description { id: properties.id, form: properties.content_type, ..Description::of(name) };
    let described = with_attributes(described, properties.attributes.as_ref());
    Description { tags: sorted(properties.tags), ..described }
}

fn with_attributes(described: Description, attributes: Option<&SecretAttributes>) -> Description {
    let Some(attributes) = attributes else { return described };
    Description {
        state: attributes.enabled.map(|is_enabled| if is_enabled { ENABLED } else { DISABLED }),
        created: attributes.created.map(SystemTime::from),
        changed: attributes.updated.map(SystemTime::from),
        expires: attributes.expires.map(SystemTime::from),
        ..described
    }
}

fn of_deleted(deleted: DeletedSecret, name: &SecretName) -> Description {
    let described = Description {
        version: deleted.resource_id().ok().and_then(|id| id.version),
        id: deleted.id,
        form: deleted.content_type,
        ..Description::of(name.clone())
    };
    Description {
        state: Some(DELETED),
        deleted: deleted.scheduled_purge_date.map(SystemTime::from),
        tags: sorted(deleted.tags),
        ..with_attributes(described, deleted.attributes.as_ref())
    }
}

fn deleted_names(names: &[String]) -> Option<Finding> {
    let shown: Vec<_> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > shown.len() { " and more" } else { "" };
    (!names.is_empty()).then(|| {
        Finding::new(
            Severity::Warning,
            DELETED,
            format!(
                "{} secrets below the prefixes are deleted, and answer as if they never were: {}{more}",
                names.len(),
                shown.join(", ")
            ),
            "Bring back what is needed: `az keyvault secret recover`; until then it cannot be created again",
        )
    })
}

fn gone(deleted: &Description) -> Finding {
    let name = deleted.name.to_string();
    let days = deleted.deleted.and_then(|end| end.duration_since(SystemTime::now()).ok());
    let end = match days.map(|left| left.as_secs() / 86_400) {
        Some(0) => "; it will be gone for good within a day".to_owned(),
        Some(days) => format!("; it will be gone for good in {days} days"),
        None => String::new(),
    };
    Finding::new(
        Severity::Problem,
        DELETED,
        format!("`{name}` was deleted and can still be brought back{end}"),
        format!(
            "Bring it back: `az keyvault secret recover --name {name}`; until then it cannot be created again"
        ),
    )
}

/// Sorted, since the service returns them in no order.
fn sorted(tags: Option<HashMap<String, String>>) -> Vec<(String, String)> {
    let mut tags: Vec<_> = tags.unwrap_or_default().into_iter().collect();
    tags.sort_unstable();
    tags
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn properties(json: &str) -> SecretProperties {
        azure_core::json::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_version_is_described_with_its_attributes() {
        let described = of_version(
            properties(
                r#"{"id": "https://v.vault.azure.net/secrets/a-b/0123", "contentType": "text/plain", "tags": {"z": "1", "a": "2"},
                "attributes": {"enabled": false, "exp": 9, "nbf": 1, "created": 5, "updated": 7, "recoveryLevel": "Purgeable"}}"#,
            ),
            &"a-b".into(),
        );
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!((described.name.as_str(), described.version.as_deref()), ("a-b", Some("0123")));
        assert_eq!((described.form.as_deref(), described.state), (Some("text/plain"), Some(DISABLED)));
        assert_eq!(
            (described.created, described.changed, described.expires, described.deleted),
            (at(5), at(7), at(9), None)
        );
        assert_eq!(described.tags.first(), Some(&("a".to_owned(), "2".to_owned())));
        let bare = of_version(properties("{}"), &"a".into());
        assert_eq!((bare.state, bare.id, bare.version), (None, None, None));
    }

    #[test]
    fn the_newest_version_is_the_one_that_is_read() {
        let old =
            properties(r#"{"id": "https://v/secrets/a/1", "attributes": {"created": 5, "updated": 9}}"#);
        let new = properties(r#"{"id": "https://v/secrets/a/2", "attributes": {"created": 6}}"#);
        let bare = properties(r#"{"id": "https://v/secrets/a/3"}"#);
        let described = newest(vec![new.clone(), old, bare], &"a".into()).unwrap();
        assert_eq!(described.resource_id().unwrap().version.as_deref(), Some("2"));
        let unknown = newest(vec![new.clone(), new], &"a".into()).unwrap();
        assert_eq!(of_version(unknown, &"a".into()).version, None);
        assert!(newest(Vec::new(), &"a".into()).is_none());
    }

    #[test]
    fn a_deleted_secret_says_when_it_is_gone() {
        let purge = SystemTime::now() + Duration::from_secs(3 * 86_400 + 60);
        let described = |deleted| gone(&Description { deleted, ..Description::of("a") }).evidence;
        insta::assert_snapshot!(described(Some(purge)), @"`a` was deleted and can still be brought back; it \
        will be gone for good in 3 days");
        insta::assert_snapshot!(described(None), @"`a` was deleted and can still be brought back");
    }
}
