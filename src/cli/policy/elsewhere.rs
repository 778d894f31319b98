//! Documents for Google Secret Manager, Azure Key Vault and Vault: text made of names alone.
//!
//! Sources: the IAM reference of Secret Manager ("IAM conditions", `resource.name`), "Azure built-in roles for Key Vault
//! data plane operations", and the KV v2 API of Vault (listing and metadata are on `metadata/`, values on `data/`).

use std::fmt::Write;

use serde_json::json;

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
pub(super) fn google(request: &PolicyRequest) -> String {
    let project = request.account.as_deref().unwrap_or("PROJECT_NUMBER");
    let begins = |prefix: &str| format!("resource.name.startsWith(\"projects/{project}/secrets/{prefix}\")");
    let expression: Vec<_> = request.prefixes.iter().map(|(_, prefix)| begins(prefix)).collect();
    let condition = json!({
        "title": "airflow_secrets",
        "description": "The secrets of Airflow alone",
        "expression": expression.join(" || "),
    });
    let member = "serviceAccount:SERVICE_ACCOUNT";
    let bound = |role: &str| json!({"role": role, "members": [member], "condition": condition});
    let second = if request.manages { "roles/secretmanager.admin" } else { "roles/secretmanager.viewer" };
    let bindings = [bound("roles/secretmanager.secretAccessor"), bound(second)];
    format!("{:#}\n", json!({"bindings": bindings}))
}

/// A role assignment. The roles are those of the data plane; Key Vault has no condition on names.
pub(super) fn azure(request: &PolicyRequest) -> String {
    let (name, id) = if request.manages {
        ("Key Vault Secrets Officer", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7")
    } else {
        ("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6")
    };
    let vault = request.account.as_deref().unwrap_or(
        "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.KeyVault/vaults/VAULT",
    );
    let document = json!({
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "scope": vault,
        "properties": {
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{id}"),
            "principalId": "PRINCIPAL_ID",
            "principalType": "ServicePrincipal",
            "description": name,
        },
    });
    format!("{document:#}\n")
}

/// A policy for KV version 2. The values are below `data/`, names and dates below `metadata/`: listing on `data/` grants
/// nothing.
pub(super) fn vault(request: &PolicyRequest) -> String {
    let mount = request.account.as_deref().unwrap_or("secret").trim_matches('/');
    let (data, metadata) = if request.manages {
        (
            r#"["create", "read", "update", "patch", "delete"]"#,
            r#"["create", "list", "read", "update", "patch", "delete"]"#,
        )
    } else {
        (r#"["read"]"#, r#"["list", "read"]"#)
    };
    let mut text = String::new();
    for (kind, prefix) in &request.prefixes {
        let path = prefix.trim_matches('/');
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let _ = writeln!(text, "# {kind}");
        let _ = writeln!(
            text,
            "path {} {{\n  capabilities = {data}\n}}",
            quoted(&format!("{mount}/data/{below}*"))
        );
        let _ = writeln!(
            text,
            "path {} {{\n  capabilities = {metadata}\n}}",
            quoted(&format!("{mount}/metadata/{below}*"))
        );
        if !path.is_empty() {
            // A listing of the folder itself asks without the slash.
            let _ = writeln!(
                text,
                "path {} {{\n  capabilities = [\"list\"]\n}}",
                quoted(&format!("{mount}/metadata/{path}"))
            );
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(store: StoreWord, manages: bool) -> PolicyRequest {
        PolicyRequest {
            manages,
            prefixes: usual_prefixes(store).into_iter().take(1).collect(),
            names: Vec::new(),
            tags: Vec::new(),
            keys: Vec::new(),
            account: None,
            region: None,
        }
    }

    #[test]
    fn vault_lists_on_metadata() {
        insta::assert_snapshot!(vault(&request(StoreWord::Vault, false)), @r#"
        # connection
        path "secret/data/connections/*" {
          capabilities = ["read"]
        }
        path "secret/metadata/connections/*" {
          capabilities = ["list", "read"]
        }
        path "secret/metadata/connections" {
          capabilities = ["list"]
        }
        "#);
        assert!(
            vault(&request(StoreWord::Vault, true))
                .contains(r#"["create", "read", "update", "patch", "delete"]"#)
        );
    }

    #[test]
    fn google_conditions_name_the_prefixes() {
        let document = google(&request(StoreWord::Gcp, false));
        let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
        let condition = &parsed["bindings"][0]["condition"]["expression"];
        assert_eq!(
            condition,
            "resource.name.startsWith(\"projects/PROJECT_NUMBER/secrets/airflow-connections-\")"
        );
        assert!(
            !document.contains("admin")
                && google(&request(StoreWord::Gcp, true)).contains("roles/secretmanager.admin")
        );
    }

    #[test]
    fn azure_has_a_role_for_reading_and_one_for_managing() {
        assert!(azure(&request(StoreWord::Azure, false)).contains("4633458b-17de-408a-b874-0445c86b69e6"));
        assert!(azure(&request(StoreWord::Azure, true)).contains("b86a8fe4-44ce-4948-aee5-eccb2c155cd7"));
    }
}
