//! Which places apply, in azure-identity's order.
//!
//! Source: azure-identity 1.27.0 (`default.py`, `environment.py`, `chained.py`), and the constructor of the
//! official class. Visual Studio Code, PowerShell and the broker need a desktop and are left out, and so is a
//! user's password.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use secrecy::SecretString;

use crate::error::{Error, ErrorKind, Result};
use crate::process::Clock;
use crate::redact::Shown;
use crate::store::azure::credentials::certificate::Certificate;
use crate::store::azure::credentials::key_file::KeyFile;
use crate::store::azure::credentials::principal::{AssertionSource, ClientSecretSource, Principal, Signer};
use crate::store::azure::credentials::search::Search;
use crate::store::azure::credentials::tools::{PersonalLogin, Tool};
use crate::store::azure::credentials::{NoToken, TokenSource};
use crate::store::azure::workshop::Workshop;

/// The names that `AZURE_TOKEN_CREDENTIALS` may contain.
const ENVIRONMENT: &str = "environmentcredential";
const WORKLOAD: &str = "workloadidentitycredential";
const MANAGED: &str = "managedidentitycredential";
const AZURE_CLI: &str = "azureclicredential";
const DEVELOPER_CLI: &str = "azuredeveloperclicredential";

/// Places for machines, and places for people, in the order of the chain.
const MACHINES: [&str; 3] = [ENVIRONMENT, WORKLOAD, MANAGED];
const PEOPLE: [&str; 2] = [AZURE_CLI, DEVELOPER_CLI];

type Boxed = Box<dyn TokenSource>;

/// The place that the options name, or the chain.
pub(in crate::store::azure) fn token_source(workshop: &mut Workshop<'_>) -> Result<Boxed> {
    let settings = workshop.settings;
    let principal = settings.tenant_id.clone().zip(settings.client_id.clone());
    let principal = principal.map(|(tenant, client)| Principal { tenant, client });
    match (principal, &settings.client_secret, &settings.certificate_path) {
        (Some(principal), Some(secret), _) => {
            Ok(Box::new(client_secret(workshop, principal, secret.clone(), "ClientSecretCredential")?))
        }
        (Some(principal), None, Some(path)) => {
            let (path, password) = (path.clone(), settings.certificate_password.clone());
            let chain = settings.send_certificate_chain;
            Ok(Box::new(certificate(
                workshop,
                principal,
                &path,
                password.as_ref(),
                chain,
                "CertificateCredential",
            )?))
        }
        (principal, secret, path) => {
            if principal.is_some() || secret.is_some() || path.is_some() || settings.tenant_id.is_some() {
                tracing::warn!(
                    "`tenant_id`, `client_id` and `client_secret` (or `client_certificate_path`) are not all \
                    there: none of them is used, and the default credentials are tried"
                );
            }
            chain(workshop)
        }
    }
}

fn client_secret(
    workshop: &mut Workshop<'_>,
    principal: Principal,
    secret: SecretString,
    name: &'static str,
) -> Result<ClientSecretSource> {
    Ok(ClientSecretSource { login: workshop.login()?, principal: checked(principal)?, secret, name })
}

fn certificate(
    workshop: &mut Workshop<'_>,
    principal: Principal,
    path: &str,
    password: Option<&SecretString>,
    with_chain: bool,
    name: &'static str,
) -> Result<AssertionSource> {
    let path = PathBuf::from(path);
    workshop.files.watch(&path);
    let certificate = Certificate::new(&KeyFile::read(&path, password)?, with_chain)?;
    let signer = Signer::Certificate(Arc::new(certificate));
    Ok(AssertionSource { login: workshop.login()?, principal: checked(principal)?, signer, name })
}

/// Ids become parts of URLs and JSON; azure-identity allows the same characters (`validate_tenant_id`).
fn checked(principal: Principal) -> Result<Principal> {
    let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    for (id, what) in [(&principal.tenant, "tenant"), (&principal.client, "client")] {
        if id.is_empty() || !is_id(id) {
            return Err(Error::config(format!("`{}` is no {what} id", Shown(id)))
                .with_hint("An id has letters, digits, dashes and dots"));
        }
    }
    Ok(principal)
}

fn chain(workshop: &mut Workshop<'_>) -> Result<Boxed> {
    let mut sources = Vec::new();
    let wanted = wanted(workshop.environment.non_empty("AZURE_TOKEN_CREDENTIALS"))?;
    for name in &wanted {
        sources.push(match *name {
            ENVIRONMENT => environment(workshop)?,
            WORKLOAD => workload(workshop)?,
            MANAGED => managed(workshop)?,
            AZURE_CLI => Box::new(PersonalLogin::new(Tool::AzureCli)),
            _ => Box::new(PersonalLogin::new(Tool::AzureDeveloperCli)),
        });
    }
    // Naming an identity means that one is expected.
    let is_named = workshop.settings.managed_identity_client_id.is_some();
    Ok(Box::new(Search::new(sources, is_named || wanted == [MANAGED], Clock::System)))
}

