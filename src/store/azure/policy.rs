//! A template that gives an identity the one role that a backend needs.
//!
//! Sources: "Azure built-in roles for Key Vault data plane operations" and the template reference of
//! `Microsoft.Authorization/roleAssignments`. Key Vault has no conditions on names: a role applies to a
//! vault, or to one secret.

use serde_json::json;

use crate::error::{Error, Result};
use crate::store::tools::{PolicyRequest, PolicyTool};

/// The roles by name and id.
const READER: (&str, &str) = ("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6");
const OFFICER: (&str, &str) = ("Key Vault Secrets Officer", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7");

/// A placeholder for the resource id of the vault.
const VAULT: &str =
    "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.KeyVault/vaults/VAULT";

/// Key Vault has no conditions on names, so names are not needed.
pub(super) const POLICY: PolicyTool =
    PolicyTool { check_asked, without_names: None, ..PolicyTool::new(policy) };

fn check_asked(request: &PolicyRequest) -> Result<()> {
    request.refuse_tags_and_keys()?;
    if request.prefixes.is_empty() {
        return Ok(());
    }
    Err(Error::config("Key Vault has no condition on names, so `--prefix` cannot be kept")
        .with_hint("A role is for a whole vault: keep Airflow's secrets in a vault of their own"))
}

/// A template with one role assignment.
fn policy(request: &PolicyRequest) -> String {
    let (name, id) = if request.manages { OFFICER } else { READER };
    let vault = request.account.as_deref().unwrap_or(VAULT);
    let assignment = json!({
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "name": format!("[guid('{}', 'PRINCIPAL_ID', '{id}')]", vault.replace('\'', "''")),
        "scope": vault,
        "properties": {
            "roleDefinitionId": format!("[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', \
            '{id}')]"),
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn there_is_a_role_for_reading_and_one_for_managing() {
        let parsed = |manages| {
            let request = PolicyRequest { manages, ..PolicyRequest::default() };
            serde_json::from_str::<Value>(&policy(&request)).unwrap()
        };
        let of = |template: Value| template["resources"][0]["properties"]["roleDefinitionId"].to_string();
        assert!(of(parsed(false)).contains(READER.1));
        assert!(of(parsed(true)).contains(OFFICER.1));
        let name = parsed(false)["resources"][0]["name"].to_string();
        assert!(name.starts_with("\"[guid('/subscriptions/"), "{name}");
    }
}
