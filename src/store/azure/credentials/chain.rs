//! Which places apply, in azure-identity's order.
//!
//! Source: azure-identity 1.27.0 (`default.py`, `environment.py`, `chained.py`), and the constructor of the official class.
//! Visual Studio Code, PowerShell and the broker need a desktop: they are left out, and so is a user's password.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use secrecy::SecretString;

use crate::error::{Error, ErrorKind, Result};
use crate::process::{Clock, Timestamp};
use crate::redact::Shown;
use crate::store::azure::credentials::certificate::Certificate;
use crate::store::azure::credentials::key_file::KeyFile;
use crate::store::azure::credentials::principal::{AssertionSource, ClientSecretSource, Principal, Signer};
use crate::store::azure::credentials::tools::{PersonalLogin, Tool};
use crate::store::azure::credentials::{NoToken, TokenSource};
use crate::store::azure::workshop::Workshop;

/// What `AZURE_TOKEN_CREDENTIALS` may name.
const ENVIRONMENT: &str = "environmentcredential";
const WORKLOAD: &str = "workloadidentitycredential";
const MANAGED: &str = "managedidentitycredential";
const AZURE_CLI: &str = "azureclicredential";
const DEVELOPER_CLI: &str = "azuredeveloperclicredential";

/// Places for machines, and places for people, in the order in which they are asked.
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
                    "`tenant_id`, `client_id` and `client_secret` (or `client_certificate_path`) are not all there: none of \
                     them is used, and the default credentials are tried"
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

/// Ids go into URLs and into JSON; azure-identity knows the same characters (`validate_tenant_id`).
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
    // Whoever names an identity means that there is one.
    let is_named = workshop.settings.managed_identity_client_id.is_some();
    Ok(Box::new(Chain::new(sources, is_named || wanted == [MANAGED], Clock::System)))
}

/// `dev`, `prod`, or the name of one; all without the variable.
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

/// The token that Kubernetes gives to a pod.
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

/// Where the platform has none that we know, the chain goes on, and says so in the end.
fn managed(workshop: &mut Workshop<'_>) -> Result<Boxed> {
    const NAME: &str = "ManagedIdentityCredential";
    match workshop.managed_identity() {
        Ok(identity) => Ok(Box::new(identity)),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(absent(NAME, error.message())),
        Err(error) => Err(error),
    }
}

/// A place that is not set up here.
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

/// How long it is remembered that a place is not set up here. `az` takes a second to start and a metadata service that is not
/// there a second to wait for, so a page of lookups asks once; who logs in meanwhile waits no longer than this.
const NOT_HERE_FOR: Duration = Duration::from_secs(5);

/// Asks one after the other until one is set up here, and that one alone from then on.
#[derive(Debug)]
struct Chain {
    places: Vec<Place>,
    /// One more than the place of the one that issued a token.
    found: AtomicUsize,
    /// Whether the identity of the machine is one that somebody named: then silence is an outage, and not an answer.
    expects_machine: bool,
    clock: Clock,
}

/// One source, and that it was not set up when it was asked.
#[derive(Debug)]
struct Place {
    source: Boxed,
    missed: Mutex<Option<(Timestamp, NoToken)>>,
}

impl Chain {
    fn new(sources: Vec<Boxed>, expects_machine: bool, clock: Clock) -> Self {
        let places = sources.into_iter().map(|source| Place { source, missed: Mutex::default() });
        Self { places: places.collect(), found: AtomicUsize::new(0), expects_machine, clock }
    }

    /// Asks one place, unless it was not set up a moment ago.
    async fn ask(&self, place: &Place, scope: &str) -> Result<AccessToken, NoToken> {
        if let Some(why) = place.missed_since(&self.clock) {
            return Err(why);
        }
        let answer = place.source.fetch(scope).await;
        let is_worth_noting = match &answer {
            Err(NoToken::NotHere(_)) => true,
            Err(NoToken::Silent(_)) => !self.expects_machine,
            _ => false,
        };
        if let Err(why) = &answer
            && is_worth_noting
        {
            place.note_miss(self.clock.now(), why.clone());
        }
        answer
    }

    /// What it means that nobody has a token. Silence alone decides nothing, unless an answer was expected.
    fn none_found(&self, reasons: &[String], silence: Option<Error>) -> Error {
        match silence {
            Some(error) if self.expects_machine => error,
            silence => none_found(reasons, silence.is_some()),
        }
    }
}

impl Place {
    fn missed_since(&self, clock: &Clock) -> Option<NoToken> {
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let (moment, why) = missed.as_ref()?;
        (clock.now().since(*moment) < NOT_HERE_FOR).then(|| why.clone())
    }

    fn note_miss(&self, now: Timestamp, why: NoToken) {
        *self.missed.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, why));
    }
}

