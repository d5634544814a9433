//! Signs that were refused for a while are set once they can be, each message's newest.

use super::{Id, PAUSE, Refused, Signs};

impl Signs {
    /// Threads were opened, or permissions are others: what was refused in these channels is set, the newest first, one after the
    /// other. What is refused once more waits on, and in its place nothing else is asked for. Gives the messages whose sign is
    /// there now, each with its channel.
    pub(in crate::discord) async fn again(
        &self,
        is_there: impl Fn(Id) -> bool + Send + Sync,
    ) -> Vec<(Id, Id)> {
        self.state().is_changed(&is_there);
        self.set_refused(|one| is_there(one.channel)).await
    }

    /// A sign was set in a channel: if the last one there was refused for want of a permission, that was given meanwhile.
    pub(super) fn may_again(&self, channel: Id) {
        let place = self.places.of_permissions(channel);
        if self.state().is_taken_again(place) {
            let signs = self.clone();
            tokio::spawn(async move { signs.set_refused(|one| one.place == Some(place)).await });
        }
    }

    async fn set_refused(&self, is_there: impl Fn(&Refused) -> bool + Send + Sync) -> Vec<(Id, Id)> {
        let (mut set, mut before) = (vec![], Id::MAX);
        loop {
            let Some(next) = self.want_refused(before, &is_there) else {
                return set;
            };
            let (message, channel) = next;
            before = message;
            while !self.is_shown(message) {
                tokio::time::sleep(PAUSE).await;
            }
            if !self.is_shut_off(message) {
                set.push((channel, message));
            }
        }
    }

    /// The next message, and its channel.
    fn want_refused(&self, before: Id, is_there: impl Fn(&Refused) -> bool) -> Option<(Id, Id)> {
        let state = self.state();
        let (message, refused) = state.next_refused(before, is_there)?;
        self.want(state, refused.channel, message, refused.sign);
        Some((message, refused.channel))
    }
}