/// `dev`, `prod`, or the name of one; all if the variable is not set.
fn wanted(word: Option<&str>) -> Result<Vec<&'static str>> {
    let word = word.unwrap_or_default().trim().to_lowercase();
    match word.as_str() {
        "" => Ok([&MACHINES[..], &PEOPLE[..]].concat()),
        "prod" => Ok(MACHINES.to_vec()),
        "dev" => Ok(PEOPLE.to_vec()),
        name => match MACHINES.iter().chain(&PEOPLE).find(|known| **known == name) {
            Some(known) => Ok(vec![*known]),
            None => Err(Error::config(format!("AZURE_TOKEN_CREDENTIALS is `{}`", Shown(name))).with_hint(
                "Write `prod`, `dev`, or one of EnvironmentCredential, WorkloadIdentityCredential, \
                 ManagedIdentityCredential, AzureCliCredential, AzureDeveloperCliCredential",
            )),
        },
    }
}

/// A service principal in variables whose names begin with `AZURE_`.
fn environment(workshop: &mut Workshop<'_>) -> Result<Boxed> {
    const NAME: &str = "EnvironmentCredential";
    let read = |name| workshop.environment.non_empty(name).map(str::to_owned);
    let principal = read("AZURE_TENANT_ID").zip(read("AZURE_CLIENT_ID"));
    let Some((tenant, client)) = principal else {
        return Ok(absent(NAME, "found no AZURE_TENANT_ID and AZURE_CLIENT_ID"));
    };
    let principal = Principal { tenant, client };
    let secret = |name| read(name).map(SecretString::from);
    match (secret("AZURE_CLIENT_SECRET"), read("AZURE_CLIENT_CERTIFICATE_PATH")) {
        (Some(secret), _) => Ok(Box::new(client_secret(workshop, principal, secret, NAME)?)),
        (None, Some(path)) => {
            let password = secret("AZURE_CLIENT_CERTIFICATE_PASSWORD");
            let with_chain = read("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN").is_some();
            Ok(Box::new(certificate(workshop, principal, &path, password.as_ref(), with_chain, NAME)?))
        }
        (None, None) => {
            Ok(absent(NAME, "found neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH"))
        }
    }
}

/// The token that Kubernetes issues to a pod.
fn workload(workshop: &mut Workshop<'_>) -> Result<Boxed> {
    const NAME: &str = "WorkloadIdentityCredential";
    let read = |name| workshop.environment.non_empty(name).map(str::to_owned);
    let settings = workshop.settings;
    let client = settings.managed_identity_client_id.clone().or_else(|| read("AZURE_CLIENT_ID"));
    let tenant = settings.workload_identity_tenant_id.clone().or_else(|| read("AZURE_TENANT_ID"));
    let (Some(client), Some(tenant), Some(path)) = (client, tenant, read("AZURE_FEDERATED_TOKEN_FILE"))
    else {
        return Ok(absent(NAME, "found no AZURE_FEDERATED_TOKEN_FILE with a client id and a tenant id"));
    };
    Ok(Box::new(AssertionSource {
        login: workshop.login()?,
        principal: checked(Principal { tenant, client })?,
        signer: Signer::TokenFile(PathBuf::from(path)),
        name: NAME,
    }))
}

/// If the platform's managed identity is not supported, the chain continues and reports it at the end.
fn managed(workshop: &mut Workshop<'_>) -> Result<Boxed> {
    const NAME: &str = "ManagedIdentityCredential";
    match workshop.managed_identity() {
        Ok(identity) => Ok(Box::new(identity)),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(absent(NAME, error.message())),
        Err(error) => Err(error),
    }
}

/// A place that is not set up on this machine.
#[derive(Debug)]
struct Absent(&'static str, String);

fn absent(name: &'static str, why: &str) -> Boxed {
    Box::new(Absent(name, why.to_owned()))
}

#[async_trait]
impl TokenSource for Absent {
    fn name(&self) -> &'static str {
        self.0
    }

    async fn fetch(&self, _scope: &str) -> Result<AccessToken, NoToken> {
        Err(NoToken::NotHere(self.1.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_chooses_among_the_places() {
        assert_eq!(wanted(None).unwrap(), [ENVIRONMENT, WORKLOAD, MANAGED, AZURE_CLI, DEVELOPER_CLI]);
        assert_eq!(wanted(Some(" Prod ")).unwrap(), MACHINES);
        assert_eq!(wanted(Some("dev")).unwrap(), PEOPLE);
        assert_eq!(wanted(Some("ManagedIdentityCredential")).unwrap(), [MANAGED]);
        assert!(wanted(Some("AzurePowerShellCredential")).is_err());
    }

    #[test]
    fn ids_are_letters_digits_dashes_and_dots() {
        let of = |tenant: &str, client: &str| {
            checked(Principal { tenant: tenant.to_owned(), client: client.to_owned() }).is_ok()
        };
        assert!(of("contoso.onmicrosoft.com", "7f-A"));
        assert!(!of("a/b", "c") && !of("a", "c\"") && !of("", "c") && !of("a?", "c"));
    }
}
