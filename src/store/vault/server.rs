//! The server: how requests reach it, and its answers.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use reqwest::Request;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::http::TransportError;
use crate::redact::Shown;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::retry_after;
use crate::store::vault::call::Call;
use crate::store::vault::config::VaultSettings;
use crate::store::vault::path::{collapse, encode, fault};
use crate::value::json::Value;

/// Enough for the way from a standby to the active node and back to a load balancer, as in hvac.
const MAX_REDIRECTS: usize = 2;

/// An answer. There is no Debug: its body may hold secrets.
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// How long the server asks us to wait.
    pub(super) retry_after: Option<Duration>,
    /// The target of a redirect that is not followed.
    pub(super) elsewhere: Option<String>,
    answer: Answer,
}

impl Reply {
    fn new(answer: Answer, elsewhere: Option<&Url>) -> Self {
        let elsewhere = elsewhere.map(|target| target.origin().ascii_serialization());
        Self { status: answer.status, retry_after: retry_after(&answer.headers), elsewhere, answer }
    }

    /// The body as JSON, if it is valid.
    pub(super) fn json(&self) -> Option<Value> {
        self.answer.json()
    }

    /// Whether the request succeeded.
    pub(super) fn is_success(&self) -> bool {
        self.answer.is_success()
    }

    /// Whether an answer comes from Vault itself and not from something in between: then it lists errors,
    /// possibly none.
    pub(super) fn is_of_vault(&self) -> bool {
        let json = self.json();
        let members = json.as_ref().and_then(Value::as_object);
        members
            .is_some_and(|members| ["errors", "data", "warnings"].iter().any(|key| members.contains_key(key)))
    }

    /// Whether a 404 contains more than that nothing exists.
    pub(super) fn has_words(&self) -> bool {
        let json = self.json();
        let members = json.as_ref().and_then(Value::as_object);
        members.is_some_and(|members| {
            ["errors", "warnings"].iter().any(|key| members.get(key).is_some_and(Value::is_truthy))
        })
    }

    #[cfg(test)]
    pub(super) fn of(status: u16, body: &str) -> Self {
        Self::new(Answer::of(status, &[], body), None)
    }
}

/// An address and the client that reaches it.
pub(super) struct Server {
    client: reqwest::Client,
    url: Url,
    namespace: Option<String>,
    follows_redirects: bool,
    marks_requests: bool,
}

impl Server {
    /// A server behind `client`, which must not follow redirects itself.
    pub(super) fn new(client: reqwest::Client, settings: &VaultSettings) -> Self {
        Self {
            client,
            url: settings.url.clone(),
            namespace: settings.namespace.clone(),
            follows_redirects: settings.follows_redirects,
            marks_requests: settings.marks_requests,
        }
    }

    /// An identifier of the server and its namespace.
    pub(super) fn place(&self) -> String {
        format!("{} {}", self.url, self.namespace.as_deref().unwrap_or_default())
    }

    /// A description of address and namespace. The query is left out: it is never sent either.
    pub(super) fn words(&self) -> String {
        let address = format!("{}{}", self.url.origin().ascii_serialization(), self.url.path());
        let address = Shown(address.trim_end_matches('/')).to_string();
        match &self.namespace {
            Some(namespace) => format!("{address}, namespace `{}`", Shown(namespace)),
            None => address,
        }
    }

    /// Sends `call` with `token`. Any status is an answer.
    pub(super) async fn ask(
        &self,
        call: &Call,
        token: Option<&SecretString>,
    ) -> Result<Reply, TransportError> {
        let mut url = self.address(call)?;
        let mut redirects = 0;
        loop {
            let request = self.request(call, token, url.clone())?;
            let answer = Answer::to(&self.client, request, call.is_repeatable()).await?;
            match redirection(&url, call, &answer) {
                Some(target) if self.may_follow(&url, &target) && redirects < MAX_REDIRECTS => {
                    url = target;
                    redirects += 1;
                }
                target => return Ok(Reply::new(answer, target.as_ref())),
            }
        }
    }

    fn address(&self, call: &Call) -> Result<Url, TransportError> {
        if let Some(reason) = fault(&call.path) {
            return Err(TransportError::request(reason));
        }
        let mut url = self.url.clone();
        let path = format!("{}/v1/{}", collapse(self.url.path()), encode(&collapse(&call.path)));
        url.set_path(&path);
        url.set_query(call.query.as_deref());
        Ok(url)
    }

