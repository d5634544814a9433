//! A session that is lost while one guild's news are still on their way, and others' have come.

use std::fs;

use support::discord::Id;

use super::Stage;

impl Stage {
    /// Something that alice says in a second guild, and that reaches nobody, while the first guild is heard: the thread, it,
    /// and what was said last.
    async fn with_one_that_lags() -> (Self, Id, Id, Id) {
        let stage = Self::start("", "").await;
        let other = stage.fake.guild("elsewhere");
        let away = stage.thread_in(&other).await;
        stage.fake.gateway().guild_lags(other.id);
        let missed = stage.alice.says(away, "say: not forgotten");
        let last = stage.hears().await;
        (stage, away, missed, last)
    }
}

#[tokio::test]
async fn what_was_on_its_way_when_a_session_was_lost_is_read_in_the_next_one_however_much_others_told() {
    let (stage, away, missed, _) = Stage::with_one_that_lags().await;
    stage.fake.gateway().invalidate_sessions(false);
    stage.answered_once(missed, away, "not forgotten").await;
}

#[tokio::test]
async fn what_was_on_its_way_when_a_host_was_killed_is_read_by_the_next_one_however_much_others_told() {
    let (mut stage, away, missed, last) = Stage::with_one_that_lags().await;
    stage.is_done_with(last).await;
    stage.kill();
    stage.up().await;
    stage.answered_once(missed, away, "not forgotten").await;
}

#[tokio::test]
async fn a_host_that_finds_the_one_mark_of_an_earlier_version_goes_on_from_there() {
    let mut stage = Stage::start("", "").await;
    let other = stage.fake.guild("elsewhere");
    let away = stage.thread_in(&other).await;
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    assert_eq!(stage.stop(), Some(0));
    let file = stage.scene.folder().join("discord/seen");
    let marks = fs::read_to_string(&file).expect("it was written down");
    let (shards, _) = marks.split_once('\n').expect("the shards, and the guilds");
    fs::write(&file, shards).expect("it can be written");
    let missed = stage.alice.says(away, "say: not forgotten");
    stage.up().await;
    stage.answered_once(missed, away, "not forgotten").await;
}
