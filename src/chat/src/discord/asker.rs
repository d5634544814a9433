//! Somebody who pressed, typed a command or sent a form, and how they are answered: within three seconds, and then for
//! fifteen minutes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use serenity::all::{Member, Message, MessageFlags, PartialChannel, User};
use supervisor::Offered;
use tokio::time::Instant;

use super::admission::{Author, AuthorKind, Id, Place};
use super::bot::Bot;
use super::haste::hurried;
use super::persist::{FIRST_PAUSE, LONGEST_PAUSE};
use super::places::{Kind, Spot};
use super::rest::{EPHEMERAL, Later, Outgoing, Trouble};

mod entry;

pub(super) use entry::{First, May, is_admin};

/// So long an interaction can be answered.
const LIFE: Duration = Duration::from_mins(15);

/// Who asks, and where.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// The interaction.
    pub(super) id: Id,
    /// With it the interaction is answered; it is worth something to others, and never shown.
    pub(super) token: Token,
    /// Where.
    pub(super) channel: Id,
    /// The channel of the thread it was asked in.
    pub(super) parent: Option<Id>,
    /// Who.
    pub(super) user: Id,
    /// The name they show.
    pub(super) name: String,
    /// The largest file of an answer, in bytes.
    pub(super) upload_limit: u64,
    /// What they pressed is shown to them alone.
    is_theirs: bool,
    came: Instant,
    place: Place,
    author: Author,
}

/// An interaction's token. `Debug` does not show it.
#[derive(Clone)]
pub(super) struct Token(pub(super) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// What an interaction of any kind says about who asks.
pub(super) struct Given<'a> {
    pub(super) id: Id,
    pub(super) token: &'a str,
    pub(super) channel: Id,
    pub(super) described: Option<&'a PartialChannel>,
    pub(super) guild: Option<Id>,
    pub(super) user: &'a User,
    pub(super) member: Option<&'a Member>,
    /// The message with the button, if one was pressed.
    pub(super) pressed: Option<&'a Message>,
    /// The largest file of an answer, in bytes.
    pub(super) upload_limit: u32,
}

impl Asker {
    pub(super) fn new(bot: &Bot, given: &Given<'_>) -> Self {
        let described = given
            .described
            .and_then(|channel| serde_json::to_value(channel).ok());
        let told = described.map(|channel| Spot::of_json(&channel));
        let known = bot.places.spot(given.channel);
        let known = known.or(told);
        let parent = known.and_then(|spot| spot.parent);
        let spot = Spot {
            guild: given.guild,
            parent,
            kind: known.map_or(Kind::Text, |spot| spot.kind),
        };
        let roles = given
            .member
            .map(|member| member.roles.iter().map(|role| role.get()));
        let nick = given.member.and_then(|member| member.nick.clone());
        let name = nick.or_else(|| given.user.global_name.clone());
        Self {
            id: given.id,
            token: Token(given.token.to_owned()),
            channel: given.channel,
            parent,
            user: given.user.id.get(),
            name: name.unwrap_or_else(|| given.user.name.clone()),
            upload_limit: u64::from(given.upload_limit),
            is_theirs: given.pressed.is_some_and(is_for_one),
            came: Instant::now(),
            place: super::hear::place(given.channel, given.guild, spot),
            author: Author {
                id: given.user.id.get(),
                kind: if given.user.bot {
                    AuthorKind::Machine
                } else {
                    AuthorKind::Person
                },
                roles: roles.map(Iterator::collect).unwrap_or_default(),
            },
        }
    }

    /// Answers at once, for their eyes only.
    pub(super) async fn tell(&self, bot: &Bot, words: &str) {
        let body = json!({
            "type": 4,
            "data": { "content": words, "flags": EPHEMERAL, "allowed_mentions": { "parse": [] } },
        });
        self.respond(bot, body).await;
    }

    /// Shows a form.
    pub(super) async fn form(&self, bot: &Bot, form: Value) {
        self.respond(bot, json!({ "type": 9, "data": form })).await;
    }

