//! What a scripted worker plays, act by act.

use super::*;

/// Opened once by the test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<Notify>);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.notify_one();
    }

    pub(super) async fn opened(&self) {
        self.0.notified().await;
    }
}

/// What a scripted worker does within a prompt.
#[derive(Debug)]
pub(crate) enum Act {
    Say(&'static str),
    Update(SessionUpdate),
    Status(&'static str),
    /// Waits until the test opens the gate, or the prompt is cancelled (which ends it).
    Wait(Gate),
    /// Waits until cancelled, and then ends.
    Forever,
    /// Hears nothing, not even a cancel.
    Deaf,
    /// Asks, and says the answer.
    Ask(ToolCallUpdate),
    /// As our own agent asks: it names what calls have in common.
    AskLike(&'static str, ToolCallUpdate),
    /// Asks, offers these answers, and says the one that it got.
    AskOffering(ToolCallUpdate, Vec<Choice>),
    /// Asks, and does not wait for the answer.
    AskAndGoOn(ToolCallUpdate),
    /// Asks for a login, and fails if it is given up.
    Login(LoginNeeded),
    Fail(PromptError),
    Stop(StopReason),
    /// The process dies.
    Die,
    /// Both at the same moment.
    AnswerAndDie,
    /// The process is dead, and the prompt could not be written to it.
    DieUnreached,
    /// The process dies when it is cancelled.
    DieWhenCancelled,
    /// The process dies when the gate is opened, whatever it does then.
    DieLater(Gate),
}

/// An update with some words of the agent.
pub(crate) fn said(text: &str) -> SessionUpdate {
    SessionUpdate::AgentMessageChunk(ContentChunk::new(text.into()))
}

pub(super) async fn play(
    acts: Vec<Act>,
    events: &mpsc::Sender<Event>,
    cancelled: &mut watch::Receiver<u32>,
    is_over: &Arc<AtomicBool>,
    got_prompt: &AtomicBool,
) -> Result<StopReason, PromptError> {
    let tell = async |event| drop(events.send(event).await);
    for act in acts {
        match act {
            Act::Say(text) => tell(Event::Update(Box::new(said(text)))).await,
            Act::Update(update) => tell(Event::Update(Box::new(update))).await,
            Act::Status(words) => tell(Event::Status(words.to_owned())).await,
            Act::Wait(gate) => {
                tokio::select! {
                    () = gate.opened() => {}
                    _ = cancelled.changed() => return Ok(StopReason::Cancelled),
                }
            }
            Act::Forever => {
                let _ = cancelled.changed().await;
                return Ok(StopReason::Cancelled);
            }
            Act::Deaf => std::future::pending().await,
            Act::Ask(tool_call) => {
                if ask(tool_call, offered(), None, events).await.is_err() {
                    return Ok(StopReason::Cancelled);
                }
            }
            Act::AskLike(likeness, tool_call) => {
                let likeness = Some(likeness.to_owned());
                if ask(tool_call, offered(), likeness, events).await.is_err() {
                    return Ok(StopReason::Cancelled);
                }
            }
            Act::AskOffering(tool_call, options) => {
                if ask(tool_call, options, None, events).await.is_err() {
                    return Ok(StopReason::Cancelled);
                }
            }
            Act::AskAndGoOn(tool_call) => {
                let event = Event::Permission {
                    unknown: vec![],
                    likeness: None,
                    tool_call: Box::new(tool_call),
                    options: offered(),
                    answer: Reply::new(drop),
                };
                tell(event).await;
            }
            Act::Login(needed) => {
                let (sender, receiver) = oneshot::channel();
                let answer = Reply::new(|answer| {
                    let _ = sender.send(answer);
                });
                tell(Event::Login { needed, answer }).await;
                if receiver.await != Ok(LoginAnswer::Try) {
                    return Err(PromptError::Failed("nobody signed in".into()));
                }
            }
            Act::Fail(error) => return Err(error),
            Act::Stop(reason) => return Ok(reason),
            Act::Die => {
                die(events, is_over, false);
                return Err(PromptError::Gone);
            }
            Act::AnswerAndDie => {
                is_over.store(true, Ordering::SeqCst);
                drop(events.try_send(Event::Gone(gone(false))));
                return Ok(StopReason::EndTurn);
            }
            Act::DieUnreached => {
                got_prompt.store(false, Ordering::SeqCst);
                die(events, is_over, false);
                return Err(PromptError::Gone);
            }
            Act::DieWhenCancelled => {
                let _ = cancelled.changed().await;
                die(events, is_over, false);
                return Err(PromptError::Gone);
            }
            Act::DieLater(gate) => {
                let (events, is_over) = (events.clone(), is_over.clone());
                tokio::spawn(async move {
                    gate.opened().await;
                    die(&events, &is_over, false);
                });
            }
        }
    }
    Ok(StopReason::EndTurn)
}

/// An error: the question was withdrawn.
async fn ask(
    tool_call: ToolCallUpdate,
    options: Vec<Choice>,
    likeness: Option<String>,
    events: &mpsc::Sender<Event>,
) -> Result<(), ()> {
    let (sender, receiver) = oneshot::channel();
    let asked = Event::Permission {
        unknown: vec![],
        likeness,
        tool_call: Box::new(tool_call),
        options,
        answer: Reply::new(|answer: PermissionAnswer| drop(sender.send(answer))),
    };
    let _ = events.send(asked).await;
    let words = match receiver.await.unwrap_or(PermissionAnswer::Cancelled) {
        PermissionAnswer::Cancelled => return Err(()),
        PermissionAnswer::Given(answer) => format!("{answer:?}"),
        other @ PermissionAnswer::Unanswered(_) => format!("{other:?}"),
    };
    let _ = events.send(Event::Update(Box::new(said(&words)))).await;
    Ok(())
}

/// What the built-in agent offers, too.
fn offered() -> Vec<Choice> {
    let choice = |id: &str, kind| Choice {
        id: id.into(),
        name: format!("words of {id}"),
        kind,
    };
    vec![
        choice("once", ChoiceKind::AllowOnce),
        choice("always", ChoiceKind::AllowAlways),
        choice("no", ChoiceKind::RejectOnce),
    ]
}

pub(super) fn die(events: &mpsc::Sender<Event>, is_over: &Arc<AtomicBool>, broke_protocol: bool) {
    is_over.store(true, Ordering::SeqCst);
    let events = events.clone();
    tokio::spawn(async move {
        tokio::time::sleep(LAST_EVENT_AFTER).await;
        drop(events.send(Event::Gone(gone(broke_protocol))).await);
    });
}

fn gone(broke_protocol: bool) -> Gone {
    Gone {
        exit: Some("killed by SIGKILL".into()),
        reason: "the agent's process ended".into(),
        stderr: String::new(),
        broke_protocol,
    }
}
