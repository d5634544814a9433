//! The fake over TLS, with a CA of its own: for clients that insist on `https://discord.com`, and for what TLS refuses.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names that the certificate is for; addresses are none of them.
const NAMES: [&str; 2] = ["discord.com", "localhost"];

/// Where it is, and whom to trust. The certificate is for `discord.com` and `localhost`, and for no address.
#[derive(Clone, Debug)]
pub struct TlsDoor {
    /// REST: let `discord.com` resolve to this, or say `localhost`.
    pub address: SocketAddr,
    /// The gateway.
    pub gateway: SocketAddr,
    /// The CA's certificate, DER.
    pub ca: Vec<u8>,
}

impl TlsDoor {
    /// Doors to these two.
    pub(crate) async fn open(rest: SocketAddr, gateway: SocketAddr) -> (Self, [JoinHandle<()>; 2]) {
        let (config, ca) = config();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (address, to_rest) = before(rest, acceptor.clone()).await;
        let (gateway, to_gateway) = before(gateway, acceptor).await;
        (Self { address, gateway, ca }, [to_rest, to_gateway])
    }

    /// The CA's certificate as a file has it.
    pub fn ca_pem(&self) -> String {
        let text = STANDARD.encode(&self.ca);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }
}

fn config() -> (ServerConfig, Vec<u8>) {
    let words = "a certificate for a test can be made";
    let mut params = CertificateParams::new(Vec::new()).expect(words);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect(words);
    let ca = params.self_signed(&key).expect(words).der().to_vec();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect(words);
    let params = CertificateParams::new(NAMES.map(str::to_owned).to_vec()).expect(words);
    let certificate = params.signed_by(&key, &issuer).expect(words);
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks the usual versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .expect(words);
    (config, ca)
}

/// A port whose connections lead there, without TLS from here on. They end with the task.
async fn before(inner: SocketAddr, acceptor: TlsAcceptor) -> (SocketAddr, JoinHandle<()>) {
    let socket = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .expect("this machine has a free port");
    let address = socket.local_addr().expect("a bound socket has an address");
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Ok((stream, _)) = socket.accept() => {
                    connections.spawn(lead(stream, inner, acceptor.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    });
    (address, task)
}

/// Whoever fails to shake hands is not worth a word: the client has the error.
async fn lead(stream: TcpStream, inner: SocketAddr, acceptor: TlsAcceptor) {
    if let Ok(mut outer) = acceptor.accept(stream).await
        && let Ok(mut inner) = TcpStream::connect(inner).await
    {
        // A connection that breaks on one side ends on both.
        let _ = copy_bidirectional(&mut outer, &mut inner).await;
    }
}
