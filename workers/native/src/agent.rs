//! The agent's side of ACP: which requests it knows, and the one connection that it serves.

use std::sync::Arc;

use acp::schema::{
    AgentCapabilities, CancelNotification, Implementation, InitializeRequest, InitializeResponse,
    LoadSessionRequest, NewSessionRequest, PromptCapabilities, PromptRequest,
};
use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1 as acp;
use agent_client_protocol::{Agent, ConnectTo, Error, on_receive_notification, on_receive_request};

mod card;
mod client;
mod desk;
mod history;
mod kit;
mod outlet;
mod plan;
mod prompt;
mod session;
mod stop;
mod transcript;

use desk::Desk;
use kit::Kit;
pub(crate) use kit::Real;

/// Serves one client until its end of file. Whatever was running then is stopped, and what had been said is kept.
///
/// Errors: the connection's own. Handlers only decide and hand over: they run inside the connection's loop, and one that
/// waited for the client would wait for ever.
pub(crate) async fn serve<K: Kit>(kit: K, transport: impl ConnectTo<Agent> + 'static) -> Result<(), Error> {
    let desk = Arc::new(Desk::new(kit));
    let [initialize, new, load, prompt, cancel, main] = std::array::from_fn(|_| desk.clone());
    let served = Agent
        .v1()
        .name("agent-host")
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
                responder.respond_with_result(load.load(&request, connection))
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: PromptRequest, responder, _| prompt.prompt(request, responder),
            on_receive_request!(),
        )
        .on_receive_notification(
            async move |note: CancelNotification, _| {
                cancel.cancel(&note.session_id);
                Ok(())
            },
            on_receive_notification!(),
        )
        .connect_with(transport, async move |connection| {
            tokio::select! {
                () = connection.incoming_closed() => {}
                () = main.lost() => {}
            }
            main.close().await;
            Ok(())
        })
        .await;
    // Another way out of the connection than its end of file.
    desk.close().await;
    served
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
