//! Who may speak to the agent, where, and what a message asks for. One pure function decides; it fails closed.
//!
//! Two gates, both to be passed: *who* (the application's owner and team, listed users and roles, or everybody if that is
//! written out) and *where* (listed channels and guilds; if none is listed, wherever the bot was invited to).

use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// A Discord id (snowflake).
pub type Id = u64;

/// Who may speak, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// The application's owner and the members of its team; Discord says who they are. They are always let in.
    pub owners: BTreeSet<Id>,
    /// Listed users.
    pub users: BTreeSet<Id>,
    /// Members with one of these roles.
    pub roles: BTreeSet<Id>,
    /// Everybody in the listed places.
    pub everyone: bool,
    /// Listed channels; their threads and posts belong to them.
    pub allowed: BTreeSet<Id>,
    /// When the bot speaks in a channel, where that is said. It lists nothing.
    pub modes: BTreeMap<Id, Mode>,
    /// Listed guilds.
    pub guilds: BTreeSet<Id>,
    /// Whether direct messages are answered.
    pub dms: bool,
    /// Other bots and webhooks that are listened to.
    pub bots: BTreeSet<Id>,
    /// So many turns in a row are begun by bots in one thread.
    pub bot_turns: u32,
}

/// When the bot speaks in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// When it is mentioned; in threads that it serves, always.
    #[default]
    Mention,
    /// To every message: each one opens a thread.
    All,
    /// Never.
    Off,
}

/// Who wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The user's id; of a webhook its own id.
    pub id: Id,
    /// What kind of author.
    pub kind: AuthorKind,
    /// Roles in that guild.
    pub roles: BTreeSet<Id>,
}

/// Kinds of authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorKind {
    /// A person.
    Person,
    /// Another bot or a webhook.
    Machine,
    /// This bot.
    Ourselves,
    /// Discord itself: somebody joined, something was pinned, a thread was renamed.
    System,
}

/// Where something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A direct message.
    Dm,
    /// A channel of a guild.
    Channel {
        /// The guild.
        guild: Id,
        /// The channel.
        channel: Id,
    },
    /// The text beside a voice channel, where no threads can be opened.
    Voice {
        /// The guild.
        guild: Id,
        /// The channel.
        channel: Id,
    },
    /// A thread of a channel, or a post of a forum.
    Thread {
        /// The guild.
        guild: Id,
        /// The channel or forum that it belongs to.
        parent: Id,
    },
}

/// What a thread or direct conversation is to the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing so far.
    No,
    /// It is served: what is said there is for the bot.
    Served,
    /// It was served, and somebody took the bot out of it: it waits until it is called.
    TakenOut,
}

/// What is known of a message when it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Who.
    pub author: Author,
    /// Where.
    pub place: Place,
    /// It mentions the bot, or answers one of its messages.
    pub mentioned: bool,
    /// It begins with the name of somebody else.
    pub elsewhere: bool,
    /// Who wrote the message that it answers; `None`: it answers none, or Discord does not say whose.
    pub answers: Option<Id>,
    /// There are neither words (apart from the mention) nor attachments.
    pub empty: bool,
    /// What this thread or direct conversation is to the bot.
    pub known: Known,
    /// So many turns in a row were begun by bots in this thread.
    pub bot_turns: u32,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Open a thread from this message; it is its first turn.
    OpenThread,
    /// Begin to serve this thread, post or direct conversation; the message is its first turn.
    Join,
    /// A turn of a thread that is served already.
    Turn,
    /// Nothing: it is not meant for the bot. Nobody is told.
    Ignore,
    /// It would have been a turn, and is refused.
    Refuse {
        /// Why.
        why: Refusal,
        /// Whether to say so.
        say: Say,
    },
}

/// Why somebody is not listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// They are on no list.
    NotListed,
    /// The place is on no list.
    NotHere,
    /// Direct messages are not answered.
    NoDms,
    /// Only bots have spoken for too long.
    TooManyBotTurns,
    /// The bot was mentioned, and nothing else was said.
    NothingSaid,
    /// The bot works in threads, and there are none in this kind of channel.
    NoThreads,
}

/// Whether a refusal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// As a reply: the bot was addressed.
    Reply,
    /// As a reply, once for each author and thread: they may not be talking to the bot at all.
    Once,
    /// Not.
    Nothing,
}

impl Refusal {
    /// For the one who is refused.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotListed => {
                "You are not on the list of people who may talk to me here. Whoever runs this bot can add you."
            }
            Self::NotHere => "I don't work in this channel. Whoever runs this bot can add it.",
            Self::NoDms => "I don't answer direct messages. Mention me in a channel where I work.",
            Self::TooManyBotTurns => "Only bots have spoken here for a while, so I wait for a person.",
            Self::NothingSaid => {
                "Write what you want in the same message, after my name, or as the `text` of `/new`."
            }
            Self::NoThreads => {
                "I work in threads, and there are none beside a voice channel. Mention me in a text channel or a forum post."
            }
        }
    }
}

