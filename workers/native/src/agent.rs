//! The agent's side of ACP: which requests it knows, and the one connection that it serves.

use std::sync::Arc;
use std::time::Duration;

use acp::schema::{
    AgentCapabilities, CancelNotification, Implementation, InitializeRequest, InitializeResponse,
    LoadSessionRequest, NewSessionRequest, PromptCapabilities, PromptRequest,
};
use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1 as acp;
use agent_client_protocol::{
    Agent, Error, Handled, on_receive_dispatch, on_receive_notification, on_receive_request,
};
use contract::frames::{self, FrameError, FrameLimits, Frames};
use thiserror::Error as ThisError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

mod card;
mod client;
mod desk;
mod history;
mod kit;
mod outlet;
mod plan;
mod prompt;
mod session;
mod sign;
mod stop;
mod transcript;

use desk::Desk;
use kit::Kit;
pub(crate) use kit::Real;

/// Why a connection ended other than by the client's end of file.
#[derive(Debug, ThisError)]
pub(crate) enum Fault {
    /// The client broke the rules, or its pipe did.
    #[error("ended the connection to the client: {0}")]
    Frames(FrameError),
    /// A defect.
    #[error("the connection to the client failed: {}", .0.message)]
    Connection(#[from] Error),
    /// A defect in a turn, which took the session with it.
    #[error("a turn failed by a defect of this program")]
    Lost,
}

/// How long a client that is going may take to read what was still said to it.
const LAST_READ: Duration = Duration::from_secs(2);

/// Serves one client until its end of file. Whatever was running then is stopped, and what had been said is kept.
///
/// Handlers only decide and hand over: they run inside the connection's loop, and one that
/// waited for the client would wait for ever.
pub(crate) async fn serve<K: Kit>(
    kit: K,
    reader: impl AsyncRead + Unpin + Send + 'static,
    writer: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<(), Fault> {
    let (channel, mut frames) = frames::open(reader, writer, FrameLimits::default());
    let pace = frames.pace();
    let desk = Arc::new(Desk::new(kit, frames.pace()));
    let [initialize, new, load, prompt, cancel, main] = std::array::from_fn(|_| desk.clone());
    let served = Agent
        .v1()
        .name("agent-host")
        .on_receive_dispatch(
            async move |message: acp::Dispatch, _| {
                pace.handled();
                Ok(Handled::No {
                    message,
                    retry: false,
                })
            },
            on_receive_dispatch!(),
        )
        .on_receive_request(
            async move |request: InitializeRequest, responder, _| {
                initialize.brief(request.meta.as_ref());
                responder.respond(introduction())
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: NewSessionRequest, responder, connection| {
                responder.respond_with_result(new.open(&request, connection))
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: LoadSessionRequest, responder, connection| {
                load.load(&request, connection, responder)
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: PromptRequest, responder, _| prompt.prompt(request, responder),
            on_receive_request!(),
        )
        .on_receive_notification(
            async move |note: CancelNotification, _| {
                cancel.cancel(&note);
                Ok(())
            },
            on_receive_notification!(),
        )
        .connect_with(channel, async |connection| {
            tokio::select! {
                () = connection.incoming_closed() => {}
                () = fault(&frames) => {}
                () = main.lost() => {}
            }
            main.close().await;
            Ok(())
        })
        .await;
    // Another way out of the connection than its end of file.
    desk.close().await;
    if timeout(LAST_READ, frames.written()).await.is_err() {
        tracing::warn!("the client did not read the last messages");
    }
    served?;
    // If it ended for another reason than its input, there is nothing to wait for.
    tokio::select! {
        biased;
        reason = frames.ended() => match reason {
            FrameError::Closed => Ok(()),
            reason => Err(Fault::Frames(reason)),
        },
        () = std::future::ready(()) => Err(Fault::Lost),
    }
}

/// Returns when the connection is broken. After a mere end of file, what was read before it is still handled.
async fn fault(frames: &Frames) {
    if matches!(frames.ended().await, FrameError::Closed) {
        std::future::pending::<()>().await;
    }
}

fn introduction() -> InitializeResponse {
    let prompts = PromptCapabilities::new().image(true).embedded_context(true);
    let capabilities = AgentCapabilities::new()
        .load_session(true)
        .prompt_capabilities(prompts);
    InitializeResponse::new(ProtocolVersion::V1)
        .agent_capabilities(capabilities)
        .agent_info(
            Implementation::new("agent-host", env!("CARGO_PKG_VERSION")).title("agent-host".to_owned()),
        )
}

#[cfg(test)]
mod tests;
