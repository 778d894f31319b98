//! One request: one of vaultrs's, or our own where it has none.

use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use zeroize::Zeroizing;

use crate::http::TransportError;

/// What is sent, without address, token and namespace. There is no Debug: the body of a login is a secret.
pub(super) struct Call {
    /// GET, POST, DELETE or LIST.
    pub(super) method: http::Method,
    /// The path below `/v1/`, not encoded.
    pub(super) path: String,
    /// The query, encoded.
    pub(super) query: Option<String>,
    /// The body, in JSON.
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
    /// Whether it addresses the server as a whole, whatever the namespace.
    pub(super) is_of_root: bool,
}

impl Call {
    /// The request of `endpoint`. rustify's own way from an endpoint to an answer is not used: its errors
    /// contain the bodies of replies, and lose the header that says how long to wait.
    pub(super) fn of(endpoint: &impl Endpoint) -> Result<Self, TransportError> {
        let failed = |_: ClientError| TransportError::request("the request cannot be written as JSON");
        Ok(Self {
            method: endpoint.method().into(),
            // Some paths of vaultrs 0.8 begin with a tab.
            path: endpoint.path().trim_start().to_owned(),
            query: endpoint.query().map_err(failed)?.filter(|query| !query.is_empty()),
            body: endpoint.body().map_err(failed)?.map(Zeroizing::new),
            is_of_root: false,
        })
    }

    /// Whether sending the request twice has the effect of sending it once.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method != http::Method::POST
    }
}

/// A request that vaultrs does not have.
pub(super) struct Own {
    method: RequestMethod,
    path: String,
    body: Option<Vec<u8>>,
}

impl Own {
    /// Reads `path`.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: RequestMethod::GET, path: path.into(), body: None }
    }

    /// Deletes `path`.
    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self { method: RequestMethod::DELETE, path: path.into(), body: None }
    }

    /// Posts `body` to `path`.
    pub(super) fn post(path: impl Into<String>, body: &serde_json::Value) -> Self {
        Self { method: RequestMethod::POST, path: path.into(), body: Some(body.to_string().into_bytes()) }
    }
}

impl Endpoint for Own {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        self.method.clone()
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.body.clone())
    }
}

#[cfg(test)]
mod tests {
    use vaultrs::api::kv2::requests::{ListSecretsRequest, ReadSecretRequest};
    use vaultrs::api::token::requests::RenewTokenSelfRequest;

    use super::*;

    #[test]
    fn requests_of_vaultrs_are_sent() {
        let read = ReadSecretRequest { mount: "a/b".into(), path: "c d".into(), version: None };
        let call = Call::of(&read).unwrap();
        assert_eq!((call.method.as_str(), call.path.as_str(), call.query), ("GET", "a/b/data/c d", None));
        let list = Call::of(&ListSecretsRequest { mount: "m".into(), path: "p".into() }).unwrap();
        assert_eq!(
            (list.method.as_str(), list.path.as_str(), list.is_repeatable()),
            ("LIST", "m/metadata/p", true)
        );
        let renew = Call::of(&RenewTokenSelfRequest { increment: None }).unwrap();
        assert_eq!((renew.path.as_str(), renew.is_repeatable()), ("/auth/token/renew-self", false));
    }

    #[test]
    fn our_own_requests_are_sent() {
        let call = Call::of(&Own::post("auth/ldap/login/u", &serde_json::json!({"password": "p"}))).unwrap();
        assert_eq!(call.body.unwrap().as_slice(), br#"{"password":"p"}"#);
        assert!(Call::of(&Own::get("sys/seal-status")).unwrap().body.is_none());
    }
}
