//! A model server with TLS, whose certificate is of a CA that the web does not know.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// Answers each request with a hello. Gives its address; the CA's certificate goes into a file.
async fn server(ca_file: &Path) -> Url {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(ca_file, pem(params.self_signed(&key).unwrap().der())).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], secret)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Who does not trust us ends the connection.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            let mut buffer = vec![0; 16 * 1024];
            let _ = stream.read(&mut buffer).await.unwrap();
            stream
                .write_all(format!("{head}{HELLO_CHAT}").as_bytes())
                .await
                .unwrap();
            // Whoever got all of it closes the connection.
            while stream.read(&mut buffer).await.is_ok_and(|size| size > 0) {}
        }
    });
    format!("https://localhost:{port}/v1").parse().unwrap()
}

/// RFC 7468, with base64 as in RFC 4648 §4.
fn pem(der: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = der.chunks(3).flat_map(|three| {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        (0..4).map(move |place| {
            if place <= three.len() {
                char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize])
            } else {
                '='
            }
        })
    });
    let text: String = letters.collect();
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[tokio::test]
async fn a_private_ca_is_trusted_where_the_configuration_names_its_certificate_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let url = server(&ca_file).await;
    let mut profile = profile(Provider::OpenaiChat, &url);
    let told = call(&model(&profile)).await;
    assert!(matches!(told.result, Err(ProviderError::Barred(_))));
    assert!(told.words().contains("`ca_file`"), "{}", told.words());

    profile.ca_file = Some(ca_file.clone());
    let told = call(&model(&profile)).await;
    assert!(said_hello(&told), "{}", told.words());

    std::fs::write(&ca_file, "no certificate").unwrap();
    for path in [ca_file, folder.path().join("gone")] {
        profile.ca_file = Some(path.clone());
        let told = call(&model(&profile)).await;
        assert!(matches!(told.result, Err(ProviderError::Barred(_))));
        assert!(told.words().contains(path.to_str().unwrap()), "{}", told.words());
    }
}
