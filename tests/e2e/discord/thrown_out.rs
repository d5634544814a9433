//! Servers that the bot is thrown out of: nothing waits there for ever.

use rehearsal::Counter;

use super::Stage;
use crate::threads::until;

#[tokio::test]
async fn what_waits_in_a_server_that_throws_the_bot_out_is_dropped_and_told_also_by_the_next_host() {
    for is_killed in [false, true] {
        let mut stage = Stage::start("", "").await;
        let (_, thread) = stage.mention(&stage.alice, "hold\nsay: goes on").await;
        stage.scene.wait(Counter::ModelRequests, 1).await;
        for text in ["say: never", "say: neither"] {
            stage.alice.says(thread, text);
        }
        until(async || (stage.still_waiting(thread).await.len() == 2).then_some(())).await;
        if is_killed {
            stage.kill();
        }
        stage.guild.expel_bot();
        if is_killed {
            stage.up().await;
        }
        until(async || stage.still_waiting(thread).await.is_empty().then_some(())).await;
        let shown = stage
            .prints(&["threads", "show", &format!("discord:{thread}")])
            .await;
        let dropped = "\n    Dropped: I was removed from the server that its thread is in.";
        assert_eq!(shown.matches(dropped).count(), 2, "{shown}");
        if !is_killed {
            // What runs goes on, and can't be told.
            stage
                .going(until(async || {
                    (stage.answers(thread).await == "goes on").then_some(())
                }))
                .await;
        }
        until(async || {
            let status = stage.prints(&["status"]).await;
            let is_told = status.contains("the bot was removed from its server");
            is_told.then_some(())
        })
        .await;
    }
}
