//! Buttons and forms. Every name is checked for its seal, everybody who presses for what they may do, each time.

use std::collections::BTreeMap;
use std::sync::Arc;

use conversation::{Body, GrantId, Item, ItemId, ThreadId};
use credentials::UserId;
use serde_json::{Value, json};
use serenity::all::{
    ActionRowComponent, CommandInteraction, ComponentInteraction, GuildId, Interaction, ModalInteraction,
};
use supervisor::{AgentKind, Answer, Deed, Happened, SupervisorError};

use super::asker::{Asker, First, Given, Late};
use super::bot::{Bot, user};
use super::custom_id::Action;
use super::places::thread;
use super::rest::Outgoing;
use super::{commands, files, hear, owner, render, sign_in};
pub(super) use crate::notes::sentence;

/// The field of the form that asks why something is denied.
const REASON: &str = "reason";
/// Entries of a timeline among which a card is looked for.
const ITEMS: usize = 1000;

/// Deals with an interaction.
pub(super) async fn interaction(bot: &Arc<Bot>, interaction: Interaction) {
    match interaction {
        Interaction::Command(command) => {
            let asker = of_command(bot, &command);
            commands::typed(bot, &asker, &command.data).await;
        }
        Interaction::Autocomplete(command) => {
            let asker = of_command(bot, &command);
            commands::complete(bot, &asker, &command.data).await;
        }
        Interaction::Component(pressed) => button(bot, &pressed).await,
        Interaction::Modal(sent) => form(bot, &sent).await,
        _ => {}
    }
}

/// Whoever does this. The library has the same fields in types that have nothing else in common.
macro_rules! asker {
    ($bot:expr, $of:expr, $member:expr, $pressed:expr) => {
        Asker::new(
            $bot,
            &Given {
                id: $of.id.get(),
                token: &$of.token,
                channel: $of.channel_id.get(),
                described: $of.channel.as_ref(),
                guild: $of.guild_id.map(GuildId::get),
                user: &$of.user,
                member: $member,
                pressed: $pressed,
                upload_limit: $of.attachment_size_limit,
            },
        )
    };
}

/// Whoever types a command.
fn of_command(bot: &Bot, command: &CommandInteraction) -> Asker {
    asker!(bot, command, command.member.as_deref(), None)
}

async fn button(bot: &Arc<Bot>, pressed: &ComponentInteraction) {
    let asker = asker!(bot, pressed, pressed.member.as_ref(), Some(&pressed.message));
    act(bot, &asker, &pressed.data.custom_id, &[]).await;
}

async fn form(bot: &Arc<Bot>, sent: &ModalInteraction) {
    let asker = asker!(bot, sent, sent.member.as_ref(), sent.message.as_deref());
    let fields = sent.data.components.iter().flat_map(|row| &row.components);
    let fields: Vec<(String, String)> = fields
        .filter_map(|field| match field {
            ActionRowComponent::InputText(input) => {
                Some((input.custom_id.clone(), input.value.clone().unwrap_or_default()))
            }
            _ => None,
        })
        .collect();
    act(bot, &asker, &sent.data.custom_id, &fields).await;
}