    /// Redirects stay within the configured address: the token is not meant for any other host, and another
    /// port may be someone else's. Stepping up to https, on the same port or from default port to default
    /// port, is something that operators configure; stepping down is not allowed.
    fn may_follow(&self, from: &Url, target: &Url) -> bool {
        let same_host = target.host() == self.url.host();
        let same_port = target.port_or_known_default() == self.url.port_or_known_default();
        let same_scheme = target.scheme() == self.url.scheme();
        let both_usual = self.url.port().is_none() && target.port().is_none();
        let step_up = self.url.scheme() == "http" && target.scheme() == "https";
        // The token must not leave an encrypted connection.
        let step_down = from.scheme() == "https" && target.scheme() == "http";
        self.follows_redirects
            && same_host
            && !step_down
            && ((same_scheme && same_port) || (step_up && (same_port || both_usual)))
    }

    fn request(
        &self,
        call: &Call,
        token: Option<&SecretString>,
        url: Url,
    ) -> Result<Request, TransportError> {
        let mut request = Request::new(call.method.clone(), url);
        let headers = request.headers_mut();
        if self.marks_requests {
            headers.insert("x-vault-request", HeaderValue::from_static("true"));
        }
        // Paths of the root namespace are not served below a namespace.
        if let Some(namespace) = self.namespace.as_deref().filter(|_| !call.is_of_root) {
            headers.insert("x-vault-namespace", header(namespace, "namespace")?);
        }
        if let Some(token) = token {
            let mut value = header(token.expose_secret(), "token")?;
            // Keeps the token out of Debug output.
            value.set_sensitive(true);
            headers.insert("x-vault-token", value);
        }
        if let Some(body) = &call.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.to_vec().into());
        }
        Ok(request)
    }
}

/// Leaves out the client, whose own Debug shows its tables.
impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("url", &self.url.as_str())
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

fn header(text: &str, what: &str) -> Result<HeaderValue, TransportError> {
    HeaderValue::from_str(text)
        .map_err(|_| TransportError::request(format!("the {what} holds a character that no header may have")))
}

/// The target of a redirect. A POST is only repeated if the status requires it.
fn redirection(from: &Url, call: &Call, answer: &Answer) -> Option<Url> {
    // 307 and 308 keep the method; the others turn a POST into a GET (RFC 9110, section 15.4).
    let keeps_method = matches!(answer.status, 307 | 308);
    let moved = matches!(answer.status, 301..=303) && call.is_repeatable();
    from.join(answer.header("location").filter(|_| keeps_method || moved)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{ClientSettings, ProxySettings, Roots, build_client, client_config};
    use crate::store::environment::Environment;
    use crate::store::options::{OptionValue, Options};
    use crate::store::vault::call::Own;

    fn server(url: &str) -> Server {
        let mut options = Options::default();
        for (key, text) in [("url", url), ("namespace", "outer")] {
            options.set(key, OptionValue::Text(text.to_owned()));
        }
        let settings = VaultSettings::read(&options, &Environment::default()).unwrap();
        let patience = Duration::from_secs(1);
        let network = ClientSettings {
            connect_timeout: patience,
            read_timeout: patience,
            proxies: ProxySettings::NONE,
        };
        Server::new(build_client(&network, &client_config(&Roots::Empty).unwrap()).unwrap(), &settings)
    }

    #[test]
    fn a_redirect_never_leaves_the_address_and_never_steps_down() {
        let follows = |configured: &str, from: &str, target: &str| {
            let url = |text: &str| Url::parse(text).unwrap();
            server(configured).may_follow(&url(from), &url(target))
        };
        let (plain, secure) = ("http://h:8200/", "https://h:8200/");
        assert!(follows(plain, plain, "http://h:8200/x") && follows(plain, plain, secure));
        assert!(follows(secure, secure, "https://h:8200/x"));
        assert!(
            follows("http://h/", "http://h/", "https://h/")
                && follows("http://h:80/", plain, "https://h:443/")
        );
        for (configured, from, target) in [
            (secure, secure, plain),
            (plain, secure, plain),
            (plain, plain, "http://other:8200/"),
            (plain, plain, "http://h:8201/"),
            (plain, plain, "https://h:8201/"),
            (plain, plain, "https://h/"),
            ("http://h/", "http://h/", "https://h:8200/"),
            (plain, secure, "https://h:8201/"),
        ] {
            assert!(!follows(configured, from, target), "{configured} {from} {target}");
        }
    }

    #[test]
    fn requests_to_the_whole_server_name_no_namespace() {
        let server = server("http://h");
        let namespace = |is_of_root| {
            let call = Call { is_of_root, ..Call::of(&Own::get("sys/seal-status")).unwrap() };
            let request = server.request(&call, None, server.address(&call).unwrap()).unwrap();
            request.headers().get("x-vault-namespace").map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!((namespace(false).as_deref(), namespace(true)), (Some("outer"), None));
    }
}
