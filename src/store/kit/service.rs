//! A service that is asked with one token and GET: what such a store has besides its addresses, the shapes of
//! its answers and its sentences.

use std::sync::Arc;

use http::HeaderValue;
use http::header::IF_NONE_MATCH;
use reqwest::Request;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::NoAnswerHints;
use crate::store::convention::Convention;
use crate::store::environment::Environment;
use crate::store::kit::address::checked;
use crate::store::kit::answer::Answer;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::kept::Kept;
use crate::store::kit::place::Place;
use crate::store::kit::probe::Probe;
use crate::store::kit::refusal::Refusal;
use crate::store::kit::rest::{Rest, bearer, client};
use crate::store::kit::vendor::Vendor;
use crate::store::kit::{checks, trust};
use crate::store::options::{OptionSpec, Options};
use crate::store::tools::Finding;
use crate::value::json::{Object, Value};

/// What a service is called, what its answers mean and what helps.
#[derive(Debug)]
pub struct Dialect {
    /// Its name.
    pub vendor: Vendor,
    /// The option of its address.
    pub address: OptionSpec,
    /// The variable that counts in the absence of that option.
    pub address_variable: Option<&'static str>,
    /// The option of the token, and the variable that counts in its absence.
    pub token: (&'static str, &'static str),
    /// Whether the body of an error is one that the service itself writes; that of a proxy is not.
    pub is_own: fn(&Object) -> bool,
    /// What statuses mean in an error of its own where that differs from elsewhere.
    pub kinds: &'static [(u16, ErrorKind)],
    /// What helps against an error of a kind.
    pub hints: &'static [(ErrorKind, &'static str)],
}

impl Dialect {
    /// The address as it is written: the text, and the option or variable that holds it.
    pub fn written_address<'text>(
        &self,
        options: &'text Options,
        environment: &'text Environment,
    ) -> Option<(&'text str, &'static str)> {
        let key = self.address.key;
        let of_variable = || {
            let variable = self.address_variable?;
            Some((environment.non_empty(variable)?, variable))
        };
        let default = || Some(self.address.default_text()).filter(|text| !text.is_empty());
        let written = options.non_empty(key).map(|text| (text, key)).or_else(of_variable);
        written.or_else(|| Some((default()?, key)))
    }

    /// The address. No I/O: constructors ask for it, too.
    pub fn address(&self, options: &Options, environment: &Environment) -> Result<Url> {
        let (text, named_by) = self.written_address(options, environment).ok_or_else(|| {
            let variable = self.address_variable.map(|name| format!(" or set {name}")).unwrap_or_default();
            Error::config(format!("there is no address of {}", self.vendor.name))
                .with_hint(format!("Write `{}`{variable}", self.address.key))
        })?;
        checked(text, named_by)
    }

    /// The token, without white space around it.
    pub fn token<'text>(
        &self,
        options: &'text Options,
        environment: &'text Environment,
    ) -> Option<&'text str> {
        options.non_empty_or(self.token.0, environment, self.token.1).map(str::trim)
    }

    /// The header that requests are sent with.
    fn authorization(&self, options: &Options, environment: &Environment) -> Result<HeaderValue> {
        let (name, (key, variable)) = (self.vendor.name, self.token);
        let error = |what: String| {
            let hint = format!("Write `{key}` or set {variable}");
            Error::new(ErrorKind::Unauthenticated, what).with_hint(hint)
        };
        let token = self.token(options, environment);
        let token = token.ok_or_else(|| error(format!("there is no token for {name}")))?;
        bearer(token)
            .ok_or_else(|| error(format!("the token for {name} has characters that no token can have")))
    }

    /// What is noteworthy in the options that every such store has.
    pub fn noteworthy(
        &self,
        options: &Options,
        environment: &Environment,
        convention: &dyn Convention,
    ) -> Vec<Finding> {
        let address = self.address(options, environment).ok();
        checks::of_service(address.as_ref(), self.address.key, options, convention)
    }

    /// Whether an error is one that the service itself writes.
    fn gave(&self, answer: &Answer) -> bool {
        answer.object().is_some_and(|body| (self.is_own)(&body))
    }

    /// What an answer that is an error means, for what is in `place`. The words of the service are not shown,
    /// since they may hold what was sent.
    fn refused(&self, answer: &Answer, subject: &str, place: &Place) -> Error {
        let is_own = self.gave(answer);
        let own = self.kinds.iter().find(|(status, _)| is_own && *status == answer.status);
        let kind = own.map_or_else(|| ErrorKind::of_status(answer.status), |(_, kind)| *kind);
        let what = match kind {
            ErrorKind::Denied if is_own => format!("was denied: the token may not read {place}").into(),
            ErrorKind::Config if is_own => format!("failed, since {place} does not exist").into(),
            kind => self.vendor.what_happened(kind, is_own),
        };
        let hint = self.hints.iter().find(|(of, _)| *of == kind).map(|(_, hint)| (*hint).to_owned());
        let hint = hint.unwrap_or_else(|| match kind {
            ErrorKind::Malformed => self.vendor.check_address(),
            ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
            _ => "Try again later".to_owned(),
        });
        Refusal::of(answer).to_error(kind, format!("{subject} {what}")).with_hint(hint)
    }
}

