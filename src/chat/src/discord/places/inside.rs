//! What a thread or channel is a part of: permissions are set there, and change there.

use super::{Id, Places};

impl Places {
    /// Where the permissions of a channel are set: those of a thread are its channel's.
    pub(in crate::discord) fn of_permissions(&self, channel: Id) -> Id {
        let spot = self.spot(channel);
        spot.and_then(|spot| spot.parent).unwrap_or(channel)
    }

    /// Whether a channel or thread is in this guild; in this channel or a thread of it, if one is given.
    pub(in crate::discord) fn is_in(&self, thread: Id, guild: Id, channel: Option<Id>) -> bool {
        self.spot(thread).is_some_and(|spot| {
            let here = |of: Id| thread == of || spot.parent == Some(of);
            spot.guild == Some(guild) && channel.is_none_or(here)
        })
    }
}
