//! `auth/azure`: a token of Entra that says who we are. The official class writes the mount's configuration instead.
//!
//! Sources: "Azure auth method" in the reference of Vault's API; "How to use managed identities for Azure resources on an Azure
//! VM to acquire an access token" and "OAuth 2.0 client credentials flow" in Microsoft's documentation.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::kit::files::expand;
use crate::store::options::Options;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::login::cloud::{Clouds, ask, secret};
use crate::store::vault::login::{LoginStep, Method, credential_file, unsendable};
use crate::store::vault::path::encode;
use crate::store::vault::server::Server;

const AUTHORITY: &str = "https://login.microsoftonline.com";
const METADATA: &str = "http://169.254.169.254";
/// The variables that name places to ask.
const ADDRESSES: [&str; 3] =
    ["AZURE_AUTHORITY_HOST", "IDENTITY_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"];
const SUBJECT: &str = "getting a token from Entra";
const HINT: &str = "Check `azure_tenant_id`, `azure_resource`, `key_id` and `secret_id`, or the managed identity of this machine";

/// Who asks Entra, and how.
enum Source {
    /// An application and its secret.
    Secret { client_id: String, secret: SecretString },
    /// An application that trusts the token in a file (workload identity).
    Federated { client_id: String, file: PathBuf },
    /// The identity of an App Service or Function.
    AppService { endpoint: String, header: SecretString, client_id: Option<String> },
    /// The identity of this machine.
    Machine { host: String, client_id: Option<String> },
}

/// The login by Entra.
pub(super) struct Azure {
    role: String,
    tenant: String,
    resource: String,
    authority: String,
    source: Source,
    clouds: Clouds,
}

impl fmt::Debug for Azure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [("role", &self.role), ("tenant", &self.tenant), ("resource", &self.resource)];
        formatter.debug_map().entries(fields).finish()
    }
}

impl Azure {
    /// Reads options and environment; asks nobody.
    pub(super) fn open(role: String, options: &Options, environment: &Environment) -> Result<Self> {
        let text = |key| options.non_empty(key).unwrap_or_default().to_owned();
        let authority = environment.non_empty("AZURE_AUTHORITY_HOST").unwrap_or(AUTHORITY);
        Ok(Self {
            role,
            tenant: text("azure_tenant_id"),
            resource: text("azure_resource"),
            authority: authority.trim_end_matches('/').to_owned(),
            source: source(options, environment),
            clouds: Clouds::open(environment, &ADDRESSES)?,
        })
    }

    async fn token(&self) -> Result<SecretString> {
        let answer = match &self.source {
            Source::Secret { client_id, secret } => {
                // The older form of the question: its token is for exactly the resource that is written.
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", secret.expose_secret()),
                    ("resource", &self.resource),
                ];
                ask(&self.clouds.public, self.post("oauth2/token", &form), SUBJECT, HINT).await?
            }
            Source::Federated { client_id, file } => {
                let assertion = credential_file(file, "AZURE_FEDERATED_TOKEN_FILE").await?;
                let scope = format!("{}/.default", self.resource.trim_end_matches('/'));
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                    ("client_assertion", &assertion),
                    ("scope", &scope),
                ];
                ask(&self.clouds.public, self.post("oauth2/v2.0/token", &form), SUBJECT, HINT).await?
            }
            Source::AppService { endpoint, header, client_id } => {
                let url = self.identity_url(endpoint, "2019-08-01", client_id.as_deref());
                let request =
                    self.clouds.metadata.get(url).header("x-identity-header", header.expose_secret());
                ask(&self.clouds.metadata, request, SUBJECT, HINT).await?
            }
            Source::Machine { host, client_id } => {
                let place = format!("{host}/metadata/identity/oauth2/token");
                let url = self.identity_url(&place, "2018-02-01", client_id.as_deref());
                let request = self.clouds.metadata.get(url).header("metadata", "true");
                ask(&self.clouds.metadata, request, SUBJECT, HINT).await?
            }
        };
        secret(&answer, "access_token", SUBJECT, HINT)
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let url = format!("{}/{}/{path}", self.authority, encode(&self.tenant));
        let body: Vec<String> =
            form.iter().map(|(key, value)| format!("{key}={}", form_value(value))).collect();
        let request = self.clouds.public.post(url).body(body.join("&"));
        request.header("content-type", "application/x-www-form-urlencoded")
    }

    fn identity_url(&self, place: &str, version: &str, client_id: Option<&str>) -> String {
        let own = client_id.map(|id| format!("&client_id={}", form_value(id))).unwrap_or_default();
        format!("{place}?api-version={version}&resource={}{own}", form_value(&self.resource))
    }

    /// Which machine this is, for roles that are bound to machines. What is not known is left out.
    async fn machine(&self) -> Map<String, Value> {
        let Source::Machine { host, .. } = &self.source else { return Map::new() };
        let url = format!("{host}/metadata/instance/compute?api-version=2021-02-01&format=json");
        let request = self.clouds.metadata.get(url).header("metadata", "true");
        let Ok(answer) = ask(&self.clouds.metadata, request, SUBJECT, HINT).await else { return Map::new() };
        let fields = [
            ("subscription_id", "subscriptionId"),
            ("resource_group_name", "resourceGroupName"),
            ("vm_name", "name"),
            ("vmss_name", "vmScaleSetName"),
        ];
        let known = fields.into_iter().filter_map(|(field, key)| {
            let text = answer.as_object()?.get(key)?.as_str().filter(|text| !text.is_empty())?;
            Some((field.to_owned(), json!(text)))
        });
        let mut known: Map<String, Value> = known.collect();
        // A machine of a scale set is named by the set alone.
        if known.contains_key("vmss_name") {
            known.remove("vm_name");
        }
        known
    }
}

/// Within a form or a query a slash is encoded, too.
fn form_value(text: &str) -> String {
    encode(text).replace('/', "%2F")
}

/// A written secret, then what the environment of a pod, an App Service and a machine offers.
fn source(options: &Options, environment: &Environment) -> Source {
    let own = |text: &str| text.to_owned();
    let client_id = options.non_empty("key_id").or_else(|| environment.non_empty("AZURE_CLIENT_ID")).map(own);
    let written = options.non_empty("secret_id").or_else(|| environment.non_empty("AZURE_CLIENT_SECRET"));
    if let (Some(client_id), Some(secret)) = (&client_id, written) {
        return Source::Secret { client_id: client_id.clone(), secret: SecretString::from(secret) };
    }
    if let (Some(client_id), Some(file)) = (&client_id, environment.non_empty("AZURE_FEDERATED_TOKEN_FILE")) {
        return Source::Federated { client_id: client_id.clone(), file: expand(file, environment) };
    }
    let service = environment.non_empty("IDENTITY_ENDPOINT").zip(environment.non_empty("IDENTITY_HEADER"));
    if let Some((endpoint, header)) = service {
        return Source::AppService { endpoint: own(endpoint), header: SecretString::from(header), client_id };
    }
    let host = environment.non_empty("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or(METADATA);
    Source::Machine { host: host.trim_end_matches('/').to_owned(), client_id }
}

#[async_trait]
impl Method for Azure {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        if self.resource.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the auth_type `azure` needs `azure_resource`"));
        }
        let mut body = self.machine().await;
        body.insert("role".to_owned(), json!(self.role));
        body.insert("jwt".to_owned(), json!(self.token().await?.expose_secret()));
        let request = Own::post(format!("auth/{mount}/login"), &Value::Object(body));
        Call::of(&request).map(LoginStep::Call).map_err(|error| unsendable(&error))
    }
}