async fn act(bot: &Arc<Bot>, asker: &Asker, custom_id: &str, fields: &[(String, String)]) {
    let action = match bot.sealer.parse(asker.channel, custom_id) {
        Ok(action) => action,
        Err(error) => {
            tracing::info!(
                channel = asker.channel,
                user = asker.user,
                "a button was pressed that is not ours"
            );
            // To another program it may say something.
            let another = if bot.link.is_shared() {
                " Another program uses my token, and may have sent it: whoever runs me has to stop one of us."
            } else {
                ""
            };
            let words = format!("{}{another}", sentence(&error.to_string()));
            asker.tell(bot, &words).await;
            return;
        }
    };
    let enters = match first(&action) {
        Some(first) => asker.enters(bot, first).await,
        None => match asker.may_now(bot).await {
            Ok(()) => true,
            Err(words) => {
                asker.tell(bot, words).await;
                false
            }
        },
    };
    if !enters {
        return;
    }
    let (Some(thread), Some(by)) = (thread(asker.channel), user(asker.user)) else {
        return;
    };
    let field = |name: &str| {
        let found = fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.trim().to_owned())
    };
    match action {
        Action::Allow { request, option } => {
            let decision = Decision {
                thread: &thread,
                request: &request,
                choice: Some(option),
                reason: None,
            };
            decide(bot, asker, &by, decision).await;
        }
        // Who may is looked at again when the form is sent; it must come in time.
        Action::Deny { request, option } => match asker.in_time(decider(bot, asker, &thread, &by)).await {
            Some(Err(words)) => asker.tell(bot, &words).await,
            Some(Ok(_)) | None => ask_why(bot, asker, &thread, request, option).await,
        },
        Action::DenyReason { request, option } => {
            let decision = Decision {
                thread: &thread,
                request: &request,
                choice: option,
                reason: field(REASON).filter(|reason| !reason.is_empty()),
            };
            decide(bot, asker, &by, decision).await;
        }
        Action::Forbid { grant } => forbid(bot, asker, &thread, &by, grant).await,
        Action::Retry { turn } => {
            bot.speak_in(asker.channel).await;
            let done = bot.house.supervisor.retry(&thread, turn, &by).await;
            // What offered it says so from now on, and may be older than all that is looked at.
            if let Ok(known) = items(bot, &thread).await {
                bot.look_at_turn(asker.channel, turn, &known);
            }
            if let Ok(posted) = &done
                && matches!(posted.happened, Happened::Queued { .. })
            {
                hear::look_at_message_of(bot, turn).await;
            }
            if done.is_ok() {
                asker.put_away(bot, "Asked for again.").await;
            }
            told(bot, asker, done.map(drop)).await;
        }
        Action::Stop { turn } => match bot.house.supervisor.stop_turn(&thread, turn, &by).await {
            Ok(true) => {}
            Ok(false) => asker.add(bot, "That is over already.").await,
            Err(error) => told(bot, asker, Err(error)).await,
        },
        Action::Details { item } => details(bot, asker, &thread, item).await,
        Action::SignIn { .. } | Action::Paste(_) | Action::Pasted(_) | Action::SignOut { .. } => {
            sign_in::pressed(bot, asker, &thread, &action, field(sign_in::FIELD)).await;
        }
    }
}

/// What is answered first to a press or a form; `None`: a form is the answer, and there is no other after it.
fn first(action: &Action) -> Option<First> {
    match action {
        Action::Allow { .. }
        | Action::DenyReason { .. }
        | Action::Retry { .. }
        | Action::Stop { .. }
        | Action::Pasted(_) => Some(First::Heard),
        Action::Forbid { .. } | Action::Details { .. } | Action::SignIn { .. } | Action::SignOut { .. } => {
            Some(First::Later)
        }
        Action::Deny { .. } | Action::Paste(_) => None,
    }
}

/// Takes back what is always allowed.
async fn forbid(bot: &Arc<Bot>, asker: &Asker, thread: &ThreadId, by: &UserId, grant: Option<GrantId>) {
    bot.speak_in(asker.channel).await;
    let words = match decider(bot, asker, thread, by).await {
        Ok(owner) => commands::forbid(bot, asker, thread, &owner, grant)
            .await
            .unwrap_or_else(|error| sentence(&error.in_chat())),
        Err(words) => words,
    };
    asker.answer(bot, Outgoing::words(words), Late::Same).await;
}

/// Shows what a tool was given and gave back.
async fn details(bot: &Bot, asker: &Asker, thread: &ThreadId, item: ItemId) {
    let shown = items(bot, thread).await;
    let shown = shown.map(|items| render::details(&items, item));
    let answer = match shown {
        Ok(Some(details)) => {
            let given = files::give(bot, thread, &details.files, asker.upload_limit);
            let (files, missing) = given.await;
            Outgoing {
                content: render::with_lines(details.content, &missing),
                files,
                ..Outgoing::default()
            }
        }
        Ok(None) => Outgoing::words("That is too long ago: it is in the web chat, if anywhere."),
        Err(error) => Outgoing::words(sentence(&error.to_string())),
    };
    let late = asker.instead("The details came too late to be shown to you alone: press the button again.");
    asker.answer(bot, answer, late).await;
}

/// What somebody decided about a permission request.
struct Decision<'a> {
    thread: &'a ThreadId,
    request: &'a str,
    /// The answer's place among those that the agent offers.
    choice: Option<u8>,
    reason: Option<String>,
}

/// In whose name the asker decides: the owner's, who alone may, unless somebody is listed for it. `None`: in nobody's.
pub(super) async fn decides_for(
    bot: &Bot,
    asker: &Asker,
    thread: &ThreadId,
    by: &UserId,
) -> Result<Option<UserId>, SupervisorError> {
    let owner = bot.house.conversation.thread(thread).await?.owner;
    let may = owner == *by || bot.config.approvers.contains(&asker.user);
    Ok(may.then_some(owner))
}

