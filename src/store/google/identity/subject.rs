//! Where the token of the other provider comes from: a file, an address, a program.
//!
//! Source: google-auth, `identity_pool.py` and `pluggable.py`.

use std::fmt;
use std::path::PathBuf;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::Value as Json;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::web_address;
use crate::redact::ShownPath;
use crate::store::environment::Environment;

use super::exchange::{answer, refused};
use super::executable::Executable;
use super::{needed, text};

/// The format of what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The token itself.
    Text,
    /// As a member of a JSON object.
    Json(String),
}

/// One of these places.
pub(super) enum SubjectSource {
    /// A file that another program updates, so it is read each time.
    File(PathBuf, Format),
    /// A server nearby, such as a sidecar.
    Url(reqwest::Client, Url, HeaderMap, Format),
    /// A program.
    Executable(Box<Executable>),
}

impl SubjectSource {
    /// Reads the place from the credentials. `client` makes a client for an address.
    pub(super) fn new(
        json: &Json,
        environment: &Environment,
        client: impl FnOnce(&Url) -> Result<reqwest::Client>,
    ) -> Result<Self> {
        let place = json.get("credential_source").unwrap_or(&Json::Null);
        if let Some(path) = text(place, "file") {
            return Ok(Self::File(PathBuf::from(path), format(place)?));
        }
        // With `environment_id` the address is that of AWS credentials, which are not supported.
        if let Some(url) = text(place, "url").filter(|_| text(place, "environment_id").is_none()) {
            let url = web_address(url).ok_or_else(|| {
                Error::config("the `url` in `credential_source` is no address that can be used")
            })?;
            return Ok(Self::Url(client(&url)?, url, headers(place)?, format(place)?));
        }
        if let Some(executable) = place.get("executable") {
            return Executable::new(json, executable, environment)
                .map(|found| Self::Executable(Box::new(found)));
        }
        Err(Error::new(ErrorKind::Unsupported, "this `credential_source` is not supported").with_hint(
            "A file, an address or a program can give the token; on AWS, use a program or a service account \
            key",
        ))
    }

    /// The current token.
    pub(super) async fn fetch(&self) -> Result<SecretString> {
        let (content, format) = match self {
            Self::File(path, format) => (file(path).await?, format),
            Self::Url(client, url, headers, format) => (from_url(client, url, headers).await?, format),
            Self::Executable(executable) => return executable.fetch().await,
        };
        token(&content, format)
    }
}

impl fmt::Debug for SubjectSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::File(..) => "File",
            Self::Url(..) => "Url",
            Self::Executable(_) => "Executable",
        })
    }
}

fn format(place: &Json) -> Result<Format> {
    let Some(format) = place.get("format") else { return Ok(Format::Text) };
    match text(format, "type") {
        Some("json") => Ok(Format::Json(
            needed(format, "subject_token_field_name", "the `format` of `credential_source`")?.to_owned(),
        )),
        _ => Ok(Format::Text),
    }
}

fn headers(place: &Json) -> Result<HeaderMap> {
    let members = place.get("headers").and_then(Json::as_object).into_iter().flatten();
    let pairs = members.map(|(name, value)| {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    });
    let headers: Option<HeaderMap> = pairs.collect();
    headers.ok_or_else(|| Error::config("the `headers` of `credential_source` cannot be sent"))
}

/// Reads the file on the pool for blocking work: it may be on a slow disk.
async fn file(path: &std::path::Path) -> Result<Vec<u8>> {
    tokio::task::spawn_blocking({
        let path = path.to_owned();
        move || std::fs::read(path)
    })
    .await
    .map_err(|_| Error::internal("reading the subject token did not come to its end"))?
    .map_err(|error| {
        Error::config(format!("the subject token file `{}` cannot be read: {error}", ShownPath(path)))
            .with_hint("Check `credential_source`, and that the program that writes the file runs")
    })
}

async fn from_url(client: &reqwest::Client, url: &Url, headers: &HeaderMap) -> Result<Vec<u8>> {
    const SUBJECT: &str = "asking for the subject token";
    let mut request = reqwest::Request::new(Method::GET, url.clone());
    *request.headers_mut() = headers.clone();
    let answer = answer(client, request, SUBJECT).await?;
    if answer.is_success() {
        return Ok(answer.into_body());
    }
    Err(refused(&answer, SUBJECT).with_hint("Check the `url` and `headers` of `credential_source`"))
}

fn token(content: &[u8], format: &Format) -> Result<SecretString> {
    // Editors on Windows write a byte order mark, which is not part of a token.
    let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content);
    let found = match format {
        Format::Text => std::str::from_utf8(content).ok().map(|text| text.trim().to_owned()),
        Format::Json(field) => {
            let json: Option<Json> = serde_json::from_slice(content).ok();
            json.and_then(|json| text(&json, field).map(str::to_owned))
        }
    };
    let found = found.filter(|token| !token.is_empty());
    found.map(SecretString::from).ok_or_else(|| {
        Error::new(ErrorKind::Unauthenticated, "the place of the subject token holds none")
            .with_hint("Check the `format` in `credential_source`")
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn no_client(_: &Url) -> Result<reqwest::Client> {
        Err(Error::internal("no client in this test"))
    }

    #[test]
    fn a_token_stands_alone_or_in_an_object() {
        let read = |content: &str, format: &Format| {
            token(content.as_bytes(), format).map(|token| token.expose_secret().to_owned())
        };
        assert_eq!(read(" canary\n", &Format::Text).unwrap(), "canary");
        let field = Format::Json("t".to_owned());
        assert_eq!(read(r#"{"t": "canary"}"#, &field).unwrap(), "canary");
        for content in [r#"{"t": 5}"#, "canary", "{}", ""] {
            let error = read(content, &field).unwrap_err();
            assert!(!error.to_string().contains("canary"));
        }
        assert!(read(" ", &Format::Text).is_err());
    }

    #[tokio::test]
    async fn a_file_is_read_each_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let source = SubjectSource::new(
            &json!({"credential_source": {"file": file.path(), "format": {"type": "json",
                "subject_token_field_name": "t"}}}),
            &Environment::default(),
            no_client,
        )
        .unwrap();
        for expected in ["one", "two"] {
            std::fs::write(file.path(), json!({"t": expected}).to_string()).unwrap();
            assert_eq!(source.fetch().await.unwrap().expose_secret(), expected);
        }
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(source.fetch().await.unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn unsupported_places_are_reported() {
        for place in
            [json!({}), json!({"environment_id": "aws1", "url": "http://h"}), json!({"certificate": {}})]
        {
            let error =
                SubjectSource::new(&json!({"credential_source": place}), &Environment::default(), no_client)
                    .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
        let half = json!({"file": "/x", "format": {"type": "json"}});
        assert!(
            SubjectSource::new(&json!({"credential_source": half}), &Environment::default(), no_client)
                .is_err()
        );
    }
}
