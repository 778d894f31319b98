//! The token of IAM Identity Center that `aws sso login` left behind, and its renewal.
//!
//! Source: botocore/tokens.py (`SSOTokenProvider`), botocore/utils.py (`SSOTokenLoader`), and `CreateToken` in the IAM
//! Identity Center OIDC API reference.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_smithy_types::date_time::{DateTime, Format};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use url::Url;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::http::{read_body, send};
use crate::redact::Shown;
use crate::store::aws::credentials::{document, no_credentials, sha1};
use crate::value::Text;
use crate::value::json::{Object, Value, write};

/// A token is renewed this long before it expires.
const RENEW_BEFORE: Duration = Duration::from_mins(15);

/// Where the token of one session or start URL stands.
#[derive(Debug)]
pub(super) struct TokenCache {
    file: PathBuf,
    /// Where a session renews its token; a start URL without a session cannot.
    renewal: Option<Url>,
}

impl TokenCache {
    /// The cache of `key`, which is the session's name or the start URL, below the home directory.
    pub(super) fn new(home: &Path, key: &str, renewal: Option<Url>) -> Self {
        let file = home.join(".aws/sso/cache").join(format!("{}.json", sha1::hex(key.as_bytes())));
        Self { file, renewal }
    }

    /// The token that is valid now, renewed if need be.
    pub(super) async fn token(&self, client: &reqwest::Client) -> Result<Zeroizing<String>> {
        let mut document = self.read()?;
        let left = |document: &Object| time_left(document, "expiresAt");
        if left(&document).is_none_or(|left| left < RENEW_BEFORE) {
            document = self.renewed(client, &document).await.unwrap_or(document);
        }
        match (left(&document), document::text(&document, "accessToken")) {
            (Some(_), Some(token)) => Ok(Zeroizing::new(token.to_owned())),
            _ => Err(expired()),
        }
    }

    fn read(&self) -> Result<Object> {
        let text = fs::read(&self.file).map(Zeroizing::new).map_err(|_| logged_out())?;
        document::object(&text).ok_or_else(logged_out)
    }

    /// A renewed token. Without the means to renew it, or when that fails, the old one has to do.
    async fn renewed(&self, client: &reqwest::Client, old: &Object) -> Option<Object> {
        let url = self.renewal.clone()?;
        time_left(old, "registrationExpiresAt")?;
        let answer = ask_for_token(client, url, old).await?;
        let document = merged(old, &answer)?;
        // Other programs must find the new token: the service may have invalidated the old refresh token.
        if let Err(error) = replace(&self.file, write(&Value::from(document.clone())).as_bytes()) {
            tracing::warn!(
                "the renewed token of IAM Identity Center could not be saved in `{}`: {error}",
                Shown(&self.file.to_string_lossy())
            );
        }
        Some(document)
    }
}

async fn ask_for_token(client: &reqwest::Client, url: Url, old: &Object) -> Option<Object> {
    let mut body = Object::new();
    for key in ["clientId", "clientSecret", "refreshToken"] {
        body.insert(Text::from(key), Value::from(document::text(old, key)?));
    }
    body.insert(Text::from("grantType"), Value::from("refresh_token"));
    let mut request = reqwest::Request::new(Method::POST, url);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = Some(write(&Value::from(body)).as_bytes().to_vec().into());
    // A refresh token may work only once, so this is not sent twice.
    let response =
        send(client, request, false).await.ok().filter(|response| response.status().is_success())?;
    document::object(&read_body(response).await.ok()?)
}

fn merged(old: &Object, answer: &Object) -> Option<Object> {
    let seconds =
        answer.get("expiresIn").and_then(Value::as_i64).and_then(|seconds| u64::try_from(seconds).ok())?;
    let expiry = DateTime::from(SystemTime::now() + Duration::from_secs(seconds));
    let expiry = DateTime::from_secs(expiry.secs()).fmt(Format::DateTime).ok()?;
    let mut document = old.clone();
    document.insert(Text::from("accessToken"), Value::from(document::text(answer, "accessToken")?));
    document.insert(Text::from("expiresAt"), Value::from(expiry));
    if let Some(token) = document::text(answer, "refreshToken") {
        document.insert(Text::from("refreshToken"), Value::from(token));
    }
    Some(document)
}

/// Written beside the file and moved over it, readable by its owner alone.
fn replace(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension(format!("{}.tmp", std::process::id()));
    let mut written =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    written.write_all(content)?;
    fs::rename(&beside, file)
}

/// The time until the date in `key`; `None` once it has passed.
fn time_left(document: &Object, key: &str) -> Option<Duration> {
    document::moment(document::text(document, key)?)?.duration_since(SystemTime::now()).ok()
}

fn logged_out() -> Error {
    no_credentials("nobody is logged in to IAM Identity Center on this machine")
        .with_hint("Run `aws sso login`")
}

/// The token is there and not accepted any more.
pub(super) fn expired() -> Error {
    no_credentials("the login to IAM Identity Center has expired").with_hint("Run `aws sso login` again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aws::words::tests::json;

    fn object(text: &str) -> Object {
        json(text).into_object().unwrap()
    }

    async fn token_of(content: &str) -> Result<Zeroizing<String>> {
        let home = tempfile::tempdir().unwrap();
        let cache = TokenCache::new(home.path(), "work", None);
        fs::create_dir_all(cache.file.parent().unwrap()).unwrap();
        fs::write(&cache.file, content).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        cache.token(&client).await
    }

    #[test]
    fn the_file_is_named_after_the_session_as_the_aws_cli_does() {
        let cache = TokenCache::new(Path::new("/h"), "https://d-1.awsapps.com/start", None);
        assert_eq!(cache.file, Path::new("/h/.aws/sso/cache/0c54b6c27e90660baa89eaad85ac1d5dae26cb7d.json"));
    }

    #[tokio::test]
    async fn only_a_token_that_is_valid_is_used() {
        let valid = r#"{"accessToken": "t", "expiresAt": "2095-01-01T00:00:00Z"}"#;
        assert_eq!(token_of(valid).await.unwrap().as_str(), "t");
        let old = token_of(r#"{"accessToken": "canary", "expiresAt": "2015-01-01T00:00:00UTC"}"#)
            .await
            .unwrap_err();
        insta::assert_snapshot!(old, @"the login to IAM Identity Center has expired. Run `aws sso login` again");
        let none = token_of("canary").await.unwrap_err();
        insta::assert_snapshot!(none, @"nobody is logged in to IAM Identity Center on this machine. Run `aws sso login`");
    }

    #[test]
    fn a_renewed_token_keeps_the_registration() {
        let old = object(r#"{"startUrl": "u", "clientId": "c", "accessToken": "o", "refreshToken": "r"}"#);
        let merged = merged(&old, &object(r#"{"accessToken": "n", "expiresIn": 3600}"#)).unwrap();
        assert_eq!(document::text(&merged, "accessToken"), Some("n"));
        assert_eq!(document::text(&merged, "refreshToken"), Some("r"));
        let left = time_left(&merged, "expiresAt").unwrap().as_secs();
        assert!((3590..=3600).contains(&left));
    }
}
