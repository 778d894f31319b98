//! Documents for Google Secret Manager and Azure Key Vault: text made of names alone.
//!
//! Sources: "Access control with IAM" of Secret Manager (listing and creating are permissions of the project) and the IAM
//! reference of conditions (`resource.name`), "Azure built-in roles for Key Vault data plane operations" and the template
//! reference of `Microsoft.Authorization/roleAssignments`.

use serde_json::{Value, json};

use super::StoreWord;
use crate::store::convention::Kind;
use crate::store::tools::PolicyRequest;

/// The prefixes of the official classes.
pub(super) fn usual_prefixes(store: StoreWord) -> Vec<(Kind, String)> {
    let separated = |separator: &str, words: [&str; 3]| {
        let kinds = Kind::ALL.into_iter().zip(words);
        kinds.map(|(kind, word)| (kind, format!("{word}{separator}"))).collect()
    };
    match store {
        StoreWord::Gcp | StoreWord::Azure => {
            separated("-", ["airflow-connections", "airflow-variables", "airflow-config"])
        }
        _ => separated("/", ["connections", "variables", "config"]),
    }
}

/// Bindings of a project's policy. A condition on the name needs the project's number, which a name alone does not tell.
///
/// Listing and creating are asked of the project, which no condition on the name of a secret lets through: names are told
/// without one, and creating needs a role that allows nothing else.
pub(super) fn google(request: &PolicyRequest) -> String {
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
        bindings.push(bound("roles/secretmanager.admin", Some(&names)));
        bindings.push(bound("projects/PROJECT_ID/roles/SECRET_CREATOR", None));
    }
    format!("{:#}\n", json!({"bindings": bindings}))
}

/// What the name of a secret or of its version begins with.
fn expression(request: &PolicyRequest) -> String {
    let project = request.account.as_deref().unwrap_or("PROJECT_NUMBER");
    let place = request.region.as_ref().map(|region| format!("/locations/{region}")).unwrap_or_default();
    let whole = |name: &str| format!("projects/{project}{place}/secrets/{name}");
    let begins = |name: &str| format!("resource.name.startsWith({})", quoted(&whole(name)));
    let below = request.prefixes.iter().map(|(_, prefix)| begins(prefix));
    let alone = request
        .names
        .iter()
        .map(|name| format!("resource.name == {} || {}", quoted(&whole(name)), begins(&format!("{name}/"))));
    below.chain(alone).collect::<Vec<_>>().join(" || ")
}

/// A template with one role assignment. The roles are those of the data plane; Key Vault has no condition on names.
pub(super) fn azure(request: &PolicyRequest) -> String {
    let (name, id) = if request.manages {
        ("Key Vault Secrets Officer", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7")
    } else {
        ("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6")
    };
    let vault = request.account.as_deref().unwrap_or(
        "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.KeyVault/vaults/VAULT",
    );
    let assignment = json!({
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "name": format!("[guid('{}', 'PRINCIPAL_ID', '{id}')]", vault.replace('\'', "''")),
        "scope": vault,
        "properties": {
            "roleDefinitionId": format!("[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{id}')]"),
            "principalId": "PRINCIPAL_ID",
            "principalType": "ServicePrincipal",
            "description": name,
        },
    });
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [assignment],
    });
    format!("{template:#}\n")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::Options;

    fn request(store: StoreWord, manages: bool) -> PolicyRequest {
        PolicyRequest {
            manages,
            prefixes: usual_prefixes(store).into_iter().take(1).collect(),
            names: Vec::new(),
            tags: Vec::new(),
            keys: Vec::new(),
            account: None,
            region: None,
            options: Options::default(),
        }
    }

    #[test]
    fn google_conditions_name_the_prefixes() {
        let mut request = request(StoreWord::Gcp, false);
        let parse = |request: &_| serde_json::from_str::<Value>(&google(request)).unwrap();
        let read = parse(&request);
        assert_eq!(
            read["bindings"][0]["condition"]["expression"],
            "resource.name.startsWith(\"projects/PROJECT_NUMBER/secrets/airflow-connections-\")"
        );
        // No condition on the name of a secret lets a listing of the project through.
        assert_eq!(read["bindings"][1]["condition"], Value::Null);
        assert!(!read.to_string().contains("admin"));
        request.manages = true;
        request.region = Some("europe-west3".to_owned());
        request.names = vec!["all".to_owned()];
        let managed = parse(&request);
        assert_eq!(managed["bindings"][2]["role"], "roles/secretmanager.admin");
        let begin = "projects/PROJECT_NUMBER/locations/europe-west3/secrets";
        assert_eq!(
            managed["bindings"][2]["condition"]["expression"],
            format!(
                "resource.name.startsWith(\"{begin}/airflow-connections-\") || resource.name == \"{begin}/all\" || resource.name.startsWith(\"{begin}/all/\")"
            )
        );
    }

    #[test]
    fn azure_has_a_role_for_reading_and_one_for_managing() {
        let parse =
            |manages| serde_json::from_str::<Value>(&azure(&request(StoreWord::Azure, manages))).unwrap();
        let of = |template: Value| template["resources"][0]["properties"]["roleDefinitionId"].to_string();
        assert!(of(parse(false)).contains("4633458b-17de-408a-b874-0445c86b69e6"));
        assert!(of(parse(true)).contains("b86a8fe4-44ce-4948-aee5-eccb2c155cd7"));
        let name = parse(false)["resources"][0]["name"].to_string();
        assert!(name.starts_with("\"[guid('/subscriptions/"), "{name}");
    }
}
