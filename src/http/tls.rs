//! Which certificates are trusted, and one `ClientConfig` per distinct choice.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

#[cfg(feature = "postgres")]
use rustls::client::{WebPkiServerVerifier, danger::ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::error::{Error, Result};
use crate::http::verifier::AcceptAnyCertificate;
#[cfg(feature = "postgres")]
use crate::http::verifier::AcceptAnyHost;
use crate::process::{Generation, OncePerProcess, generation};
use crate::redact::ShownPath;

/// The certificates that may have signed that of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// No certificates: for clients that only speak plain http. An https request of such a client fails.
    Empty,
    /// Mozilla's list, built in. The official classes use the same list through `certifi`.
    Mozilla,
    /// The platform's store (`ca_bundle: system`).
    System,
    /// The certificates of a PEM file, or of the PEM files in a directory, and no others.
    Bundle {
        /// The file or directory.
        path: PathBuf,
        /// The option or environment variable that named it, for messages.
        named_by: &'static str,
    },
    /// Mozilla's list and, if it can be read, one more file. For variables that the official class does not
    /// read: they may add trust but never remove it.
    MozillaAnd {
        /// The file.
        path: PathBuf,
    },
    /// Every certificate is accepted: `verify: false`.
    Unverified,
}

impl Roots {
    /// The file or directory behind it, whose changes require a new configuration.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Bundle { path, .. } | Self::MozillaAnd { path } => Some(path),
            _ => None,
        }
    }
}

/// One configuration in use, and what it was made from.
struct Shared {
    generation: Generation,
    roots: Roots,
    changed: Option<SystemTime>,
    config: Arc<ClientConfig>,
}

/// The most TLS settings that are remembered: each costs half a mebibyte.
const MAX_SHARED: usize = 8;

/// Only locked under [`crate::process::no_fork`], so that a fork never finds it locked.
static SHARED: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

/// The configuration for `roots`: the same one for every client of this generation, until the file behind it
/// changes.
///
/// Call it under [`crate::process::no_fork`]. A file that is missing, empty or not PEM is a `Config` error.
pub fn client_config(roots: &Roots) -> Result<Arc<ClientConfig>> {
    let changed = roots.path().and_then(|path| fs::metadata(path).ok()?.modified().ok());
    // The list is consistent even if a thread panicked with the lock held.
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    abandon_inherited(&mut shared);
    if let Some(known) = shared.iter().find(|known| known.roots == *roots && known.changed == changed) {
        return Ok(Arc::clone(&known.config));
    }
    let config = Arc::new(build(roots)?);
    // An older configuration of these roots was built from other contents of the file.
    shared.retain(|known| known.roots != *roots);
    if shared.len() < MAX_SHARED {
        let (generation, config) = (generation(), Arc::clone(&config));
        shared.push(Shared { generation, roots: roots.clone(), changed, config });
    }
    Ok(config)
}

/// The certificates of `roots`, for a library that builds its own configuration: whether Mozilla's list is
/// among them, and all others.
#[cfg(feature = "mysql")]
pub fn trusted(roots: &Roots) -> Result<(bool, Vec<CertificateDer<'static>>)> {
    let others = match roots {
        Roots::Empty | Roots::Unverified | Roots::Mozilla => Vec::new(),
        Roots::System => rustls_native_certs::load_native_certs().certs,
        Roots::MozillaAnd { path } => certificates(path).unwrap_or_default(),
        Roots::Bundle { path, named_by } => {
            certificates(path).map_err(|reason| bundle_error(path, named_by, &reason))?
        }
    };
    let is_usable = |der: &CertificateDer<'static>| RootCertStore::empty().add(der.clone()).is_ok();
    let usable = others.into_iter().filter(is_usable).collect();
    Ok((matches!(roots, Roots::Mozilla | Roots::MozillaAnd { .. }), usable))
}

/// How much of a certificate is checked where a protocol lets its users choose.
#[cfg(feature = "postgres")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Who signed it, and that it is for this host.
    Host,
    /// Who signed it.
    Authority,
    /// Nothing: whoever is between reads everything.
    Nothing,
}

/// The configuration for `roots`, with as much checked as `checked` says.
///
/// Call it under [`crate::process::no_fork`].
#[cfg(feature = "postgres")]
pub fn config_that_checks(checked: Checked, roots: &Roots) -> Result<Arc<ClientConfig>> {
    if checked == Checked::Host {
        return client_config(roots);
    }
    let provider = ring_provider();
    let any = AcceptAnyCertificate(Arc::clone(&provider));
    let verifier: Arc<dyn ServerCertVerifier> = if checked == Checked::Nothing {
        Arc::new(any)
    } else {
        let store = Arc::new(root_store(roots)?);
        let inner = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(&provider)).build();
        let inner = inner.map_err(|error| Error::internal("TLS could not be set up").with_source(error))?;
        Arc::new(AcceptAnyHost(inner))
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::internal("TLS could not be set up").with_source(error))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(Arc::new(builder.with_no_client_auth()))
}

/// Leaks what a parent built instead of dropping it: its session caches contain locks of the parent.
fn abandon_inherited(shared: &mut Vec<Shared>) {
    let present = generation();
    let (own, inherited) = std::mem::take(shared).into_iter().partition(|known| known.generation == present);
    *shared = own;
    let inherited: Vec<Shared> = inherited;
    std::mem::forget(inherited);
}

