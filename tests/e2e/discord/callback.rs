//! The first answer to what somebody asked, where Discord fails for a moment.

use support::discord::{Answer, Fault};

use super::Stage;

#[tokio::test]
async fn a_moment_of_trouble_costs_nobody_an_answer_and_shows_none_to_others() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let faults = [
        Fault::status(503),
        Fault::done_then(504),
        Fault::request_lost(),
        Fault::answer_lost(),
    ];
    for (fault, command) in faults.into_iter().zip(["status", "queue", "help", "auth"]) {
        let told = stage.fake.said(thread);
        stage.fake.inject(fault.on("POST", "/interactions/*/*/callback"));
        let asked = stage.alice.slash(thread, command, &[]);
        let only_for = stage
            .fake
            .until(command, |world| {
                match world.interaction(asked)?.answer.as_ref()? {
                    Answer::Message(id) => {
                        let answer = world.message(*id)?;
                        (!answer.is_loading() && !answer.content.is_empty()).then_some(answer.only_for)
                    }
                    _ => None,
                }
            })
            .await;
        assert_eq!(only_for, Some(stage.alice.id), "{command}");
        assert_eq!(stage.fake.faults_left(), 0);
        assert_eq!(stage.fake.said(thread), told, "{command}");
    }
}