/// The same. Errors: why not, in words.
async fn decider(bot: &Bot, asker: &Asker, thread: &ThreadId, by: &UserId) -> Result<UserId, String> {
    match decides_for(bot, asker, thread, by).await {
        Ok(Some(owner)) => Ok(owner),
        Ok(None) => {
            let only = owner::only(bot, thread, Deed::Decide).await;
            Err(sentence(&format!(
                "{only}. So may whoever is listed as an approver"
            )))
        }
        Err(error) => Err(sentence(&error.in_chat())),
    }
}

async fn decide(bot: &Arc<Bot>, asker: &Asker, by: &UserId, decision: Decision<'_>) {
    let owner = match decider(bot, asker, decision.thread, by).await {
        Ok(owner) => owner,
        Err(words) => return asker.add(bot, &words).await,
    };
    let Decision {
        thread,
        request,
        choice,
        reason,
    } = decision;
    let answer = match choice {
        None => Answer::Deny { reason },
        Some(choice) => {
            let id = match offered(bot, thread, request, choice).await {
                Ok(Some(id)) => id,
                Ok(None) => return asker.add(bot, "This request is no longer open.").await,
                Err(error) => return told(bot, asker, Err(error)).await,
            };
            Answer::Option { id, reason }
        }
    };
    let supervisor = &bot.house.supervisor;
    let done = supervisor
        .decide(thread, request, &owner, &asker.name, answer)
        .await;
    tracing::info!(%thread, user = asker.user, done = done.is_ok(), "a permission request was decided");
    if let Ok(()) | Err(SupervisorError::Gone(_)) = done {
        asker
            .put_away(bot, "This is decided: it stands in the thread.")
            .await;
    }
    told(bot, asker, done).await;
}

/// The agent's own name of an answer that it offers.
async fn offered(
    bot: &Bot,
    thread: &ThreadId,
    wanted: &str,
    choice: u8,
) -> Result<Option<String>, SupervisorError> {
    let items = items(bot, thread).await?;
    Ok(items.iter().rev().find_map(|item| match &item.body {
        Body::Permission { request, options, .. } if request == wanted => {
            options.get(usize::from(choice)).map(|choice| choice.id.clone())
        }
        _ => None,
    }))
}

/// The newest entries, those included that are not written yet. Errors: they can't be read now.
pub(super) async fn items(bot: &Bot, thread: &ThreadId) -> Result<Vec<Item>, SupervisorError> {
    let stored = bot.house.conversation.items(thread, None, ITEMS).await?;
    let (now, _) = bot.house.supervisor.subscribe(thread).await?;
    let all = stored.into_iter().chain(now.items);
    let items: BTreeMap<ItemId, Item> = all.map(|item| (item.id, item)).collect();
    Ok(items.into_values().collect())
}

async fn ask_why(bot: &Bot, asker: &Asker, thread: &ThreadId, request: String, option: Option<u8>) {
    let action = Action::DenyReason { request, option };
    let Ok(custom_id) = bot.sealer.encode(asker.channel, &action) else {
        return;
    };
    let known = asker.in_time(bot.house.conversation.thread(thread)).await;
    let agents = bot.house.supervisor.declared();
    let agent = known
        .and_then(Result::ok)
        .and_then(|known| agents.get(&known.agent));
    let why = match agent.map(|agent| &agent.kind) {
        Some(AgentKind::Native(_)) => "Why? The agent reads it.",
        // The protocol has no place for it in the answer.
        Some(AgentKind::External { .. }) => "Why? It is told with the next message.",
        None => "Why?",
    };
    asker
        .form(bot, form_of(&custom_id, "Deny", REASON, why, false))
        .await;
}

/// A form with one field.
pub(super) fn form_of(custom_id: &str, title: &str, field: &str, label: &str, required: bool) -> Value {
    let input = json!({
        "type": 4, "custom_id": field, "label": label, "style": 2, "required": required, "max_length": 4000,
    });
    json!({
        "custom_id": custom_id, "title": title, "components": [{ "type": 1, "components": [input] }],
    })
}

/// Says why something could not be done.
async fn told(bot: &Arc<Bot>, asker: &Asker, done: Result<(), SupervisorError>) {
    if let (Err(error), Some(thread)) = (done, thread(asker.channel)) {
        asker.add(bot, &owner::why_not(bot, &thread, &error).await).await;
    }
}
