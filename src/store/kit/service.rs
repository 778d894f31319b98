//! A service that is asked with one token and GET: what such a store has besides its addresses, the shapes of
//! its answers and its sentences.

use http::HeaderValue;
use url::Url;

use crate::error::{Error, Result};
use crate::http::NoAnswerHints;
use crate::store::convention::Convention;
use crate::store::environment::Environment;
use crate::store::kit::address::ENDPOINT;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::Probe;
use crate::store::kit::rest::{Rest, client};
use crate::store::kit::{checks, trust};
use crate::store::options::Options;
use crate::store::tools::Finding;
use crate::value::json::Value;

/// What helps where no answer came from a service whose address is in `endpoint_url`.
const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to the service, and `timeout`",
    certificate: "Name the CA that signed it in `ca_bundle`, and check the host of `endpoint_url`",
    dns: "Check the host of `endpoint_url`, and DNS",
    connect: "Check the network, HTTPS_PROXY and `endpoint_url`",
    request: "Check `endpoint_url`",
};

/// A client with its token, the probe of `strongroom doctor` and the files that both were built from.
#[derive(Debug)]
pub struct Service {
    rest: Rest,
    authorization: HeaderValue,
    probe: Probe,
    files: WatchedFiles,
}

impl Service {
    /// The service at `address`. Reads the files of certificates; no network.
    pub fn open(
        address: Url,
        authorization: HeaderValue,
        options: &Options,
        environment: &Environment,
    ) -> Result<Self> {
        let mut files = WatchedFiles::default();
        let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
        let client = client(&address, roots, environment, &mut files)?;
        let probe = Probe::new(client.clone(), &address, roots, "certificates");
        Ok(Self { rest: Rest::new(client, address), authorization, probe, files })
    }

    /// What the service answers for `path` and `query`, as JSON. `refused` makes an error of an answer that
    /// reports one, and `unclear` of one that is not JSON.
    pub async fn json<'pair>(
        &self,
        path: &str,
        query: impl IntoIterator<Item = (&'pair str, &'pair str)>,
        subject: &str,
        refused: impl FnOnce(&Answer) -> Error,
        unclear: impl FnOnce() -> Error,
    ) -> Result<Value> {
        let request = self.rest.get(path, query)?;
        let answer = self.rest.ask(&request, Some(self.authorization.clone())).await;
        let answer = answer.map_err(|failure| failure.to_error(subject, &NO_ANSWER))?;
        if answer.is_success() { answer.json().ok_or_else(unclear) } else { Err(refused(&answer)) }
    }

    /// Scheme, host and port, for messages.
    pub fn origin(&self) -> &str {
        &self.probe.address
    }

    /// Whether a file that this was built from has changed.
    pub fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    /// The service's clock and its certificate.
    pub async fn findings(&self) -> Vec<Finding> {
        self.probe.findings().await
    }
}

/// What is noteworthy in the options that every such store has.
pub fn noteworthy(options: &Options, address: Option<&Url>, convention: &dyn Convention) -> Vec<Finding> {
    let is_plain = address.is_some_and(|address| address.scheme() == "http");
    let is_unverified = trust::Verify::read(options, trust::VERIFY.key).is_off();
    let plain = is_plain.then(|| checks::plain_http(ENDPOINT.key));
    let unverified = is_unverified.then(|| checks::unverified(trust::VERIFY.key));
    plain.into_iter().chain(unverified).chain(checks::impossible_names(convention)).collect()
}