    /// Proposes what can be typed.
    pub(super) async fn propose(&self, bot: &Bot, found: &[Offered]) {
        let choice = |entry: &Offered| json!({ "name": entry.name, "value": entry.id });
        let choices: Vec<Value> = found.iter().map(choice).collect();
        self.respond(bot, json!({ "type": 8, "data": { "choices": choices } }))
            .await;
    }

    async fn respond(&self, bot: &Bot, body: Value) -> bool {
        match bot.rest.respond(self.id, &self.token.0, body).await {
            Ok(()) => true,
            Err(trouble @ Trouble::Refused { .. }) => {
                tracing::info!(channel = self.channel, %trouble, "an interaction can't be answered");
                false
            }
            // It may have been taken: whoever asked would rather have it done.
            Err(trouble) => {
                tracing::warn!(channel = self.channel, %trouble, "an interaction was perhaps not answered");
                true
            }
        }
    }

    /// How the place is known in which it was asked, or its channel if that is a thread.
    pub(super) fn guild(&self) -> Option<Id> {
        match self.place {
            Place::Dm => None,
            Place::Channel { guild, .. } | Place::Thread { guild, .. } | Place::Voice { guild, .. } => {
                Some(guild)
            }
        }
    }

    /// The answer that was announced by [`First::Later`]. Where its time is over it becomes a normal message.
    pub(super) async fn answer(&self, bot: &Bot, message: Outgoing, late: Late) {
        self.line().answer(bot, message, late, self.user).await;
    }

    /// What was pressed is over. Where it is shown to them alone it says so, without its buttons; what all see is drawn anew.
    pub(super) async fn put_away(&self, bot: &Bot, words: &str) {
        if self.is_theirs {
            self.line().put_away(bot, words).await;
        }
    }

    /// One more answer, for their eyes only, as long as that can be; it holds nothing that others may not read.
    pub(super) async fn add(&self, bot: &Arc<Bot>, words: &str) {
        self.add_or(bot, words, words).await;
    }

    /// One more answer, for their eyes only, as long as that can be; then everybody reads what is said `openly`.
    pub(super) async fn add_or(&self, bot: &Arc<Bot>, words: &str, openly: &str) {
        let mut told = self.more(bot, &Outgoing::words(words)).await;
        if let Err(Trouble::Refused { .. }) = told {
            told = self.line().say(bot, format!("<@{}> {openly}", self.user)).await;
        }
        if let Err(trouble) = told {
            tracing::info!(channel = self.channel, %trouble, "an answer could not be added");
        }
    }

    /// One more answer, for their eyes only, as long as that can be.
    pub(super) async fn show(&self, bot: &Bot, message: &Outgoing) {
        if let Err(trouble) = self.more(bot, message).await {
            tracing::info!(channel = self.channel, %trouble, "an answer could not be added");
        }
    }

    async fn more(&self, bot: &Bot, message: &Outgoing) -> Result<(), Trouble> {
        let line = self.line();
        // What may have been said is not said again: nobody can look.
        let may_be_done = |trouble: &Trouble| matches!(trouble, Trouble::Unknown(_));
        tried(|| line.once(bot, Later::More, message.clone()), may_be_done).await
    }

    /// How they can be answered later.
    pub(super) fn line(&self) -> Line {
        Line {
            id: self.id,
            channel: self.channel,
            token: self.token.clone(),
        }
    }

    /// What everybody reads where the asker alone can't be told any more what is theirs.
    pub(super) fn instead(&self, words: &str) -> Late {
        Late::Instead(format!("<@{}> {words}", self.user))
    }
}

/// Whether nobody else sees a message.
fn is_for_one(message: &Message) -> bool {
    message
        .flags
        .is_some_and(|flags| flags.contains(MessageFlags::EPHEMERAL))
}

/// What everybody reads of an answer that comes after its interaction's time.
#[derive(Debug, Clone)]
pub(super) enum Late {
    /// The same.
    Same,
    /// This: the answer is its asker's alone.
    Instead(String),
}

/// A way back to somebody who asked, for as long as the interaction's token lives.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) id: Id,
    channel: Id,
    token: Token,
}

