//! Bindings of a project's IAM policy that allow what a backend needs and nothing else.
//!
//! Sources: "Access control with IAM" of Secret Manager (the permissions of its roles; listing and creating
//! are permissions of the project), and the attribute reference of IAM conditions (`resource.name`).

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::store::tools::{PolicyRequest, PolicyTool};

/// Conditions name a project by its number.
pub(super) const POLICY: PolicyTool = PolicyTool {
    check_asked,
    region: |options, _environment| options.non_empty("location").map(str::to_owned),
    ..PolicyTool::new(policy)
};

fn check_asked(request: &PolicyRequest) -> Result<()> {
    request.refuse_tags_and_keys()?;
    let is_number = |account: &String| account.bytes().all(|byte| byte.is_ascii_digit());
    if request.account.as_ref().is_none_or(is_number) {
        return Ok(());
    }
    Err(Error::config("`--account` is not the number of a project, by which conditions name it")
        .with_hint("`gcloud projects describe PROJECT_ID --format 'value(projectNumber)'` shows it"))
}

/// Bindings of a project's policy. A condition on the name needs the project's number, which cannot be
/// derived from its id.
///
/// Listing and creating are permissions of the project, which a condition on a secret's name never grants:
/// names are listed without one, and creating needs a role that allows nothing else.
/// `roles/secretmanager.admin` is not among them, since it allows giving others roles on the secrets.
fn policy(request: &PolicyRequest) -> String {
    let names = json!({
        "title": "airflow_secrets",
        "description": "The secrets of Airflow alone",
        "expression": expression(request),
    });
    let bound = |role: &str, condition: Option<&Value>| {
        let mut binding = json!({"role": role, "members": ["serviceAccount:SERVICE_ACCOUNT"]});
        if let Some(condition) = condition {
            binding["condition"] = condition.clone();
        }
        binding
    };
    let mut bindings = vec![
        bound("roles/secretmanager.secretAccessor", Some(&names)),
        bound("roles/secretmanager.viewer", None),
    ];
    if request.manages {
        bindings.push(bound("roles/secretmanager.secretVersionManager", Some(&names)));
        bindings.push(bound("projects/PROJECT_ID/roles/SECRET_EDITOR", Some(&names)));
        bindings.push(bound("projects/PROJECT_ID/roles/SECRET_CREATOR", None));
    }
    format!("{:#}\n", json!({"bindings": bindings}))
}

/// The condition on the beginning of the name of a secret or of its version.
fn expression(request: &PolicyRequest) -> String {
    let project = request.account.as_deref().unwrap_or("PROJECT_NUMBER");
    let place = request.region.as_ref().map(|region| format!("/locations/{region}")).unwrap_or_default();
    let whole = |name: &str| format!("projects/{project}{place}/secrets/{name}");
    let begins = |name: &str| format!("resource.name.startsWith({})", quoted(&whole(name)));
    let below = request.prefixes.iter().map(|(_, prefix)| begins(prefix));
    let alone = request
        .names
        .iter()
        // The versions of a secret are resources below its name.
        .map(|name| format!("resource.name == {} || {}", quoted(&whole(name)), begins(&format!("{name}/"))));
    below.chain(alone).collect::<Vec<_>>().join(" || ")
}

/// A CEL string, whose escapes are the same as JSON's for these texts.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::Kind;

    fn parsed(request: &PolicyRequest) -> Value {
        serde_json::from_str(&policy(request)).unwrap()
    }

    #[test]
    fn conditions_name_the_prefixes() {
        let mut request = PolicyRequest {
            prefixes: vec![(Kind::Connection, "airflow-connections-".to_owned())],
            ..PolicyRequest::default()
        };
        let read = parsed(&request);
        assert_eq!(
            read["bindings"][0]["condition"]["expression"],
            "resource.name.startsWith(\"projects/PROJECT_NUMBER/secrets/airflow-connections-\")"
        );
        // A listing of the project never satisfies a condition on the name of a secret.
        assert_eq!(read["bindings"][1]["condition"], Value::Null);
        assert!(!read.to_string().contains("Manager\""), "{read}");
        request.manages = true;
        request.region = Some("europe-west3".to_owned());
        request.names = vec!["all".to_owned()];
        let managed = parsed(&request);
        assert_eq!(managed["bindings"][2]["role"], "roles/secretmanager.secretVersionManager");
        let begin = "projects/PROJECT_NUMBER/locations/europe-west3/secrets";
        assert_eq!(
            managed["bindings"][2]["condition"]["expression"],
            format!(
                "resource.name.startsWith(\"{begin}/airflow-connections-\") || resource.name == \
                \"{begin}/all\" || resource.name.startsWith(\"{begin}/all/\")"
            )
        );
    }
}
