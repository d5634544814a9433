//! What a member may do: Discord's documented algorithm over roles and overwrites.
//! <https://docs.discord.com/developers/topics/permissions#permission-overwrites>

use crate::Id;
use crate::world::{Channel, Guild};

/// See the channel at all.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Write in a channel that is no thread.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Delete other people's messages, take off their reactions.
pub const MANAGE_MESSAGES: u64 = 1 << 13;
/// Embeds and link previews.
pub const EMBED_LINKS: u64 = 1 << 14;
/// Upload files.
pub const ATTACH_FILES: u64 = 1 << 15;
/// Read what was said before.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Ping everyone, here, and every role.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// Be the first to react with an emoji.
pub const ADD_REACTIONS: u64 = 1 << 6;
/// Everything, overwrites or not.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// Change and delete channels.
pub const MANAGE_CHANNELS: u64 = 1 << 4;
/// Change roles below one's own.
pub const MANAGE_ROLES: u64 = 1 << 28;
/// Slash commands.
pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
/// Rename, archive, lock, delete threads; see all private ones.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Start public threads.
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// Start private threads.
pub const CREATE_PRIVATE_THREADS: u64 = 1 << 36;
/// Write in threads.
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;

/// What everyone gets in a guild of the fake, near to what a new guild of Discord's gives.
pub const EVERYDAY: u64 = VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | ADD_REACTIONS
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | CREATE_PRIVATE_THREADS
    | SEND_MESSAGES_IN_THREADS;

const ALL: u64 = (1 << 53) - 1;

/// In the guild as a whole. Nothing for who is no member.
pub(crate) fn in_guild(guild: &Guild, user: Id) -> u64 {
    let Some(member) = guild.members.get(&user) else {
        return 0;
    };
    if guild.owner == user {
        return ALL;
    }
    let everyone = guild.roles.get(&guild.id).map_or(0, |role| role.permissions);
    let given = member
        .roles
        .iter()
        .filter_map(|id| guild.roles.get(id))
        .fold(everyone, |sum, role| sum | role.permissions);
    if given & ADMINISTRATOR == 0 { given } else { ALL }
}

/// In a channel. A thread's overwrites are its parent's: hand the parent in.
pub(crate) fn in_channel(guild: &Guild, channel: &Channel, user: Id) -> u64 {
    let mut given = in_guild(guild, user);
    if given == ALL {
        return ALL;
    }
    let of = |id: Id| {
        channel
            .overwrites
            .iter()
            .find(move |overwrite| overwrite.id == id)
    };
    if let Some(everyone) = of(guild.id) {
        given = given & !everyone.deny | everyone.allow;
    }
    let roles = guild.members.get(&user).map_or(&[][..], |member| &member.roles);
    let (allow, deny) = roles
        .iter()
        .filter_map(|role| of(*role))
        .fold((0, 0), |(allow, deny), overwrite| {
            (allow | overwrite.allow, deny | overwrite.deny)
        });
    given = given & !deny | allow;
    if let Some(own) = of(user) {
        given = given & !own.deny | own.allow;
    }
    implied(given)
}

/// Some permissions mean nothing without another.
fn implied(given: u64) -> u64 {
    if given & VIEW_CHANNEL == 0 {
        return 0;
    }
    let without_sending = MENTION_EVERYONE | ATTACH_FILES | EMBED_LINKS;
    if given & (SEND_MESSAGES | SEND_MESSAGES_IN_THREADS) == 0 {
        given & !without_sending
    } else {
        given
    }
}