impl Refusal {
    /// Why what was asked for before is not done, behind a colon. Whether it could have been done then is not known.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotListed => "who wrote it may not talk to me here",
            Self::NotHere => "I don't work in this channel",
            Self::NoDms => "I don't answer direct messages",
            Self::TooManyBotTurns => "only bots have spoken here for a while",
            Self::NothingSaid => "nothing was said",
            Self::NoThreads => "there are no threads here",
        }
    }
}

/// Decides what a message asks for.
pub fn decide(rules: &Rules, facts: &Facts) -> Verdict {
    if matches!(facts.author.kind, AuthorKind::Ourselves | AuthorKind::System) {
        return Verdict::Ignore;
    }
    let is_machine = facts.author.kind == AuthorKind::Machine;
    if is_machine && !rules.bots.contains(&facts.author.id) {
        return Verdict::Ignore;
    }
    let mode = mode(rules, facts.place);
    let Some(asked) = asked(mode, facts) else {
        return Verdict::Ignore;
    };
    let addressed = facts.mentioned || facts.place == Place::Dm;
    if let Err(why) = admits(rules, &facts.author, facts.place) {
        let say = match (is_machine, addressed, facts.known == Known::Served) {
            (true, ..) | (false, false, false) => Say::Nothing,
            (false, true, _) => Say::Reply,
            (false, false, true) => Say::Once,
        };
        return Verdict::Refuse { why, say };
    }
    if facts.empty {
        if !facts.mentioned || is_machine {
            return Verdict::Ignore;
        }
        return Verdict::Refuse {
            why: Refusal::NothingSaid,
            say: Say::Reply,
        };
    }
    if is_machine && facts.bot_turns >= rules.bot_turns {
        return Verdict::Refuse {
            why: Refusal::TooManyBotTurns,
            say: Say::Once,
        };
    }
    asked
}

/// Whether somebody may use the bot in a place: for messages, commands and buttons alike, looked at anew each time, so that
/// who is taken off a list has no access from then on.
///
/// Errors: why not.
pub fn admits(rules: &Rules, author: &Author, place: Place) -> Result<(), Refusal> {
    let is_listed = match author.kind {
        AuthorKind::Ourselves | AuthorKind::System => false,
        // `everyone` means people: a bot is listed by name or not at all.
        AuthorKind::Machine => rules.bots.contains(&author.id),
        AuthorKind::Person => {
            rules.everyone
                || rules.owners.contains(&author.id)
                || rules.users.contains(&author.id)
                || !rules.roles.is_disjoint(&author.roles)
        }
    };
    match place {
        Place::Dm if !rules.dms => Err(Refusal::NoDms),
        _ if !serves(rules, place) => Err(Refusal::NotHere),
        _ if !is_listed => Err(Refusal::NotListed),
        _ => Ok(()),
    }
}

/// Whether anything that is said in a place can be meant for the bot.
pub fn hears(rules: &Rules, place: Place) -> bool {
    mode(rules, place) != Mode::Off && serves(rules, place)
}

/// What the message would be if its author may speak.
fn asked(mode: Mode, facts: &Facts) -> Option<Verdict> {
    // People talk among themselves, too; who answers themselves goes on.
    let answers_another = facts.answers.is_some_and(|by| by != facts.author.id);
    let is_elsewhere = facts.elsewhere || answers_another;
    let is_for_others = is_elsewhere && !facts.mentioned && facts.place != Place::Dm;
    let speaks = facts.mentioned || (mode == Mode::All && facts.known != Known::TakenOut);
    match facts.place {
        _ if mode == Mode::Off || is_for_others => None,
        Place::Dm | Place::Thread { .. } if facts.known == Known::Served => Some(Verdict::Turn),
        Place::Dm => Some(Verdict::Join),
        Place::Voice { .. } => {
            let is_asked = facts.mentioned && facts.author.kind == AuthorKind::Person;
            is_asked.then_some(Verdict::Refuse {
                why: Refusal::NoThreads,
                say: Say::Reply,
            })
        }
        Place::Channel { .. } => speaks.then_some(Verdict::OpenThread),
        Place::Thread { .. } => speaks.then_some(Verdict::Join),
    }
}

fn channel(place: Place) -> Option<(Id, Id)> {
    match place {
        Place::Dm => None,
        Place::Channel { guild, channel } | Place::Voice { guild, channel } => Some((guild, channel)),
        Place::Thread { guild, parent } => Some((guild, parent)),
    }
}

fn mode(rules: &Rules, place: Place) -> Mode {
    let said = channel(place).and_then(|(_, channel)| rules.modes.get(&channel));
    said.copied().unwrap_or_default()
}

fn serves(rules: &Rules, place: Place) -> bool {
    let Some((guild, channel)) = channel(place) else {
        return rules.dms;
    };
    rules.serves(guild, channel)
}

impl Rules {
    /// Whether the bot works in a channel of a guild.
    pub fn serves(&self, guild: Id, channel: Id) -> bool {
        let anywhere = self.allowed.is_empty() && self.guilds.is_empty();
        let is_listed = self.allowed.contains(&channel) || self.guilds.contains(&guild);
        (anywhere || is_listed) && self.modes.get(&channel) != Some(&Mode::Off)
    }
}
