//! From a mention to the answer, and on from there.

use super::{Stage, with};

#[tokio::test]
async fn a_mention_opens_a_thread_with_its_title_and_the_answer_comes_there() {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: **hello** from the agent").await;
    let name = stage
        .fake
        .look(|world| world.channel(thread).map(|thread| thread.name.clone()));
    assert_eq!(name.as_deref(), Some("say: hello from the agent"));
    let answer = stage
        .said(thread, "the answer", with("**hello** from the agent"))
        .await;
    stage.sign(message, "✅").await;
    let answer = stage
        .fake
        .look(|world| world.message(answer.id).cloned())
        .expect("it is there");
    assert!(answer.content.contains("-# "), "a footer: {}", answer.content);
    assert!(
        stage.fake.said(stage.channel).is_empty(),
        "nothing in the channel"
    );
    assert_eq!(stage.stop(), Some(0));
}
