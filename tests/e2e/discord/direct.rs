//! Direct conversations, more of them than are read at once.

use std::fs;

use support::discord::{Fault, Id, Person};

use super::Stage;
use crate::threads::until;

/// More than are read at once.
const MANY: usize = 60;
/// Those.
const AT_ONCE: usize = 50;

impl Stage {
    /// People who wrote to the bot before they were let in, when the host was stopped; the first is the one who wrote first.
    async fn many_have_written() -> (Self, Vec<Person>) {
        let mut stage = Self::start("dms = true", "").await;
        let people = (0..MANY).map(|number| stage.guild.member(&format!("person-{number}")));
        let people: Vec<Person> = people.collect();
        for person in &people {
            person.says(person.direct(), "hello");
        }
        let bot = stage.fake.bot();
        for person in &people {
            let direct = person.direct();
            let refused = |world: &support::discord::World| {
                world
                    .messages(direct)
                    .iter()
                    .any(|said| said.author == bot)
                    .then_some(())
            };
            stage.fake.until("the refusal", refused).await;
        }
        assert_eq!(stage.leaves().await, Some(0));
        stage.settings.push_str("\neveryone = true");
        (stage, people)
    }

    fn direct_list(&self) -> String {
        fs::read_to_string(self.scene.folder().join("discord/direct")).unwrap_or_default()
    }
}

#[tokio::test]
async fn what_was_missed_in_the_oldest_of_many_direct_conversations_is_answered() {
    let (mut stage, people) = Stage::many_have_written().await;
    let missed = people[0].says(people[0].direct(), "say: not forgotten");
    stage.up().await;
    stage.sign(missed, "✅").await;
    let read = |person: &Person| {
        let path = format!("/channels/{}/messages", person.direct());
        let requests = stage.fake.requests();
        requests
            .iter()
            .any(|seen| seen.method == "GET" && seen.path == path)
    };
    until(async || people.iter().all(read).then_some(())).await;
}

#[tokio::test]
async fn who_writes_before_their_turn_is_answered_after_what_they_wrote_before() {
    let (mut stage, people) = Stage::many_have_written().await;
    let direct = people[0].direct();
    people[0].says(direct, "say: missed");
    let reading = Fault::held().on("GET", "/channels/*/messages");
    stage.fake.inject(reading.times(AT_ONCE));
    stage.up().await;
    while stage.fake.faults_left() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let live: Id = people[0].says(direct, "say: live");
    stage.sign(live, "✅").await;
    assert_eq!(stage.answers(direct).await, "missed\nlive");
    stage.fake.let_go().await;
}

#[tokio::test]
async fn direct_conversations_that_an_earlier_version_did_not_list_are_found_and_listed() {
    let mut stage = Stage::start("dms = true", "").await;
    let direct = stage.alice.direct();
    let (first, _) = stage.mention(&stage.alice, "say: elsewhere").await;
    let hello = stage.alice.says(direct, "say: hello");
    for asked in [first, hello] {
        stage.sign(asked, "✅").await;
    }
    assert_eq!(stage.stop(), Some(0));
    fs::remove_file(stage.scene.folder().join("discord/direct")).expect("it is there");
    let missed = stage.alice.says(direct, "say: not forgotten");
    stage.up().await;
    stage.sign(missed, "✅").await;
    let line = format!("{direct} {} .", stage.alice.id);
    let listed = async || {
        let list = stage.direct_list();
        let list: Vec<&str> = list.lines().filter(|line| !line.is_empty()).collect();
        (list == [line.as_str(), "all"]).then_some(())
    };
    until(listed).await;
}

#[tokio::test]
async fn who_writes_before_it_is_known_who_may_is_answered_after_what_they_wrote_before() {
    let mut stage = Stage::start("dms = true\neveryone = true", "").await;
    let direct = stage.alice.direct();
    let hello = stage.alice.says(direct, "say: hello");
    stage.sign(hello, "✅").await;
    assert_eq!(stage.leaves().await, Some(0));
    let missed = stage.alice.says(direct, "say: missed");
    stage.environment = vec![("AGENT_HOST_HASTE", "50".to_owned())];
    stage.up_to_the_door().await;
    // After that it asks again who owns the application.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let owners = Fault::status(503).on("GET", "/oauth2/applications/@me");
    stage.fake.inject(owners.times(1_000_000));
    stage.fake.gateway().release_ready();
    stage
        .logged("could not look up whose direct messages are read")
        .await;
    let live = stage.alice.says(direct, "say: live");
    stage.sign(live, "✅").await;
    stage.sign(missed, "✅").await;
    assert_eq!(stage.answers(direct).await, "hello\nmissed\nlive");
}

#[tokio::test]
async fn what_somebody_wrote_first_between_two_sessions_is_answered_before_what_they_write_next() {
    let stage = Stage::start("dms = true", "").await;
    let direct = stage.alice.direct();
    stage.loses_its_session().await;
    let missed = stage.alice.says(direct, "say: missed");
    stage.fake.gateway().release_ready();
    stage.hears().await;
    let live = stage.alice.says(direct, "say: live");
    for asked in [missed, live] {
        stage.sign(asked, "✅").await;
    }
    let last = stage.alice.says(direct, "say: last");
    stage.sign(last, "✅").await;
    assert_eq!(stage.answers(direct).await, "missed\nlive\nlast");
    let path = format!("/channels/{direct}/messages");
    let requests = stage.fake.requests();
    let read = requests
        .iter()
        .filter(|seen| seen.method == "GET" && seen.path == path);
    assert_eq!(read.count(), 1, "once in a session");
}

#[tokio::test]
async fn where_direct_messages_are_not_allowed_none_is_read() {
    let stage = Stage::start("", "").await;
    let direct = stage.alice.direct();
    stage.alice.says(direct, "say: never");
    stage.hears().await;
    let path = format!("/channels/{direct}/messages");
    let requests = stage.fake.requests();
    let mut read = requests
        .iter()
        .filter(|seen| seen.method == "GET" && seen.path == path);
    assert!(read.next().is_none());
}
