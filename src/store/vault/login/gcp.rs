//! `auth/gcp`: a token for Vault that a service account of Google's signed, with its own key or through IAM.
//!
//! Sources: "Google Cloud auth method" in Vault's documentation (the iam kind), `_auth_gcp` of the official class,
//! `projects.serviceAccounts.signJwt` in the reference of Google's IAM Credentials API.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::store::environment::Environment;
use crate::store::kit::files::expand;
use crate::store::options::Options;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::login::cloud::{Clouds, ask, secret};
use crate::store::vault::login::{LoginStep, Method, credential_file, unsendable};
use crate::store::vault::path::encode;
use crate::store::vault::server::Server;
use crate::value::Text;
use crate::value::json::{self as own_json, Value};

/// What the official class asks for, and the most that Vault takes.
const LIFETIME_SECONDS: u64 = 900;
const METADATA: &str = "metadata.google.internal";
const IAM: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts";
const SUBJECT: &str = "signing the login with the service account of this machine";
const HINT: &str = "Name a key file in `gcp_key_path`, or give this machine a service account with the role Service Account Token \
    Creator on itself";

/// Whose signature it is.
enum Source {
    /// A key in the configuration.
    Written(Key),
    /// A key in a file, read at each login.
    File(PathBuf),
    /// The service account of this machine, through IAM.
    Machine(String),
}

/// A service account's key.
struct Key {
    email: String,
    id: String,
    pem: SecretString,
}

/// The login by a service account.
pub(super) struct Gcp {
    role: String,
    source: Source,
    clouds: Clouds,
}

impl fmt::Debug for Gcp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gcp").field("role", &self.role).finish_non_exhaustive()
    }
}

impl Gcp {
    /// Reads options and environment; asks nobody.
    pub(super) fn open(role: String, options: &Options, environment: &Environment) -> Result<Self> {
        let file = options
            .non_empty("gcp_key_path")
            .or_else(|| environment.non_empty("GOOGLE_APPLICATION_CREDENTIALS"));
        let source = match (options.object("gcp_keyfile_dict"), file) {
            (Some(content), _) => Source::Written(Key::read(content)?),
            (None, Some(path)) => Source::File(expand(path, environment)),
            (None, None) => {
                let host = environment.non_empty("GCE_METADATA_HOST").unwrap_or(METADATA);
                Source::Machine(format!("http://{host}/computeMetadata/v1/instance/service-accounts/default"))
            }
        };
        Ok(Self { role, source, clouds: Clouds::open(environment, &["GCE_METADATA_HOST"])? })
    }

    async fn signed(&self) -> Result<SecretString> {
        match &self.source {
            Source::Written(key) => key.sign(&self.claims(&key.email)),
            Source::File(path) => {
                let key = Key::of_file(path).await?;
                key.sign(&self.claims(&key.email))
            }
            Source::Machine(metadata) => self.sign_through_iam(metadata).await,
        }
    }

    fn claims(&self, email: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let audience = format!("vault/{}", self.role);
        json!({"iat": now, "exp": now + LIFETIME_SECONDS, "sub": email, "aud": audience}).to_string()
    }

    async fn sign_through_iam(&self, metadata: &str) -> Result<SecretString> {
        let clouds = &self.clouds;
        let get = |what: &str| {
            clouds.metadata.get(format!("{metadata}/{what}")).header("metadata-flavor", "Google")
        };
        let account = ask(&clouds.metadata, get("?recursive=true"), SUBJECT, HINT).await?;
        let email = secret(&account, "email", SUBJECT, HINT)?.expose_secret().to_owned();
        let token = ask(&clouds.metadata, get("token"), SUBJECT, HINT).await?;
        let token = secret(&token, "access_token", SUBJECT, HINT)?;
        let body = json!({ "payload": self.claims(&email) }).to_string();
        let request = clouds
            .public
            .post(format!("{IAM}/{}:signJwt", encode(&email)))
            .bearer_auth(token.expose_secret());
        let request = request.header("content-type", "application/json").body(body);
        secret(&ask(&clouds.public, request, SUBJECT, HINT).await?, "signedJwt", SUBJECT, HINT)
    }
}

impl Key {
    fn read(content: &Value) -> Result<Self> {
        let text =
            |key: &str| content.as_object().and_then(|members| members.get(key)).and_then(Value::as_str);
        let whole = text("client_email").zip(text("private_key"));
        let (email, private_key) = whole.ok_or_else(|| unusable("it has no client_email and private_key"))?;
        Ok(Self {
            email: email.to_owned(),
            id: text("private_key_id").unwrap_or_default().to_owned(),
            pem: SecretString::from(private_key.to_owned()),
        })
    }

    async fn of_file(path: &Path) -> Result<Self> {
        let content = credential_file(path, "gcp_key_path").await?;
        let content =
            own_json::parse(&Text::from(content.as_str())).map_err(|_| unusable("it is no JSON"))?;
        Self::read(&content)
    }

    /// A JSON web token with `claims` (RFC 7515, RS256).
    fn sign(&self, claims: &str) -> Result<SecretString> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.id}).to_string();
        let content = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let key = PrivateKeyDer::from_pem_slice(self.pem.expose_secret().as_bytes());
        let key = key.map_err(|_| unusable("its private_key is no PEM"))?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key);
        let key = key.map_err(|_| unusable("its private_key is of an unknown kind"))?;
        let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        let signer = signer.ok_or_else(|| unusable("its private_key is no RSA key"))?;
        let signature =
            signer.sign(content.as_bytes()).map_err(|_| unusable("its private_key does not sign"))?;
        Ok(SecretString::from(format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn unusable(reason: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("the key of the service account cannot be used: {reason}"))
        .with_hint("It is the JSON file of a key of type service_account (`gcloud iam service-accounts keys create`)")
}

#[async_trait]
impl Method for Gcp {
    async fn step(&self, mount: &str, _server: &Server) -> Result<LoginStep> {
        let body = json!({"role": self.role, "jwt": self.signed().await?.expose_secret()});
        Call::of(&Own::post(format!("auth/{mount}/login"), &body))
            .map(LoginStep::Call)
            .map_err(|error| unsendable(&error))
    }
}
