//! One index, asked over the REST API.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use reqwest::{Method, Request};
use serde_json::json;

use crate::error::Result;
use crate::redact::Shown;
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::probe::Probe;
use crate::store::kit::rest::{Rest, client_as, segment};
use crate::store::kit::trust;
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity};
use crate::value::json::{Object, Value};

use super::config::{self, Login};
use super::error::{
    Asked, ELASTICSEARCH, NO_ANSWER, is_elasticsearch, refused, refused_document, says_absent,
};

/// What a document has besides its value.
const WITHOUT_VALUE: &str = "sealed";

/// The client with its login, the probe of `strongroom doctor` and the files that it was built from.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) index: String,
    pub(super) files: WatchedFiles,
    rest: Rest,
    login: Login,
    probe: Probe,
}

impl Api {
    /// Reads the files of certificates; no network.
    pub(super) fn open(options: &Options, environment: &Environment) -> Result<Self> {
        let address = config::address(options, environment)?;
        let index = config::index(options)?.to_owned();
        let login = config::login(options, environment)?;
        let certificate = config::certificate(options, environment)?;
        let mut files = WatchedFiles::default();
        let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
        let client = client_as(certificate, &address, roots, environment, &mut files)?;
        let probe = Probe::new(client.clone(), &address, roots, "certificates");
        Ok(Self { index, files, rest: Rest::new(client, address), login, probe })
    }

    fn asked(&self) -> Asked<'_> {
        Asked { index: &self.index, login: self.login.named_by }
    }

    /// A path below the index.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("{}/{rest}", segment(&self.index))
    }

    /// The members of a document; `None` if it is not there. `has_value` says whether its value is wanted.
    pub(super) async fn document(&self, id: &str, has_value: bool, subject: &str) -> Result<Option<Object>> {
        let path = self.path(&format!("_doc/{}", segment(id)));
        let query = (!has_value).then_some(("_source_excludes", WITHOUT_VALUE));
        let answer = self.send(&self.rest.get(&path, query)?, subject).await?;
        if answer.status == 404 && answer.object().as_ref().is_some_and(says_absent) {
            return Ok(None);
        }
        let body = self.understood(&answer, subject)?;
        source(&body, id).map(Some).ok_or_else(|| ELASTICSEARCH.not_understood(subject))
    }

    /// Each of the documents with its own outcome, in the order of `ids`.
    pub(super) async fn documents(&self, ids: &[&str], subject: &str) -> Result<Vec<Result<Option<Object>>>> {
        let answer = self.post(&self.path("_mget"), &[], Some(&json!({"ids": ids})), subject).await?;
        let body = self.understood(&answer, subject)?;
        let found = body.get("docs").and_then(Value::as_array).unwrap_or_default();
        if found.len() != ids.len() {
            return Err(ELASTICSEARCH.not_understood(subject));
        }
        let documents = ids.iter().zip(found).map(|(id, document)| {
            let subject = format!("reading `{}`", Shown(id));
            let document = document.as_object().ok_or_else(|| ELASTICSEARCH.not_understood(&subject))?;
            if document.contains_key("error") {
                return Err(refused_document(document, &subject, self.asked()));
            }
            if says_absent(document) {
                return Ok(None);
            }
            source(document, id).map(Some).ok_or_else(|| ELASTICSEARCH.not_understood(&subject))
        });
        Ok(documents.collect())
    }

    /// Sends JSON that asks and changes nothing, so that it may be sent twice.
    pub(super) async fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&serde_json::Value>,
        subject: &str,
    ) -> Result<Answer> {
        self.send(&self.with_body(Method::POST, path, query, body)?, subject).await
    }

    /// The same with another method, for what need not succeed.
    pub(super) async fn delete(&self, path: &str, body: &serde_json::Value) {
        if let Ok(request) = self.with_body(Method::DELETE, path, &[], Some(body)) {
            // What is not deleted ends by itself.
            let _ = self.send(&request, "").await;
        }
    }

    fn with_body(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&serde_json::Value>,
    ) -> Result<Request> {
        let mut request = self.rest.get(path, query.iter().copied())?;
        *request.method_mut() = method;
        if let Some(body) = body {
            request.headers_mut().extend(json_headers());
            *request.body_mut() = Some(body.to_string().into());
        }
        Ok(request)
    }

    async fn send(&self, request: &Request, subject: &str) -> Result<Answer> {
        let answer = self.rest.ask(request, self.login.header.clone()).await;
        answer.map_err(|failure| failure.to_error(subject, &NO_ANSWER))
    }

    /// The JSON object of an answer that is no error.
    pub(super) fn understood(&self, answer: &Answer, subject: &str) -> Result<Object> {
        if !answer.is_success() {
            return Err(refused(answer, subject, self.asked()));
        }
        answer.object().ok_or_else(|| ELASTICSEARCH.not_understood(subject))
    }

    /// Where and as whom Elasticsearch is asked.
    pub(super) fn identity(&self) -> String {
        format!("{}, for the index `{}` on {}", self.login.words, Shown(&self.index), self.probe.address)
    }

    /// The certificate, and which product answers.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut found = self.probe.findings().await;
        found.extend(self.product().await);
        found
    }

    /// Not from `GET /`, which a role or a proxy may withhold. Errors are those of a lookup.
    async fn product(&self) -> Option<Finding> {
        let body = json!({"size": 0, "track_total_hits": true});
        let answer = self.post(&self.path("_search"), &[], Some(&body), "counting").await.ok()?;
        let hits =
            answer.object()?.get("hits")?.as_object()?.get("total")?.as_object()?.get("value")?.as_i64()?;
        let product = if is_elasticsearch(&answer) {
            "Elasticsearch"
        } else {
            "OpenSearch, or no Elasticsearch of 7.14 or later"
        };
        let evidence = format!("{product}; documents in the index `{}`: {hits}", Shown(&self.index));
        Some(Finding { severity: Severity::Fine, check: "server", evidence, remedy: String::new() })
    }
}

fn json_headers() -> HeaderMap {
    let value = http::HeaderValue::from_static("application/json");
    [(CONTENT_TYPE, value)].into_iter().collect()
}

/// The members of a document that was found under `id`; `None` for an answer of another shape.
fn source(document: &Object, id: &str) -> Option<Object> {
    let is_found = document.get("found").and_then(Value::as_bool) == Some(true);
    let is_it = document.get("_id").and_then(Value::as_str) == Some(id);
    document.get("_source").and_then(Value::as_object).filter(|_| is_found && is_it).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_document_that_was_found_has_members() {
        let of = |text: &str| source(&Answer::of(200, &[], text).object().unwrap(), "a");
        assert!(of(r#"{"_id": "a", "found": true, "_source": {}}"#).is_some());
        for other in [
            r#"{"_id": "b", "found": true, "_source": {}}"#,
            r#"{"_id": "a", "found": false, "_source": {}}"#,
            r#"{"_id": "a", "found": true}"#,
            "{}",
        ] {
            assert!(of(other).is_none(), "{other}");
        }
    }
}
