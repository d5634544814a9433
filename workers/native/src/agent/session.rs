//! One session: what it is made of, and how a turn goes.
//!
//! A turn: the words are kept, the model is called with everything so far, its reply is kept, its tool calls are run one
//! after the other and their results kept, and so on until it calls none. Kept means written and on the disk, so that
//! whatever comes next (the next call, the answer) never rests on something that a kill could take away.

use std::num::NonZeroU64;
use std::path::PathBuf;

use acp::schema::{SessionUpdate, StopReason, UsageUpdate};
use agent_client_protocol::v1 as acp;
use contract::{Profile, TurnFailure};
use credentials::Timestamp;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::agent::client::Client;
use crate::agent::history::History;
use crate::agent::kit::{Hands as _, Kit};
use crate::agent::stop::Stop;
use crate::agent::transcript::{Line, Transcript, TranscriptError, Withdrawal};
use crate::agent::{plan, prompt};
use crate::message::{Finish, Message, Part, ReplyPart, ToolCall, Usage};
use crate::providers::{NO_MODEL, ProviderError};
use crate::tools::ToolSpec;

mod ask;
mod calls;
mod circle;
mod failure;
mod output;
mod replay;
mod room;

use calls::{Executed, never_begun, result_of};
use circle::{Circle, Round};
pub(crate) use failure::TurnError;

/// Tool calls of one answer that are run; the others are answered without.
const CALLS_PER_ANSWER: usize = 100;

/// Bytes of a call's arguments that are kept and read. The largest change that may be written fits, however it is escaped.
const ARGUMENTS_LIMIT: usize = 4 * 1024 * 1024;

/// What is said in place of an answer that has no words. The model is not told: it would take it for its own words.
const WORDLESS: &str =
    "(The model ended its answer without a word. Ask again, or choose another one with `/model`.)";

/// What a person reads of an answer that a filter ended.
const FILTERED: &str = "the provider's content filter ended this answer\nhint: say it in other words, or take another model with `/model NAME`";

/// What model and person read of a call that the model could not write to its end.
const CUT_CALL: &str = "not run: the answer reached the model's limit of tokens in the middle of this call; do it in smaller steps";

/// One session.
pub(crate) struct Session<K: Kit> {
    pub(crate) client: Client,
    pub(crate) workspace: PathBuf,
    pub(crate) profile: Profile,
    pub(crate) transcript: Transcript,
    pub(crate) history: History,
    pub(crate) mind: K::Mind,
    pub(crate) hands: K::Hands,
}

/// What was said to the agent.
#[derive(Debug)]
pub(crate) struct Said {
    /// The words and pictures.
    pub(crate) parts: Vec<Part>,
    /// The model of this turn, if another one than the profile's was chosen.
    pub(crate) model: Option<String>,
}

/// What stays the same for all model calls of a turn.
struct Brief {
    model: String,
    system: String,
    tools: Vec<ToolSpec>,
}

/// How a step of a turn ended.
enum Step {
    /// There are results for the model.
    Again,
    /// The turn is over.
    Over(StopReason),
}

impl<K: Kit> Session<K> {
    /// Answers. Every way out leaves a history from which the session can go on.
    pub(crate) async fn turn(&mut self, said: Said, stop: &Stop) -> Result<StopReason, TurnError> {
        let brief = self.hear(said).await?;
        let mut circle = Circle::default();
        for _ in 0..self.profile.model_calls.get() {
            match self.step(&brief, stop, &mut circle).await? {
                Step::Again => {}
                Step::Over(reason) => return Ok(reason),
            }
            if let Some(words) = circle.is_closed() {
                self.say(words).await?;
                return Ok(StopReason::EndTurn);
            }
        }
        let words = format!(
            "I stop here: this turn took {} model calls, the limit of this host. Tell me to go on if I should.",
            self.profile.model_calls
        );
        self.say(words).await?;
        Ok(StopReason::MaxTurnRequests)
    }

    /// Says something in place of the model.
    async fn say(&mut self, words: String) -> Result<(), TranscriptError> {
        self.client.say(&words, &self.next_message());
        self.keep_reply(vec![ReplyPart::Text { text: words }]).await
    }

    /// Keeps what was said, and gets ready. Nothing is kept when there is no model to say it to.
    async fn hear(&mut self, said: Said) -> Result<Brief, TurnError> {
        let Some(model) = said.model.or_else(|| self.profile.model.clone()) else {
            return Err(ProviderError::Barred(NO_MODEL.to_owned()).into());
        };
        let mut lines = vec![];
        if !self.history.ends_with(&said.parts) {
            let message = Message::User { parts: said.parts };
            lines.push(Line::Message { message });
        }
        self.keep(lines).await?;
        let mut tools = self.hands.specs();
        tools.push(plan::spec());
        Ok(Brief {
            model,
            system: prompt::system(
                &self.workspace,
                Timestamp::now(),
                self.profile.instructions.as_deref(),
            ),
            tools,
        })
    }

