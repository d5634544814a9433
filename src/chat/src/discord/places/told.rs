//! Channels and threads of which Discord has told, by where they belong; and which one it tells of next.

use super::{Places, Spot, lock};
use crate::discord::admission::Id;

impl Places {
    /// The channels of a guild that are known, and no threads.
    pub(in crate::discord) fn channels_of(&self, guild: Id) -> Vec<Id> {
        self.all(|spot| spot.guild == Some(guild) && spot.parent.is_none())
    }

    /// The threads and posts of a channel that are known.
    pub(in crate::discord) fn threads_of(&self, channel: Id) -> Vec<Id> {
        self.all(|spot| spot.parent == Some(channel))
    }

    fn all(&self, fits: impl Fn(&Spot) -> bool) -> Vec<Id> {
        let known = lock(&self.known);
        let all = known.iter().filter(|(_, spot)| fits(spot));
        all.map(|(channel, _)| *channel).collect()
    }

    /// Ends when a channel or thread is known. Cancel safe.
    pub(in crate::discord) async fn is_told(&self, channel: Id) {
        loop {
            // From here on nothing is missed.
            let more = self.more.notified();
            if self.spot(channel).is_some() {
                return;
            }
            more.await;
        }
    }
}
