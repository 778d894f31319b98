//! The project with the secrets.
//!
//! Source: `CloudSecretManagerBackend.__init__` and `get_credentials_and_project_id` of the Google provider
//! 22.8.0, and google-auth's `default`.

use serde_json::Value as Json;
use tokio::sync::OnceCell;

use crate::error::Result;
use crate::store::environment::Environment;
use crate::store::google::config::{GoogleSettings, no_project};
use crate::store::google::name::checked_project;

use super::adc::Found;
use super::metadata::Metadata;
use super::text;

/// A project, known or to be requested.
#[derive(Debug)]
pub(in crate::store::google) enum Project {
    /// It is configured.
    Known(String),
    /// The metadata server knows it.
    Asked(Metadata, OnceCell<String>),
    /// It is unknown.
    Unknown,
}

impl Project {
    /// The project's id or number.
    pub(in crate::store::google) async fn get(&self) -> Result<String> {
        match self {
            Self::Known(project) => Ok(project.clone()),
            Self::Asked(metadata, asked) => asked.get_or_try_init(|| metadata.project()).await.cloned(),
            Self::Unknown => Err(no_project()),
        }
    }
}

/// The project that the user set; then that of the account to read as; then the environment's, if no option
/// names credentials; then that of the credentials.
pub(super) fn project(
    settings: &GoogleSettings,
    environment: &Environment,
    found: &Found,
    metadata: Option<&Metadata>,
) -> Project {
    let of_environment = ["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"]
        .into_iter()
        .filter(|_| found.is_default())
        .find_map(|name| environment.non_empty(name).map(|project| (project.to_owned(), name)));
    let of_target = settings
        .chain
        .last()
        .and_then(|target| of_account(target))
        .map(|project| (project, "impersonation_chain"));
    let written = settings.project.clone().map(|project| (project, "project_id"));
    let of_content = of_content(found).map(|project| (project, "the credentials"));
    let known = written.or(of_target).or(of_environment).or(of_content);
    match (known, metadata) {
        // An invalid project counts as none: the lookup reports that the project is not known.
        (Some((project, named_by)), _) => {
            checked_project(&project, named_by).map_or(Project::Unknown, Project::Known)
        }
        (None, Some(metadata)) => Project::Asked(metadata.clone(), OnceCell::new()),
        (None, None) => Project::Unknown,
    }
}

fn of_content(found: &Found) -> Option<String> {
    let Found::Content { json, gcloud_project, .. } = found else { return None };
    let own = text(json, "project_id").map(str::to_owned);
    let audience = text(json, "audience").and_then(of_audience);
    own.or_else(|| gcloud_project.clone()).or(audience).or_else(|| of_impersonation(json))
}

/// The number of the project with the workload identity pool, which the API accepts, too; google-auth asks
/// Resource Manager for the id.
fn of_audience(audience: &str) -> Option<String> {
    let rest = audience.split_once("/projects/")?.1;
    rest.split('/').next().filter(|number| !number.is_empty()).map(str::to_owned)
}

fn of_impersonation(json: &Json) -> Option<String> {
    let url = text(json, "service_account_impersonation_url")?;
    of_account(url.split_once("/serviceAccounts/")?.1.split(':').next()?)
}

/// The project in the address of a user-managed service account: `name@project.iam.gserviceaccount.com`.
fn of_account(account: &str) -> Option<String> {
    let project = account.split_once('@')?.1.strip_suffix(".iam.gserviceaccount.com")?;
    match project.split_once('.') {
        // The id of a project of a domain is `example.com:name`, which is reversed in addresses.
        Some((name, domain)) => Some(format!("{domain}:{name}")),
        None => Some(project.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::google::identity::adc::VARIABLE;
    use crate::store::options::{OptionValue, Options};
    use crate::value::Text;
    use crate::value::json::Value;

    fn known(
        options: &[(&'static str, &str)],
        variables: &[(&str, &str)],
        content: Json,
        named_by: &'static str,
    ) -> Option<String> {
        let mut all = Options::default();
        for (key, text) in options {
            let value = match *key {
                "impersonation_chain" => OptionValue::Json(Value::String(Text::from(*text))),
                _ => OptionValue::Text((*text).to_owned()),
            };
            all.set(key, value);
        }
        let environment = Environment::of(variables);
        let found = Found::Content { json: content, named_by, gcloud_project: None };
        match project(&GoogleSettings::read(&all).unwrap(), &environment, &found, None) {
            Project::Known(project) => Some(project),
            _ => None,
        }
    }

    #[test]
    fn the_order_is_the_official_one() {
        let options = [("project_id", "own"), ("impersonation_chain", "a@target.iam.gserviceaccount.com")];
        let variables = [("GOOGLE_CLOUD_PROJECT", "environment"), ("GCLOUD_PROJECT", "old")];
        let key = || json!({"project_id": "key"});
        assert_eq!(known(&options, &variables, key(), VARIABLE).as_deref(), Some("own"));
        assert_eq!(known(&options[1..], &variables, key(), VARIABLE).as_deref(), Some("target"));
        assert_eq!(known(&[], &variables, key(), VARIABLE).as_deref(), Some("environment"));
        assert_eq!(known(&[], &variables[1..], key(), VARIABLE).as_deref(), Some("old"));
        assert_eq!(known(&[], &variables, key(), "gcp_key_path").as_deref(), Some("key"));
        assert_eq!(known(&[], &[], json!({}), VARIABLE), None);
    }

    #[test]
    fn accounts_and_pools_name_their_project() {
        assert_eq!(of_account("a@p-1.iam.gserviceaccount.com").as_deref(), Some("p-1"));
        assert_eq!(of_account("a@p.example.com.iam.gserviceaccount.com").as_deref(), Some("example.com:p"));
        assert_eq!(of_account("1-compute@developer.gserviceaccount.com"), None);
        let pool = "//iam.googleapis.com/projects/12/locations/global/workloadIdentityPools/x/providers/y";
        assert_eq!(of_audience(pool).as_deref(), Some("12"));
        assert_eq!(of_audience("//iam.googleapis.com/locations/global/workforcePools/x"), None);
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\
            a@p.iam.gserviceaccount.com:generateAccessToken";
        assert_eq!(
            of_impersonation(&json!({"service_account_impersonation_url": url})).as_deref(),
            Some("p")
        );
    }
}
