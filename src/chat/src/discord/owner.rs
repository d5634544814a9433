//! Whose thread it is, in words: who called the bot there, and whose login pays. It need not be who opened a thread or a post.

use conversation::ThreadId;
use credentials::UserId;
use supervisor::{Deed, SupervisorError};

use super::admission::Id;
use super::bot::Bot;
use super::press::sentence;

/// A user of Discord's.
pub(super) fn id(user: &UserId) -> Option<Id> {
    user.as_str().strip_prefix("discord:")?.parse().ok()
}

/// As Discord shows their name; it pings nobody.
pub(super) fn named(owner: Option<Id>) -> String {
    owner.map_or_else(
        || "the person who called me here".to_owned(),
        |owner| format!("<@{owner}> (who called me here)"),
    )
}

/// Why somebody may not do something in a thread, without a full stop.
pub(super) async fn only(bot: &Bot, thread: &ThreadId, deed: Deed) -> String {
    let known = bot.house.conversation.thread(thread).await.ok();
    deed.refused(&named(known.and_then(|known| id(&known.owner))))
}

/// Why something was not done in a thread, as a sentence.
pub(super) async fn why_not(bot: &Bot, thread: &ThreadId, error: &SupervisorError) -> String {
    match error {
        SupervisorError::NotAllowed(deed) => sentence(&only(bot, thread, *deed).await),
        _ => sentence(&error.in_chat()),
    }
}
