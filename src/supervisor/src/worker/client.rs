//! The client's side of ACP with one worker: what it sends becomes events, and how its session is opened.

use std::sync::Arc;

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema::{
    ClientCapabilities, Implementation, InitializeRequest, LoadSessionRequest, Meta, NewSessionRequest,
    PromptRequest, PromptResponse, RequestPermissionResponse, StopReason,
};
use agent_client_protocol::v1::{ConnectionTo, Dispatch, Responder};
use agent_client_protocol::{
    Agent, Channel, Client, Error, ErrorCode, JsonRpcRequest, is_connection_terminated,
    is_incoming_transport_closed, on_receive_dispatch, on_receive_request,
};
use contract::frames::Pace;
use contract::{Account, LoginAnswer, LoginNeeded, META_KEY, Profile};
use conversation::{Permissions, ThreadId};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::asked::{LoginAsked, PermissionAsked, PermissionRequest};
use super::error::LOAD;
use super::gate::Gate;
use super::heard::Heard;
use super::sign_in::SignIn;
use super::{Event, PromptError, Spec, StartError, words};
use crate::config::AgentKind;

/// Starts the connection; it runs until the worker's output ends. With an account the agent is our own, and may ask for
/// logins of that account. `thread` is for the log.
pub(super) async fn connect(
    channel: Channel,
    pace: Pace,
    gate: Arc<Gate>,
    account: Option<Account>,
    thread: ThreadId,
) -> (Option<ConnectionTo<Agent>>, JoinHandle<Result<(), Error>>) {
    let (sender, connected) = oneshot::channel();
    let over = gate.clone();
    let (permission, login) = (gate.clone(), gate.clone());
    let heard = Heard::new(gate.clone(), thread);
    let connection = Client
        .v1()
        .on_receive_dispatch(
            async move |message: Dispatch, _cx| {
                pace.handled();
                Ok(gate.let_in(message))
            },
            on_receive_dispatch!(),
        )
        .on_receive_dispatch(
            async move |message: Dispatch, _cx| Ok(heard.message(message).await),
            on_receive_dispatch!(),
        )
        .on_receive_request(
            async move |request: PermissionRequest, responder: Responder<RequestPermissionResponse>, _cx| {
                // Shut, it is dropped, and that is an answer.
                let asked = PermissionAsked::new(request, responder);
                if permission.is_open() {
                    permission.send(Event::Permission(Box::new(asked))).await;
                }
                Ok(())
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: LoginNeeded, responder: Responder<LoginAnswer>, _cx| {
                let Some(account) = &account else {
                    // Agents that are not ours keep their own logins: nobody is sent to sign in at their word.
                    return responder.respond_with_error(Error::method_not_found());
                };
                let needed = LoginNeeded {
                    service: account.service.as_str().to_owned(),
                    title: account.title.clone(),
                    owner: account.owner.to_string(),
                    ..request
                };
                let asked = LoginAsked::new(needed, responder);
                if login.is_open() {
                    login.send(Event::Login(Box::new(asked))).await;
                }
                Ok(())
            },
            on_receive_request!(),
        )
        .connect_with(channel, async move |cx| {
            let _ = sender.send(cx.clone());
            cx.incoming_closed().await;
            over.set_over();
            Ok(())
        });
    let connection = tokio::spawn(connection);
    (connected.await.ok(), connection)
}

/// The first request.
pub(super) const HELLO: &str = "initialize";

/// The request for a new session.
pub(super) const NEW: &str = "session/new";

/// A session that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) session: String,
    pub(super) resumed: bool,
    pub(super) accepts_images: bool,
    /// How one signs in to it, if it keeps its own login.
    pub(super) sign_in: Arc<SignIn>,
}

