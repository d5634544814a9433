//! `tests/run --live-discord`: a short conversation in a Discord that is not ours.

use std::process::ExitCode;

use support::Live;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let Some(token) = variable("DISCORD_TOKEN") else {
        return usage("DISCORD_TOKEN is not set");
    };
    let Some(channel) = variable("DISCORD_CHANNEL").and_then(|id| id.parse().ok()) else {
        return usage("DISCORD_CHANNEL is not set to a channel's id");
    };
    let gateway = variable("DISCORD_GATEWAY_URL").map(|url| format!("gateway_url = \"{url}\"\n"));
    let mut live = Live {
        api_base: variable("DISCORD_API_BASE").unwrap_or_else(|| "https://discord.com".to_owned()),
        settings: gateway.unwrap_or_default(),
        token,
        channel,
    };
    let speaker = variable("DISCORD_SPEAKER_TOKEN");
    if let Some(speaker) = &speaker {
        let id = live.id_of(speaker).await;
        live.settings = format!("{}bots = [{id}]\n", live.settings);
    }
    let thread = live
        .converse(async |channel, text| match &speaker {
            Some(token) => live.speak_as(token, channel, text).await,
            None => say(&format!(
                "in <#{channel}>, as the application's owner, say:\n  {text}"
            )),
        })
        .await;
    say(&format!("all well; the conversation is in <#{thread}>"));
    ExitCode::SUCCESS
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn usage(wrong: &str) -> ExitCode {
    say(&format!(
        "{wrong}.\n\
         DISCORD_TOKEN          a bot's token\n\
         DISCORD_CHANNEL        the id of a text channel that it sees and may write to\n\
         DISCORD_SPEAKER_TOKEN  another bot there, who speaks; without it you are asked to, as the application's owner\n\
         DISCORD_API_BASE, DISCORD_GATEWAY_URL   another server that speaks the same protocol"
    ));
    ExitCode::from(2)
}

#[expect(clippy::print_stderr, reason = "somebody watches")]
fn say(text: &str) {
    eprintln!("{text}");
}
