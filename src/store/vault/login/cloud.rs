//! What the logins of clouds share: small requests to places that are no Vault.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use secrecy::SecretString;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{ClientSettings, ProxySettings, Roots, build_client, client_config};
use crate::store::environment::Environment;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::Refusal;
use crate::store::kit::trust::{Trust, Verify, variables};
use crate::store::vault::error::no_answer;
use crate::value::json::{Object, Value};

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
    let others = variables(environment, ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]).to_vec();
    Trust { ca_bundle: None, verify: (&Verify::Unset, "verify"), others }.roots(environment)
}

/// The members of the JSON answer to `request`; `hint` says what helps when it is refused.
pub(super) async fn ask(
    client: &Client,
    request: RequestBuilder,
    subject: &str,
    hint: &'static str,
) -> Result<Value> {
    let request = request.build().map_err(|error| no_answer(&error.into(), subject).with_hint(hint))?;
    let answer = Answer::to(client, request, true).await;
    let answer = answer.map_err(|error| no_answer(&error, subject).with_hint(hint))?;
    if answer.is_success() {
        answer.json().ok_or_else(|| without(subject, "JSON", hint))
    } else {
        Err(refused(&answer, subject, hint))
    }
}

fn refused(answer: &Answer, subject: &str, hint: &'static str) -> Error {
    // An outage says nothing of the identity, and old values are served in it.
    let kind = Some(ErrorKind::of_status(answer.status)).filter(|kind| kind.is_outage());
    let kind = kind.unwrap_or(ErrorKind::Unauthenticated);
    let head = Refusal::of(answer).with_code(Some(answer.status.to_string()));
    head.to_error(kind, format!("{subject}: refused")).with_hint(hint)
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
            let error = refused(&Answer::of(status, &[], ""), "asking", "Ask again");
            assert_eq!((error.kind(), error.is_temporary()), (kind, temporary), "{status}");
        }
    }
}