/// A client with its token, the probe of `strongroom doctor` and the files that both were built from.
#[derive(Debug)]
pub struct Service {
    dialect: &'static Dialect,
    /// Where the secrets are, for messages.
    place: Place,
    rest: Rest,
    authorization: HeaderValue,
    probe: Probe,
    files: WatchedFiles,
}

impl Service {
    /// The service, with the secrets in `place`. Reads the files of certificates; no network.
    pub fn open(
        dialect: &'static Dialect,
        place: Place,
        options: &Options,
        environment: &Environment,
    ) -> Result<Self> {
        let address = dialect.address(options, environment)?;
        let authorization = dialect.authorization(options, environment)?;
        let mut files = WatchedFiles::default();
        let roots = || trust::roots(options, environment, trust::OF_REQUESTS);
        let client = client(&address, roots, environment, &mut files)?;
        let probe = Probe::new(client.clone(), &address, roots, "certificates");
        Ok(Self { dialect, place, rest: Rest::new(client, address), authorization, probe, files })
    }

    /// A request for `path`, with the place and `query`, as far as they have values.
    pub fn get(&self, path: &str, query: &[(&str, Option<&str>)]) -> Result<Request> {
        let pairs = self.place.pairs().chain(query.iter().copied());
        self.rest.get(path, pairs.filter_map(|(key, value)| Some((key, value?))))
    }

    /// A request for `path`, which names the place itself, with `query`.
    pub fn get_path(&self, path: &str, query: &[(&str, &str)]) -> Result<Request> {
        self.rest.get(path, query.iter().copied())
    }

    /// What the service answers: a JSON object.
    pub async fn object(&self, request: Request, subject: &str) -> Result<Object> {
        let answer = self.ask(&request, subject).await?;
        self.understood(&answer, subject)
    }

    /// What the service answers: any JSON.
    pub async fn value(&self, request: Request, subject: &str) -> Result<Value> {
        let answer = self.ask(&request, subject).await?;
        answer.json().ok_or_else(|| self.dialect.vendor.not_understood(subject))
    }

    /// What the service answers: a JSON object, or `None` where it says itself that there is none.
    pub async fn object_if_there(&self, request: Request, subject: &str) -> Result<Option<Object>> {
        let answer = self.answer(&request, subject).await?;
        if answer.status == 404 && self.dialect.gave(&answer) {
            return Ok(None);
        }
        let answer = self.accepted(&request, answer, subject)?;
        self.understood(&answer, subject).map(Some)
    }

    /// The answer to a request without the token; `None` if there is none.
    pub async fn openly(&self, path: &str) -> Option<Answer> {
        let request = self.rest.get(path, []).ok()?;
        self.rest.ask(&request, None).await.ok()
    }

    /// The same, made into something that is kept while the service says that its answer has not changed.
    pub async fn kept<T>(
        &self,
        kept: &Kept<T>,
        mut request: Request,
        subject: &str,
        read: impl FnOnce(&Object) -> T,
    ) -> Result<Arc<T>> {
        let last = kept.of(request.url());
        if let Some(last) = &last {
            request.headers_mut().insert(IF_NONE_MATCH, last.tag.clone());
        }
        let answer = self.ask(&request, subject).await.inspect_err(|error| {
            // After an outage the answer may still be the same; what is refused is not ours to keep.
            if !error.kind().is_outage() {
                kept.forget();
            }
        })?;
        match last {
            Some(last) if answer.status == 304 => Ok(last.answer),
            _ => Ok(kept.keep(request.url(), &answer, read(&self.understood(&answer, subject)?))),
        }
    }

    async fn ask(&self, request: &Request, subject: &str) -> Result<Answer> {
        let answer = self.answer(request, subject).await?;
        self.accepted(request, answer, subject)
    }

    async fn answer(&self, request: &Request, subject: &str) -> Result<Answer> {
        let answer = self.rest.ask(request, Some(self.authorization.clone())).await;
        answer.map_err(|failure| {
            let (name, option) = (self.dialect.vendor.name, self.dialect.address.key);
            failure.to_error(
                subject,
                &NoAnswerHints {
                    timeout: &format!("Check the network path to {name}, and `timeout`"),
                    certificate: &format!(
                        "Name the CA that signed it in `ca_bundle`, and check the host of `{option}`"
                    ),
                    dns: &format!("Check the host of `{option}`, and DNS"),
                    connect: &format!("Check the network, HTTPS_PROXY and `{option}`"),
                    request: &format!("Check `{option}`"),
                },
            )
        })
    }

