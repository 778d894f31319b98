//! Files with a certificate and its private key: PEM, or PFX (PKCS #12).

use std::fmt;
use std::fs;
use std::path::Path;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::redact::ShownPath;

/// The contents of such a file. Debug shows nothing of it.
pub(in crate::store::azure) struct KeyFile {
    /// The private key: PKCS #8, or PKCS #1.
    pub(in crate::store::azure) key: zeroize::Zeroizing<Vec<u8>>,
    /// The certificate of the key, then those that signed it; at least one.
    pub(in crate::store::azure) certificates: Vec<Vec<u8>>,
}

impl KeyFile {
    /// Reads `path`. A missing or unsuitable file is a `Config` error.
    pub(in crate::store::azure) fn read(path: &Path, password: Option<&SecretString>) -> Result<Self> {
        let content = fs::read(path).map_err(|error| {
            Error::config(format!("the client certificate `{}` cannot be read", ShownPath(path)))
                .with_hint("Check the path, and that this user can read the file")
                .with_source(error)
        })?;
        let content = zeroize::Zeroizing::new(content);
        let is_pem = content.windows(11).any(|window| window == b"-----BEGIN ");
        let parsed = if is_pem { from_pem(&content) } else { from_pfx(&content, password) };
        parsed.map_err(|why| {
            Error::config(format!("the client certificate `{}` {why}", ShownPath(path))).with_hint(
                "It has to be a PEM file with an unencrypted private key and its certificate, or \
                a PFX file; check the password",
            )
        })
    }
}

fn from_pem(content: &[u8]) -> Result<KeyFile, &'static str> {
    let certificates: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(content)
        .filter_map(Result::ok)
        .map(|certificate| certificate.as_ref().to_vec())
        .collect();
    if certificates.is_empty() {
        return Err("holds no certificate");
    }
    let key = PrivateKeyDer::from_pem_slice(content).map_err(|_| "holds no private key that can be read")?;
    Ok(KeyFile { key: key.secret_der().to_vec().into(), certificates })
}

fn from_pfx(content: &[u8], password: Option<&SecretString>) -> Result<KeyFile, &'static str> {
    let password = password.map(ExposeSecret::expose_secret).unwrap_or_default();
    let store =
        p12_keystore::KeyStore::from_pkcs12(content, password, p12_keystore::Pkcs12ImportPolicy::Relaxed)
            .map_err(|_| "is no PFX file, or its password is another one")?;
    let (_, chain) = store.private_key_chain().ok_or("holds no private key")?;
    let certificates: Vec<Vec<u8>> =
        chain.certs().iter().map(|certificate| certificate.as_der().to_vec()).collect();
    if certificates.is_empty() {
        return Err("holds no certificate");
    }
    Ok(KeyFile { key: chain.key().as_der().to_vec().into(), certificates })
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyFile([REDACTED])")
    }
}
