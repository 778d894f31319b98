//! One signed request to a service that speaks the Query protocol, for `strongroom doctor` alone.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::{Client, StatusCode};

use crate::http::web_address;
use crate::store::kit::answer::Answer;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The longest wait for a service: nothing else depends on the answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueryPlace {
    /// Its address, with a slash at the end.
    pub(super) address: String,
    /// The name that requests are signed for.
    pub(super) service: &'static str,
    /// The region that requests are signed for.
    pub(super) region: String,
}

/// The answer to `question`, signed with `key`; `None` if none arrives in time.
pub(super) async fn ask(
    client: &Client,
    place: &QueryPlace,
    question: &'static str,
    key: &Credentials,
) -> Option<(StatusCode, String)> {
    tokio::time::timeout(PATIENCE, send(client, place, question, key)).await.ok().flatten()
}

async fn send(
    client: &Client,
    place: &QueryPlace,
    question: &'static str,
    key: &Credentials,
) -> Option<(StatusCode, String)> {
    let host = web_address(&place.address)?;
    let host = match (host.host_str()?, host.port()) {
        (name, Some(port)) => format!("{name}:{port}"),
        (name, None) => name.to_owned(),
    };
    let identity = key.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&place.region)
        .name(place.service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .ok()?
        .into();
    let headers = [("content-type", FORM), ("host", host.as_str())];
    let body = SignableBody::Bytes(question.as_bytes());
    let request = SignableRequest::new("POST", &place.address, headers.into_iter(), body).ok()?;
    let (signature, _) = sign(request, &parameters).ok()?.into_parts();
    let mut asked = client.post(&place.address).header("content-type", FORM).body(question);
    for (name, value) in signature.headers() {
        asked = asked.header(name, value);
    }
    let answer = Answer::to(client, asked.build().ok()?, false).await.ok()?;
    let status = StatusCode::from_u16(answer.status).ok()?;
    Some((status, String::from_utf8_lossy(&answer.body).into_owned()))
}

/// The text of the first element called `name` in an answer.
pub(super) fn element<'answer>(answer: &'answer str, name: &str) -> Option<&'answer str> {
    let (_, rest) = answer.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_by_its_name() {
        assert_eq!(element("<A><Arn> a </Arn></A>", "Arn"), Some("a"));
        assert_eq!((element("<Arn>a", "Arn"), element("", "Arn")), (None, None));
    }
}
