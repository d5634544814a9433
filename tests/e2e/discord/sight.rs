//! Channels that the bot does not see, or may not read, for a while.

use support::discord::{Id, permissions};

use super::{Stage, with};

impl Stage {
    /// Things that are said while the channel is hidden are answered once it is seen again.
    async fn is_heard_after(&self, hide: impl Fn(bool)) {
        let elsewhere = self.guild.channel("elsewhere");
        let (first, thread) = self.mention(&self.alice, "say: hello").await;
        self.sign(first, "✅").await;
        hide(true);
        let missed: Id = self.alice.says(thread, "say: unseen");
        let fresh = self.mentioned_by(&self.alice, "say: fresh");
        hide(false);
        self.sign(missed, "✅").await;
        self.sign(fresh, "✅").await;
        let (last, _) = self.mention_in(elsewhere, &self.alice, "say: and on").await;
        self.sign(last, "✅").await;
        assert_eq!(self.answers(thread).await, "hello\nunseen");
    }
}

#[tokio::test]
async fn what_is_said_while_a_channel_is_hidden_is_answered_once_it_is_seen_again() {
    let stage = Stage::start("", "").await;
    let hide = |hidden: bool| {
        let denied = if hidden { permissions::VIEW_CHANNEL } else { 0 };
        stage.guild.overwrite(stage.channel, stage.fake.bot(), 0, denied);
    };
    stage.is_heard_after(hide).await;
}

#[tokio::test]
async fn what_is_said_while_a_role_hides_all_channels_is_answered_once_they_are_seen_again() {
    let stage = Stage::start("", "").await;
    let everyday = permissions::EVERYDAY;
    let role = stage.guild.role("people", everyday);
    stage.guild.set_roles(&stage.alice, &[role]);
    let hide = |hidden: bool| {
        let given = if hidden {
            everyday & !permissions::VIEW_CHANNEL
        } else {
            everyday
        };
        stage.guild.set_role(stage.guild.id, given);
    };
    stage.is_heard_after(hide).await;
}

#[tokio::test]
async fn where_history_may_not_be_read_a_mention_is_answered_and_names_that_permission() {
    let stage = Stage::start("", "").await;
    stage.guild.overwrite(
        stage.channel,
        stage.fake.bot(),
        0,
        permissions::READ_MESSAGE_HISTORY,
    );
    stage.mentioned_by(&stage.alice, "say: hello");
    let said = stage
        .said(
            stage.channel,
            "what is missing",
            with("the permission Read Message History"),
        )
        .await;
    assert_eq!(said.reply_to, None, "that takes the permission, too");
}
