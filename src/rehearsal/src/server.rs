//! The running server: bound on loopback, stopped when dropped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::http;
use crate::state::Shared;
use crate::wire::{WireHandle, WireListener};
use crate::{Config, Control, Endpoints};

/// How long [`Server::shutdown`] waits for clients that neither finish nor go.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can be reached from other machines, or is none; nothing here is fit for that.
    #[error("will not listen on {0}: a rehearsal server belongs on a loopback address")]
    NotLoopback(SocketAddr),
    /// The address could not be bound.
    #[error("could not listen on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A running rehearsal server. Dropping it closes the listener, ends what is held, and forgets all state once the
/// last connection is gone.
pub struct Server {
    shared: Arc<Shared>,
    url: Url,
    task: JoinHandle<()>,
}

impl Server {
    /// Binds and begins to serve on the current tokio runtime.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let asked = config.listen;
        if !asked.ip().is_loopback() {
            return Err(StartError::NotLoopback(asked));
        }
        let bind_error = |source| StartError::Bind {
            address: asked,
            source,
        };
        let listener = TcpListener::bind(asked).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let issuer = format!("http://{address}");
        let url = Url::parse(&issuer).expect("a socket address makes a valid http address");
        let shared = Arc::new(Shared::new(config, Endpoints::new(&issuer)));
        let service = http::router(&shared).into_make_service_with_connect_info::<WireHandle>();
        let stopping = Arc::clone(&shared);
        let serving = axum::serve(WireListener::new(listener), service)
            .with_graceful_shutdown(async move { stopping.stopped().await });
        let task = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "rehearsal server ended");
            }
        });
        tracing::info!(%url, "rehearsal server listens");
        Ok(Self { shared, url, task })
    }

    /// The root of the server, `http://127.0.0.1:PORT/`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where everything is.
    pub fn endpoints(&self) -> Endpoints {
        self.shared.endpoints.clone()
    }

    /// A handle with the operations of the control API.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }

    /// Begins to stop while the server is still shared; [`Server::shutdown`] does it for everybody else.
    #[cfg(test)]
    pub(crate) fn stop(&self) {
        self.shared.stop();
    }

    /// Serves until the future is dropped; the way for a program that does nothing else.
    pub async fn run(mut self) {
        // The task ends only by `stop`, or by a panic that has been reported by then.
        let _ = (&mut self.task).await;
    }

    /// Stops, and waits up to two seconds for the connections to end.
    pub async fn shutdown(mut self) {
        self.shared.stop();
        if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut self.task)
            .await
            .is_err()
        {
            tracing::debug!("rehearsal server left a connection behind");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