    /// One model call, and what it asked for.
    async fn step(&mut self, brief: &Brief, stop: &Stop, circle: &mut Circle) -> Result<Step, TurnError> {
        let index = self.history.messages().len();
        let Some(reply) = self.ask(brief, stop).await? else {
            return Ok(self.interrupted(vec![]).await);
        };
        let calls = calls_of(&reply.parts);
        let has_words = reply.parts.iter().any(is_words);
        let is_empty = !has_words && calls.is_empty();
        let is_filtered = reply.finish == Finish::Filtered;
        let filtered = || TurnError::failed(TurnFailure::Refused, FILTERED);
        if is_empty && (is_filtered || reply.finish == Finish::Refused) {
            // It would strike in each later request, too.
            self.keep(vec![Line::Withdrawn {
                what: Withdrawal::New,
            }])
            .await?;
            return if is_filtered {
                Err(filtered())
            } else {
                Ok(Step::Over(StopReason::Refusal))
            };
        }
        if !is_empty {
            self.keep_reply(reply.parts.into_iter().map(bounded).collect())
                .await?;
        } else if reply.finish == Finish::Complete {
            self.client.say(WORDLESS, &message_id(index));
            // Thoughts alone are no message that every provider takes back.
            self.keep_reply(vec![]).await?;
        }
        self.count(reply.usage).await?;
        match reply.finish {
            Finish::Filtered => {
                self.keep(vec![Line::Interrupted]).await?;
                return Err(filtered());
            }
            Finish::Refused => return Ok(Step::Over(StopReason::Refusal)),
            Finish::Length if calls.is_empty() => return Ok(Step::Over(StopReason::MaxTokens)),
            _ if calls.is_empty() => return Ok(Step::Over(StopReason::EndTurn)),
            _ => {}
        }
        let (run, rest) = calls.split_at(calls.len().min(CALLS_PER_ANSWER));
        let cut = (reply.finish == Finish::Length).then(|| calls.len() - 1);
        let mut round = Round::default();
        for (number, call) in run.iter().enumerate() {
            let id = call_id(index, number);
            let executed = if cut == Some(number) && !is_whole(call) {
                self.refuse(&id, call, &call.arguments, CUT_CALL).await?
            } else {
                self.execute(&id, call, stop).await?
            };
            if let Executed::Stopped(words) = executed {
                let others = calls[number + 1..].iter();
                let mut results = vec![result_of(call, words, true)];
                results.extend(others.map(|call| result_of(call, never_begun(stop), true)));
                return Ok(self.interrupted(results).await);
            }
            round.note(call, self.history.messages().last());
        }
        circle.note(round);
        let many = || format!("not run: of one answer, only the first {CALLS_PER_ANSWER} calls are");
        self.keep(rest.iter().map(|call| result_of(call, many(), true)).collect())
            .await?;
        Ok(Step::Again)
    }

    /// The turn was stopped. That is never an error, even if it can't be noted; the next line that can't be kept will be.
    async fn interrupted(&mut self, mut lines: Vec<Line>) -> Step {
        lines.push(Line::Interrupted);
        if let Err(error) = self.keep(lines).await {
            tracing::error!(%error, "could not keep what a stopped turn had");
        }
        Step::Over(StopReason::Cancelled)
    }

    async fn keep_reply(&mut self, parts: Vec<ReplyPart>) -> Result<(), TranscriptError> {
        let message = Message::Assistant { parts };
        self.keep(vec![Line::Message { message }]).await
    }

    /// Writes the lines, then believes them.
    async fn keep(&mut self, lines: Vec<Line>) -> Result<(), TranscriptError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.transcript.append(&lines).await?;
        for line in lines {
            self.history.apply(line);
        }
        Ok(())
    }

    /// Notes what a call took, and tells it.
    async fn count(&mut self, usage: Usage) -> Result<(), TranscriptError> {
        let tokens = usage.input.saturating_add(usage.output);
        if tokens > 0 {
            self.keep(vec![Line::Used { tokens }]).await?;
            self.tell_usage(tokens);
        }
        Ok(())
    }

    /// How much the model could take is 0 where it is not known.
    fn tell_usage(&self, tokens: u64) {
        let size = self.profile.context_tokens.map_or(0, NonZeroU64::get);
        self.client
            .update(SessionUpdate::UsageUpdate(UsageUpdate::new(tokens, size)));
    }

    /// The id of the message that comes next; the same after a load.
    fn next_message(&self) -> String {
        message_id(self.history.messages().len())
    }
}

fn message_id(index: usize) -> String {
    format!("m{index}")
}

/// Names a call for the client. Providers may use their ids again; the place in the history is unique.
fn call_id(message: usize, number: usize) -> String {
    format!("c{message}.{number}")
}

fn is_words(part: &ReplyPart) -> bool {
    matches!(part, ReplyPart::Text { text } if !text.trim().is_empty())
}

/// A call that says far too much is kept without it: it would be sent with each later request.
fn bounded(part: ReplyPart) -> ReplyPart {
    match part {
        ReplyPart::ToolCall(call) if call.arguments.len() > ARGUMENTS_LIMIT => {
            let arguments = json!({ "left_out": format!("{} bytes", call.arguments.len()) }).to_string();
            ReplyPart::ToolCall(ToolCall { arguments, ..call })
        }
        part => part,
    }
}

fn is_whole(call: &ToolCall) -> bool {
    serde_json::from_str::<IgnoredAny>(&call.arguments).is_ok()
}

fn calls_of(parts: &[ReplyPart]) -> Vec<ToolCall> {
    let call = |part: &ReplyPart| match part {
        ReplyPart::ToolCall(call) => Some(call.clone()),
        _ => None,
    };
    parts.iter().filter_map(call).collect()
}
