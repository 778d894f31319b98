//! Documents for Google Secret Manager, Azure Key Vault and Vault: text made of names alone.
//!
//! Sources: "Access control with IAM" of Secret Manager (listing and creating are permissions of the project) and the IAM
//! reference of conditions (`resource.name`), "Azure built-in roles for Key Vault data plane operations" and the template
//! reference of `Microsoft.Authorization/roleAssignments`, and the KV API of Vault (in version 2 listing and metadata are on
//! `metadata/`, values on `data/`).

use std::fmt::Write;

use serde_json::{Value, json};

use super::StoreWord;
use crate::store::convention::Kind;
use crate::store::options::Options;
use crate::store::tools::PolicyRequest;
use crate::value::json::Value as Json;

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

/// What the KV engine is: where, and whether it is of version 1, which has values and names in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Engine {
    pub(super) mount: String,
    is_first: bool,
}

impl Engine {
    /// The mount that is asked for, else that of the options, else the usual one.
    pub(super) fn of(asked: Option<&str>, options: Option<&Options>) -> Self {
        let configured = options.and_then(|options| options.non_empty("mount_point"));
        let mount = asked.or(configured).unwrap_or("secret").trim_matches('/').to_owned();
        let version = options.and_then(|options| options.json("kv_engine_version"));
        Self { mount, is_first: version.is_some_and(is_one) }
    }

    /// A name as the store has it, without the mount that it begins with.
    fn below<'name>(&self, name: &'name str, configured: Option<&str>) -> &'name str {
        let mounts = configured.into_iter().chain([self.mount.as_str()]);
        let mut without = mounts.filter_map(|mount| name.strip_prefix(mount)?.strip_prefix('/'));
        without.next().unwrap_or(name).trim_matches('/')
    }

    fn values(&self, path: &str) -> String {
        if self.is_first { format!("{}/{path}", self.mount) } else { format!("{}/data/{path}", self.mount) }
    }

    fn names(&self, path: &str) -> String {
        if self.is_first {
            format!("{}/{path}", self.mount)
        } else {
            format!("{}/metadata/{path}", self.mount)
        }
    }
}

fn is_one(version: &Json) -> bool {
    version.as_i64() == Some(1) || version.as_str() == Some("1")
}

/// A policy for the KV engine. In version 2 the values are below `data/`, names and dates below `metadata/`: listing on
/// `data/` grants nothing. `configured` is the mount that the names of `request` begin with.
pub(super) fn vault(request: &PolicyRequest, engine: &Engine, configured: Option<&str>) -> String {
    let values: &[&str] =
        if request.manages { &["create", "read", "update", "patch", "delete"] } else { &["read"] };
    let names: &[&str] = if request.manages {
        &["create", "list", "read", "update", "patch", "delete"]
    } else {
        &["list", "read"]
    };
    let mut text = String::new();
    for (_, prefix) in &request.prefixes {
        let path = engine.below(prefix, configured);
        let below = if path.is_empty() { "*".to_owned() } else { format!("{path}/*") };
        if engine.is_first {
            rule(&mut text, &engine.values(&below), names);
        } else {
            rule(&mut text, &engine.values(&below), values);
            rule(&mut text, &engine.names(&below), names);
        }
        if !path.is_empty() {
            // A listing of the folder itself asks without the slash.
            rule(&mut text, &engine.names(path), &["list"]);
        }
    }
    for name in &request.names {
        rule(&mut text, &engine.values(engine.below(name, configured)), values);
    }
    text
}

fn rule(text: &mut String, path: &str, capabilities: &[&str]) {
    let listed: Vec<_> = capabilities.iter().map(|capability| quoted(capability)).collect();
    let _ = writeln!(text, "path {} {{\n  capabilities = [{}]\n}}", quoted(path), listed.join(", "));
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

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

    fn engine(kwargs: &[(&'static str, OptionValue)]) -> Engine {
        let mut options = Options::default();
        for (key, value) in kwargs {
            options.set(key, value.clone());
        }
        Engine::of(None, Some(&options))
    }

    #[test]
    fn vault_lists_on_metadata() {
        let usual = Engine::of(None, None);
        insta::assert_snapshot!(vault(&request(StoreWord::Vault, false), &usual, None), @r#"
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
            vault(&request(StoreWord::Vault, true), &usual, None)
                .contains(r#"["create", "read", "update", "patch", "delete"]"#)
        );
    }

    #[test]
    fn the_mount_of_a_name_is_not_a_part_of_its_path() {
        let mut request = request(StoreWord::Vault, false);
        request.prefixes = vec![(Kind::Connection, "kv/team/af/".to_owned())];
        request.names = vec!["kv/team/all".to_owned()];
        let first = engine(&[
            ("mount_point", OptionValue::Text("/kv/team/".to_owned())),
            ("kv_engine_version", OptionValue::Json(Json::from(1))),
        ]);
        insta::assert_snapshot!(vault(&request, &first, Some("kv/team")), @r#"
        path "kv/team/af/*" {
          capabilities = ["list", "read"]
        }
        path "kv/team/af" {
          capabilities = ["list"]
        }
        path "kv/team/all" {
          capabilities = ["read"]
        }
        "#);
        let elsewhere = vault(&request, &Engine::of(Some("other"), None), Some("kv/team"));
        assert!(elsewhere.starts_with("path \"other/data/af/*\""), "{elsewhere}");
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
