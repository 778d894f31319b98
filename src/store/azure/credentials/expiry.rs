//! When a client certificate expires, for `strongroom doctor`.

use std::path::Path;
use std::time::SystemTime;

use secrecy::SecretString;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::error::Result;
use crate::store::azure::credentials::key_file::KeyFile;

/// `notAfter` of the certificate in `path` whose key signs logins; `None` if it cannot be extracted. Reads
/// the file.
pub(in crate::store::azure) fn end_of_certificate(
    path: &Path,
    password: Option<&SecretString>,
) -> Result<Option<SystemTime>> {
    let file = KeyFile::read(path, password)?;
    Ok(file.certificates.first().and_then(|der| not_after(der)))
}

fn not_after(der: &[u8]) -> Option<SystemTime> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.to_datetime().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_data_has_no_end() {
        for der in [&b""[..], b"\x30", b"\x30\x03\x02\x01\x01"] {
            assert_eq!(not_after(der), None);
        }
    }
}