#[async_trait]
impl TokenSource for Chain {
    fn name(&self) -> &'static str {
        "DefaultAzureCredential"
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let found = self.found.load(Ordering::Relaxed).checked_sub(1);
        if let Some(place) = found.and_then(|index| self.places.get(index)) {
            return place.source.fetch(scope).await;
        }
        let (mut reasons, mut silence) = (Vec::new(), None);
        for (index, place) in self.places.iter().enumerate() {
            let name = place.source.name();
            match self.ask(place, scope).await {
                Ok(token) => {
                    self.found.store(index + 1, Ordering::Relaxed);
                    return Ok(token);
                }
                Err(NoToken::NotHere(why)) => reasons.push(format!("{name} {why}")),
                Err(NoToken::Silent(error)) => {
                    reasons.push(format!("{name} found no metadata service: nobody answered"));
                    silence = Some(error);
                }
                Err(failed @ NoToken::Failed(_)) => return Err(failed),
            }
        }
        Err(NoToken::Failed(self.none_found(&reasons, silence)))
    }
}

fn none_found(reasons: &[String], is_silent: bool) -> Error {
    let mut hint = "Set tenant_id, client_id and client_secret in backend_kwargs, AZURE_* variables, or give the machine or \
                    pod an identity"
        .to_owned();
    if is_silent {
        hint.push_str(
            ". If this is a machine of Azure, its metadata service was silent: AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential \
             has it asked again",
        );
    }
    Error::new(ErrorKind::Unauthenticated, format!("no Azure credentials were found: {}", reasons.join("; ")))
        .with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::azure::testing::{Next, Scripted};

    fn chain_of(sources: &[&Scripted], expects_machine: bool, clock: &Clock) -> Chain {
        let sources = sources.iter().map(|source| Box::new((*source).clone()) as Boxed).collect();
        Chain::new(sources, expects_machine, clock.clone())
    }

    fn chain(sources: &[&Scripted]) -> Chain {
        chain_of(sources, false, &Clock::manual())
    }

    async fn failure(chain: &Chain) -> Error {
        chain.fetch("s").await.unwrap_err().into_error("chain")
    }

    #[tokio::test]
    async fn the_first_that_is_set_up_is_asked_from_then_on() {
        let (absent, present) = (Scripted::new(Next::NotHere), Scripted::default());
        let chain = chain(&[&absent, &present]);
        for _ in 0..2 {
            chain.fetch("s").await.unwrap();
        }
        assert_eq!((absent.calls(), present.calls()), (1, 2));
    }

    #[tokio::test]
    async fn a_failure_is_not_covered_up_by_another_identity() {
        let (failing, present) = (Scripted::new(Next::Fail { temporary: false }), Scripted::default());
        assert!(chain(&[&failing, &present]).fetch("s").await.is_err());
        assert_eq!(present.calls(), 0);
    }

    #[tokio::test]
    async fn who_is_not_set_up_is_asked_once_in_some_seconds() {
        let (absent, silent, clock) =
            (Scripted::new(Next::NotHere), Scripted::new(Next::Silent), Clock::manual());
        let chain = chain_of(&[&silent, &absent], false, &clock);
        let calls = || (silent.calls(), absent.calls());
        for _ in 0..10 {
            failure(&chain).await;
        }
        assert_eq!(calls(), (1, 1));
        clock.advance(NOT_HERE_FOR);
        failure(&chain).await;
        assert_eq!(calls(), (2, 2));
        absent.then(Next::Issue);
        assert!(failure(&chain).await.to_string().contains("is not set up"));
        clock.advance(NOT_HERE_FOR);
        chain.fetch("s").await.unwrap();
        chain.fetch("s").await.unwrap();
        assert_eq!(calls(), (3, 4));
    }

    #[tokio::test]
    async fn silence_is_an_outage_where_somebody_named_the_identity() {
        let (absent, silent, clock) =
            (Scripted::new(Next::NotHere), Scripted::new(Next::Silent), Clock::manual());
        let named = chain_of(&[&silent, &absent], true, &clock);
        for calls in 1..=3 {
            let error = failure(&named).await;
            assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unreachable, true));
            assert_eq!((silent.calls(), absent.calls()), (calls, 1));
        }
        silent.then(Next::Issue);
        named.fetch("s").await.unwrap();
    }

    #[tokio::test]
    async fn a_chain_in_which_nobody_answered_says_so() {
        let silent = Scripted::new(Next::Silent);
        let error = failure(&chain(&[&silent])).await;
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unauthenticated, false));
        insta::assert_snapshot!(error, @"no Azure credentials were found: scripted found no metadata service: nobody answered. Set tenant_id, client_id and client_secret in backend_kwargs, AZURE_* variables, or give the machine or pod an identity. If this is a machine of Azure, its metadata service was silent: AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential has it asked again");
    }

    #[tokio::test]
    async fn when_nobody_is_set_up_each_says_why() {
        let absent = Scripted::new(Next::NotHere);
        let error = chain(&[&absent, &absent]).fetch("s").await.unwrap_err().into_error("chain");
        insta::assert_snapshot!(error, @"no Azure credentials were found: scripted is not set up; scripted is not set up. Set tenant_id, client_id and client_secret in backend_kwargs, AZURE_* variables, or give the machine or pod an identity");
    }

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