    /// An answer that is not an error.
    fn accepted(&self, request: &Request, answer: Answer, subject: &str) -> Result<Answer> {
        let is_unchanged = answer.status == 304 && request.headers().contains_key(IF_NONE_MATCH);
        if answer.is_success() || is_unchanged {
            return Ok(answer);
        }
        Err(self.dialect.refused(&answer, subject, &self.place))
    }

    fn understood(&self, answer: &Answer, subject: &str) -> Result<Object> {
        answer.object().ok_or_else(|| self.dialect.vendor.not_understood(subject))
    }

    /// Where and as whom the service is asked.
    pub fn identity(&self) -> String {
        format!("a token, for {} on {}", self.place, self.probe.address)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::kit::address::ENDPOINT;

    /// Its variable is one that every build declares.
    const ATTIC: Dialect = Dialect {
        vendor: Vendor {
            name: "Attic",
            inside: "Attic Cloud",
            server: "the attic",
            rejects: "Attic does not accept the key",
            address: "endpoint_url",
        },
        address: ENDPOINT,
        address_variable: Some("HTTPS_PROXY"),
        token: ("token", "REQUESTS_CA_BUNDLE"),
        is_own: |body| body.get("ok").and_then(Value::as_bool) == Some(false),
        kinds: &[(400, ErrorKind::Denied), (404, ErrorKind::Config)],
        hints: &[(ErrorKind::Config, "Correct `room`")],
    };

    #[test]
    fn a_status_has_the_meaning_of_the_service_in_its_own_errors_alone() {
        let own = r#"{"ok": false, "message": "canary"}"#;
        let written = Options::of_texts(&[("room", "a")]);
        let place = Place::read(&[("room", "HTTPS_PROXY")], &written, &Environment::default());
        for (status, body, kind, text) in [
            (400, own, ErrorKind::Denied, "was denied: the token may not read room `a`"),
            (403, own, ErrorKind::Denied, "was denied: the token may not read room `a`"),
            (404, own, ErrorKind::Config, "failed, since room `a` does not exist"),
            (401, own, ErrorKind::Unauthenticated, "was refused, since Attic does not accept the key"),
            (404, "<html>", ErrorKind::Malformed, "failed with an answer that is not understood"),
            (403, "<html>", ErrorKind::Denied, "was denied"),
            (429, own, ErrorKind::Throttled, "was throttled"),
            (503, "", ErrorKind::Unreachable, "failed inside Attic Cloud"),
        ] {
            let error = ATTIC.refused(&Answer::of(status, &[], body), "reading `N`", &place);
            let whole = error.to_string();
            assert!(whole.starts_with(&format!("reading `N` {text}")), "{whole}");
            assert!(error.hint().is_some() && !whole.contains("canary"), "{whole}");
            assert_eq!(error.kind(), kind, "{status} {body}");
        }
    }

    #[test]
    fn a_token_is_an_option_or_a_variable() {
        let sent = |token: &str, set: &[(&str, &str)]| {
            ATTIC.authorization(&Options::of_texts(&[("token", token)]), &Environment::of(set))
        };
        assert_eq!(sent(" a\n", &[("REQUESTS_CA_BUNDLE", "b")]).unwrap(), "Bearer a");
        assert_eq!(sent("", &[("REQUESTS_CA_BUNDLE", "b")]).unwrap(), "Bearer b");
        for (token, text) in
            [("", "there is no token for Attic"), ("canary\ncanary", "the token for Attic has")]
        {
            let error = sent(token, &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert!(error.to_string().starts_with(text) && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn an_address_is_an_option_or_a_variable() {
        let address = |written: &str, set: &[(&str, &str)]| {
            ATTIC.address(&Options::of_texts(&[("endpoint_url", written)]), &Environment::of(set))
        };
        let set = [("HTTPS_PROXY", "http://b")];
        assert_eq!(address("http://a", &set).unwrap().as_str(), "http://a/");
        assert_eq!(address("", &set).unwrap().as_str(), "http://b/");
        for (set, text) in [
            (&[("HTTPS_PROXY", "canary")][..], "`HTTPS_PROXY` is not an address"),
            (&[], "there is no address of Attic. Write `endpoint_url` or set HTTPS_PROXY"),
        ] {
            let error = address("", set).unwrap_err().to_string();
            assert!(error.starts_with(text) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn opening_needs_a_token_and_shows_none() {
        let environment = Environment::default();
        let open = |options: &Options| {
            let place = Place::read(&[("room", "HTTPS_PROXY")], options, &environment);
            Service::open(&ATTIC, place, options, &environment)
        };
        let written = [("endpoint_url", "https://attic.example"), ("room", "a"), ("token", "canary")];
        assert_eq!(open(&Options::of_texts(&written[..2])).unwrap_err().kind(), ErrorKind::Unauthenticated);
        let service = open(&Options::of_texts(&written)).unwrap();
        assert!(!format!("{service:?}").contains("canary"));
        assert_eq!(service.identity(), "a token, for room `a` on https://attic.example");
    }
}