impl Line {
    /// Of so many its text is.
    pub(super) const WORDS: usize = 3;

    /// As it is kept for the next host.
    pub(super) fn to_text(&self) -> String {
        format!("{} {} {}", self.id, self.channel, self.token.0)
    }

    pub(super) fn of_text(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(Self {
            id: words.next()?.parse().ok()?,
            channel: words.next()?.parse().ok()?,
            token: Token(words.next()?.to_owned()),
        })
    }

    /// What was answered first is over: only these words stand there, and no buttons.
    pub(super) async fn put_away(&self, bot: &Bot, words: &str) {
        if let Err(trouble) = self.once(bot, Later::First, Outgoing::words(words)).await {
            tracing::info!(channel = self.channel, %trouble, "what was pressed keeps its buttons");
        }
    }

    /// One more answer, for their eyes only. Errors: why not, as where the interaction's time is over.
    pub(super) async fn add(&self, bot: &Bot, words: &str) -> Result<(), Trouble> {
        self.once(bot, Later::More, Outgoing::words(words)).await
    }

    /// One answer, tried once.
    async fn once(&self, bot: &Bot, later: Later, message: Outgoing) -> Result<(), Trouble> {
        let interaction = (self.id, self.token.0.as_str());
        bot.rest
            .answer(bot.identity.application, interaction, later, message)
            .await
    }

    /// As a normal message: sent twice, it is there once.
    fn as_normal(&self, bot: &Bot, message: Outgoing) -> Outgoing {
        let nonce = Some(bot.nonces.named(&format!("i{}", self.id)));
        Outgoing { nonce, ..message }
    }

    /// Where they asked, for everybody's eyes, once. Errors: it may work later.
    pub(super) async fn say(&self, bot: &Arc<Bot>, words: String) -> Result<(), Trouble> {
        if bot.places.is_served(self.channel) {
            bot.note(self.channel, self.id, words).await;
            return Ok(());
        }
        let message = self.as_normal(bot, Outgoing::words(words));
        match bot.rest.send(self.channel, message, true).await {
            Err(trouble @ Trouble::Refused { .. }) => {
                tracing::warn!(channel = self.channel, %trouble, "an answer could not be said");
                Ok(())
            }
            sent => sent.map(drop),
        }
    }

    /// The first answer, as [`Asker::answer`]; to `user` directly where nothing can be said in its place any more.
    pub(super) async fn answer(&self, bot: &Bot, message: Outgoing, late: Late, user: Id) {
        // It may be done again: what was announced becomes the same once more.
        let answered = tried(|| self.once(bot, Later::First, message.clone()), |_| false).await;
        let Err(trouble) = answered else {
            return;
        };
        tracing::info!(channel = self.channel, %trouble, "the answer to an interaction came too late");
        let normal = match late {
            Late::Same => message,
            Late::Instead(words) => Outgoing::words(words),
        };
        let mut normal = self.as_normal(bot, normal);
        let mut said = bot.rest.send(self.channel, normal.clone(), true).await.map(drop);
        if let Err(Trouble::Refused { .. }) = said {
            said = match bot.rest.direct(user).await {
                // Buttons are of the place that they were made for.
                Ok(direct) => {
                    normal.rows.clear();
                    bot.rest.send(direct, normal, true).await.map(drop)
                }
                Err(trouble) => Err(trouble),
            };
        }
        if let Err(trouble) = said {
            tracing::warn!(channel = self.channel, %trouble, "an answer could not be said");
        }
    }
}

/// Tries until Discord takes or refuses it, or its time is over; not again after trouble that is the `last`.
async fn tried<Work>(
    mut attempt: impl FnMut() -> Work,
    last: impl Fn(&Trouble) -> bool,
) -> Result<(), Trouble>
where
    Work: Future<Output = Result<(), Trouble>>,
{
    let end = Instant::now() + hurried(LIFE);
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(trouble) = attempt().await else {
            return Ok(());
        };
        if matches!(trouble, Trouble::Refused { .. }) || last(&trouble) || Instant::now() >= end {
            return Err(trouble);
        }
        tokio::time::sleep(hurried(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
