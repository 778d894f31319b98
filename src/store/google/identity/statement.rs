//! Statements that a service account signs, for other stores that ask Google to vouch for an identity.
//!
//! Sources: `projects.serviceAccounts.signJwt` in the reference of the IAM Service Account Credentials API,
//! "About VM metadata" of Compute Engine.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value as Json, json};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::google::config::{GoogleSettings, KEY_PATH, Written, written_key};
use crate::store::google::name::{checked_domain, checked_principal};
use crate::store::google::network::Network;
use crate::store::google::place::{ServiceAddress, iam_endpoint};
use crate::store::kit::files::{WatchedFiles, expand};
use crate::store::kit::rest::below;
use crate::store::options::Options;
use crate::value::json::Value;

use super::adc::Found;
use super::cache::TokenCache;
use super::exchange::{JSON, answer, is_token, post, refused};
use super::metadata::Metadata;
use super::service_account::{Grant, ServiceAccount};
use super::sources::Workshop;
use super::{Credentials, adc, target_of, text};

const SUBJECT: &str = "signing the statement of a service account";
const HINT: &str = "Name a key file in `gcp_key_path`, or give the service account the role Service Account \
Token Creator on itself";

/// A service account that signs statements for others.
pub(in crate::store) struct GoogleIdentity {
    signer: Signer,
    files: WatchedFiles,
}

/// How statements are signed.
enum Signer {
    /// With a key.
    Key(Box<ServiceAccount>),
    /// By Google, asked with a token of the same account.
    Iam(Box<Iam>),
}

struct Iam {
    client: reqwest::Client,
    /// The address of the API that signs.
    endpoint: Url,
    account: Account,
    tokens: Arc<TokenCache>,
}

/// The account that signs.
enum Account {
    /// The account that the credentials impersonate.
    Named(String),
    /// The account of this machine.
    Machine(Metadata),
}

impl GoogleIdentity {
    /// Uses the key that is given, the file at `path`, or application default credentials. Reads options,
    /// environment and files; no network, no child process. Call it under [`crate::process::no_fork`].
    pub(in crate::store) fn open(
        key: Option<&Value>,
        path: Option<&str>,
        environment: &Environment,
    ) -> Result<Self> {
        let written = match (key, path) {
            (Some(key), _) => written_key(key)?,
            (None, Some(path)) => {
                Written::Path(expand(path, environment).to_string_lossy().into_owned(), KEY_PATH)
            }
            (None, None) => Written::Default,
        };
        let options = Options::default();
        let settings = GoogleSettings { credentials: written, ..GoogleSettings::read(&options)? };
        let mut files = WatchedFiles::default();
        let credentials = Credentials(adc::find(&settings, environment, &mut files)?);
        let signer = match &credentials.0 {
            Found::Content { json, .. } if text(json, "type") == Some("service_account") => {
                Signer::Key(Box::new(ServiceAccount::new(json, Grant::Scopes(String::new()))?))
            }
            _ => {
                Signer::Iam(Box::new(Iam::open(&credentials, &settings, &options, environment, &mut files)?))
            }
        };
        Ok(Self { signer, files })
    }

    /// A JSON web token with `claims`, whose subject is the account itself.
    pub(in crate::store) async fn signed(&self, mut claims: Json) -> Result<SecretString> {
        match &self.signer {
            Signer::Key(account) => {
                claims["sub"] = json!(account.email());
                account.sign(claims).map(SecretString::from)
            }
            Signer::Iam(iam) => {
                let email = iam.email().await?;
                claims["sub"] = json!(email);
                iam.sign(&email, &claims).await
            }
        }
    }

    /// Whether a file that influenced the configuration has changed since.
    pub(in crate::store) fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }
}

