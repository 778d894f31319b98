//! The assertion that a certificate signs: a JSON web token that the login service accepts in place of a
//! secret.
//!
//! Source: "Microsoft identity platform application authentication certificate credentials" (PS256,
//! `x5t#S256`).

use std::fmt;
use std::time::{Duration, SystemTime};

use azure_core::Uuid;
use azure_core::base64::{encode, encode_url_safe};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};

use crate::error::{Error, ErrorKind, Result};
use crate::store::azure::credentials::key_file::KeyFile;
use crate::store::azure::credentials::principal::Principal;

/// How long an assertion is valid; it is used at once.
const VALID_FOR: Duration = Duration::from_mins(10);

/// A certificate with its key. Debug shows neither.
pub(in crate::store::azure) struct Certificate {
    key: RsaKeyPair,
    /// The header of every assertion, encoded.
    header: String,
}

impl Certificate {
    /// Takes the contents of a file. `with_chain` includes the certificates in each assertion.
    pub(in crate::store::azure) fn new(file: &KeyFile, with_chain: bool) -> Result<Self> {
        // PEM files hold keys of either form: `PRIVATE KEY` (PKCS #8) or `RSA PRIVATE KEY` (PKCS #1).
        let parsed = RsaKeyPair::from_pkcs8(&file.key).or_else(|_| RsaKeyPair::from_der(&file.key));
        let key = parsed.map_err(|_| {
            Error::config("the private key of the client certificate cannot be used")
                .with_hint("Entra ID takes RSA keys of 2048 to 4096 bits")
        })?;
        let thumbprint = encode_url_safe(digest(&SHA256, &file.certificates[0]));
        let chain = if with_chain { chain_member(&file.certificates) } else { String::new() };
        let header = format!(r#"{{"alg":"PS256","typ":"JWT","x5t#S256":"{thumbprint}"{chain}}}"#);
        Ok(Self { key, header: encode_url_safe(header) })
    }

    /// An assertion of the application's identity.
    pub(in crate::store::azure) fn assertion(
        &self,
        authority: &str,
        principal: &Principal,
    ) -> Result<String> {
        let claims = claims(authority, principal, SystemTime::now());
        let signed = format!("{}.{}", self.header, encode_url_safe(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature)
            .map_err(|_| Error::new(ErrorKind::Internal, "the client certificate's key could not sign"))?;
        Ok(format!("{signed}.{}", encode_url_safe(signature)))
    }
}

fn chain_member(certificates: &[Vec<u8>]) -> String {
    let encoded: Vec<String> = certificates.iter().map(|der| format!(r#""{}""#, encode(der))).collect();
    format!(r#","x5c":[{}]"#, encoded.join(","))
}

/// Ids contain only letters, digits, dashes and dots at this point, so nothing in them has to be escaped.
fn claims(authority: &str, principal: &Principal, now: SystemTime) -> String {
    let seconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
    };
    let (tenant, client) = (&principal.tenant, &principal.client);
    format!(
        r#"{{"aud":"{authority}/{tenant}/oauth2/v2.0/token","iss":"{client}","sub":"{client}","jti":"{}","nbf":{},"iat":{},"exp":{}}}"#,
        // An id of its own, so that the assertion cannot be replayed (`jti`, RFC 7519, section 4.1.7).
        Uuid::new_v4(),
        seconds(now),
        seconds(now),
        seconds(now + VALID_FOR),
    )
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Certificate([REDACTED])")
    }
}
