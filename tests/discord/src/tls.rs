//! The REST interface over TLS, with a CA of its own: for clients that insist on `https://discord.com`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// Where it is, and whom to trust.
#[derive(Clone, Debug)]
pub struct TlsDoor {
    /// The certificate is for `discord.com`: let that name resolve to this.
    pub address: SocketAddr,
    /// The CA's certificate, DER.
    pub ca: Vec<u8>,
}

impl TlsDoor {
    pub(crate) async fn open(app: Router) -> (Self, JoinHandle<()>) {
        let (config, ca) = config();
        let socket = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("this machine has a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let listener = Tls {
            socket,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        let task = tokio::spawn(async move {
            axum::serve(listener, app)
                .await
                .expect("a server without an end ends with its task");
        });
        (Self { address, ca }, task)
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
    let params = CertificateParams::new(vec!["discord.com".to_owned()]).expect(words);
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

struct Tls {
    socket: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Whoever fails to shake hands is not worth a word: the client has the error.
            let Ok((stream, peer)) = self.socket.accept().await else {
                continue;
            };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.socket.local_addr()
    }
}
