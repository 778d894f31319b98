//! `auth/azure`: a token of Entra that proves our identity. The official class writes the mount's
//! configuration instead.
//!
//! Sources: "Azure auth method" in the reference of Vault's API; Vault Agent, `auth/azure/azure.go` (the
//! scope of the token).

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::store::azure::AzureIdentity;
use crate::store::environment::Environment;
use crate::store::options::{OptionValue, Options};
use crate::store::vault::call::{Call, Own};
use crate::store::vault::login::{LoginStep, Method, unsendable};
use crate::store::vault::server::Server;
use crate::value::json::Object;

const HINT: &str = "Check `azure_tenant_id`, `azure_resource`, `key_id` and `secret_id`, or the identity of \
this pod or machine";

/// The login with an Entra token.
#[derive(Debug)]
pub(super) struct Azure {
    role: String,
    resource: String,
    identity: AzureIdentity,
}

impl Azure {
    /// Reads options, environment and files, without any call.
    pub(super) fn open(role: String, options: &Options, environment: &Environment) -> Result<Self> {
        let resource = options.non_empty("azure_resource").unwrap_or_default().to_owned();
        let identity = AzureIdentity::open(&azure_options(options, environment), environment)?;
        Ok(Self { role, resource, identity })
    }
}

/// The options of an Azure store that correspond to these: an application and its secret, or Azure's own
/// chain, for which the id may name the managed identity and the tenant that of the workload identity.
fn azure_options(options: &Options, environment: &Environment) -> Options {
    let written = |key, variable| options.non_empty(key).or_else(|| environment.non_empty(variable));
    let application = written("key_id", "AZURE_CLIENT_ID").zip(written("secret_id", "AZURE_CLIENT_SECRET"));
    let tenant = options.non_empty("azure_tenant_id");
    let words = match application {
        Some((id, secret)) => {
            vec![("tenant_id", tenant), ("client_id", Some(id)), ("client_secret", Some(secret))]
        }
        None => vec![
            ("managed_identity_client_id", options.non_empty("key_id")),
            ("workload_identity_tenant_id", tenant),
        ],
    };
    let mut own = Options::default();
    for (key, value) in words {
        if let Some(value) = value {
            own.set(key, OptionValue::Text(value.to_owned()));
        }
    }
    own
}

/// A description of this machine, for roles that are bound to machines. Unknown fields are left out.
fn of_machine(described: &Object) -> Map<String, Value> {
    let fields = [
        ("subscription_id", "subscriptionId"),
        ("resource_group_name", "resourceGroupName"),
        ("vm_name", "name"),
        ("vmss_name", "vmScaleSetName"),
    ];
    let known = fields.into_iter().filter_map(|(field, key)| {
        let text = described.get(key)?.as_str().filter(|text| !text.is_empty())?;
        Some((field.to_owned(), json!(text)))
    });
    let mut known: Map<String, Value> = known.collect();
    // A machine of a scale set is identified by the set alone.
    if known.contains_key("vmss_name") {
        known.remove("vm_name");
    }
    known
}

/// The hints of an Azure store name its own options, so a hint with Vault's options replaces them.
fn with_own_hint(error: Error) -> Error {
    if error.kind() == ErrorKind::Unauthenticated { error.with_hint(HINT) } else { error }
}

#[async_trait]
impl Method for Azure {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        if self.resource.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the auth_type `azure` needs `azure_resource`"));
        }
        let token = self.identity.token(&self.resource).await.map_err(with_own_hint)?;
        let mut body = self.identity.machine().await.as_ref().map(of_machine).unwrap_or_default();
        body.insert("role".to_owned(), json!(self.role));
        body.insert("jwt".to_owned(), json!(token.token.secret()));
        let request = Own::post(format!("auth/{mount}/login"), &Value::Object(body));
        Call::of(&request).map(LoginStep::Call).map_err(|error| unsendable(&error))
    }

    fn is_outdated(&self) -> bool {
        self.identity.is_outdated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(words: &[(&'static str, &str)], variables: &[&str]) -> Options {
        let environment = Environment::read(|name| variables.contains(&name).then(|| format!("of {name}")));
        azure_options(&Options::of_texts(words), &environment)
    }

    #[test]
    fn an_application_is_used_where_id_and_secret_are_there() {
        let written =
            own(&[("azure_tenant_id", "t"), ("key_id", "k"), ("secret_id", "s")], &["AZURE_CLIENT_ID"]);
        assert_eq!((written.text("tenant_id"), written.text("client_id")), (Some("t"), Some("k")));
        let mixed = own(&[("azure_tenant_id", "t"), ("key_id", "k")], &["AZURE_CLIENT_SECRET"]);
        assert_eq!(mixed.non_empty("client_secret"), Some("of AZURE_CLIENT_SECRET"));
        let chain = own(&[("azure_tenant_id", "t"), ("key_id", "k")], &["AZURE_CLIENT_ID"]);
        assert_eq!((chain.text("tenant_id"), chain.text("managed_identity_client_id")), (None, Some("k")));
        assert_eq!(chain.text("workload_identity_tenant_id"), Some("t"));
    }
}
