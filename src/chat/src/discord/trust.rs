//! TLS towards Discord: whom all of the bot's connections trust, and what is said where that is not enough.

use std::error::Error;
use std::sync::Arc;

use credentials::TlsError;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig};

use super::config::Server;

/// What can be done about an authority that is not known.
const HINT: &str = "`ca_file` in `[discord]` names the authority of a server of your own";

/// Compiled-in roots, and those of the server's `ca_file`.
///
/// Errors: the file can't be read or holds no certificate that can be used, in words.
pub(super) fn tls(server: &Server) -> Result<Arc<ClientConfig>, String> {
    let config = credentials::tls(server.ca_file.as_deref()).map_err(|error| match error {
        TlsError::Library(_) => error.to_string(),
        _ => format!("{error} (`ca_file` in `[discord]`)"),
    })?;
    Ok(Arc::new(config))
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
