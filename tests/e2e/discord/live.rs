//! The conversation that can be had with any Discord.

use support::Live;
use support::discord::Id;

use super::Stage;

#[tokio::test]
async fn what_can_be_tried_in_a_real_discord_passes_in_the_fake_one() {
    let stage = Stage::ready("", "").await;
    let live = Live {
        api_base: stage.fake.api_base().to_owned(),
        settings: format!("gateway_url = \"{}\"", stage.fake.gateway_url()),
        token: stage.fake.token().to_owned(),
        channel: stage.channel.0,
    };
    let thread = live
        .converse(async |channel, text| {
            let connected = stage.fake.until("a connection", |world| {
                (world.gateway().connected() > 0).then_some(())
            });
            connected.await;
            stage.alice.says(Id(channel), text);
        })
        .await;
    assert_eq!(stage.fake.look(|world| world.threads(stage.channel).len()), 1);
    assert!(stage.fake.look(|world| world.channel(Id(thread)).is_some()));
}