/// Why none was.
pub(super) enum OpenError {
    /// The connection ended before this was answered; the process tells why.
    Closed(&'static str),
    /// There was no answer in time.
    Late(&'static str),
    /// It does not want to.
    Refused(StartError),
}

/// initialize, then the session that was asked for, or a new one.
pub(super) async fn open(
    connection: &ConnectionTo<Agent>,
    spec: &Spec,
    gate: &Gate,
    deadline: Instant,
) -> Result<Opened, OpenError> {
    let hello = ask(connection, HELLO, initialize(spec), deadline)
        .await?
        .map_err(|error| refused(spec, HELLO, &SignIn::new(spec, &[]), &error))?;
    let sign_in = Arc::new(SignIn::new(spec, gate.ways_to_sign_in()));
    let capabilities = &hello.agent_capabilities;
    let accepts_images = capabilities.prompt_capabilities.image;
    if let Some(session) = spec.session.clone().filter(|_| capabilities.load_session) {
        gate.expect(&session);
        let load = LoadSessionRequest::new(session.clone(), spec.workspace.clone());
        match ask_signed_in(connection, LOAD, load, &sign_in, deadline).await? {
            Ok(_) => {
                return Ok(Opened {
                    session,
                    resumed: true,
                    accepts_images,
                    sign_in,
                });
            }
            Err(error) if error.code == ErrorCode::AUTH_REQUIRED => {
                return Err(refused(spec, LOAD, &sign_in, &error));
            }
            // It is gone or broken. A new one can still answer, and the thread is told.
            Err(error) => {
                let why = words::error(&error);
                tracing::warn!(thread = %spec.thread, why, "could not resume a session");
            }
        }
    }
    let new = NewSessionRequest::new(spec.workspace.clone());
    let new = ask_signed_in(connection, NEW, new, &sign_in, deadline)
        .await?
        .map_err(|error| refused(spec, NEW, &sign_in, &error))?;
    Ok(Opened {
        session: new.session_id.to_string(),
        resumed: false,
        accepts_images,
        sign_in,
    })
}

/// What our own agent's calls are paid with, in this thread.
pub(super) fn account(spec: &Spec) -> Option<Account> {
    let AgentKind::Native(profile) = &spec.agent.kind else {
        return None;
    };
    Some(Account {
        owner: spec.owner.clone(),
        ..profile.account.clone()?
    })
}

fn initialize(spec: &Spec) -> InitializeRequest {
    let meta = match &spec.agent.kind {
        AgentKind::Native(profile) => {
            let mut profile = Profile::clone(profile);
            profile.session_folder.clone_from(&spec.session_folder);
            profile.permissions = match spec.permissions {
                None => profile.permissions,
                Some(Permissions::Ask) => contract::Permissions::Ask,
                Some(Permissions::Allow) => contract::Permissions::Allow,
                Some(Permissions::Deny) => contract::Permissions::Deny,
            };
            profile.account = account(spec);
            Some(Meta::from_iter([(META_KEY.to_owned(), profile.to_meta())]))
        }
        AgentKind::External { .. } => None,
    };
    InitializeRequest::new(ProtocolVersion::V1)
        .client_capabilities(ClientCapabilities::default())
        .client_info(Implementation::new("agent-host", env!("CARGO_PKG_VERSION")))
        .meta(meta)
}

/// Asks and, where the agent wants a login first and its `env` has one, once more with that.
async fn ask_signed_in<Request: JsonRpcRequest + Clone>(
    connection: &ConnectionTo<Agent>,
    what: &'static str,
    request: Request,
    sign_in: &SignIn,
    deadline: Instant,
) -> Result<Result<Request::Response, Error>, OpenError>
where
    Request::Response: Send,
{
    let answer = ask(connection, what, request.clone(), deadline).await?;
    let wants_login = matches!(&answer, Err(error) if error.code == ErrorCode::AUTH_REQUIRED);
    if wants_login && sign_in.try_once(connection, deadline).await? {
        return ask(connection, what, request, deadline).await;
    }
    Ok(answer)
}

/// Asks and waits, at most until the deadline. The inner result is the agent's answer.
pub(super) async fn ask<Request: JsonRpcRequest>(
    connection: &ConnectionTo<Agent>,
    what: &'static str,
    request: Request,
    deadline: Instant,
) -> Result<Result<Request::Response, Error>, OpenError>
where
    Request::Response: Send,
{
    match timeout_at(deadline, connection.send_request(request).block_task()).await {
        Err(_) => Err(OpenError::Late(what)),
        Ok(Err(error)) if is_over(&error) => Err(OpenError::Closed(what)),
        Ok(answer) => Ok(answer),
    }
}

/// What an error means with which a request ended: the agent's own, or what the crate makes of an answer in another version
/// of the protocol, or in none.
fn refused(spec: &Spec, what: &'static str, sign_in: &SignIn, error: &Error) -> OpenError {
    let said = words::error(error);
    OpenError::Refused(match error.code {
        ErrorCode::AUTH_REQUIRED => StartError::OwnLogin(wants_login(&said, sign_in)),
        ErrorCode::PARSE_ERROR | ErrorCode::INVALID_REQUEST | ErrorCode::INVALID_PARAMS => {
            StartError::Incompatible(words::no_understanding(&words::agent(spec), what, error))
        }
        _ => StartError::Refused(said),
    })
}

/// What an agent said that wants a login, and what to do.
pub(super) fn wants_login(said: &str, sign_in: &SignIn) -> String {
    format!("{}. {}", said.trim_end_matches('.'), sign_in.words())
}

/// Whether it is the connection that failed, and not the agent that said no.
pub(super) fn is_over(error: &Error) -> bool {
    is_incoming_transport_closed(error) || is_connection_terminated(error)
}

/// How a turn ended that was answered.
pub(super) fn ending(answer: &PromptResponse) -> Result<StopReason, PromptError> {
    let why = answer.meta.as_ref().and_then(words::reason);
    match (answer.stop_reason, why) {
        (StopReason::Refusal, Some(why)) => Err(PromptError::Refused(why)),
        (reason, _) => Ok(reason),
    }
}

/// A frame that is too long would end the connection.
pub(super) fn check_length(request: &PromptRequest) -> Result<(), PromptError> {
    let length = serde_json::to_vec(request).map_or(usize::MAX, |bytes| bytes.len());
    if length + ENVELOPE <= contract::FRAME_LIMIT {
        return Ok(());
    }
    Err(PromptError::Failed(format!(
        "the message with its files is too long for the agent: {} MiB, and at most {} are possible",
        length >> 20,
        contract::FRAME_LIMIT >> 20
    )))
}

/// What a frame has besides the request.
const ENVELOPE: usize = 1024;
