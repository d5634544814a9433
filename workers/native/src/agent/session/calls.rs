//! One tool call: prepared, permitted, run, and its result kept.

use std::time::Duration;

use agent_client_protocol::is_incoming_transport_closed;
use contract::Permissions;

use super::output::{EVERY, Output};
use super::{ARGUMENTS_LIMIT, Session, TurnError};
use crate::agent::card::{self, Card};
use crate::agent::client::Decision;
use crate::agent::kit::{Hands as _, Kit};
use crate::agent::plan::{self, UPDATE_PLAN};
use crate::agent::stop::{Stop, flushing};
use crate::agent::transcript::{Line, TranscriptError};
use crate::message::{Message, ToolCall};
use crate::tools::{Always, Outcome, Prepared};

/// How long a tool that was told to stop may take to say what it had put out. Less than the host waits.
const LAST_WORDS: Duration = Duration::from_millis(1500);

/// Longest title in a status, in characters.
const TITLE: usize = 80;

/// What became of a call.
pub(super) enum Executed {
    /// Its result is kept.
    Done,
    /// The turn was stopped before its end. What the model is to be told of it.
    Stopped(String),
}

type PreparedFor<K> = Prepared<<<K as Kit>::Hands as crate::agent::kit::Hands>::Action>;

impl<K: Kit> Session<K> {
    /// Executes exactly what was shown and permitted.
    pub(super) async fn execute(
        &mut self,
        id: &str,
        call: &ToolCall,
        stop: &Stop,
    ) -> Result<Executed, TurnError> {
        // What a call shows may be long. A stop that was said is heard here, too.
        if stop.or(self.client.caught_up()).await.is_none() {
            return Ok(Executed::Stopped(never_begun(stop)));
        }
        if call.arguments.len() > ARGUMENTS_LIMIT {
            let why = format!(
                "not run: its arguments have {} bytes, and {ARGUMENTS_LIMIT} is the limit; they were not kept",
                call.arguments.len()
            );
            return self.refuse(id, call, "", &why).await;
        }
        if call.name == UPDATE_PLAN {
            self.show_plan(call).await?;
            return Ok(Executed::Done);
        }
        let prepared = match self.hands.prepare(&call.name, &call.arguments) {
            Ok(prepared) => prepared,
            Err(why) => return self.refuse(id, call, &call.arguments, &why).await,
        };
        let card = Card::of(id, &prepared);
        self.client.update(card.announced());
        let outcome = match self
            .permitted(prepared.asks, prepared.always.as_ref(), &card, stop)
            .await?
        {
            Some(Decision::Denied(why)) => {
                self.result(call, why.clone(), true).await?;
                self.client.update(card.failed(&why));
                return Ok(Executed::Done);
            }
            Some(_) => {
                let begun = Line::Begun {
                    call: call.id.clone(),
                };
                self.keep(vec![begun]).await?;
                self.run(prepared, &card, stop).await
            }
            None => {
                let words = never_begun(stop);
                self.client.update(card.stopped(&words));
                return Ok(Executed::Stopped(words));
            }
        };
        let executed = if outcome.stopped {
            let words = cut_short(outcome.text, stop);
            self.client.update(card.stopped(&words));
            Executed::Stopped(words)
        } else {
            self.result(call, outcome.text.clone(), outcome.failed).await?;
            self.client.update(card.ended(&outcome));
            Executed::Done
        };
        for offered in outcome.offered.iter().filter_map(|path| card::offered(path)) {
            self.client.update(offered);
        }
        Ok(executed)
    }

    /// Answers a call that never comes to be: the model and the person read why.
    pub(super) async fn refuse(
        &mut self,
        id: &str,
        call: &ToolCall,
        arguments: &str,
        why: &str,
    ) -> Result<Executed, TurnError> {
        self.result(call, why.to_owned(), true).await?;
        self.client.update(Card::refused(id, &call.name, arguments, why));
        Ok(Executed::Done)
    }

    /// Whether it may run. `None` when the turn is stopped first.
    async fn permitted(
        &mut self,
        asks: bool,
        always: Option<&Always>,
        card: &Card,
        stop: &Stop,
    ) -> Result<Option<Decision>, TurnError> {
        if !asks {
            return Ok(Some(Decision::Allowed));
        }
        match self.profile.permissions {
            Permissions::Allow => return Ok(Some(Decision::Allowed)),
            Permissions::Deny => {
                let why = "this host's configuration denies tools that change something";
                return Ok(Some(Decision::Denied(why.to_owned())));
            }
            Permissions::Ask => {}
        }
        self.client.status("waiting: a permission is needed");
        match stop.or(self.client.permission(card.question(), always)).await {
            None => Ok(None),
            Some(Ok(decision)) => Ok(Some(decision)),
            Some(Err(error)) if is_incoming_transport_closed(&error) => {
                // The client is gone, so the turn is being stopped.
                stop.said().await;
                Ok(None)
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "could not ask for a permission");
                let why = "this call was denied because nobody could be asked";
                Ok(Some(Decision::Denied(why.to_owned())))
            }
        }
    }

    async fn run(&self, prepared: PreparedFor<K>, card: &Card, stop: &Stop) -> Outcome {
        let title: String = card.title().chars().take(TITLE).collect();
        self.client.status(format!("running: {title}"));
        self.client.update(card.running());
        let output = Output::new(&self.client, card);
        let mut push = |text: String| output.push(&text);
        let stopped = async {
            stop.said().await;
        };
        let run = self.hands.run(prepared, &mut push, stopped);
        let run = flushing(run, output.pending(), EVERY, &self.client, || output.flush());
        let ended = stop.or_after(LAST_WORDS, run).await;
        ended.unwrap_or_else(|| Outcome::stopped(output.written()))
    }

    async fn show_plan(&mut self, call: &ToolCall) -> Result<(), TranscriptError> {
        match plan::read(&call.arguments) {
            Ok(update) => {
                self.client.update(update);
                self.result(call, "the plan is shown to the user".to_owned(), false)
                    .await
            }
            Err(why) => self.result(call, why, true).await,
        }
    }

    async fn result(&mut self, call: &ToolCall, text: String, failed: bool) -> Result<(), TranscriptError> {
        self.keep(vec![result_of(call, text, failed)]).await
    }
}

pub(super) fn result_of(call: &ToolCall, text: String, failed: bool) -> Line {
    let message = Message::ToolResult {
        call: call.id.clone(),
        text,
        failed,
    };
    Line::Message { message }
}

/// Of a call that was stopped before it began.
pub(super) fn never_begun(stop: &Stop) -> String {
    format!("not run: {}", stop.why())
}

/// Of a call that was stopped while it ran.
fn cut_short(mut text: String, stop: &Stop) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text + &format!("[{} while this ran; what it had done by then stays]", stop.why())
}