impl Iam {
    fn open(
        credentials: &Credentials,
        settings: &GoogleSettings,
        options: &Options,
        environment: &Environment,
        files: &mut WatchedFiles,
    ) -> Result<Self> {
        let universe = checked_domain(credentials.universe(environment))?;
        let place = ServiceAddress::new(settings, &universe)?;
        let mut network = Network::new(options, environment);
        let endpoint = iam_endpoint(settings, &universe)?;
        let client = network.client(&endpoint, files)?;
        let metadata =
            credentials.0.needs_metadata().then(|| Metadata::new(&network, environment)).transpose()?;
        let account = match (&metadata, credentials.0.content().and_then(target_of)) {
            (Some(metadata), _) => Account::Machine(metadata.clone()),
            (None, Some(email)) => Account::Named(email.to_owned()),
            (None, None) => return Err(no_account()),
        };
        let mut workshop =
            Workshop { settings, environment, place: &place, network: &mut network, files, universe };
        let tokens = TokenCache::new(workshop.source(&credentials.0, metadata)?);
        Ok(Self { client, endpoint, account, tokens })
    }

    async fn email(&self) -> Result<String> {
        let email = match &self.account {
            Account::Named(email) => email.clone(),
            Account::Machine(metadata) => metadata.email(SUBJECT).await?,
        };
        checked_principal(&email)
    }

    async fn sign(&self, email: &str, claims: &Json) -> Result<SecretString> {
        let path = format!("v1/projects/-/serviceAccounts/{email}:signJwt");
        let url = below(&self.endpoint, &path)?;
        let body = json!({"payload": claims.to_string()}).to_string();
        let request = |token| post(&url, JSON, token, body.clone());
        self.tokens.ensure().await?;
        let signed = self.tokens.accepted(|token| answer(&self.client, request(token), SUBJECT)).await?;
        if !signed.is_success() {
            return Err(refused(&signed, SUBJECT).with_hint(HINT));
        }
        let json: Option<Json> = serde_json::from_slice(&signed.body).ok();
        let token = json.as_ref().and_then(|json| text(json, "signedJwt")).filter(|token| is_token(token));
        token.map(SecretString::from).ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, format!("{SUBJECT}: the answer holds no signature"))
                .with_hint("Something else than Google may have answered")
        })
    }
}

fn no_account() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the Google credentials are of no service account, which alone can sign",
    )
    .with_hint("Use a service account key, credentials that impersonate one, or the metadata server")
}

impl fmt::Debug for GoogleIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("GoogleIdentity");
        match &self.signer {
            Signer::Key(account) => shown.field("key", account),
            Signer::Iam(iam) => shown.field("tokens", &iam.tokens),
        };
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json::parse;

    fn opened(content: &str) -> Result<GoogleIdentity> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        std::fs::write(&path, content).unwrap();
        let environment = Environment::read(|name| {
            (name == "GOOGLE_APPLICATION_CREDENTIALS").then(|| path.to_str().unwrap().to_owned())
        });
        GoogleIdentity::open(None, None, &environment)
    }

    #[test]
    fn an_account_that_is_impersonated_signs_and_a_person_does_not() {
        let url =
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam:generateAccessToken";
        let user = r#"{"type": "authorized_user", "client_id": "c", "client_secret": "canary", "refresh_token": "canary"}"#;
        let impersonated = format!(
            r#"{{"type": "impersonated_service_account", "service_account_impersonation_url": "{url}", "source_credentials": {user}}}"#
        );
        let identity = opened(&impersonated).unwrap();
        let Signer::Iam(iam) = &identity.signer else { panic!("there is no key") };
        assert!(matches!(&iam.account, Account::Named(email) if email == "a@p.iam"));
        assert!(!format!("{identity:?}").contains("canary"));
        let error = opened(user).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn a_key_in_an_option_needs_no_type_and_no_project() {
        let key = parse(&Text::from(r#"{"client_email": "a@p", "private_key": "canary"}"#)).unwrap();
        let identity =
            GoogleIdentity::open(Some(&key), Some("/nonexistent"), &Environment::default()).unwrap();
        assert!(matches!(&identity.signer, Signer::Key(account) if account.email() == "a@p"));
        assert!(!format!("{identity:?}").contains("canary"));
    }
}
