//! TLS towards Discord: whom all of the bot's connections trust, and what is said where that is not enough.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use super::config::Server;

/// What can be done about an authority that is not known.
const HINT: &str = "`ca_file` in `[discord]` names the authority of a server of your own";

/// Compiled-in roots, and those of the server's `ca_file`.
///
/// Errors: the file can't be read or holds no certificate that can be used, in words.
pub(super) fn tls(server: &Server) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(file) = &server.ca_file {
        add(&mut roots, file)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A bundle of the system's may hold certificates that this library can't use; one that it can is enough.
fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let failed = |why: &dyn std::fmt::Display| {
        format!(
            "could not read the certificates in `{}` (`ca_file` in `[discord]`): {why}",
            file.display()
        )
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(&error))?;
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(failed(&"there is none that can be used")),
        _ => Ok(()),
    }
}

/// Why there is no safe connection, where that is why something failed.
pub(super) fn unsafe_because(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(words(error));
        }
        // Of what it holds, an error of the system names the source only.
        let held = error.downcast_ref::<std::io::Error>();
        cause = match held.and_then(std::io::Error::get_ref) {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

fn words(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(wrong) = error else {
        return format!("no safe connection: {error}");
    };
    match wrong {
        CertificateError::UnknownIssuer => {
            format!("no safe connection: its certificate is signed by an authority that is not known here; {HINT}")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "no safe connection: its certificate is for another name than this; something else answers there, or the address \
             in `[discord]` is wrong"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "no safe connection: its certificate has expired, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "no safe connection: its certificate is not valid yet, or this machine's clock is wrong".to_owned()
        }
        other => format!("no safe connection: its certificate is not good ({other:?})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_with_what_to_do() {
        let said = |wrong| {
            let held = std::io::Error::other(rustls::Error::InvalidCertificate(wrong));
            unsafe_because(&held).unwrap()
        };
        assert!(said(CertificateError::UnknownIssuer).contains("`ca_file`"));
        assert!(said(CertificateError::NotValidForName).contains("another name"));
        for wrong in [CertificateError::Expired, CertificateError::NotValidYet] {
            assert!(said(wrong).contains("clock"));
        }
        assert!(said(CertificateError::Revoked).contains("Revoked"));
        assert_eq!(unsafe_because(&std::io::Error::other("full")), None);
    }
}
