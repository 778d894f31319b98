//! What the logins of clouds share: small requests to places that are no Vault.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use secrecy::SecretString;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{ClientSettings, ProxySettings, Roots, build_client, client_config, read_body, send};
use crate::store::environment::Environment;
use crate::store::kit::files::expand;
use crate::store::vault::error::no_answer;
use crate::value::Text;
use crate::value::json::{self, Object, Value};

/// Beside us, or not there at all.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// Somewhere in the world.
const PUBLIC_TIMEOUT: Duration = Duration::from_secs(10);

/// Clients for what is beside this machine and for the services of clouds. Neither trusts the CA of the Vault server.
#[derive(Clone)]
pub(super) struct Clouds {
    /// Without proxies and without TLS.
    pub(super) metadata: Client,
    /// With the proxies and the CA bundle of the environment.
    pub(super) public: Client,
}

impl Clouds {
    /// Builds both; opens nothing. Call it under [`crate::process::no_fork`]. `addresses` are the variables that name
    /// places to ask.
    pub(super) fn open(environment: &Environment, addresses: &[&'static str]) -> Result<Self> {
        for name in addresses {
            without_user(environment, name)?;
        }
        let beside = ClientSettings {
            connect_timeout: METADATA_TIMEOUT,
            read_timeout: METADATA_TIMEOUT,
            proxies: ProxySettings::NONE,
        };
        let away = ClientSettings {
            connect_timeout: PUBLIC_TIMEOUT,
            read_timeout: PUBLIC_TIMEOUT,
            proxies: ProxySettings::from_environment(|name| environment.get(name), true),
        };
        Ok(Self {
            metadata: build_client(&beside, &client_config(&Roots::Nobody)?)?,
            public: build_client(&away, &client_config(&public_roots(environment))?)?,
        })
    }
}

/// A user name would go out in a header, to a place that asks for none.
fn without_user(environment: &Environment, name: &str) -> Result<()> {
    match environment.non_empty(name) {
        Some(address) if address.contains('@') => {
            Err(Error::config(format!("`{name}` is not an address that can be used"))
                .with_hint("Write it without a user name"))
        }
        _ => Ok(()),
    }
}

fn public_roots(environment: &Environment) -> Roots {
    match (environment.non_empty("REQUESTS_CA_BUNDLE"), environment.non_empty("SSL_CERT_FILE")) {
        (Some(path), _) => Roots::Bundle { path: expand(path, environment), named_by: "REQUESTS_CA_BUNDLE" },
        (None, Some(path)) => Roots::MozillaAnd { path: path.into() },
        (None, None) => Roots::Mozilla,
    }
}

/// The members of the JSON answer to `request`; `hint` says what helps when it is refused.
pub(super) async fn ask(
    client: &Client,
    request: RequestBuilder,
    subject: &str,
    hint: &'static str,
) -> Result<Value> {
    let request = request.build().map_err(|error| no_answer(&error.into(), subject).with_hint(hint))?;
    let mut response =
        send(client, request, true).await.map_err(|error| no_answer(&error, subject).with_hint(hint))?;
    let status = response.status();
    let body = read_body(&mut response).await.map_err(|error| no_answer(&error, subject))?;
    if !status.is_success() {
        return Err(refused(status.as_u16(), subject, hint));
    }
    let text = std::str::from_utf8(&body).ok();
    text.and_then(|text| json::parse(&Text::from(text)).ok()).ok_or_else(|| without(subject, "JSON", hint))
}

fn refused(status: u16, subject: &str, hint: &'static str) -> Error {
    // An outage says nothing of the identity, and old values are served in it.
    let kind = Some(ErrorKind::of_status(status)).filter(|kind| kind.is_outage());
    let kind = kind.unwrap_or(ErrorKind::Unauthenticated);
    let error = Error::new(kind, format!("{subject}: refused")).with_code(status.to_string());
    error.with_hint(hint).temporary_in_outage(None)
}

/// A text that must be in an answer.
pub(super) fn secret(answer: &Value, key: &str, subject: &str, hint: &'static str) -> Result<SecretString> {
    let text = answer.as_object().and_then(|members: &Object| members.get(key)).and_then(Value::as_str);
    let text = text.filter(|text| !text.is_empty()).ok_or_else(|| without(subject, key, hint))?;
    Ok(SecretString::from(text.to_owned()))
}

fn without(subject: &str, what: &str, hint: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("{subject}: the answer holds no {what}")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_ask_has_no_user_name() {
        let environment = Environment::read(|name| {
            (name == "IDENTITY_ENDPOINT").then(|| "http://user:canary@127.0.0.1/msi".to_owned())
        });
        let error = Clouds::open(&environment, &["IDENTITY_ENDPOINT"]).err().unwrap();
        insta::assert_snapshot!(error, @"`IDENTITY_ENDPOINT` is not an address that can be used. Write it without a user name");
        assert!(Clouds::open(&environment, &["GCE_METADATA_HOST"]).is_ok());
    }

    #[test]
    fn a_cloud_that_is_out_of_order_says_nothing_of_the_identity() {
        for (status, kind, temporary) in [
            (400, ErrorKind::Unauthenticated, false),
            (403, ErrorKind::Unauthenticated, false),
            (408, ErrorKind::Timeout, true),
            (429, ErrorKind::Throttled, true),
            (503, ErrorKind::Unreachable, true),
        ] {
            let error = refused(status, "asking", "Ask again");
            assert_eq!((error.kind(), error.is_temporary()), (kind, temporary), "{status}");
        }
    }
}
