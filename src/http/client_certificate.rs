//! Our own certificate, for servers that require one.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, Result};
use crate::redact::ShownPath;

/// Sessions that are kept for faster handshakes.
const SESSIONS: usize = 32;

/// `config` with the certificate in one PEM file and its key in another, or in the same. Sessions are not
/// shared with `config`, whose connections are anonymous.
///
/// Call it under [`crate::process::no_fork`]. Unusable files are a `Config` error that shows no contents.
pub fn with_client_certificate(
    config: &ClientConfig,
    certificate: &Path,
    key: &Path,
) -> Result<Arc<ClientConfig>> {
    let pair = certified_key(config, certificate, key)?;
    let mut own = config.clone();
    own.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(pair));
    own.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(Arc::new(own))
}

fn certified_key(config: &ClientConfig, certificate: &Path, key: &Path) -> Result<CertifiedKey> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|_| unusable(certificate, "it is not PEM"))?;
    if chain.is_empty() {
        return Err(unusable(certificate, "no certificate in it"));
    }
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| unusable(key, "no private key in it that can be read without a password"))?;
    CertifiedKey::from_der(chain, key_der, config.crypto_provider())
        .map_err(|_| unusable(key, "the key is of an unknown kind, or not that of the certificate"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, reason: &str) -> Error {
    Error::config(format!("the client certificate file `{}` cannot be used: {reason}", ShownPath(path)))
        .with_hint(
            "It takes PEM files that this user can read: the certificate, and its key without a password",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::http::{Roots, client_config};

    #[test]
    fn files_that_cannot_be_used_are_named_and_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = client_config(&Roots::Mozilla).unwrap();
        for content in ["", "canary-77", "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n"]
        {
            fs::write(file.path(), content).unwrap();
            let error = with_client_certificate(&config, file.path(), file.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
            assert!(error.to_string().contains(&*file.path().to_string_lossy()), "{error}");
        }
    }
}
