//! The identity that secrets are read as, as far as it is known without a call.

use serde_json::Value as Json;

use crate::redact::Shown;
use crate::store::google::config::{GoogleSettings, Written};

use super::adc::Found;
use super::project::Project;
use super::{Credentials, target_of, text};

/// The identity that asks, in words that hold no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store::google) struct Who {
    /// The account, with the chain of impersonated accounts.
    pub(in crate::store::google) words: String,
    /// Which service account key is used, if there is one.
    pub(in crate::store::google) key: Option<Key>,
}

/// A description of a service account key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::google) struct Key {
    /// The option or variable that named it.
    pub(in crate::store::google) named_by: &'static str,
    /// Whether the options hold the key itself, so that no file had to be read.
    pub(in crate::store::google) is_inline: bool,
    /// Google's id of the key, by which it is found and deleted.
    pub(in crate::store::google) id: Option<String>,
    /// The project of the account.
    pub(in crate::store::google) project: Option<String>,
}

impl Key {
    /// What a key file says about itself; `None` for other credentials.
    pub(in crate::store::google) fn of(json: &Json, named_by: &'static str, is_inline: bool) -> Option<Self> {
        let is_key = text(json, "type").unwrap_or("service_account") == "service_account";
        let member = |key| text(json, key).map(|text| Shown(text).to_string());
        let (id, project) = (member("private_key_id"), member("project_id"));
        is_key.then_some(Self { named_by, is_inline, id, project })
    }
}

impl Credentials {
    /// The identity that they belong to.
    pub(in crate::store::google) fn who(&self, settings: &GoogleSettings) -> Who {
        let is_inline = matches!(settings.credentials, Written::Content(..));
        let (own, key) = match &self.0 {
            Found::Content { json, named_by, .. } => {
                (format!("{} ({named_by})", of_content(json)), Key::of(json, named_by, is_inline))
            }
            Found::Metadata => ("the service account that the metadata server names".to_owned(), None),
            Found::Anonymous => ("anonymous, without credentials".to_owned(), None),
        };
        let words = match settings.chain.last() {
            Some(target) => format!("{target}, impersonated by {own}"),
            None => own,
        };
        Who { words, key }
    }
}

impl Project {
    /// The project, or where it will be looked up.
    pub(in crate::store::google) fn words(&self) -> String {
        match self {
            Self::Known(project) => format!("project {project}"),
            Self::Asked(..) => "the project that the metadata server names".to_owned(),
            Self::Unknown => "no project that is known".to_owned(),
        }
    }
}

fn of_content(json: &Json) -> String {
    let account = text(json, "client_email").map_or("a service account", |email| email);
    match text(json, "type").unwrap_or("service_account") {
        "service_account" => match text(json, "private_key_id") {
            Some(id) => format!("{}, key {}", Shown(account), Shown(id)),
            None => Shown(account).to_string(),
        },
        "authorized_user" | "external_account_authorized_user" => {
            "a person who logged in with gcloud".to_owned()
        }
        "external_account" => {
            let audience = text(json, "audience").unwrap_or_default();
            let federated = format!("a federated identity of {}", Shown(audience));
            through(json).map_or(federated.clone(), |target| format!("{target}, impersonated by {federated}"))
        }
        "impersonated_service_account" => {
            let source = json.get("source_credentials").map_or_else(|| "others".to_owned(), of_content);
            through(json).map_or(source.clone(), |target| format!("{target}, impersonated by {source}"))
        }
        _ => "credentials of an unknown type".to_owned(),
    }
}

/// The impersonated account.
fn through(json: &Json) -> Option<String> {
    target_of(json).map(|account| Shown(account).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::options::{OptionValue, Options};

    fn who(json: Json, chain: &str) -> Who {
        let mut options = Options::default();
        options.set(
            "impersonation_chain",
            OptionValue::Json(crate::value::json::Value::from(crate::value::Text::from(chain))),
        );
        let found = Found::Content { json, named_by: "gcp_key_path", gcloud_project: None };
        Credentials(found).who(&GoogleSettings::read(&options).unwrap())
    }

    #[test]
    fn every_type_of_credentials_is_described_without_its_secrets() {
        let url = "https://iam/v1/projects/-/serviceAccounts/t@p.iam.gserviceaccount.com:generateAccessToken";
        let key = json!({"type": "service_account", "client_email": "r@p", "private_key_id": "k1",
            "private_key": "canary"});
        let user = json!({"type": "authorized_user", "refresh_token": "canary", "client_secret": "canary"});
        let external = json!({"type": "external_account", "audience": "//iam/pool", "client_secret": "canary",
            "service_account_impersonation_url": url});
        let impersonated = json!({"type": "impersonated_service_account", "source_credentials": user,
            "service_account_impersonation_url": url});
        for (json, chain, expected) in [
            (key.clone(), "", "r@p, key k1 (gcp_key_path)"),
            (key, "t@p", "t@p, impersonated by r@p, key k1 (gcp_key_path)"),
            (user, "", "a person who logged in with gcloud (gcp_key_path)"),
            (
                external,
                "",
                "t@p.iam.gserviceaccount.com, impersonated by a federated identity of //iam/pool \
                (gcp_key_path)",
            ),
            (
                impersonated,
                "",
                "t@p.iam.gserviceaccount.com, impersonated by a person who logged in with gcloud \
                (gcp_key_path)",
            ),
            (json!({"type": "canary"}), "", "credentials of an unknown type (gcp_key_path)"),
        ] {
            let described = who(json, chain);
            assert_eq!(described.words, expected);
            assert!(!format!("{described:?}").contains("canary"), "{described:?}");
        }
    }
}
