//! The names of secrets, by the verb LIST. A listing shows one level; an entry that ends with a slash has
//! more below it.

use vaultrs::api::kv1::requests::ListSecretRequest;
use vaultrs::api::kv2::requests::ListSecretsRequest;

use crate::error::Result;
use crate::store::vault::Vault;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::config::KvVersion;
use crate::store::vault::diagnosis::Question;
use crate::store::vault::error::{foreign, name_refused, no_answer, not_understood, refused};
use crate::store::vault::place::SecretPath;
use crate::store::{Names, Page, SecretName};
use crate::value::json::Value;

/// Separates the folders that are still to be listed in the token of a page. A folder's name ends with a
/// slash, so an empty one cannot exist.
const BETWEEN: &str = "//";

impl Vault {
    /// One page: the names in one folder. The folders below it are the next pages.
    pub(super) async fn list_names(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        let mut folders: Vec<String> = match page {
            Some(page) => page.token().split(BETWEEN).map(|folder| format!("{folder}/")).collect(),
            None => vec![self.first_folder(prefix)?],
        };
        let Some(folder) = folders.pop() else { return Ok(Names::default()) };
        let keys = self.list_folder(&folder).await?;
        let mut names: Vec<SecretName> = Vec::new();
        for key in keys {
            let name = format!("{folder}{key}");
            match key.ends_with('/') {
                true if name.starts_with(prefix) || prefix.starts_with(&name) => folders.push(name),
                false if name.starts_with(prefix) => names.push(name.into()),
                _ => {}
            }
        }
        let left: Vec<&str> = folders.iter().map(|folder| folder.trim_end_matches('/')).collect();
        let next = (!left.is_empty()).then(|| Page::new(left.join(BETWEEN)));
        Ok(Names { names, next })
    }

    /// The folder that contains everything with this prefix, which may not yet include the mount.
    pub(super) fn first_folder(&self, prefix: &str) -> Result<String> {
        let folder = prefix.rfind('/').map_or("", |end| &prefix[..=end]);
        match &self.settings.mount {
            Some(mount) if !folder.starts_with(&format!("{mount}/")) => Ok(format!("{mount}/")),
            None if folder.is_empty() => Err(name_refused("listing", "no mount is named")),
            _ => Ok(folder.to_owned()),
        }
    }

    /// The keys in one folder; none if it does not exist.
    pub(super) async fn list_folder(&self, folder: &str) -> Result<Vec<String>> {
        let name = SecretName::from(folder);
        let subject = format!("listing `{name}`");
        let place = self.place(&name, &subject)?;
        let version = self.version(&place, &name, &subject).await?;
        let call = self.list_call(&place, version).map_err(|error| no_answer(&error, &subject))?;
        let answer = self.access.ask(&call, &name, &subject).await?;
        let path = format!("{}/", call.path.trim_end_matches('/'));
        let question = self.question(&answer, &place.mount, &path, version, &subject);
        let question = Question { capability: "list", ..question };
        match answer.reply.status {
            200..=299 => {
                keys(answer.reply.json().as_ref()).ok_or_else(|| not_understood(&answer.reply, &subject))
            }
            403 if answer.reply.is_of_vault() => Err(question.denied().await),
            403 | 404 if !answer.reply.is_of_vault() => Err(foreign(&answer.reply, &subject)),
            404 => self.sure_of_absence(&answer, &question).await.map(|()| Vec::new()),
            _ => Err(refused(&answer.reply, &subject)),
        }
    }

    fn list_call(&self, place: &SecretPath, version: KvVersion) -> Result<Call, crate::http::TransportError> {
        let (mount, path) = (place.mount.clone(), place.path.clone());
        let call = match version {
            KvVersion::One => Call::of(&ListSecretRequest { mount, path }),
            KvVersion::Two => Call::of(&ListSecretsRequest { mount, path }),
        }?;
        // As in hvac: LIST is not a standard method, and a strict proxy refuses it.
        if !self.settings.strict_http {
            return Ok(call);
        }
        let mut call = Call::of(&Own::get(call.path))?;
        call.query = Some("list=true".to_owned());
        Ok(call)
    }
}

fn keys(json: Option<&Value>) -> Option<Vec<String>> {
    let data = json?.as_object()?.get("data")?.as_object()?;
    let keys = data.get("keys")?.as_array()?;
    Some(keys.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}
