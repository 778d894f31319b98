//! The API server, asked as this pod's service account.

use std::path::PathBuf;

use http::HeaderValue;
use http::header::ACCEPT;
use reqwest::Request;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::http::NoAnswerHints;
use crate::redact::ShownPath;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::Probe;
use crate::store::kit::rest::{Rest, bearer, client};
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::value::json::Object;

use super::config::{account_file, address, namespace, roots, token};
use super::error::{KUBERNETES, bad_token, checked_namespace, no_namespace, no_token, refused};

/// Secrets with their data.
const WHOLE: HeaderValue = HeaderValue::from_static("application/json");

/// The same without their data, so that values do not travel for a listing.
const METADATA: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");

/// The pairs of a query.
pub(super) type Query<'text> = [(&'static str, &'text str)];

/// One namespace of the API server.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) namespace: String,
    rest: Rest,
    login: Login,
    probe: Probe,
    files: WatchedFiles,
}

/// Where the token is.
#[derive(Debug)]
enum Login {
    /// In the options.
    Given(HeaderValue),
    /// In a file that Kubernetes replaces before the token in it ends.
    File(PathBuf),
}

impl Login {
    /// The present token. The file is small, in memory and read for each request, so no old token is kept.
    fn authorization(&self) -> Result<HeaderValue> {
        match self {
            Self::Given(given) => Ok(given.clone()),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                let text = text.map_err(|error| no_token(path).with_source(error))?;
                let token = text.trim_start_matches('\u{feff}').trim();
                bearer(token).filter(|_| !token.is_empty()).ok_or_else(bad_token)
            }
        }
    }
}

impl Api {
    /// Reads the namespace and the certificates; no network.
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let address = address(options, environment)?;
        let mut files = WatchedFiles::default();
        let namespace = known_namespace(options, environment, &mut files)?;
        let login = match token(options) {
            Some(token) => Login::Given(bearer(token).ok_or_else(bad_token)?),
            None => Login::File(account_file(options, environment, "token")),
        };
        let roots = || roots(options, environment);
        let client = client(&address, roots, environment, &mut files)?;
        let probe = Probe::new(client.clone(), &address, roots, "tokens");
        Ok(Self { namespace, rest: Rest::new(client, address), login, probe, files })
    }

    /// The list of secrets that `query` selects, with their data.
    pub(super) async fn secrets(&self, query: &Query<'_>, subject: &str) -> Result<Object> {
        self.list(query, WHOLE, subject).await
    }

    /// The same without their data.
    pub(super) async fn metadata(&self, query: &Query<'_>, subject: &str) -> Result<Object> {
        self.list(query, METADATA, subject).await
    }

    async fn list(&self, query: &Query<'_>, form: HeaderValue, subject: &str) -> Result<Object> {
        let path = format!("api/v1/namespaces/{}/secrets", self.namespace);
        let mut request = self.rest.get(&path, query.iter().copied())?;
        request.headers_mut().insert(ACCEPT, form);
        let answer = self.ask(&request, subject).await?;
        if !answer.is_success() {
            return Err(refused(&answer, subject, &self.namespace));
        }
        answer.object().ok_or_else(|| KUBERNETES.not_understood(subject))
    }

    /// A token that ended while it was on its way is replaced within the lookup, once.
    async fn ask(&self, request: &Request, subject: &str) -> Result<Answer> {
        let used = self.login.authorization()?;
        let answer = self.send(request, &used, subject).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        match self.login.authorization()? {
            same if same == used => Ok(answer),
            another => self.send(request, &another, subject).await,
        }
    }

    async fn send(&self, request: &Request, token: &HeaderValue, subject: &str) -> Result<Answer> {
        let answer = self.rest.ask(request, Some(token.clone())).await;
        answer.map_err(|failure| failure.to_error(subject, &NO_ANSWER))
    }

    /// As whom and where the API server is asked.
    pub(super) fn identity(&self) -> String {
        let who = match &self.login {
            Login::Given(_) => "a token of the options".to_owned(),
            Login::File(path) => format!("the service account of `{}`", ShownPath(path)),
        };
        format!("{who}, for namespace `{}` on {}", self.namespace, self.probe.address)
    }

    /// Whether a file that this was built from has changed. The token is read each time.
    pub(super) fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    /// The clock of the API server and its certificate.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        self.probe.findings().await
    }
}

/// The namespace that is written, or that of the service account.
fn known_namespace(options: &Options, environment: &Environment, files: &mut WatchedFiles) -> Result<String> {
    if let Some(written) = namespace(options) {
        return checked_namespace(written);
    }
    let path = account_file(options, environment, "namespace");
    files.watch(&path);
    let text = std::fs::read_to_string(&path).map_err(|error| no_namespace(&path).with_source(error))?;
    checked_namespace(text.trim())
}

/// What helps where no answer came.
const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to the API server, and `timeout`",
    certificate: "The cluster's CA is in `ca.crt` of `service_account_path`; else name it in `ca_bundle`",
    dns: "Check the host of `endpoint_url`, and DNS",
    connect: "Check network policies, HTTPS_PROXY with NO_PROXY, and `endpoint_url`",
    request: "Check `endpoint_url`",
};