fn build(roots: &Roots) -> Result<ClientConfig> {
    let provider = ring_provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS could not be set up").with_source(error))?;
    if *roots == Roots::Unverified {
        warn_about_missing_verification();
        let verifier = Arc::new(AcceptAnyCertificate(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    Ok(builder.with_root_certificates(root_store(roots)?).with_no_client_auth())
}

/// Installs ring for libraries that ask for the process's default provider; a second call has no effect.
fn ring_provider() -> Arc<CryptoProvider> {
    if let Some(provider) = CryptoProvider::get_default() {
        return Arc::clone(provider);
    }
    // If another thread was faster, its provider is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    CryptoProvider::get_default()
        .map_or_else(|| Arc::new(rustls::crypto::ring::default_provider()), Arc::clone)
}

fn warn_about_missing_verification() {
    static WARNED: OncePerProcess = OncePerProcess::new();
    if WARNED.is_first() {
        tracing::warn!(
            "TLS certificates are not verified (`verify` is false): anybody on the network path can read the \
             secrets. Name the private CA in `ca_bundle` instead"
        );
    }
}

fn root_store(roots: &Roots) -> Result<RootCertStore> {
    match roots {
        Roots::Empty | Roots::Unverified => Ok(RootCertStore::empty()),
        Roots::Mozilla => Ok(mozilla()),
        Roots::System => system(),
        Roots::Bundle { path, named_by } => bundle(path, named_by),
        Roots::MozillaAnd { path } => Ok(mozilla_and(path)),
    }
}

fn mozilla() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

fn system() -> Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(Error::config("the system's certificate store holds no certificate")
            .with_hint("Install the ca-certificates package, or set `ca_bundle` to a PEM file"));
    }
    Ok(store)
}

fn bundle(path: &Path, named_by: &str) -> Result<RootCertStore> {
    let certificates = certificates(path).map_err(|reason| bundle_error(path, named_by, &reason))?;
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(bundle_error(path, named_by, "no usable certificate in it"));
    }
    Ok(store)
}

fn bundle_error(path: &Path, named_by: &str, reason: &str) -> Error {
    Error::config(format!(
        "the CA bundle `{}` of `{named_by}` cannot be used: {reason}",
        ShownPath(path)
    ))
    .with_hint(
        "It must be a PEM file of CA certificates (`-----BEGIN CERTIFICATE-----`) that this user can read",
    )
}

/// A file that is missing or not PEM adds nothing: the official class would not have read it either.
fn mozilla_and(path: &Path) -> RootCertStore {
    let mut store = mozilla();
    match certificates(path) {
        Ok(more) => drop(store.add_parsable_certificates(more)),
        Err(reason) => tracing::debug!("SSL_CERT_FILE `{}` adds no certificate: {reason}", ShownPath(path)),
    }
    store
}

/// The certificates of a file or directory. The reason of a failure contains nothing of the file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.is_dir() { certificates_of_directory(path) } else { certificates_of_file(path) }
}

fn certificates_of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let content = fs::read(path).map_err(|error| error.to_string())?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match found {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in it".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err("it is not PEM".to_owned()),
    }
}

/// Like OpenSSL's `CApath`, but with any file names; files that are not PEM are skipped.
fn certificates_of_directory(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let entries = fs::read_dir(path).map_err(|error| error.to_string())?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file());
    let found: Vec<_> = files.filter_map(|file| certificates_of_file(&file).ok()).flatten().collect();
    if found.is_empty() { Err("no certificate in any of its files".to_owned()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn message(content: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let roots = Roots::Bundle { path: file.path().to_owned(), named_by: "AWS_CA_BUNDLE" };
        let error = client_config(&roots).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string().replace(&*file.path().to_string_lossy(), "FILE")
    }

    #[test]
    fn a_bundle_that_cannot_be_used_names_the_file_and_who_named_it() {
        assert!(
            message(b"")
                .starts_with("the CA bundle `FILE` of `AWS_CA_BUNDLE` cannot be used: no certificate in it")
        );
        assert!(message(b"garbage").contains("no certificate in it"));
        let broken = b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        assert!(message(broken).contains("it is not PEM"));
        let no_certificate = b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        assert!(message(no_certificate).contains("no usable certificate in it"));
    }

    #[test]
    fn a_missing_bundle_is_a_configuration_error() {
        let roots = Roots::Bundle { path: PathBuf::from("/nonexistent/ca.pem"), named_by: "verify" };
        let error = client_config(&roots).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`/nonexistent/ca.pem` of `verify`"), "{error}");
    }

    #[test]
    fn equal_settings_share_one_configuration() {
        let first = client_config(&Roots::Mozilla).unwrap();
        assert!(Arc::ptr_eq(&first, &client_config(&Roots::Mozilla).unwrap()));
        assert!(!Arc::ptr_eq(&first, &client_config(&Roots::Unverified).unwrap()));
    }

    #[test]
    fn a_file_that_only_adds_may_be_missing() {
        assert!(client_config(&Roots::MozillaAnd { path: PathBuf::from("/nonexistent") }).is_ok());
    }
}
