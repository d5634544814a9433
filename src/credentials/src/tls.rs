//! TLS of all clients here, a model's and a chat's as well: whose certificates are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// Why there is no TLS to be had.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file can't be read, or is no PEM.
    #[error("could not read the certificates in `{}`: {}", file.display(), why(source))]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// No certificate of the file can be used.
    #[error("could not read the certificates in `{}`: there is none that can be used", .0.display())]
    NoneUsable(PathBuf),
    /// The library's own.
    #[error(transparent)]
    Library(#[from] rustls::Error),
}

/// A client's TLS with compiled-in roots, and those of `ca_file`. Blocking: it reads the file. Costs a few hundred kilobytes,
/// and more with a large file.
///
/// Compiled in, because reading the system's bundle costs several milliseconds in every process.
pub fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(file) = ca_file {
        let certificates = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|source| TlsError::Unreadable {
                file: file.to_owned(),
                source,
            })?;
        // A bundle of the system's may hold certificates that this library can't use; one that it can is enough.
        if let (0, _) = roots.add_parsable_certificates(certificates) {
            return Err(TlsError::NoneUsable(file.to_owned()));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// What is wrong with a file of certificates. The library's own words name its lines by their bytes.
fn why(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "one that begins there does not end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "the line with which one begins is not whole".to_owned(),
        pem::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}
