//! Where gateway connections come in: a port of its own, so that a dropped connection is one at the socket.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::connection::Connection;
use crate::fake::Shared;

/// Listens; connections end with it.
pub(crate) struct Listener {
    socket: TcpListener,
}

impl Listener {
    pub(crate) async fn bind() -> std::io::Result<Self> {
        let socket = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        Ok(Self { socket })
    }

    pub(crate) fn port(&self) -> std::io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    pub(crate) async fn run(self, shared: Arc<Shared>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Ok((stream, _)) = self.socket.accept() => {
                    connections.spawn(greet(Arc::clone(&shared), stream));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn greet(shared: Arc<Shared>, stream: TcpStream) {
    {
        let mut world = shared.world();
        if world.gateway.refuse > 0 {
            world.gateway.refuse -= 1;
            return;
        }
    }
    let mut version = None;
    #[expect(clippy::result_large_err, reason = "the signature is the library's")]
    let note = |request: &Request, response: Response| {
        version = request.uri().query().map(str::to_owned);
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, note).await else {
        return;
    };
    let version = version.unwrap_or_default();
    if version.split('&').any(|pair| pair == "v=10") {
        Connection::run(shared, socket).await;
    } else {
        shared.world().gateway.closed_with.push(4012);
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 4012.into(),
            reason: "Invalid API version.".into(),
        };
        // Whoever asks for another version may have gone already.
        let _ = socket.close(Some(frame)).await;
    }
}
