//! To the gateway: a connection without a proxy, over TLS wherever the address says so, and a WebSocket in it.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::{Host, Url};

use crate::discord::trust;

/// No honest event is longer, in bytes.
const MAX_EVENT: usize = 64 << 20;

/// What a WebSocket goes over.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection that stands.
pub(super) type Socket = WebSocketStream<Box<dyn Wire>>;

/// Connects to an address that begins with `wss` or `ws`. Cancel safe: nothing is left.
///
/// Errors: why not, in words, without the address.
pub(super) async fn dial(address: &Url, tls: &Arc<ClientConfig>) -> Result<Socket, String> {
    let none = || "its address names no place".to_owned();
    let port = address.port_or_known_default().ok_or_else(none)?;
    let (stream, name) = match address.host().ok_or_else(none)? {
        Host::Domain(name) => (
            TcpStream::connect((name, port)).await,
            ServerName::try_from(name.to_owned()),
        ),
        Host::Ipv4(ip) => (
            TcpStream::connect((ip, port)).await,
            Ok(ServerName::from(std::net::IpAddr::from(ip))),
        ),
        Host::Ipv6(ip) => (
            TcpStream::connect((ip, port)).await,
            Ok(ServerName::from(std::net::IpAddr::from(ip))),
        ),
    };
    let stream = stream.map_err(|error| error.to_string())?;
    // Without this small frames would wait for each other.
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let wire: Box<dyn Wire> = if address.scheme() == "wss" {
        let name = name.map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        Box::new(stream.map_err(|error| trust::unsafe_because(&error).unwrap_or_else(|| error.to_string()))?)
    } else {
        Box::new(stream)
    };
    let config = WebSocketConfig {
        max_message_size: Some(MAX_EVENT),
        max_frame_size: Some(MAX_EVENT),
        ..WebSocketConfig::default()
    };
    let socket = client_async_with_config(address.as_str(), wire, Some(config)).await;
    let (socket, _) = socket.map_err(|error| error.to_string())?;
    Ok(socket)
}
